/// The number of a test in its engine.
pub(crate) type TestId = u32;

/// When a rule fires, over the tests of its engine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    /// Always or never.
    Constant(bool),
    Test(TestId),
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    /// At least so many of them.
    AtLeast(usize, Vec<Expression>),
}

impl Expression {
    /// All of them, without needless levels.
    pub(crate) fn all(parts: impl IntoIterator<Item = Expression>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Expression::Constant(true) => {}
                Expression::Constant(false) => return Expression::Constant(false),
                Expression::All(parts) => flat.extend(parts),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Expression::Constant(true),
            1 => flat.pop().unwrap_or(Expression::Constant(true)),
            _ => Expression::All(flat),
        }
    }

    /// Any of them, without needless levels.
    pub(crate) fn any(parts: impl IntoIterator<Item = Expression>) -> Self {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Expression::Constant(false) => {}
                Expression::Constant(true) => return Expression::Constant(true),
                Expression::Any(parts) => flat.extend(parts),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Expression::Constant(false),
            1 => flat.pop().unwrap_or(Expression::Constant(false)),
            _ => Expression::Any(flat),
        }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Expression::Constant(value) => Expression::Constant(!value),
            Expression::Not(inner) => *inner,
            other => Expression::Not(Box::new(other)),
        }
    }

    /// Whether it holds, given which tests do.
    pub(crate) fn holds(&self, test: &mut impl FnMut(TestId) -> bool) -> bool {
        match self {
            Expression::Constant(value) => *value,
            Expression::Test(id) => test(*id),
            Expression::All(parts) => parts.iter().all(|part| part.holds(test)),
            Expression::Any(parts) => parts.iter().any(|part| part.holds(test)),
            Expression::Not(inner) => !inner.holds(test),
            Expression::AtLeast(n, parts) => {
                let mut left = *n;
                for part in parts {
                    if left > 0 && part.holds(test) {
                        left -= 1;
                    }
                }
                left == 0
            }
        }
    }

    /// Tests of which at least one must hold for the expression to hold, with what looking at them is thought to cost; `None` if it
    /// can hold while none of those that `cost` knows does.
    pub(crate) fn anchors(&self, cost: &impl Fn(TestId) -> Option<f64>) -> Option<(Vec<TestId>, f64)> {
        match self {
            Expression::Constant(false) => Some((Vec::new(), 0.0)),
            Expression::Constant(true) | Expression::Not(_) => None,
            Expression::Test(id) => cost(*id).map(|cost| (vec![*id], cost)),
            Expression::All(parts) => {
                parts.iter().filter_map(|part| part.anchors(cost)).min_by(|left, right| left.1.total_cmp(&right.1))
            }
            // At least n of them: if n - 1 are left out, one of the others holds; leaving out none is right and simple.
            Expression::Any(parts) | Expression::AtLeast(1.., parts) => {
                let mut all = Vec::new();
                let mut sum = 0.0;
                for part in parts {
                    let (tests, cost) = part.anchors(cost)?;
                    all.extend(tests);
                    sum += cost;
                }
                Some((all, sum))
            }
            Expression::AtLeast(0, _) => None,
        }
    }

    /// The tests that hold and speak for it, for a person to read why it fired.
    pub(crate) fn reasons(&self, test: &mut impl FnMut(TestId) -> bool, reasons: &mut Vec<TestId>) {
        match self {
            Expression::Constant(_) | Expression::Not(_) => {}
            Expression::Test(id) => {
                if test(*id) && !reasons.contains(id) {
                    reasons.push(*id);
                }
            }
            Expression::All(parts) | Expression::Any(parts) | Expression::AtLeast(_, parts) => {
                for part in parts {
                    if part.holds(test) {
                        part.reasons(test, reasons);
                    }
                }
            }
        }
    }
}
