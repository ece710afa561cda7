//! What must hold of a content file beyond its shape.

mod azure;
mod change;
mod detection;
mod incident;
mod plan;
mod risk_factor;
mod standard;

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};
use skywarden_model::{FieldPath, Segment, Timestamp};

use crate::{
    Also, Catalog, CollectorFile, CompiledRule, ComplianceControl, Expectation, FactFile, FieldType, OverrideFile,
    ParameterDeclaration, ParameterType, Problem, RecommendationFile, ScalarType, SecretFile, SettingsExposure, TestCase,
    UnknownIf,
    load::{File, Kind},
    source::step,
};

pub use detection::duration;
pub(crate) use detection::{detection, log_source};
pub(crate) use incident::incident;
pub(crate) use plan::{plan, plan_need, successors};
pub(crate) use risk_factor::risk_factor;
pub(crate) use standard::{checks, standard};

/// A skeleton of `cargo xtask new` carries this mark wherever a person has to write something.
const UNFINISHED: &str = "FIXME";

/// ARM's own members of a resource besides `properties`.
const ENVELOPE: &[&str] =
    &["id", "name", "fullname", "type", "location", "scope", "tags", "kind", "sku", "identity", "zones", "plan", "managedby"];

/// Checks that hold for every kind: the id equals the file's name, no id or assessment key twice, nothing left to fill in.
pub(crate) fn common(file: &File, seen: &mut BTreeMap<(Kind, String), String>, problems: &mut Vec<Problem>) {
    let stem = file.path.rsplit('/').next().and_then(|name| name.strip_suffix(".yaml")).unwrap_or_default();
    let has_id = !matches!(file.kind, Kind::SecureScore | Kind::Collector);
    if let Some(id) = file.source.value.get("id").and_then(Value::as_str).filter(|_| has_id) {
        if id != stem {
            problems.push(file.problem("/id", format!("the id `{id}` is not the file's name `{stem}`")));
        }
        // Findings and recommendations share one space of ids: overrides and exemptions name either.
        let space = if file.kind == Kind::Baseline { Kind::Recommendation } else { file.kind };
        if let Some(other) = seen.insert((space, id.to_owned()), file.path.clone()) {
            problems.push(file.problem("/id", format!("the id `{id}` is also that of {other}")));
        }
    }
    // Clients of Azure's API ask for a recommendation by its key.
    if let Some(key) =
        file.source.value.get("assessment_key").and_then(Value::as_str).filter(|_| file.kind == Kind::Recommendation)
        && let Some(other) = seen.insert((file.kind, key.to_lowercase()), file.path.clone())
    {
        problems.push(file.problem("/assessment_key", format!("the assessment key `{key}` is also that of {other}")));
    }
    unfinished(file, &file.source.value, String::new(), problems);
}

fn unfinished(file: &File, value: &Value, pointer: String, problems: &mut Vec<Problem>) {
    match value {
        Value::String(text) if text.contains(UNFINISHED) => {
            problems.push(file.problem(&pointer, format!("`{UNFINISHED}`: this is not filled in yet")))
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter().enumerate() {
                unfinished(file, element, format!("{pointer}/{index}"), problems);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                unfinished(file, member, format!("{pointer}/{}", step(key)), problems);
            }
        }
        _ => {}
    }
}

/// Titles, descriptions and steps are there, and a title is no sentence.
pub(crate) fn texts(file: &File, title: &str, description: &str, steps: &str, problems: &mut Vec<Problem>) {
    for (pointer, text) in [("/title", title), ("/description", description), ("/remediation/steps", steps)] {
        if text.trim().is_empty() {
            problems.push(file.problem(pointer, "this text is empty"));
        }
    }
    if title.trim_end().ends_with('.') {
        problems.push(file.problem("/title", "a title ends without a full stop"));
    }
}

/// Every standard and every control that is named exists.
pub(crate) fn compliance(catalog: &Catalog, file: &File, named: &BTreeMap<String, Vec<String>>, problems: &mut Vec<Problem>) {
    for (standard, controls) in named {
        let pointer = format!("/compliance/{}", step(standard));
        let Some(known) = catalog.standards.get(standard) else {
            let mut problem = file.problem(&pointer, format!("there is no standard `{standard}`"));
            problem.help = suggestion(standard, catalog.standards.keys().map(String::as_str));
            problems.push(problem);
            continue;
        };
        let ids = control_ids(&known.controls);
        for (index, control) in controls.iter().enumerate() {
            if !ids.contains(&control.as_str()) {
                let mut problem =
                    file.problem(&format!("{pointer}/{index}"), format!("the standard `{standard}` has no control `{control}`"));
                problem.help = suggestion(control, ids.iter().copied());
                problems.push(problem);
            }
        }
    }
}

fn control_ids(controls: &[ComplianceControl]) -> Vec<&str> {
    controls.iter().flat_map(|control| std::iter::once(control.id.as_str()).chain(control_ids(&control.controls))).collect()
}

/// A pattern must compile and do what its examples say.
pub(crate) fn secret(file: &File, secret: &SecretFile, problems: &mut Vec<Problem>) {
    let pattern = match Regex::new(&secret.pattern) {
        Ok(pattern) => pattern,
        Err(error) => {
            return problems.push(file.problem("/pattern", format!("the pattern is no regular expression: {error}")));
        }
    };
    for (member, texts, should_be) in [("found", &secret.found, true), ("not_found", &secret.not_found, false)] {
        if texts.is_empty() {
            problems.push(file.problem(&format!("/{member}"), "there is no example"));
        }
        for (place, text) in texts.iter().enumerate() {
            if pattern.is_match(text) != should_be {
                let verb = if should_be { "is not found" } else { "is found" };
                problems.push(file.problem(&format!("/{member}/{place}"), format!("the secret {verb} in this text")));
            }
        }
    }
}

/// What a collector names in its own schema is there.
pub(crate) fn collector(catalog: &Catalog, file: &File, collector: &CollectorFile, problems: &mut Vec<Problem>) {
    let check = |pointer: &str, name: &str, problems: &mut Vec<Problem>| {
        let first = name.split(['.', '[']).next().unwrap_or(name);
        if !collector.fields.contains_key(first) {
            let mut problem = file.problem(pointer, format!("`{first}` is not among the fields of {}", collector.type_name));
            problem.help = suggestion(first, collector.fields.keys().map(String::as_str));
            problems.push(problem);
        }
    };
    for (index, read) in collector.reads.iter().enumerate() {
        if read.into.is_empty() && read.fills.is_empty() {
            problems.push(file.problem(&format!("/reads/{index}"), "a read says with `into` or `fills` which fields it owns"));
        }
        if !read.into.is_empty() {
            check(&format!("/reads/{index}/into"), &read.into, problems);
        }
        for (place, name) in read.fills.iter().enumerate() {
            check(&format!("/reads/{index}/fills/{place}"), name, problems);
        }
    }
    if let Some(tags) = &collector.tags {
        check("/tags", tags, problems);
    }
    if let Some(policy) = &collector.policy {
        check("/policy", policy, problems);
    }
    if let Some(exposure) = &collector.exposure {
        let paths =
            [Some(&exposure.public), exposure.security_groups.as_ref(), exposure.subnets.as_ref(), exposure.ports.as_ref()];
        for (name, path) in ["public", "security_groups", "subnets", "ports"].iter().zip(paths) {
            if let Some(path) = path {
                check(&format!("/exposure/{name}"), path, problems);
            }
        }
    }
    for (place, path) in collector.azure_exposure.iter().flat_map(SettingsExposure::paths) {
        check(&format!("/azure_exposure{place}"), path, problems);
    }
    if let Some(mapping) = &collector.aws_config {
        for name in mapping.names.keys() {
            check(&format!("/aws_config/names/{}", step(name)), name, problems);
        }
        for (place, name) in mapping.always.iter().enumerate() {
            check(&format!("/aws_config/always/{place}"), name, problems);
        }
    }
    for name in collector.parent.iter().flat_map(|parent| parent.take.keys()) {
        check(&format!("/parent/take/{}", step(name)), name, problems);
    }
    if let Some(name) = collector.list.as_ref().and_then(|list| list.scalar.as_ref()) {
        check("/list/scalar", name, problems);
    }
    for (place, path) in collector.withheld.iter().enumerate() {
        check(&format!("/withheld/{place}/path"), &path.path, problems);
        if let Some(kinds) = &path.kinds_into {
            check(&format!("/withheld/{place}/kinds_into"), kinds, problems);
        }
    }
    for name in collector.wire.keys() {
        let pointer = format!("/wire/{}", step(name));
        let path = format!("properties.{name}").parse::<FieldPath>();
        let known = path.map_err(|error| (error.to_string(), None)).and_then(|path| {
            let rest = path.segments().get(1..).unwrap_or_default();
            below(&collector.fields, rest, &format!("{name} of {}", collector.type_name))
        });
        if let Err((message, help)) = known {
            problems.push(Problem { help, ..file.problem(&pointer, message) });
        }
    }
    if let Some(service) = &collector.service
        && !catalog.services.contains_key(service)
    {
        let mut problem = file.problem("/service", format!("there is no service `{service}`"));
        problem.help = suggestion(service, catalog.services.keys().map(String::as_str));
        problems.push(problem);
    }
    change::changes(catalog, file, collector, problems);
    if let Some(own) = &collector.azure {
        azure::collector(file, collector, own, problems);
    }
    if collector.list.is_some() && (collector.id.is_empty() || collector.service.is_none()) {
        problems.push(file.problem("/list", "a collector that lists needs `service` and `id`"));
    }
}

/// The types of a fact have collectors; a relation names fields that exist, and gets its own from them.
pub(crate) fn fact(catalog: &Catalog, file: &File, fact: &mut FactFile, problems: &mut Vec<Problem>) {
    if let Some(also) = fact.also {
        let has = |collector: &&CollectorFile| match also {
            Also::Policy => collector.policy.is_some(),
            Also::Exposure => collector.exposure.is_some() || collector.azure_exposure.is_some(),
        };
        fact.types.extend(catalog.collectors.values().filter(has).map(|collector| collector.type_name.clone()));
        fact.types.sort();
        fact.types.dedup();
    }
    for type_name in &fact.types {
        known_type(catalog, file, type_name, problems);
    }
    let Some(related) = &fact.related else { return };
    if !known_type(catalog, file, &related.to, problems) {
        return;
    }
    let mut check = |pointer: String, type_name: &str, side: &str| {
        for name in names_in(side) {
            let path = format!("properties.{name}").parse::<FieldPath>().map_err(|error| (error.to_string(), None));
            let is_own = matches!(name, "id" | "name" | "account" | "region" | "partition");
            if let Err((message, help)) =
                path.and_then(|path| if is_own { Ok(()) } else { known_field(catalog, type_name, &path) })
            {
                problems.push(Problem { help, ..file.problem(&pointer, message) });
            }
        }
    };
    for (place, pair) in related.on.iter().enumerate() {
        for type_name in &fact.types {
            check(format!("/related/on/{place}/ours"), type_name, &pair.ours);
        }
        check(format!("/related/on/{place}/theirs"), &related.to, &pair.theirs);
    }
    let mut element = BTreeMap::from(["id", "name"].map(|name| (name.to_owned(), FieldType::Scalar(ScalarType::String))));
    for (place, path) in related.take.iter().enumerate() {
        let taken = match path.strip_prefix("facts.") {
            Some(name) => catalog
                .facts
                .get(name)
                .filter(|other| other.related.is_none() && other.types.contains(&related.to))
                .map(|other| FieldType::Object(other.fields.clone())),
            None => catalog.collectors.get(&related.to).and_then(|collector| field_type(&collector.fields, path)),
        };
        match taken {
            Some(taken) => put_field(&mut element, path, taken),
            None => problems.push(file.problem(&format!("/related/take/{place}"), format!("{} has no `{path}`", related.to))),
        }
    }
    let scalar = |name: &str, scalar| (name.to_owned(), FieldType::Scalar(scalar));
    fact.fields = BTreeMap::from([
        scalar("any", ScalarType::Boolean),
        scalar("n", ScalarType::Integer),
        ("resources".to_owned(), FieldType::List(vec![FieldType::Object(element)])),
    ]);
}

/// The paths that a side of a relation names.
fn names_in(side: &str) -> Vec<&str> {
    if !side.contains('{') {
        return vec![side];
    }
    let inside = side.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name);
    inside.map(|name| name.split_once('|').map_or(name, |(name, _)| name)).collect()
}

fn field_type(fields: &BTreeMap<String, FieldType>, path: &str) -> Option<FieldType> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match (fields.get(name)?, rest) {
        (field, None) => Some(field.clone()),
        (FieldType::Object(members), Some(rest)) => field_type(members, rest),
        _ => None,
    }
}

fn put_field(fields: &mut BTreeMap<String, FieldType>, path: &str, field: FieldType) {
    match path.split_once('.') {
        None => {
            fields.insert(path.to_owned(), field);
        }
        Some((name, rest)) => {
            let below = fields.entry(name.to_owned()).or_insert_with(|| FieldType::Object(BTreeMap::new()));
            if let FieldType::Object(members) = below {
                put_field(members, rest, field);
            }
        }
    }
}

/// Type, security control and the source of the verdict.
pub(crate) fn recommendation(catalog: &Catalog, file: &File, parsed: &RecommendationFile, problems: &mut Vec<Problem>) {
    if catalog.control(&parsed.control).is_none() {
        let mut problem = file.problem("/control", format!("there is no security control `{}`", parsed.control));
        problem.help = suggestion(&parsed.control, catalog.controls.iter().map(|control| control.id.as_str()));
        problems.push(problem);
    }
    match (&parsed.violated_if, &parsed.findings_from) {
        (Some(_), Some(_)) | (None, None) => {
            problems.push(file.problem("", "exactly one of `violated_if` and `findings_from` is needed"))
        }
        (None, Some(_)) if !parsed.unknown_if.is_empty() => problems
            .push(file.problem("/unknown_if", "`unknown_if` belongs to `violated_if`; findings say themselves what is unknown")),
        (None, Some(findings)) if !catalog.baselines.contains_key(&findings.baseline) => {
            problems.push(file.problem("/findings_from", format!("there is no baseline `{}`", findings.baseline)));
        }
        _ => {}
    }
    azure::policies(file, &parsed.azure_policies, problems);
    known_type(catalog, file, &parsed.type_name, problems);
}

/// Every reason why nothing is known is there, and reads as part of a sentence.
pub(crate) fn unknown_if(file: &File, reasons: &[UnknownIf], problems: &mut Vec<Problem>) {
    for (place, own) in reasons.iter().enumerate() {
        let pointer = format!("/unknown_if/{place}/because");
        let because = own.because.trim();
        if because.is_empty() {
            problems.push(file.problem(&pointer, "this text is empty"));
        } else if because.ends_with('.') {
            problems.push(file.problem(&pointer, "a reason ends without a full stop"));
        }
    }
}

fn known_type(catalog: &Catalog, file: &File, type_name: &str, problems: &mut Vec<Problem>) -> bool {
    if catalog.collectors.contains_key(type_name) {
        return true;
    }
    let mut problem = file.problem("/type", format!("no collector knows the type `{type_name}`"));
    problem.help = suggestion(type_name, catalog.collectors.keys().map(String::as_str));
    problems.push(problem);
    false
}

/// Every field that a rule reads exists in the type's schema.
pub(crate) fn fields(catalog: &Catalog, file: &File, type_name: &str, rule: &CompiledRule, problems: &mut Vec<Problem>) -> bool {
    if !known_type(catalog, file, type_name, problems) {
        return false;
    }
    let before = problems.len();
    let applies = rule.applies_if.iter().map(|rule| ("/applies_if".to_owned(), rule));
    let unknown = rule.unknown_if.iter().enumerate().map(|(place, own)| (format!("/unknown_if/{place}/when"), &own.when));
    for (member, rule) in applies.chain([("/violated_if".to_owned(), &rule.violated_if)]).chain(unknown) {
        for used in rule.fields() {
            if let Err((message, help)) = known_field(catalog, type_name, &used.path) {
                let mut problem = file.problem(&format!("{member}{}", used.pointer), message);
                problem.help = help;
                problems.push(problem);
            }
        }
    }
    problems.len() == before
}

fn known_field(catalog: &Catalog, type_name: &str, path: &FieldPath) -> Result<(), (String, Option<String>)> {
    let Some((Segment::Key(first), rest)) = path.segments().split_first() else { return Ok(()) };
    let first = first.to_ascii_lowercase();
    if first == "properties" {
        let Some(collector) = catalog.collectors.get(type_name) else { return Ok(()) };
        return below(&collector.fields, rest, &format!("{path} of {type_name}"));
    }
    if first == "facts" {
        let Some((Segment::Key(name), rest)) = rest.split_first() else { return Ok(()) };
        let fact = catalog
            .facts
            .values()
            .find(|fact| fact.id.eq_ignore_ascii_case(name) && fact.types.iter().any(|own| own == type_name));
        return match fact {
            Some(fact) => below(&fact.fields, rest, &format!("{path} of {type_name}")),
            None => {
                Err((format!("{type_name} has no fact `{name}`"), suggestion(name, catalog.facts.keys().map(String::as_str))))
            }
        };
    }
    if ENVELOPE.contains(&first.as_str()) {
        return Ok(());
    }
    Err((
        format!("`{path}` begins with no word of the envelope"),
        Some("a provider's own field begins with `properties.`, a fact with `facts.`".to_owned()),
    ))
}

fn below(members: &BTreeMap<String, FieldType>, path: &[Segment], whole: &str) -> Result<(), (String, Option<String>)> {
    let Some((step, rest)) = path.split_first() else { return Ok(()) };
    let Segment::Key(name) = step else { return Err((format!("{whole}: an object has no elements"), None)) };
    let member = members.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).or_else(|| members.get_key_value("*"));
    match member {
        Some((_, member)) => inside(member, rest, whole),
        None => Err((format!("{whole}: there is no field `{name}`"), suggestion(name, members.keys().map(String::as_str)))),
    }
}

fn inside(field: &FieldType, path: &[Segment], whole: &str) -> Result<(), (String, Option<String>)> {
    match (field, path.first()) {
        (_, None) | (FieldType::Scalar(ScalarType::Json | ScalarType::Csv), _) => Ok(()),
        (FieldType::Scalar(_), Some(_)) => Err((format!("{whole}: a plain value has nothing below it"), None)),
        (FieldType::List(element), Some(Segment::Each)) => match element.first() {
            Some(element) => inside(element, path.get(1..).unwrap_or_default(), whole),
            None => Ok(()),
        },
        (FieldType::List(_), Some(Segment::Key(_))) => Err((format!("{whole}: a list's elements are written `[*]`"), None)),
        (FieldType::Object(members), Some(_)) => below(members, path, whole),
    }
}

/// At least one test for Healthy, Unhealthy and Unknown each, and what they give fits the schema.
pub(crate) fn tests(
    catalog: &Catalog,
    file: &File,
    type_name: &str,
    tests: &[TestCase],
    declared: &BTreeMap<String, ParameterDeclaration>,
    problems: &mut Vec<Problem>,
) {
    for wanted in [Expectation::Healthy, Expectation::Unhealthy, Expectation::Unknown] {
        if !tests.iter().any(|test| test.expect == wanted) {
            problems.push(file.problem("/tests", format!("there is no test that expects {wanted:?}")));
        }
    }
    for (index, test) in tests.iter().enumerate() {
        let pointer = format!("/tests/{index}");
        if tests.iter().take(index).any(|other| other.name == test.name) {
            problems.push(file.problem(&format!("{pointer}/name"), "another test has this name"));
        }
        for (place, unknown) in test.unknown.iter().enumerate() {
            let result = unknown
                .parse::<FieldPath>()
                .map_err(|error| (error.to_string(), None))
                .and_then(|path| known_field(catalog, type_name, &path));
            if let Err((message, help)) = result {
                let mut problem = file.problem(&format!("{pointer}/unknown/{place}"), message);
                problem.help = help;
                problems.push(problem);
            }
        }
        parameters(file, &pointer, &test.parameters, declared, problems);
        if let Some(now) = &test.now
            && now.parse::<Timestamp>().is_err()
        {
            problems.push(file.problem(&format!("{pointer}/now"), format!("`{now}` is no instant (RFC 3339)")));
        }
        if let Some(collector) = catalog.collectors.get(type_name) {
            given(file, &collector.fields, &test.given, &format!("{pointer}/given"), problems);
        }
        for (name, members) in &test.facts {
            let pointer = format!("{pointer}/facts/{}", step(name));
            match catalog.facts.get(name).filter(|fact| fact.types.iter().any(|own| own == type_name)) {
                Some(fact) => given(file, &fact.fields, members, &pointer, problems),
                None => problems.push(file.problem(&pointer, format!("{type_name} has no fact `{name}`"))),
            }
        }
    }
}

fn given(
    file: &File,
    fields: &BTreeMap<String, FieldType>,
    members: &Map<String, Value>,
    pointer: &str,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in members {
        let pointer = format!("{pointer}/{}", step(name));
        match fields.get(name).or_else(|| fields.get("*")) {
            Some(field) => fits(file, field, value, &pointer, problems),
            None => {
                let mut problem = file.problem(&pointer, format!("the schema has no field `{name}`"));
                problem.help = suggestion(name, fields.keys().map(String::as_str));
                problems.push(problem);
            }
        }
    }
}

fn fits(file: &File, field: &FieldType, value: &Value, pointer: &str, problems: &mut Vec<Problem>) {
    let wanted = match (field, value) {
        (_, Value::Null) | (FieldType::Scalar(ScalarType::Json | ScalarType::Csv), _) => return,
        (FieldType::List(element), Value::Array(values)) => {
            for (index, value) in values.iter().enumerate() {
                if let Some(element) = element.first() {
                    fits(file, element, value, &format!("{pointer}/{index}"), problems);
                }
            }
            return;
        }
        (FieldType::Object(fields), Value::Object(members)) => return given(file, fields, members, pointer, problems),
        (FieldType::Scalar(ScalarType::String), Value::String(_))
        | (FieldType::Scalar(ScalarType::Boolean), Value::Bool(_))
        | (FieldType::Scalar(ScalarType::Number), Value::Number(_)) => return,
        (FieldType::Scalar(ScalarType::Integer), Value::Number(number)) if number.is_i64() || number.is_u64() => return,
        (FieldType::Scalar(ScalarType::Timestamp), Value::String(text)) if text.parse::<Timestamp>().is_ok() => return,
        (FieldType::List(_), _) => "a list".to_owned(),
        (FieldType::Object(_), _) => "an object".to_owned(),
        (FieldType::Scalar(scalar), _) => format!("{scalar:?}").to_lowercase(),
    };
    problems.push(file.problem(pointer, format!("the schema wants {wanted} here, not {value}")));
}

/// What an override changes exists, and its texts are as a file's own must be.
pub(crate) fn overrides(
    file: &File,
    change: &OverrideFile,
    declared: &BTreeMap<String, ParameterDeclaration>,
    problems: &mut Vec<Problem>,
) {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "unchanged".to_owned());
    let steps = change.remediation.as_ref().map(|remediation| remediation.steps.clone());
    texts(file, &text(&change.title), &text(&change.description), &text(&steps), problems);
    parameters(file, "", &change.parameters, declared, problems);
}

/// Values are given to declared parameters only, and fit them.
fn parameters(
    file: &File,
    above: &str,
    values: &BTreeMap<String, Value>,
    declared: &BTreeMap<String, ParameterDeclaration>,
    problems: &mut Vec<Problem>,
) {
    for (name, value) in values {
        let pointer = format!("{above}/parameters/{}", step(name));
        match declared.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            None => {
                let mut problem = file.problem(&pointer, format!("no parameter `{name}` is declared"));
                problem.help = suggestion(name, declared.keys().map(String::as_str));
                problems.push(problem);
            }
            Some((_, declaration)) => {
                if let Err(message) = parameter_value(declaration, value) {
                    problems.push(file.problem(&pointer, format!("parameter `{name}`: {message}")));
                }
            }
        }
    }
}

/// Whether a value may be given to a parameter.
pub(crate) fn parameter_value(declaration: &ParameterDeclaration, value: &Value) -> Result<(), String> {
    let fits = match declaration.parameter_type {
        ParameterType::String => value.is_string(),
        ParameterType::Integer => value.is_i64() || value.is_u64(),
        ParameterType::Float => value.is_number(),
        ParameterType::Boolean => value.is_boolean(),
        ParameterType::Array => value.is_array(),
        ParameterType::Object => value.is_object(),
        ParameterType::DateTime => value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
    };
    if !fits {
        return Err(format!("{value} is no {:?}", declaration.parameter_type));
    }
    match &declaration.allowed_values {
        Some(allowed) if !allowed.contains(value) => Err(format!("{value} is not among the allowed values")),
        _ => Ok(()),
    }
}

/// `did you mean ...?` for the known name that differs least.
pub(crate) fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    skywarden_rule::closest(name, known).map(|name| format!("did you mean `{name}`?"))
}
