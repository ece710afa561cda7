//! Governance rules: which assessments they match, and who is to mend those by when.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use skywarden_model::{Severity, SignedDuration, Timestamp};
use skywarden_policy::Scope;

use super::{
    check::{Mistake, refused},
    target::Target,
};
use crate::{error::ApiError, scoped::Scoped};

/// The kind under which rules are kept.
pub(super) const RULES: &str = "governanceRules";

/// A rule, as far as carrying it out goes by it.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) priority: i64,
    pub(super) is_disabled: bool,
    pub(super) timeframe: SignedDuration,
    pub(super) excluded: BTreeSet<Scope>,
    owner: Owner,
    /// One of these has to hold, each with all its conditions.
    sets: Vec<Vec<Condition>>,
    /// What assignments take over from it.
    taken: Map<String, Value>,
}

#[derive(Debug, Clone)]
enum Owner {
    /// This one.
    Named(String),
    /// Who stands in this tag of the resource.
    InTag(String),
}

#[derive(Debug, Clone)]
struct Condition {
    property: Property,
    /// Any of these.
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    AssessmentKey,
    Severity,
}

/// What conditions can ask, as clients write it.
const PROPERTIES: [(&str, Property); 4] = [
    ("$.AssessmentKey", Property::AssessmentKey),
    ("$.Severity", Property::Severity),
    ("AssessmentKey", Property::AssessmentKey),
    ("Severity", Property::Severity),
];

impl Rule {
    /// # Errors
    /// What in `properties` can't be carried out.
    pub(super) fn parse(properties: &Map<String, Value>) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let sets = condition_sets(properties, &mut mistakes);
        let text = |name: &str| properties.get(name).and_then(Value::as_str).unwrap_or_default();
        let timeframe = timeframe(text("remediationTimeframe"));
        if timeframe.is_none() {
            let message = "`properties.remediationTimeframe` is days and a time of day, as `7.00:00:00` for seven days";
            mistakes.push(mistake("properties.remediationTimeframe".to_owned(), message.to_owned()));
        }
        let mut excluded = BTreeSet::new();
        let scopes = properties.get("excludedScopes").and_then(Value::as_array);
        for (index, own) in scopes.into_iter().flatten().enumerate() {
            match own.as_str().and_then(Scope::parse) {
                Some(scope) => drop(excluded.insert(scope)),
                None => {
                    let target = format!("properties.excludedScopes[{index}]");
                    mistakes.push(mistake(target.clone(), format!("`{target}` is no scope, as `/subscriptions/ID` is one")));
                }
            }
        }
        let owner = properties.get("ownerSource").and_then(Value::as_object);
        let of_owner = |name: &str| owner.and_then(|own| own.get(name)).and_then(Value::as_str).unwrap_or_default();
        let value = of_owner("value").to_owned();
        let owner = if of_owner("type") == "ByTag" { Owner::InTag(value) } else { Owner::Named(value) };
        let taken = ["isGracePeriod", "governanceEmailNotification"];
        let taken = taken.iter().filter_map(|name| Some(((*name).to_owned(), properties.get(*name)?.clone()))).collect();
        let Some(timeframe) = timeframe.filter(|_| mistakes.is_empty()) else { return Err(mistakes) };
        Ok(Self {
            priority: properties.get("rulePriority").and_then(Value::as_i64).unwrap_or_default(),
            is_disabled: properties.get("isDisabled").and_then(Value::as_bool).unwrap_or(false),
            timeframe,
            excluded,
            owner,
            sets,
            taken,
        })
    }

    /// Whether it speaks of assessments by a recommendation.
    pub(super) fn matches(&self, key: &str, severity: Severity) -> bool {
        let severity = severity.to_string();
        let holds = |condition: &Condition| {
            let actual = match condition.property {
                Property::AssessmentKey => key,
                Property::Severity => severity.as_str(),
            };
            condition.values.iter().any(|own| own.eq_ignore_ascii_case(actual))
        };
        self.sets.iter().any(|conditions| conditions.iter().all(holds))
    }

    /// What it assigns: the owner, where there is one, and the day by which it is to be mended.
    pub(super) fn assignment<'a>(&self, tag: impl Fn(&str) -> Option<&'a str>, now: Timestamp) -> Value {
        let mut properties = self.taken.clone();
        let owner = match &self.owner {
            Owner::Named(name) => Some(name.as_str()),
            Owner::InTag(name) => tag(name),
        };
        if let Some(owner) = owner {
            properties.insert("owner".to_owned(), owner.into());
        }
        let due = now.checked_add(self.timeframe).unwrap_or(Timestamp::MAX);
        properties.insert("remediationDueDate".to_owned(), json!(due));
        Value::Object(properties)
    }
}

fn condition_sets(properties: &Map<String, Value>, mistakes: &mut Vec<Mistake>) -> Vec<Vec<Condition>> {
    let listed = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let mut sets = Vec::new();
    for (place, set) in listed(properties.get("conditionSets")).iter().enumerate() {
        let mut conditions = Vec::new();
        for (index, own) in listed(set.get("conditions")).iter().enumerate() {
            let at = format!("properties.conditionSets[{place}].conditions[{index}]");
            let text = |name: &str| own.get(name).and_then(Value::as_str).unwrap_or_default();
            let known = PROPERTIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text("property")));
            let values = if text("operator") == "In" {
                serde_json::from_str(text("value")).ok()
            } else {
                Some(vec![text("value").to_owned()])
            };
            match (known, values) {
                (Some((_, property)), Some(values)) => conditions.push(Condition { property: *property, values }),
                (None, _) => {
                    let message = format!("`{at}.property` is $.AssessmentKey or $.Severity, not `{}`", text("property"));
                    mistakes.push(mistake(format!("{at}.property"), message));
                }
                (_, None) => {
                    let message = format!("`{at}.value` is a JSON list of texts in a text where the operator is In: `[\"KEY\"]`");
                    mistakes.push(mistake(format!("{at}.value"), message));
                }
            }
        }
        if conditions.is_empty() && mistakes.is_empty() {
            let target = format!("properties.conditionSets[{place}].conditions");
            mistakes.push(mistake(target.clone(), format!("`{target}` has at least one condition")));
        }
        sets.push(conditions);
    }
    if sets.is_empty() {
        let target = "properties.conditionSets";
        mistakes.push(mistake(target.to_owned(), format!("`{target}` has at least one set of conditions")));
    }
    sets
}

/// `D.HH:MM:SS`.
fn timeframe(text: &str) -> Option<SignedDuration> {
    let (days, time) = text.split_once('.')?;
    let parts: Vec<i64> =
        time.split(':').map(|part| if part.len() == 2 { part.parse().ok() } else { None }).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = parts.as_slice() else { return None };
    let is_time = (0..24).contains(hours) && (0..60).contains(minutes) && (0..60).contains(seconds);
    let days: i64 = days.parse().ok().filter(|days| (0..=36_500).contains(days))?;
    is_time.then(|| SignedDuration::from_secs(((days * 24 + hours) * 60 + minutes) * 60 + seconds))
}

/// What is kept of a rule: as it was given, with who wrote it when.
pub(super) async fn prepared(
    state: &Scoped,
    target: &Target,
    name: &str,
    mut given: Map<String, Value>,
    now: Timestamp,
) -> Result<Map<String, Value>, ApiError> {
    let rule = Rule::parse(&given).map_err(refused)?;
    let mut before = None;
    for own in state.store.all_arm_objects_at(&state.filter, RULES, &target.scope).await? {
        if own.name.eq_ignore_ascii_case(name) {
            before = own.document.as_object().cloned();
        } else if own.document.get("rulePriority").and_then(Value::as_i64) == Some(rule.priority) {
            let message =
                format!("the rule `{}` of this scope has the priority {} already; choose another", own.name, rule.priority);
            let error = ApiError::new(StatusCode::CONFLICT, "PriorityTaken", message);
            return Err(error.with_target("properties.rulePriority".to_owned()));
        }
    }
    given.insert("tenantId".to_owned(), state.auth.tenant().into());
    let mut metadata = before.as_mut().and_then(|own| own.remove("metadata"));
    if let Some(metadata) = metadata.take_if(|_| before.as_ref() == Some(&given)) {
        given.insert("metadata".to_owned(), metadata);
        return Ok(given);
    }
    let had = |name: &str| metadata.as_ref().and_then(|own| own.get(name)).cloned();
    let (by, at) = (json!(state.caller.name), json!(now));
    let made = (had("createdBy").unwrap_or_else(|| by.clone()), had("createdOn").unwrap_or_else(|| at.clone()));
    let metadata = json!({ "createdBy": made.0, "createdOn": made.1, "updatedBy": by, "updatedOn": at });
    given.insert("metadata".to_owned(), metadata);
    Ok(given)
}

fn mistake(target: String, message: String) -> Mistake {
    Mistake { target, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(sets: Value) -> Result<Rule, Vec<String>> {
        let properties = json!({ "rulePriority": 1, "remediationTimeframe": "1.02:03:04", "conditionSets": sets,
                                 "ownerSource": { "type": "ByTag", "value": "owner" }, "isGracePeriod": true });
        Rule::parse(properties.as_object().unwrap()).map_err(|own| own.into_iter().map(|own| own.target).collect())
    }

    fn set(conditions: &[(&str, &str, &str)]) -> Value {
        let one = |(property, operator, value): &(&str, &str, &str)| json!({ "property": property, "operator": operator, "value": value });
        json!({ "conditions": conditions.iter().map(one).collect::<Vec<_>>() })
    }

    #[test]
    fn one_set_has_to_hold_with_all_its_conditions() {
        let keys = ("$.AssessmentKey", "In", r#"["A", "b"]"#);
        let own =
            rule(json!([set(&[keys, ("Severity", "Equals", "high")]), set(&[("$.Severity", "In", r#"["Low"]"#)])])).unwrap();
        let found = [("a", Severity::High), ("B", Severity::High), ("c", Severity::Low)];
        assert!(found.iter().all(|(key, severity)| own.matches(key, *severity)));
        assert!(!own.matches("a", Severity::Medium) && !own.matches("c", Severity::High));
    }

    #[test]
    fn an_assignment_is_due_after_the_timeframe_and_its_owner_stands_in_the_tag() {
        let own = rule(json!([set(&[("Severity", "Equals", "High")])])).unwrap();
        let given = own.assignment(|tag| (tag == "owner").then_some("ann"), Timestamp::UNIX_EPOCH);
        assert_eq!(given, json!({ "owner": "ann", "remediationDueDate": "1970-01-02T02:03:04Z", "isGracePeriod": true }));
        assert_eq!(own.assignment(|_| None, Timestamp::UNIX_EPOCH).get("owner"), None);
    }

    #[test]
    fn what_can_not_be_carried_out_is_a_mistake() {
        assert_eq!(rule(json!([])).unwrap_err(), ["properties.conditionSets"]);
        assert_eq!(rule(json!([set(&[])])).unwrap_err(), ["properties.conditionSets[0].conditions"]);
        let wrong = json!([set(&[("$.Name", "Equals", "x"), ("Severity", "In", "High")])]);
        assert_eq!(
            rule(wrong).unwrap_err(),
            ["property", "value"]
                .iter()
                .enumerate()
                .map(|(index, own)| format!("properties.conditionSets[0].conditions[{index}].{own}"))
                .collect::<Vec<_>>()
        );
        for text in ["7", "7.0:00:00", "7.24:00:00", "-1.00:00:00", "7.00:00", "x.00:00:00", "99999.00:00:00"] {
            assert_eq!(timeframe(text), None, "{text}");
        }
    }
}
