//! `count`: how many elements of a list a condition holds for, as an interval where some can't be known.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value;
use skywarden_model::FieldPath;

use crate::{
    Truth, compare,
    compile::{Condition, Count, CountOver},
    evaluate::{Context, Current, Failure, Test, failed, node, value_of},
    record::{Found, Mark, Name, Record},
    resolve::{Bound, Gap, Indices, Place, Slot, concrete, elements, resolve},
};

/// A count whose elements may be unknown is an interval; the comparison decides only if both ends agree.
pub(crate) fn counted<'i>(
    count: &'i Count,
    test: Test<'i, '_>,
    context: &mut Context<'i>,
    mut record: Option<&mut Record<'i>>,
) -> Truth {
    let begin = record.as_deref().map(Record::mark);
    let mut tally = Tally::default();
    match &count.over {
        CountOver::Field(path) => {
            let known = if context.is_whole { elements(&context.ground, path, &context.bound) } else { None };
            if let Some((n_elements, fixed)) = known {
                let fixed = Indices::from_slice(fixed);
                for index in 0..n_elements {
                    let mut indices = fixed.clone();
                    indices.push(index);
                    if let Some(truth) = tally.stand_on(Bound { path, indices }, count, test, context, record.as_deref_mut()) {
                        return truth;
                    }
                }
            } else {
                let resolved = resolve(&context.ground, path, &context.bound);
                if let Some(cut) = resolved.cut {
                    tally.without_end(record.is_some(), path, &[], test, cut);
                }
                for Place { indices, slot } in resolved.into_places() {
                    if let Slot::Unreadable(gap) = slot {
                        tally.without_end(record.is_some(), path, &indices, test, gap);
                    } else if let Some(truth) =
                        tally.stand_on(Bound { path, indices }, count, test, context, record.as_deref_mut())
                    {
                        return truth;
                    }
                }
            }
        }
        CountOver::Value { values, name } => {
            let listed: Vec<Cow<'i, Value>> = match value_of(values, context) {
                Ok(Some(Cow::Borrowed(Value::Array(elements)))) => elements.iter().map(Cow::Borrowed).collect(),
                Ok(Some(Cow::Owned(Value::Array(elements)))) => elements.into_iter().map(Cow::Owned).collect(),
                Ok(None) => Vec::new(),
                Ok(Some(value)) if value.is_null() => Vec::new(),
                // One thing where a list may stand, as AWS policies have it, is a list of one.
                Ok(Some(other)) => vec![other],
                Err(failure) => return failed(record, |_| (Name::said("count"), test.wanted()), failure),
            };
            for value in listed {
                let depth = context.bound.len();
                context.current.push(Current { name: name.as_deref(), value, depth });
                tally.element(count, context, record.as_deref_mut());
                context.current.pop();
                if record.is_none()
                    && let Some(truth) = tally.settled(test)
                {
                    return truth;
                }
            }
        }
    }
    let truth = interval(test, tally.sure, tally.possible);
    if let (Some(record), Some(begin)) = (record, begin) {
        match &truth {
            Ok(Truth::Unknown) => {
                record.reset(begin);
                record.absorb(tally.doubts);
            }
            Ok(_) => record.note_at(begin, Name::Count(count), test.wanted(), tally.found()),
            Err(message) => {
                record.reset(begin);
                record.err(format!("{}: {message}", count.text()));
            }
        }
    }
    truth.unwrap_or(Truth::Unknown)
}

impl Count {
    /// What evidence calls it.
    pub(crate) fn text(&self) -> &Arc<str> {
        let make = || match &self.over {
            CountOver::Field(way) => format!("count of {}", way.path).into(),
            CountOver::Value { name, .. } => format!("count of {}", name.as_deref().unwrap_or("value")).into(),
        };
        self.text.get_or_init(make)
    }
}

/// How many elements were counted; what was counted for sure is in the record, the rest is here.
struct Tally<'i> {
    sure: u64,
    /// `None` is without end.
    possible: Option<u64>,
    doubts: Record<'i>,
}

impl Default for Tally<'_> {
    fn default() -> Self {
        Self { sure: 0, possible: Some(0), doubts: Record::default() }
    }
}

impl<'i> Tally<'i> {
    /// Looks at an element of a field; the verdict, if no other element is needed and nobody asks for evidence.
    fn stand_on(
        &mut self,
        element: Bound<'i>,
        count: &'i Count,
        test: Test<'i, '_>,
        context: &mut Context<'i>,
        record: Option<&mut Record<'i>>,
    ) -> Option<Truth> {
        let is_recorded = record.is_some();
        context.bound.push(element);
        self.element(count, context, record);
        context.bound.pop();
        if is_recorded { None } else { self.settled(test) }
    }

    fn element(&mut self, count: &'i Count, context: &mut Context<'i>, mut record: Option<&mut Record<'i>>) {
        let begin: Option<Mark> = record.as_deref().map(Record::mark);
        let condition = count.condition.as_deref();
        let truth = condition.map_or(Truth::True, |condition| node(condition, context, record.as_deref_mut()));
        if truth == Truth::True {
            self.sure += 1;
        }
        if truth != Truth::False {
            self.possible = self.possible.map(|possible| possible + 1);
        }
        if let (Some(record), Some(begin)) = (record, begin) {
            match truth {
                Truth::True => {}
                Truth::Unknown => record.split_off(begin, &mut self.doubts),
                Truth::False => record.reset(begin),
            }
        }
    }

    fn without_end(&mut self, is_recorded: bool, path: &FieldPath, indices: &[usize], test: Test<'i, '_>, gap: Gap<'_>) {
        self.possible = None;
        if is_recorded {
            let (field, failure) = (Name::said(concrete(path, indices)), Failure::Unreadable(gap.report(path)));
            self.doubts.fail(field, test.wanted(), failure);
        }
    }

    /// The verdict, if it is the same whatever the elements are that were not looked at.
    fn settled(&self, test: Test<'_, '_>) -> Option<Truth> {
        if self.sure == 0 {
            return None;
        }
        interval(test, self.sure, None).ok().filter(|truth| *truth != Truth::Unknown)
    }

    /// The count as far as it is known.
    fn found(&self) -> Found<'i> {
        match self.possible {
            Some(possible) if possible == self.sure => Found::Number(self.sure),
            Some(possible) => Found::made(Value::from(format!("{} to {possible}", self.sure))),
            None => Found::made(Value::from(format!("at least {}", self.sure))),
        }
    }
}

/// Decides over every number of the interval `[low, high]`; `None` as high is without end.
fn interval(test: Test<'_, '_>, low: u64, high: Option<u64>) -> Result<Truth, String> {
    let condition = test.leaf.condition;
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
