//! `count`: how many elements of a list a condition holds for, as an interval where some can't be known.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value;
use skywarden_model::{Actual, Evidence, Unreadable};

use crate::{
    Truth, compare,
    compile::{Condition, Count, CountOver},
    evaluate::{Context, Current, Failure, Record, Test, failed, node, value_of},
    resolve::{Bound, Place, Slot, concrete, resolve},
};

/// A count whose elements may be unknown is an interval; the comparison decides only if both ends agree.
pub(crate) fn counted<'i>(count: &'i Count, test: Test<'_>, context: &mut Context<'i, '_>, record: Option<&mut Record>) -> Truth {
    let is_recorded = record.is_some();
    let mut tally = Tally::default();
    match &count.over {
        CountOver::Field(path) => {
            let resolved = resolve(context.input, path, &context.bound);
            if let Some(cut) = resolved.cut {
                tally.without_end(is_recorded, || (path.to_string().into(), test.words(), cut.report(path)));
            }
            for Place { indices, slot } in resolved.into_places() {
                if let Slot::Unreadable(gap) = slot {
                    let entry = || (concrete(path, &indices).into(), test.words(), gap.report(path));
                    tally.without_end(is_recorded, entry);
                } else {
                    context.bound.push(Bound { path, indices });
                    tally.element(count, context, is_recorded);
                    context.bound.pop();
                    if !is_recorded && let Some(truth) = tally.settled(test) {
                        return truth;
                    }
                }
            }
        }
        CountOver::Value { values, name } => {
            let elements: Vec<Cow<'i, Value>> = match value_of(values, context) {
                Ok(Some(Cow::Borrowed(Value::Array(elements)))) => elements.iter().map(Cow::Borrowed).collect(),
                Ok(Some(Cow::Owned(Value::Array(elements)))) => elements.into_iter().map(Cow::Owned).collect(),
                Ok(None) => Vec::new(),
                Ok(Some(value)) if value.is_null() => Vec::new(),
                // One thing where a list may stand, as AWS policies have it, is a list of one.
                Ok(Some(other)) => vec![other],
                Err(failure) => return failed(record, || ("count".into(), test.words()), failure),
            };
            for value in elements {
                let depth = context.bound.len();
                context.current.push(Current { name: name.as_deref(), value, depth });
                tally.element(count, context, is_recorded);
                context.current.pop();
                if !is_recorded && let Some(truth) = tally.settled(test) {
                    return truth;
                }
            }
        }
    }
    let truth = interval(test, tally.sure, tally.possible);
    if let Some(record) = record {
        let name = match &count.over {
            CountOver::Field(path) => path.to_string(),
            CountOver::Value { name, .. } => name.clone().unwrap_or_else(|| "value".to_owned()),
        };
        match truth {
            Ok(Truth::Unknown) => record.absorb(tally.doubts),
            Ok(_) => {
                record.note(Evidence {
                    field: format!("count of {name}").into(),
                    expected: test.words(),
                    actual: Actual::Value(tally.found()),
                    source: Arc::default(),
                });
                record.absorb(tally.hits);
            }
            Err(ref message) => record.error = Some(format!("count of {name}: {message}")),
        }
    }
    truth.unwrap_or(Truth::Unknown)
}

/// How many elements were counted, and what that rests on.
struct Tally {
    sure: u64,
    /// `None` is without end.
    possible: Option<u64>,
    hits: Record,
    doubts: Record,
}

impl Default for Tally {
    fn default() -> Self {
        Self { sure: 0, possible: Some(0), hits: Record::default(), doubts: Record::default() }
    }
}

impl Tally {
    fn element<'i>(&mut self, count: &'i Count, context: &mut Context<'i, '_>, is_recorded: bool) {
        let mut own = is_recorded.then(Record::default);
        let truth = count.condition.as_deref().map_or(Truth::True, |condition| node(condition, context, own.as_mut()));
        if truth == Truth::True {
            self.sure += 1;
        }
        match (truth, own) {
            (Truth::True, Some(own)) => self.hits.absorb(own),
            (Truth::Unknown, Some(own)) => self.doubts.absorb(own),
            _ => {}
        }
        if truth != Truth::False {
            self.possible = self.possible.map(|possible| possible + 1);
        }
    }

    fn without_end(&mut self, is_recorded: bool, entry: impl FnOnce() -> (Arc<str>, Arc<str>, Unreadable)) {
        self.possible = None;
        if is_recorded {
            let (field, expected, unreadable) = entry();
            self.doubts.fail(field, expected, Failure::Unreadable(unreadable));
        }
    }

    /// The verdict, if it is the same whatever the elements are that were not looked at.
    fn settled(&self, test: Test<'_>) -> Option<Truth> {
        if self.sure == 0 {
            return None;
        }
        interval(test, self.sure, None).ok().filter(|truth| *truth != Truth::Unknown)
    }

    /// The count as far as it is known.
    fn found(&self) -> Value {
        match self.possible {
            Some(possible) if possible == self.sure => Value::from(self.sure),
            Some(possible) => Value::from(format!("{} to {possible}", self.sure)),
            None => Value::from(format!("at least {}", self.sure)),
        }
    }
}

/// Decides over every number of the interval `[low, high]`; `None` as high is without end.
fn interval(test: Test<'_>, low: u64, high: Option<u64>) -> Result<Truth, String> {
    let condition = test.condition;
    let at = |count: u64| test.holds(Some(&Value::from(count)));
    if high == Some(low) {
        return at(low).map(Truth::from);
    }
    let wanted = compare::number(test.expected);
    match (condition, wanted) {
        (Condition::Less | Condition::LessOrEquals | Condition::Greater | Condition::GreaterOrEquals, Some(_)) => {
            let first = at(low)?;
            let last = match high {
                Some(high) => at(high)?,
                None => matches!(condition, Condition::Greater | Condition::GreaterOrEquals),
            };
            Ok(if first == last { first.into() } else { Truth::Unknown })
        }
        (Condition::Equals | Condition::NotEquals, Some(wanted)) => {
            let is_outside = wanted < low as f64 || high.is_some_and(|high| wanted > high as f64) || wanted.fract() != 0.0;
            Ok(if is_outside { Truth::from(condition == Condition::NotEquals) } else { Truth::Unknown })
        }
        _ => Ok(Truth::Unknown),
    }
}
