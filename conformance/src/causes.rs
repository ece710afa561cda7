//! Why the engines differ: each cause with who is right, and what it is recognised by.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};
use skywarden_model::Segment;
use skywarden_rule::{elsewhere, field_path};

use crate::{
    aliases::{is_alias, quoted},
    leaves::{Culprit, Place, member, values_at},
    pair::{Case, Pair, Verdict, World},
    theirs::Theirs,
};

/// A cause, as `differences.tsv` has it.
#[derive(Debug, Clone)]
pub struct Cause {
    /// Its name.
    pub id: String,
    /// `ours`, `theirs` or `neither`.
    pub right: String,
    /// The document that says so.
    pub documentation: String,
    /// What differs.
    pub what: String,
}

/// A condition that the engines see differently, with the resources that it was asked of.
#[derive(Debug, Clone, Copy)]
pub struct Difference<'a> {
    /// The condition.
    pub culprit: &'a Culprit,
    /// What was judged.
    pub case: &'a Case,
}

type Recognises = fn(Difference<'_>) -> bool;

/// Causes that one condition shows, the narrowest first.
const RECOGNISED: [(&str, Recognises); 8] = [
    ("parameter-in-other-case", parameter_in_other_case),
    ("in-empty-text", in_empty_text),
    ("pad-left-of-number", pad_left_of_number),
    ("alias-of-another-type", alias_of_another_type),
    ("missing-list", missing_list),
    ("field-of-nothing", field_of_nothing),
    ("concat-of-scalar", concat_of_scalar),
    ("eager-if", eager_if),
];

/// Causes that only the whole rule shows.
const OF_WHOLE: [&str; 2] = [SKIPPED_REGISTER, UNDEFINED_DETAILS];
const SKIPPED_REGISTER: &str = "skipped-register";
const UNDEFINED_DETAILS: &str = "undefined-details";

/// Reads the table of causes.
///
/// # Errors
/// If a line is not as the first one says, or the table and the program know different causes.
pub fn table(text: &str) -> anyhow::Result<BTreeMap<String, Cause>> {
    let mut causes = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, right, documentation, what] = cells.as_slice() else {
            anyhow::bail!("a line has other than four cells: {line}")
        };
        anyhow::ensure!(["ours", "theirs", "neither"].contains(right), "`{right}` is not who is right");
        anyhow::ensure!(documentation.starts_with("https://"), "{id} names no document");
        let [id, right, documentation, what] = [id, right, documentation, what].map(|cell| (*cell).to_owned());
        causes.insert(id.clone(), Cause { id, right, documentation, what });
    }
    let known = RECOGNISED.iter().map(|(id, _)| *id).chain(OF_WHOLE);
    for id in known.clone() {
        causes.get(id).with_context(|| format!("{id} is not in the table"))?;
    }
    anyhow::ensure!(causes.len() == known.count(), "the table has causes that nothing recognises");
    Ok(causes)
}

/// The cause of a difference in one condition, if one is known.
pub fn cause(difference: Difference<'_>) -> Option<&'static str> {
    RECOGNISED.iter().find(|(_, recognises)| recognises(difference)).map(|(id, _)| *id)
}

/// The cause of a difference that no single condition shows: whether the engines agree once everything is read before the rule, or
/// once the effect has no values to work out.
///
/// # Errors
/// If what is given is no resource.
pub fn cause_of_whole(document: &Value, case: &Case, theirs: &Theirs, world: &World) -> anyhow::Result<Option<&'static str>> {
    let rule = document.pointer("/properties/policyRule").cloned().unwrap_or_default();
    let (condition, then) =
        (member(&rule, "if").cloned().unwrap_or_default(), member(&rule, "then").cloned().unwrap_or_default());
    let read = [json!({ "field": "type", "exists": true }), json!({ "value": "[subscription().id]", "exists": true })];
    let all = [read.to_vec(), vec![condition.clone()]].concat();
    let read_first = json!({ "if": { "allOf": all }, "then": then });
    let sets_values =
        member(&then, "details").is_some_and(|details| details.is_array() || member(details, "operations").is_some());
    let audited = sets_values.then(|| (UNDEFINED_DETAILS, json!({ "if": condition, "then": { "effect": "audit" } })));
    for (cause, rule) in [(SKIPPED_REGISTER, read_first)].into_iter().chain(audited) {
        let mut changed = document.clone();
        if let Some(place) = changed.pointer_mut("/properties/policyRule") {
            *place = rule;
        }
        let Ok(mut pair) = Pair::new(&changed, theirs) else { continue };
        let (ours, answer) = pair.judge(case, theirs, world)?;
        if ours.fires().is_some() && ours.fires() == answer.fires() {
            return Ok(Some(cause));
        }
    }
    Ok(None)
}

/// Conditions of a leaf and of the `where` inside it.
fn conditions(leaf: &Value) -> Vec<&Value> {
    let mut found = vec![leaf];
    match leaf {
        Value::Object(members) => members.values().for_each(|value| found.extend(conditions(value))),
        Value::Array(elements) => elements.iter().for_each(|element| found.extend(conditions(element))),
        _ => {}
    }
    found.retain(|value| value.is_object());
    found
}

fn subject<'a>(difference: Difference<'a>) -> Option<&'a Value> {
    match difference.culprit.place {
        Place::If => Some(&difference.case.primary),
        Place::Existence => difference.case.related.as_ref(),
    }
}

/// `in` or `notIn` with an empty text in its list, of a field that is not there.
fn in_empty_text(difference: Difference<'_>) -> bool {
    let Some(resource) = subject(difference) else { return false };
    conditions(&difference.culprit.leaf).into_iter().any(|condition| {
        let list = ["in", "notIn"].iter().find_map(|name| member(condition, name));
        let of_parameter = difference.culprit.expected.as_ref().filter(|_| condition == &difference.culprit.leaf);
        let has_empty =
            [list, of_parameter].into_iter().flatten().any(|list| list.as_array().is_some_and(|all| all.contains(&json!(""))));
        let is_absent = member(condition, "field")
            .and_then(Value::as_str)
            .is_some_and(|field| values_at(resource, field).iter().any(|value| value.is_null()));
        has_empty && is_absent
    })
}

/// `parameters()` by a name whose case is not that of the declaration.
fn parameter_in_other_case(difference: Difference<'_>) -> bool {
    let declared = &difference.case.parameters;
    expressions(&difference.culprit.leaf).into_iter().any(|expression| {
        let names = quoted(expression).into_iter().filter(|name| expression.contains(&format!("('{name}')")));
        names.into_iter().any(|name| !declared.contains_key(&name) && declared.keys().any(|own| own.eq_ignore_ascii_case(&name)))
    })
}

/// `padLeft` of a number.
fn pad_left_of_number(difference: Difference<'_>) -> bool {
    let Some(resource) = subject(difference) else { return false };
    expressions(&difference.culprit.leaf).into_iter().any(|expression| {
        let pads = expression.to_ascii_lowercase().contains("padleft(");
        pads && quoted(expression).iter().any(|name| is_alias(name) && values_at(resource, name).iter().any(Value::is_number))
    })
}

/// A field by an alias of a type that the resource is not of, where that makes a difference: behind a list of nested resources, or
/// under the name of one of ARM's own members.
fn alias_of_another_type(difference: Difference<'_>) -> bool {
    let Some(resource) = subject(difference) else { return false };
    let own = resource.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(name) = member(&difference.culprit.leaf, "field").and_then(Value::as_str).filter(|name| is_alias(name)) else {
        return false;
    };
    let head = name.split('[').next().unwrap_or_default();
    let Some((type_name, property)) = head.rsplit_once('/') else { return false };
    if let Some((scale_sets, _)) = elsewhere(name) {
        return ![scale_sets, "Microsoft.Compute/virtualMachines"].iter().any(|known| own.eq_ignore_ascii_case(known));
    }
    let path = field_path(name).map(|path| path.to_string()).unwrap_or_default();
    let is_own_member = ["type", "name", "id", "kind", "sku", "zones"].iter().any(|own| property.eq_ignore_ascii_case(own));
    !type_name.eq_ignore_ascii_case(own) && (path.contains("[*].properties.") || is_own_member)
}

/// A condition on the elements of a list that is not there, or is no list.
fn missing_list(difference: Difference<'_>) -> bool {
    let Some(resource) = subject(difference) else { return false };
    let is_counted = member(&difference.culprit.leaf, "count").is_some();
    conditions(&difference.culprit.leaf).into_iter().any(|condition| {
        let Some(Value::String(name)) = member(condition, "field") else { return false };
        let is_count = condition.get("where").is_some();
        let Ok(path) = field_path(name) else { return false };
        let n_lists = path.segments().iter().filter(|step| **step == Segment::Each).count();
        // What a count stands on is one element; a list below that may be missing all the same.
        !is_count && n_lists > usize::from(is_counted) && lacks_list(resource, path.segments())
    })
}

fn lacks_list(value: &Value, path: &[Segment]) -> bool {
    match path.split_first() {
        None => false,
        Some((Segment::Key(key), below)) => lacks_list(member(value, key).unwrap_or(&Value::Null), below),
        Some((Segment::Each, below)) => match value {
            Value::Array(elements) => elements.iter().any(|element| lacks_list(element, below)),
            _ => true,
        },
    }
}

/// `field()` of what is not there, inside another function.
fn field_of_nothing(difference: Difference<'_>) -> bool {
    expressions(&difference.culprit.leaf).into_iter().any(|expression| {
        let lower = expression.to_ascii_lowercase();
        let is_inside = lower.contains("field(") && !lower.starts_with("[field(");
        let mut names =
            quoted(expression).into_iter().filter(|name| lower.contains(&format!("field('{}'", name.to_ascii_lowercase())));
        is_inside && names.any(|name| values_at(&difference.case.primary, &name).iter().all(Value::is_null))
    })
}

/// `concat` of a number or a boolean that a field has.
fn concat_of_scalar(difference: Difference<'_>) -> bool {
    expressions(&difference.culprit.leaf).into_iter().any(|expression| {
        let is_joined = |name: &String| {
            let values = values_at(&difference.case.primary, name);
            is_alias(name) && values.iter().any(|value| value.is_number() || value.is_boolean())
        };
        expression.to_ascii_lowercase().contains("concat(") && quoted(expression).iter().any(is_joined)
    })
}

/// `if()` with a call in a branch that fails for what the other branch is for: a field with nothing in it.
fn eager_if(difference: Difference<'_>) -> bool {
    expressions(&difference.culprit.leaf).into_iter().any(|expression| {
        let lower = expression.to_ascii_lowercase();
        let may_fail = ["int(", "substring(", "split("].iter().any(|call| lower.contains(call));
        let is_empty = |name: &String| is_alias(name) && values_at(&difference.case.primary, name).iter().all(is_nothing);
        lower.contains("[if(") && may_fail && quoted(expression).iter().any(is_empty)
    })
}

/// What `empty()` holds for.
fn is_nothing(value: &Value) -> bool {
    [Value::Null, json!(""), json!([]), json!({})].contains(value)
}

fn expressions(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) if text.starts_with('[') => vec![text],
        Value::Array(elements) => elements.iter().flat_map(expressions).collect(),
        Value::Object(members) => members.values().flat_map(expressions).collect(),
        _ => Vec::new(),
    }
}

/// Whether two engines that both fire would do the same; what an engine does not say is not compared.
pub fn same_deeds(ours: &Verdict, theirs: &Verdict) -> bool {
    let (Verdict::Fires(ours), Verdict::Fires(theirs)) = (ours, theirs) else { return true };
    let Value::Array(ours) = ours else { return true };
    let deeds = match theirs {
        Value::Object(details) => details.get("operations"),
        list => Some(list),
    };
    let Some(Value::Array(deeds)) = deeds else { return true };
    let values = deeds.iter().map(|deed| deed.get("value").unwrap_or(&Value::Null));
    ours.len() == deeds.len() && ours.iter().zip(values).all(|(own, other)| skywarden_rule::same(own, other))
}

#[cfg(test)]
mod tests {
    use skywarden_rule::Parameters;

    use super::*;

    fn found(leaf: Value, properties: Value, place: Place) -> Option<&'static str> {
        let resource = json!({ "id": "/x", "name": "n", "type": "Microsoft.A/b", "properties": properties });
        let case = Case { primary: resource.clone(), related: Some(resource), parameters: Parameters::new() };
        let culprit = Culprit { leaf, place, ours: Verdict::Silent, theirs: Verdict::Silent, actual: Vec::new(), expected: None };
        cause(Difference { culprit: &culprit, case: &case })
    }

    #[test]
    fn each_cause_is_recognised_and_its_neighbour_is_not() {
        for (leaf, there, not_there, id) in [
            (json!({ "field": "Microsoft.A/b/l[*].x", "equals": 1 }), json!({}), json!({ "l": [{ "x": 2 }] }), "missing-list"),
            (
                json!({ "count": { "field": "Microsoft.A/b/l[*]", "where": { "field": "Microsoft.A/b/l[*].m[*]", "equals": 1 } }, "less": 1 }),
                json!({ "l": [{ "m": 3 }] }),
                json!({ "l": [{ "m": [1] }] }),
                "missing-list",
            ),
            (
                json!({ "value": "[length(field('Microsoft.A/b/x'))]", "equals": 0 }),
                json!({ "x": null }),
                json!({ "x": "" }),
                "field-of-nothing",
            ),
            (
                json!({ "value": "[padLeft(field('Microsoft.A/b/x'), 3, '0')]", "equals": "007" }),
                json!({ "x": 7 }),
                json!({ "x": "7" }),
                "pad-left-of-number",
            ),
            (
                json!({ "value": "[concat(field('Microsoft.A/b/x'), '/')]", "equals": "7/" }),
                json!({ "x": 7 }),
                json!({ "x": "7" }),
                "concat-of-scalar",
            ),
            (
                json!({ "value": "[if(empty(field('Microsoft.A/b/x')), 9, int(field('Microsoft.A/b/x')))]", "equals": 9 }),
                json!({ "x": "" }),
                json!({ "x": "7" }),
                "eager-if",
            ),
            (json!({ "field": "Microsoft.A/b/x", "in": ["", "y"] }), json!({}), json!({ "x": "z" }), "in-empty-text"),
        ] {
            assert_eq!(found(leaf.clone(), there, Place::If), Some(id), "{leaf}");
            assert_eq!(found(leaf.clone(), not_there, Place::Existence), None, "{leaf}");
        }
        let alias = |name: &str| found(json!({ "field": name, "equals": 1 }), json!({ "type": 1 }), Place::If);
        assert_eq!(alias("Microsoft.A/b/c/type"), Some("alias-of-another-type"));
        assert_eq!(alias("Microsoft.A/b/type"), None);
        assert_eq!(alias("Microsoft.A/b/c/size"), None);
        assert_eq!(alias("Microsoft.Compute/imageSku"), Some("alias-of-another-type"));
    }

    #[test]
    fn a_parameter_in_other_case_is_one_that_is_declared() {
        let resource = json!({ "id": "/x", "name": "n", "type": "Microsoft.A/b", "properties": { "x": 1 } });
        let parameters = Parameters::from([("limit".to_owned(), json!(1))]);
        let case = Case { primary: resource, related: None, parameters };
        for (expression, id) in [
            ("[parameters('Limit')]", Some("parameter-in-other-case")),
            ("[parameters('limit')]", None),
            ("[parameters('other')]", None),
        ] {
            let leaf = json!({ "field": "Microsoft.A/b/x", "equals": expression });
            let silent = Verdict::Silent;
            let culprit =
                Culprit { leaf, place: Place::If, ours: silent.clone(), theirs: silent, actual: Vec::new(), expected: None };
            assert_eq!(cause(Difference { culprit: &culprit, case: &case }), id, "{expression}");
        }
    }

    #[test]
    fn what_no_cause_explains_stays_unexplained() {
        for leaf in
            [json!({ "field": "Microsoft.A/b/x", "equals": 1 }), json!({ "value": "[field('Microsoft.A/b/x')]", "equals": 1 })]
        {
            assert_eq!(found(leaf, json!({}), Place::If), None);
        }
    }

    #[test]
    fn the_table_names_every_cause_and_no_other() {
        let text = include_str!("../differences.tsv");
        assert_eq!(table(text).unwrap().len(), RECOGNISED.len() + OF_WHOLE.len());
        let less: Vec<&str> = text.lines().filter(|line| !line.starts_with("missing-list")).collect();
        assert!(table(&less.join("\n")).is_err());
        assert!(table(&format!("{text}unknown\tours\thttps://x\twhat\n")).is_err());
        assert!(table(&format!("{text}unknown\tnobody\thttps://x\twhat\n")).is_err());
    }

    #[test]
    fn deeds_are_compared_where_both_engines_name_them() {
        let fires = |value: Value| Verdict::Fires(value);
        let details = json!({ "operations": [{ "operation": "add", "field": "tags.a", "value": "x" }] });
        assert!(same_deeds(&fires(json!(["X"])), &fires(details.clone())));
        assert!(!same_deeds(&fires(json!(["y"])), &fires(details.clone())));
        assert!(!same_deeds(&fires(json!(["x", "y"])), &fires(details)));
        assert!(same_deeds(&fires(Value::Null), &fires(json!({ "type": "t" }))));
    }
}
