use axum::{Json, extract::rejection::JsonRejection};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_content::Source;
use skywarden_model::{Resource, Timestamp};
use skywarden_policy::{
    Answer, Bound, CompileError, Definition, Details, NoNeighbours, ObjectKind, State as Found, requested, rule_on,
    written_values,
};
use skywarden_rule::{Input, Parameters};

use crate::{error::ApiError, scoped::Scoped, v1};

/// A definition and a resource as a person wrote them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Trial {
    /// The definition in JSON or YAML.
    definition: Option<String>,
    /// Or the id of one that is in the store.
    definition_id: Option<String>,
    /// Values of parameters, `{"name": value}`, in JSON or YAML.
    parameters: Option<String>,
    /// What is to be made, in JSON or YAML.
    resource: String,
}

/// What a definition says of a resource: at the door, and once it exists.
pub(crate) async fn trial(state: Scoped, body: Result<Json<Trial>, JsonRejection>) -> v1::Answer {
    let Json(trial) = body?;
    let kept = state.store.policy_library().await?;
    let mut problems = Vec::new();
    let written = match (&trial.definition, &trial.definition_id) {
        (Some(text), None) => parsed("definition", text, &mut problems)
            .and_then(|source| taken("definition", &source, Definition::parse(&source.value), &mut problems)),
        (None, Some(_)) => None,
        _ => return Err(ApiError::bad_request("give either `definition` or `definitionId`")),
    };
    let known = trial.definition_id.as_deref().map(|id| {
        let known = kept.library.governance.definition(id).filter(|_| state.sees(&ObjectKind::Definition.place(id)));
        known.ok_or_else(|| ApiError::not_found("such definition"))
    });
    let known = known.transpose()?;
    let parameters = match trial.parameters.as_deref().filter(|text| !text.trim().is_empty()) {
        None => Some((None, Parameters::new())),
        Some(text) => parsed("parameters", text, &mut problems).and_then(|source| {
            let values = values(&source.value);
            taken("parameters", &source, values, &mut problems).map(|values| (Some(source), values))
        }),
    };
    let resources = parsed("resource", &trial.resource, &mut problems)
        .and_then(|source| taken("resource", &source, requested(&source.value), &mut problems));
    let definition = written.as_ref().or(known);
    let mut results = Vec::new();
    if let (Some(definition), Some((source, values)), Some(resources)) = (definition, parameters, resources) {
        match definition.bind(&values) {
            Ok(bound) => results.extend(resources.iter().map(|resource| result(&bound, resource))),
            Err(errors) => {
                let place = |error: &CompileError| source.as_ref().map(|source| source.place(&error.pointer));
                problems.extend(errors.iter().map(|error| problem("parameters", place(error), error)));
            }
        }
    }
    Ok(Json(json!({
        "definition": definition.map(|own| json!({
            "displayName": own.display_name, "notEvaluated": own.elsewhere.as_ref().map(ToString::to_string) })),
        "problems": problems,
        "results": results,
    })))
}

fn result(bound: &Bound<'_>, resource: &Resource) -> Value {
    let none = Parameters::new();
    let input = Input { resource, facts: None, parameters: &none, around: None, now: Timestamp::now() };
    let verdict = bound.judge(&input, &NoNeighbours);
    let mut ruling = rule_on(std::slice::from_ref(bound), &input);
    let decision = ruling.decisions.pop();
    let answer = decision.as_ref().map(|own| &own.answer);
    let changes: Vec<Value> = match answer {
        Some(Answer::Changed(changes)) => changes
            .iter()
            .map(|change| json!({ "field": change.field, "before": change.before, "after": change.after }))
            .collect(),
        _ => Vec::new(),
    };
    // Related resources are never given, so nothing tells that one is there: this is the plan for where none is.
    let remediation = match (&verdict.state, &bound.definition.rule.details) {
        (Found::NonCompliant | Found::Unknown, Details::Existence(existence)) => {
            existence.deployment.as_ref().map(|deployment| json!({ "deployment": deployment, "roles": existence.roles }))
        }
        _ => None,
    };
    let unreadable: Vec<String> =
        verdict.unreadable.iter().map(|own| format!("{}: {}", own.field, own.reason.sentence())).collect();
    json!({
        "resource": resource.id, "name": resource.name, "type": resource.type_name,
        "effect": bound.effect.name(),
        "state": state_name(&verdict.state),
        "notEvaluated": match &verdict.state {
            Found::NotEvaluated(elsewhere) => Some(elsewhere.to_string()),
            _ => None,
        },
        "door": answer.map(answer_name),
        "because": match answer {
            Some(Answer::Denied(reason)) => reason.clone(),
            _ => None,
        },
        "changes": changes,
        "remediation": remediation,
        "evidence": verdict.evidence,
        "unreadable": unreadable,
        "error": verdict.error,
    })
}

fn state_name(state: &Found) -> &'static str {
    match state {
        Found::Compliant => "Compliant",
        Found::NonCompliant => "NonCompliant",
        Found::NotApplicable => "NotApplicable",
        Found::Protected => "Protected",
        Found::Manual(_) => "Manual",
        Found::Unknown => "Unread",
        Found::Disabled => "Disabled",
        Found::NotEvaluated(_) => "NotEvaluated",
    }
}

fn answer_name(answer: &Answer) -> &'static str {
    match answer {
        Answer::Allowed => "allowed",
        Answer::Denied(_) => "denied",
        Answer::Changed(_) => "changed",
        Answer::Audited => "marked",
        Answer::Later => "later",
        Answer::Undecided(_) => "undecided",
        Answer::NotEvaluated => "notEvaluated",
    }
}

fn values(document: &Value) -> Result<Parameters, Vec<CompileError>> {
    written_values(document).ok_or_else(|| {
        let message = "parameters are an object: a value for each name".to_owned();
        vec![CompileError { pointer: String::new(), message, help: None }]
    })
}

fn parsed(of: &str, text: &str, problems: &mut Vec<Value>) -> Option<Source> {
    match Source::parse(text) {
        Ok(source) => Some(source),
        Err(error) => {
            problems.push(json!({ "in": of, "line": error.line, "column": error.column, "message": error.message }));
            None
        }
    }
}

fn taken<T>(of: &str, source: &Source, found: Result<T, Vec<CompileError>>, problems: &mut Vec<Value>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(errors) => {
            problems.extend(errors.iter().map(|error| problem(of, Some(source.place(&error.pointer)), error)));
            None
        }
    }
}

fn problem(of: &str, place: Option<(u32, u32)>, error: &CompileError) -> Value {
    json!({ "in": of, "line": place.map(|(line, _)| line), "column": place.map(|(_, column)| column),
            "message": error.message, "help": error.help })
}
