use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rsigma_parser::{
    ConditionExpr, Detection, DetectionItem, Detections, Modifier, Quantifier, SelectorPattern, SigmaString, SigmaValue,
    StringPart,
};
use rustc_hash::FxHashMap;

use crate::{
    Slot,
    expression::{Expression, TestId},
    pattern::{Pattern, Place},
    test::{Comparison, Relation, Test, TimePart},
};

/// Most ways in which `windash` may write one text.
const MAX_DASHES: usize = 4;

/// Largest regular expression when compiled, in bytes: what is larger is refused, so that a rule can't take the memory.
const MAX_REGEX: usize = 10 << 20;

/// Of an expression that can't be used so much is told, in characters.
const TOLD: usize = 200;

/// Why a rule can't be used, and where in its `detection`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{selection}{}{field}: {message}", if field.is_empty() { "" } else { "/" })]
pub struct CompileError {
    /// The selection or `condition`.
    pub selection: String,
    /// The key in it, with its modifiers; empty if the whole selection is meant.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

/// Finds the slot of a field by the name that the rule gives it; `None` stands for any text of the event.
pub type SlotOf<'f> = dyn FnMut(Option<&str>) -> Slot + 'f;

/// Lists that stand for placeholders of the modifier `expand`.
pub type Placeholders = BTreeMap<String, Vec<String>>;

/// Tests of several rules, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Tests {
    pub(crate) all: Vec<Test>,
    /// The field that stands for any text of the event, if a test asks for it.
    pub(crate) words: Option<Slot>,
    known: FxHashMap<String, TestId>,
}

impl Tests {
    fn id(&mut self, test: Test) -> Expression {
        let next = TestId::try_from(self.all.len()).unwrap_or(TestId::MAX);
        let id = *self.known.entry(format!("{test:?}")).or_insert(next);
        if id == next {
            self.all.push(test);
        }
        Expression::Test(id)
    }
}

/// Compiles what stands under `detection` of one rule.
pub(crate) struct Compiler<'c> {
    pub(crate) tests: &'c mut Tests,
    pub(crate) slot_of: &'c mut SlotOf<'c>,
    pub(crate) placeholders: &'c Placeholders,
}

impl Compiler<'_> {
    /// The expression of a whole `detection`: any of its conditions.
    pub(crate) fn detections(&mut self, detections: &Detections) -> Result<Expression, CompileError> {
        let named = self.named(detections)?;
        let mut conditions = Vec::new();
        for condition in &detections.conditions {
            conditions.push(of_condition(condition, &named)?);
        }
        Ok(Expression::any(conditions))
    }

    /// The expression of each selection.
    pub(crate) fn named(&mut self, detections: &Detections) -> Result<BTreeMap<String, Expression>, CompileError> {
        let mut named = BTreeMap::new();
        let ordered: BTreeMap<&String, &Detection> = detections.named.iter().collect();
        for (name, detection) in ordered {
            let expression = self.detection(detection).map_err(|mut error| {
                error.selection = name.clone();
                error
            })?;
            named.insert(name.clone(), expression);
        }
        Ok(named)
    }

    pub(crate) fn detection(&mut self, detection: &Detection) -> Result<Expression, CompileError> {
        match detection {
            Detection::AllOf(items) => {
                let mut all = Vec::new();
                for item in items {
                    all.push(self.item(item)?);
                }
                Ok(Expression::all(all))
            }
            Detection::AnyOf(parts) => {
                let mut any = Vec::new();
                for part in parts {
                    any.push(self.detection(part)?);
                }
                Ok(Expression::any(any))
            }
            Detection::Keywords(words) => {
                let slot = self.slot(None);
                let mut any = Vec::new();
                for word in words {
                    any.push(self.text(slot, word, Place::Anywhere, Case::Ignored).map_err(|message| error("", message))?);
                }
                Ok(Expression::any(any))
            }
            _ => Err(error("", "tests of the members of a list together (`field[any]`) are not known here".to_owned())),
        }
    }

    fn item(&mut self, item: &DetectionItem) -> Result<Expression, CompileError> {
        let modifiers = Modifiers::of(&item.field.modifiers);
        let name = item.field.name.as_deref();
        let key = || {
            let names = item.field.modifiers.iter().map(|modifier| format!("|{modifier:?}").to_lowercase());
            format!("{}{}", name.unwrap_or_default(), names.collect::<String>())
        };
        let modifiers = modifiers.map_err(|message| error(&key(), message))?;
        let slot = self.slot(name);
        let mut parts = Vec::new();
        for value in &item.values {
            parts.push(self.value(slot, name, value, &modifiers).map_err(|message| error(&key(), message))?);
        }
        Ok(match modifiers.link {
            Link::All => Expression::all(parts),
            Link::Any => Expression::any(parts),
        })
    }

    fn slot(&mut self, name: Option<&str>) -> Slot {
        let slot = (self.slot_of)(name);
        if name.is_none() {
            self.tests.words = Some(slot);
        }
        slot
    }

    fn value(&mut self, slot: Slot, name: Option<&str>, value: &SigmaValue, modifiers: &Modifiers) -> Result<Expression, String> {
        let place = modifiers.place.unwrap_or(if name.is_none() { Place::Anywhere } else { Place::Whole });
        match &modifiers.kind {
            Kind::Text => {}
            Kind::Exists => {
                let wanted = match value {
                    SigmaValue::Bool(wanted) => *wanted,
                    SigmaValue::String(text) if text.original.eq_ignore_ascii_case("true") => true,
                    SigmaValue::String(text) if text.original.eq_ignore_ascii_case("false") => false,
                    _ => return Err("`exists` wants true or false".to_owned()),
                };
                let present = self.tests.id(Test::Present(slot));
                return Ok(if wanted { present } else { present.not() });
            }
            Kind::Regex { flags } => {
                let source = match value {
                    SigmaValue::String(text) => text.original.clone(),
                    other => plain(other).ok_or("a regular expression is a text")?,
                };
                let regex = regex::RegexBuilder::new(&format!("{flags}{source}"))
                    .size_limit(MAX_REGEX)
                    .build()
                    .map_err(|reason| unusable(&source, &reason.to_string()))?;
                return Ok(self.tests.id(Test::Regex(slot, regex)));
            }
            Kind::Network => {
                let text = plain(value).ok_or("a network is a text such as 192.0.2.0/24")?;
                let network = text
                    .parse()
                    .or_else(|_| text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from))
                    .map_err(|_| format!("`{text}` is no network such as 192.0.2.0/24"))?;
                return Ok(self.tests.id(Test::Network(slot, network)));
            }
            Kind::Compare(comparison) => {
                let text = plain(value).unwrap_or_default();
                let number = text.trim().parse().map_err(|_| format!("`{text}` is no number"))?;
                return Ok(self.tests.id(Test::Compare(slot, *comparison, number)));
            }
            Kind::Time(part) => {
                let text = plain(value).unwrap_or_default();
                let number = text.trim().parse().map_err(|_| format!("`{text}` is no whole number"))?;
                return Ok(self.tests.id(Test::Time(slot, *part, number)));
            }
            Kind::Field => {
                let other = plain(value).ok_or("the name of a field is a text")?;
                let other = (self.slot_of)(Some(&other));
                let relation = match place {
                    Place::Whole => Relation::Equals,
                    Place::Start => Relation::StartsWith,
                    Place::End => Relation::EndsWith,
                    Place::Anywhere => Relation::Contains,
                };
                return Ok(self.tests.id(Test::Field(slot, relation, other)));
            }
        }
        if modifiers.expand {
            return self.expanded(slot, value, place, modifiers);
        }
        if modifiers.encodings.is_empty() {
            return self.text(slot, value, place, modifiers.case);
        }
        let text = plain(value).ok_or("what is encoded is a text without wildcards")?;
        let mut any = Vec::new();
        for encoded in encode(text, &modifiers.encodings)? {
            let pattern = Pattern::literal(encoded, place);
            any.push(self.pattern(slot, pattern, modifiers.case));
        }
        Ok(Expression::any(any))
    }

    fn text(&mut self, slot: Slot, value: &SigmaValue, place: Place, case: Case) -> Result<Expression, String> {
        let pattern = match value {
            SigmaValue::Null => return Ok(self.tests.id(Test::Nothing(slot))),
            SigmaValue::String(text) => Pattern::new(text, place),
            other => Pattern::literal(plain(other).ok_or("not a value that a field can have")?, place),
        };
        Ok(self.pattern(slot, pattern, case))
    }

    fn pattern(&mut self, slot: Slot, pattern: Pattern, case: Case) -> Expression {
        match (pattern, case) {
            (Pattern::Any, _) => self.tests.id(Test::Present(slot)),
            (pattern, Case::Ignored) => self.tests.id(Test::Text(slot, pattern.lowered())),
            (pattern, Case::Kept) => self.tests.id(Test::Cased(slot, pattern)),
        }
    }

    /// `%name%` stands for each value of a list that the user gave; without the list, the test can't be made.
    fn expanded(&mut self, slot: Slot, value: &SigmaValue, place: Place, modifiers: &Modifiers) -> Result<Expression, String> {
        let text = plain(value).ok_or("a placeholder is a text")?;
        let Some((before, name, after)) =
            text.split_once('%').and_then(|(before, rest)| rest.split_once('%').map(|(name, after)| (before, name, after)))
        else {
            return self.text(slot, value, place, modifiers.case);
        };
        let list = self.placeholders.get(name).ok_or_else(|| format!("nothing is given for the placeholder %{name}%"))?;
        let parts = list.iter().map(|item| Pattern::new(&SigmaString::new(&format!("{before}{item}{after}")), place));
        let parts: Vec<Pattern> = parts.collect();
        Ok(Expression::any(parts.into_iter().map(|pattern| self.pattern(slot, pattern, modifiers.case))))
    }
}

fn error(field: &str, message: String) -> CompileError {
    CompileError { selection: String::new(), field: field.to_owned(), message }
}

/// The text of a value that has no wildcard.
fn plain(value: &SigmaValue) -> Option<String> {
    match value {
        SigmaValue::String(text) => match text.parts.as_slice() {
            [] => Some(String::new()),
            [StringPart::Plain(plain)] => Some(plain.clone()),
            _ => None,
        },
        SigmaValue::Integer(number) => Some(number.to_string()),
        SigmaValue::Float(number) => Some(number.to_string()),
        SigmaValue::Bool(value) => Some(value.to_string()),
        SigmaValue::Null => None,
    }
}

/// What a condition says over selections.
pub(crate) fn of_condition(condition: &ConditionExpr, named: &BTreeMap<String, Expression>) -> Result<Expression, CompileError> {
    let wrong = |message: String| CompileError { selection: "condition".to_owned(), field: String::new(), message };
    Ok(match condition {
        ConditionExpr::And(parts) => Expression::all(of_conditions(parts, named)?),
        ConditionExpr::Or(parts) => Expression::any(of_conditions(parts, named)?),
        ConditionExpr::Not(inner) => of_condition(inner, named)?.not(),
        ConditionExpr::Identifier(name) => {
            named.get(name).cloned().ok_or_else(|| wrong(format!("there is no selection `{name}`")))?
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let wanted: Vec<Expression> =
                named.iter().filter(|(name, _)| selects(pattern, name)).map(|(_, expression)| expression.clone()).collect();
            if wanted.is_empty() {
                return Err(wrong(format!("no selection is one of `{pattern}`")));
            }
            match quantifier {
                Quantifier::Any => Expression::any(wanted),
                Quantifier::All => Expression::all(wanted),
                Quantifier::Count(n) => {
                    let n = usize::try_from(*n).unwrap_or(usize::MAX);
                    if n == 0 { Expression::any(wanted).not() } else { Expression::AtLeast(n, wanted) }
                }
            }
        }
    })
}

fn of_conditions(parts: &[ConditionExpr], named: &BTreeMap<String, Expression>) -> Result<Vec<Expression>, CompileError> {
    parts.iter().map(|part| of_condition(part, named)).collect()
}

fn selects(pattern: &SelectorPattern, name: &str) -> bool {
    match pattern {
        SelectorPattern::Them => !name.starts_with('_'),
        SelectorPattern::Pattern(pattern) => {
            Pattern::new(&SigmaString::new(pattern), Place::Whole).matches(name)
                && (pattern.starts_with('_') || !name.starts_with('_'))
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    Ignored,
    Kept,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Any,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Base64,
    Base64Offset,
    Utf16Le,
    Utf16Be,
    Utf16,
    Dashes,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Text,
    Exists,
    Regex { flags: String },
    Network,
    Compare(Comparison),
    Field,
    Time(TimePart),
}

/// What the modifiers of a key ask for.
struct Modifiers {
    kind: Kind,
    place: Option<Place>,
    link: Link,
    case: Case,
    encodings: Vec<Encoding>,
    expand: bool,
}

impl Modifiers {
    fn of(list: &[Modifier]) -> Result<Self, String> {
        let mut modifiers = Modifiers {
            kind: Kind::Text,
            place: None,
            link: Link::Any,
            case: Case::Ignored,
            encodings: Vec::new(),
            expand: false,
        };
        let mut flags = String::new();
        let kind = |held: &mut Modifiers, kind: Kind| {
            if held.kind != Kind::Text {
                return Err("two modifiers say how to compare".to_owned());
            }
            held.kind = kind;
            Ok(())
        };
        for modifier in list {
            match modifier {
                Modifier::Contains => modifiers.place = Some(Place::Anywhere),
                Modifier::StartsWith => modifiers.place = Some(Place::Start),
                Modifier::EndsWith => modifiers.place = Some(Place::End),
                Modifier::All => modifiers.link = Link::All,
                Modifier::Cased => modifiers.case = Case::Kept,
                Modifier::Base64 => modifiers.encodings.push(Encoding::Base64),
                Modifier::Base64Offset => modifiers.encodings.push(Encoding::Base64Offset),
                Modifier::Wide => modifiers.encodings.push(Encoding::Utf16Le),
                Modifier::Utf16be => modifiers.encodings.push(Encoding::Utf16Be),
                Modifier::Utf16 => modifiers.encodings.push(Encoding::Utf16),
                Modifier::WindAsh => modifiers.encodings.push(Encoding::Dashes),
                Modifier::Expand => modifiers.expand = true,
                Modifier::Re => kind(&mut modifiers, Kind::Regex { flags: String::new() })?,
                Modifier::Cidr => kind(&mut modifiers, Kind::Network)?,
                Modifier::Exists => kind(&mut modifiers, Kind::Exists)?,
                Modifier::FieldRef => kind(&mut modifiers, Kind::Field)?,
                Modifier::Gt => kind(&mut modifiers, Kind::Compare(Comparison::More))?,
                Modifier::Gte => kind(&mut modifiers, Kind::Compare(Comparison::AtLeast))?,
                Modifier::Lt => kind(&mut modifiers, Kind::Compare(Comparison::Less))?,
                Modifier::Lte => kind(&mut modifiers, Kind::Compare(Comparison::AtMost))?,
                Modifier::Neq => kind(&mut modifiers, Kind::Compare(Comparison::Other))?,
                Modifier::IgnoreCase => flags.push('i'),
                Modifier::Multiline => flags.push('m'),
                Modifier::DotAll => flags.push('s'),
                Modifier::Minute => kind(&mut modifiers, Kind::Time(TimePart::Minute))?,
                Modifier::Hour => kind(&mut modifiers, Kind::Time(TimePart::Hour))?,
                Modifier::Day => kind(&mut modifiers, Kind::Time(TimePart::Day))?,
                Modifier::Week => kind(&mut modifiers, Kind::Time(TimePart::Week))?,
                Modifier::Month => kind(&mut modifiers, Kind::Time(TimePart::Month))?,
                Modifier::Year => kind(&mut modifiers, Kind::Time(TimePart::Year))?,
            }
        }
        if let Kind::Regex { flags: held } = &mut modifiers.kind {
            if !flags.is_empty() {
                *held = format!("(?{flags})");
            }
        } else if !flags.is_empty() {
            return Err(format!("the modifiers {flags} belong to `re`"));
        }
        let is_encoded = !modifiers.encodings.is_empty();
        if is_encoded && modifiers.kind != Kind::Text {
            return Err("an encoding can't be combined with another way to compare".to_owned());
        }
        // Base64 tells capitals from small letters, but logs do not always keep them, so case is ignored as elsewhere in Sigma.
        Ok(modifiers)
    }
}

/// The texts that a text becomes by encodings, in their order.
fn encode(text: String, encodings: &[Encoding]) -> Result<Vec<String>, String> {
    let mut all: Vec<Vec<u8>> = vec![text.into_bytes()];
    for encoding in encodings {
        let mut next = Vec::new();
        for bytes in &all {
            match encoding {
                Encoding::Base64 => next.push(STANDARD_NO_PAD.encode(bytes).into_bytes()),
                Encoding::Base64Offset => next.extend((0..3).map(|offset| at_offset(bytes, offset))),
                Encoding::Utf16Le => next.push(wide(bytes, u16::to_le_bytes)),
                Encoding::Utf16Be => next.push(wide(bytes, u16::to_be_bytes)),
                Encoding::Utf16 => {
                    next.push([&[0xff, 0xfe], wide(bytes, u16::to_le_bytes).as_slice()].concat());
                    next.push([&[0xfe, 0xff], wide(bytes, u16::to_be_bytes).as_slice()].concat());
                }
                Encoding::Dashes => next.extend(dashes(&String::from_utf8_lossy(bytes))?.into_iter().map(String::into_bytes)),
            }
        }
        all = next;
    }
    Ok(all.into_iter().map(|bytes| bytes_as_text(&bytes)).collect())
}

/// Bytes as they stand in a text field of a log: NUL bytes of wide letters are kept.
fn bytes_as_text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn wide(bytes: &[u8], order: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
    String::from_utf8_lossy(bytes).encode_utf16().flat_map(order).collect()
}

/// The part of the Base64 text that does not depend on what stands before and after, if `offset` bytes stand before.
fn at_offset(bytes: &[u8], offset: usize) -> Vec<u8> {
    let padded: Vec<u8> = std::iter::repeat_n(b' ', offset).chain(bytes.iter().copied()).collect();
    let encoded = STANDARD_NO_PAD.encode(&padded);
    let start = match offset {
        0 => 0,
        1 => 2,
        _ => 3,
    };
    // Without padding the last letter of a cut group depends on what follows.
    let cut = usize::from(!padded.len().is_multiple_of(3));
    let end = encoded.len().saturating_sub(cut).max(start);
    encoded.get(start..end).unwrap_or_default().as_bytes().to_vec()
}

/// Why an expression can't be used. Of a long one its start is told: reasons repeat it whole, before their last line.
fn unusable(source: &str, reason: &str) -> String {
    match source.char_indices().nth(TOLD) {
        None => format!("`{source}` is no regular expression that can be used: {reason}"),
        Some((end, _)) => {
            let (start, reason) = (source.get(..end).unwrap_or_default(), reason.lines().last().unwrap_or_default());
            format!("`{start}...` is no regular expression that can be used: {reason}")
        }
    }
}

/// All ways to write the dashes of a command line's switches.
fn dashes(text: &str) -> Result<Vec<String>, String> {
    const FORMS: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];
    let characters: Vec<char> = text.chars().collect();
    let is_word = |character: Option<&char>| character.is_some_and(|character| character.is_alphanumeric() || *character == '_');
    let mut all = vec![String::new()];
    let mut n = 0;
    for (at, character) in characters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| characters.get(before));
        let is_switch = matches!(character, '-' | '/') && !is_word(before) && is_word(characters.get(at + 1));
        if !is_switch {
            all.iter_mut().for_each(|text| text.push(*character));
            continue;
        }
        n += 1;
        if n > MAX_DASHES {
            return Err(format!("more than {MAX_DASHES} switches in one text"));
        }
        all = all.iter().flat_map(|text| FORMS.map(|form| format!("{text}{form}"))).collect();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{STANDARD_NO_PAD, at_offset, dashes};
    use base64::Engine as _;

    #[test]
    fn switches_are_written_in_five_ways() {
        let all = dashes("/c -enc a-b").unwrap();
        assert_eq!(all.len(), 25);
        assert!(all.contains(&"-c /enc a-b".to_owned()));
    }

    proptest! {
        #[test]
        fn one_of_three_offsets_is_in_any_base64_around_a_text(
            before in "[a-z]{0,7}", text in "[a-zA-Z .]{3,12}", after in "[a-z]{0,7}"
        ) {
            let encoded = STANDARD_NO_PAD.encode(format!("{before}{text}{after}"));
            let found = (0..3).any(|offset| {
                encoded.contains(std::str::from_utf8(&at_offset(text.as_bytes(), offset)).unwrap())
            });
            prop_assert!(found);
        }
    }
}
