//! `$apply`, the simple forms: `[filter(CONDITION)/]groupby((FIELD, ...)[, aggregate($count as NAME)])` and
//! `[filter(CONDITION)/]aggregate($count as NAME)`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{records::Record, scan::field};
use crate::{error::ApiError, odata::Row as _};

/// What to make of states.
pub(super) struct Apply {
    /// Of which ones.
    pub(super) filter: Option<String>,
    /// By what they are grouped; all are one group if it is empty.
    fields: Vec<&'static str>,
    /// What the number of states of a group is called.
    count: Option<String>,
}

impl Apply {
    /// Reads one.
    ///
    /// # Errors
    /// 400 for every other form.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let refused = || {
            ApiError::bad_request(format!(
                "`$apply={text}` is not understood; `groupby((FIELD, ...), aggregate($count as NAME))`, `groupby((FIELD, ...))` and \
                 `aggregate($count as NAME)` are, each maybe after `filter(CONDITION)/`"
            ))
        };
        let text = text.trim();
        let (filter, rest) = match call(text, "filter") {
            None => (None, text),
            Some(inner) => {
                let (condition, rest) = closed(inner).ok_or_else(refused)?;
                (Some(condition.to_owned()), rest.trim_start().strip_prefix('/').ok_or_else(refused)?.trim())
            }
        };
        if let Some(inner) = call(rest, "aggregate") {
            let (inner, rest) = closed(inner).ok_or_else(refused)?;
            let count = Some(count_of(inner).ok_or_else(refused)?);
            return if rest.trim().is_empty() { Ok(Self { filter, fields: Vec::new(), count }) } else { Err(refused()) };
        }
        let inner = call(rest, "groupby").ok_or_else(refused)?;
        let (inner, rest) = closed(inner).ok_or_else(refused)?;
        if !rest.trim().is_empty() {
            return Err(refused());
        }
        let list = inner.trim_start().strip_prefix('(').ok_or_else(refused)?;
        let (names, rest) = list.split_once(')').ok_or_else(refused)?;
        let fields = names.split(',').map(field).collect::<Result<Vec<_>, _>>()?;
        let rest = rest.trim();
        let count = match rest.strip_prefix(',') {
            None if rest.is_empty() => None,
            None => return Err(refused()),
            Some(rest) => {
                let (inner, rest) = call(rest.trim(), "aggregate").and_then(closed).ok_or_else(refused)?;
                if !rest.trim().is_empty() {
                    return Err(refused());
                }
                Some(count_of(inner).ok_or_else(refused)?)
            }
        };
        Ok(Self { filter, fields, count })
    }

    /// The groups, in order of their values.
    pub(super) fn of<'r>(&self, records: impl Iterator<Item = &'r Record>) -> Vec<Record> {
        // Values compare as texts here: equal ones are written the same.
        let mut groups: BTreeMap<Vec<String>, (Vec<Value>, u64)> = BTreeMap::new();
        for record in records {
            let values: Vec<Value> = self.fields.iter().map(|name| record.field(name)).collect();
            let key = values.iter().map(|own| own.to_string().to_lowercase()).collect();
            groups.entry(key).or_insert((values, 0)).1 += 1;
        }
        if self.fields.is_empty() && groups.is_empty() {
            groups.insert(Vec::new(), (Vec::new(), 0));
        }
        let record = |(values, count): (Vec<Value>, u64)| {
            let mut own = Map::new();
            for key in ["@odata.id", "@odata.context"] {
                own.insert(key.to_owned(), Value::Null);
            }
            own.extend(self.fields.iter().zip(values).map(|(name, value)| ((*name).to_owned(), value)));
            own.extend(self.count.clone().map(|name| (name, json!(count))));
            Record(own)
        };
        groups.into_values().map(record).collect()
    }

    /// The name of a column of the groups.
    ///
    /// # Errors
    /// 400 if they have none of that name.
    pub(super) fn column(&self, name: &str) -> Result<String, ApiError> {
        let columns = self.fields.iter().copied().chain(self.count.as_deref());
        let found = columns.into_iter().find(|own| own.eq_ignore_ascii_case(name)).map(str::to_owned);
        found.ok_or_else(|| ApiError::bad_request(format!("`{name}` is no column of what `$apply` makes")))
    }
}

/// What stands behind `NAME(`.
fn call<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (own, rest) = text.split_once('(')?;
    own.trim().eq_ignore_ascii_case(name).then_some(rest)
}

/// What stands before the parenthesis that closes, and behind it; those in texts do not count.
fn closed(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut is_text) = (0_usize, false);
    for (place, own) in text.char_indices() {
        match own {
            '\'' => is_text = !is_text,
            '(' if !is_text => depth += 1,
            ')' if !is_text && depth == 0 => return Some((text.get(..place)?, text.get(place + 1..)?)),
            ')' if !is_text => depth -= 1,
            _ => {}
        }
    }
    None
}

/// The name in `$count as NAME`.
fn count_of(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        [count, word, name] if count.eq_ignore_ascii_case("$count") && word.eq_ignore_ascii_case("as") => {
            name.chars().all(|own| own.is_alphanumeric() || own == '_').then(|| (*name).to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: &str, kind: &str) -> Record {
        let values = [("complianceState", state), ("resourceType", kind)];
        Record(values.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect())
    }

    #[test]
    fn states_are_grouped_and_counted() {
        let records = [record("NonCompliant", "a"), record("Compliant", "a"), record("noncompliant", "b")];
        let made = |text: &str| -> Vec<Value> {
            let apply = Apply::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let strip = |own: Record| {
                let mut members = own.0;
                members.retain(|key, _| !key.starts_with('@'));
                Value::Object(members)
            };
            apply.of(records.iter()).into_iter().map(strip).collect()
        };
        assert_eq!(made("aggregate($count as n)"), [json!({ "n": 3 })]);
        assert_eq!(
            made("groupby((complianceState), aggregate($count as N))"),
            [json!({ "complianceState": "Compliant", "N": 1 }), json!({ "complianceState": "NonCompliant", "N": 2 })]
        );
        assert_eq!(made("groupby((resourceType,complianceState))").len(), 3);
        let filtered = Apply::parse("filter(complianceState eq 'a)' or (isCompliant eq true))/aggregate($count as n)").unwrap();
        assert_eq!(filtered.filter.as_deref(), Some("complianceState eq 'a)' or (isCompliant eq true)"));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "groupby((nothing))",
            "groupby(complianceState)",
            "groupby((complianceState), aggregate(size with sum as n))",
            "aggregate($count as n)/filter(a eq 1)",
            "filter(a eq 1)",
            "filter(a eq 1",
            "compute(x)",
            "",
        ] {
            assert!(Apply::parse(text).is_err(), "{text}");
        }
    }
}
