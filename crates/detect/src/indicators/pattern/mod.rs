//! The pattern language of STIX 2.1 (section 9): parsed whole, printed so that it is parsed to the same again.

mod parse;
mod print;

use jiff::Timestamp;

/// A pattern is at most so long, in bytes.
const MAX_PATTERN: usize = 1 << 20;

/// Parentheses go at most so deep.
const MAX_DEPTH: usize = 64;

/// A pattern: observations, and how they belong together.
#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    /// `[...]`: one observation.
    Observed(Comparison),
    /// Several joined by `AND`.
    All(Vec<Pattern>),
    /// Several joined by `OR`.
    Any(Vec<Pattern>),
    /// Several joined by `FOLLOWEDBY`.
    InOrder(Vec<Pattern>),
    /// What qualifiers say more of one.
    Qualified(Box<Pattern>, Vec<Qualifier>),
}

/// What is said more of observations.
#[derive(Debug, Clone, PartialEq)]
pub enum Qualifier {
    /// `WITHIN n SECONDS`.
    Within(f64),
    /// `REPEATS n TIMES`.
    Repeats(i64),
    /// `START t STOP t`; at the second instant it no longer holds.
    Between(Timestamp, Timestamp),
}

/// What an observation is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// Several joined by `AND`.
    All(Vec<Comparison>),
    /// Several joined by `OR`.
    Any(Vec<Comparison>),
    /// One.
    Test(Test),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// With one constant.
    Compare {
        /// What is compared.
        path: ObjectPath,
        /// Whether `NOT` stands before the operator.
        is_negated: bool,
        /// How.
        operator: Operator,
        /// With what.
        constant: Constant,
    },
    /// With a set.
    In {
        /// What is compared.
        path: ObjectPath,
        /// Whether `NOT` stands before `IN`.
        is_negated: bool,
        /// With what.
        set: Vec<Constant>,
    },
    /// Whether there is something.
    Exists {
        /// What.
        path: ObjectPath,
        /// Whether `NOT` stands before `EXISTS`.
        is_negated: bool,
    },
}

/// How a property is compared with a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `LIKE`
    Like,
    /// `MATCHES`
    Matches,
    /// `ISSUBSET`
    IsSubset,
    /// `ISSUPERSET`
    IsSuperset,
}

/// A property of an object: `network-traffic:dst_ref.value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPath {
    /// The type of the object.
    pub object: String,
    /// The way to the property; the first step is a key.
    pub steps: Vec<PathStep>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// A member of an object.
    Key(String),
    /// An element of a list.
    Index(i64),
    /// `[*]`: any element of a list.
    Any,
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub enum Constant {
    /// `'...'`
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a point.
    Float(f64),
    /// `true`, `false`
    Bool(bool),
    /// `h'...'`
    Hex(Vec<u8>),
    /// `b'...'`
    Binary(Vec<u8>),
    /// `t'...'`
    Time(Timestamp),
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no pattern of STIX: character {at}: {message}")]
pub struct BadPattern {
    /// The character where it goes wrong, from 1.
    pub at: usize,
    /// Why.
    pub message: String,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// If the text is none, is longer than 1 MiB, or has more than 64 parentheses inside one another.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        parse::pattern(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys() -> impl Strategy<Value = String> {
        prop_oneof!["[a-z_]{1,6}", "[A-Z]{2,3}-[0-9]{1,3}", Just("AND".to_owned()), Just("it's".to_owned()), "\\PC{0,4}"]
    }

    fn steps() -> impl Strategy<Value = PathStep> {
        prop_oneof![keys().prop_map(PathStep::Key), any::<i64>().prop_map(PathStep::Index), Just(PathStep::Any)]
    }

    fn paths() -> impl Strategy<Value = ObjectPath> {
        let first = keys().prop_map(PathStep::Key);
        let object = "[a-z][a-z0-9]{0,5}(-[a-z0-9]{1,4})?";
        (object, first, prop::collection::vec(steps(), 0..3))
            .prop_map(|(object, first, more)| ObjectPath { object, steps: std::iter::once(first).chain(more).collect() })
    }

    fn times() -> impl Strategy<Value = Timestamp> {
        (0_i64..4_000_000_000, 0..1_000).prop_map(|(second, part)| Timestamp::new(second, part * 1_000_000).unwrap())
    }

    fn numbers() -> impl Strategy<Value = f64> {
        prop_oneof![any::<f64>().prop_filter("finite", |number| number.is_finite()), (0..1_000).prop_map(f64::from)]
    }

    fn constants() -> impl Strategy<Value = Constant> {
        prop_oneof![
            "\\PC{0,8}".prop_map(Constant::Text),
            "[\\\\'a]{0,4}".prop_map(Constant::Text),
            any::<i64>().prop_map(Constant::Integer),
            numbers().prop_map(Constant::Float),
            any::<bool>().prop_map(Constant::Bool),
            prop::collection::vec(any::<u8>(), 0..5).prop_map(Constant::Hex),
            prop::collection::vec(any::<u8>(), 0..5).prop_map(Constant::Binary),
            times().prop_map(Constant::Time),
        ]
    }

    fn tests() -> impl Strategy<Value = Test> {
        use Operator::{Equal, Greater, GreaterOrEqual, IsSubset, IsSuperset, Less, LessOrEqual, Like, Matches, NotEqual};
        let ordered = prop::sample::select(vec![Less, LessOrEqual, Greater, GreaterOrEqual]);
        let textual = prop::sample::select(vec![Like, Matches, IsSubset, IsSuperset]);
        let compare = |path, is_negated, operator, constant| Test::Compare { path, is_negated, operator, constant };
        let orderable = constants().prop_filter("of an order", |constant| !matches!(constant, Constant::Bool(_)));
        prop_oneof![
            (paths(), any::<bool>(), prop::sample::select(vec![Equal, NotEqual]), constants())
                .prop_map(move |(path, not, operator, constant)| compare(path, not, operator, constant)),
            (paths(), any::<bool>(), ordered, orderable)
                .prop_map(move |(path, not, operator, constant)| compare(path, not, operator, constant)),
            (paths(), any::<bool>(), textual, "\\PC{0,8}").prop_map(move |(path, not, operator, text)| compare(
                path,
                not,
                operator,
                Constant::Text(text)
            )),
            (paths(), any::<bool>(), prop::collection::vec(constants(), 0..4)).prop_map(|(path, is_negated, set)| Test::In {
                path,
                is_negated,
                set
            }),
            (paths(), any::<bool>()).prop_map(|(path, is_negated)| Test::Exists { path, is_negated }),
        ]
    }

    fn comparisons() -> impl Strategy<Value = Comparison> {
        tests().prop_map(Comparison::Test).prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Comparison::All),
                prop::collection::vec(inner, 2..4).prop_map(Comparison::Any),
            ]
        })
    }

    fn patterns() -> impl Strategy<Value = Pattern> {
        let qualifier = || {
            prop_oneof![
                numbers().prop_filter("positive", |number| *number > 0.0).prop_map(Qualifier::Within),
                (1..i64::MAX).prop_map(Qualifier::Repeats),
                (times(), times()).prop_map(|(start, stop)| Qualifier::Between(start, stop)),
            ]
        };
        comparisons().prop_map(Pattern::Observed).prop_recursive(3, 8, 3, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 2..4).prop_map(Pattern::All),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Pattern::Any),
                prop::collection::vec(inner.clone(), 2..4).prop_map(Pattern::InOrder),
                (inner, prop::collection::vec(qualifier(), 1..3))
                    .prop_map(|(pattern, qualifiers)| Pattern::Qualified(Box::new(pattern), qualifiers)),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed_to_the_same(pattern in patterns()) {
            let text = pattern.to_string();
            prop_assert_eq!(Pattern::parse(&text), Ok(pattern), "{}", text);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,60}") {
            let _ = Pattern::parse(&text);
        }

        #[test]
        fn what_looks_like_a_pattern_is_parsed_or_refused(
            parts in prop::collection::vec(prop::sample::select(vec![
                "[", "]", "(", ")", "a:b", "a", ":", ".", "[*]", "[0]", "=", "!=", "<", " IN ", " NOT ", " EXISTS ", " LIKE ",
                "'x'", "'", "h'0a'", "b'YQ=='", "t'2026-01-01T00:00:00Z'", "1", "-1", "0.5", " AND ", " OR ", " FOLLOWEDBY ",
                " WITHIN ", " SECONDS", " REPEATS ", " TIMES", " START ", " STOP ", "true", ",", "\\", "/*", "*/", "//", "\n", "é",
            ]), 0..24),
        ) {
            let text = parts.concat();
            match Pattern::parse(&text) {
                Ok(pattern) => prop_assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern)),
                Err(bad) => prop_assert!(bad.at >= 1 && bad.at <= text.chars().count() + 1),
            }
        }
    }
}
