//! Whether an object fits the others: what it names is there and in reach, and takes the values that it gets.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_model::Timestamp;
use skywarden_policy::{
    Assignment, CompileError, Governance, Initiative, Library, ObjectKind, ParameterDeclaration, PolicyExemption, PolicyObject,
    Unlinked,
};
use skywarden_rule::Parameters;

use super::{objects::no_such, place::Place, shape::refused};
use crate::{error::ApiError, scoped::Scoped};

/// That what an object rests on is there, and that what rests on it still holds with it.
///
/// # Errors
/// The first thing that does not, in Azure's code.
pub(super) fn linked(
    state: &Scoped,
    library: &Library,
    place: &Place,
    object: &PolicyObject,
    document: &Value,
) -> Result<(), ApiError> {
    match object {
        PolicyObject::Definition(own) => dependents(library, &own.id, document, &[]),
        PolicyObject::Initiative(own) => {
            members(state, library, place, own)?;
            let ids: Vec<&str> = own.members.iter().map(|member| member.definition_id.as_str()).collect();
            dependents(library, &own.id, document, &ids)
        }
        PolicyObject::Assignment(own) => assignment(state, library, place, own, document),
        PolicyObject::Exemption(own) => exemption(state, library, place, own),
        PolicyObject::Attestation(_) | PolicyObject::ManagementGroup { .. } => Ok(()),
    }
}

/// That nothing rests on an object that is to be removed.
///
/// # Errors
/// 409 with some of what does.
pub(super) fn unused(state: &Scoped, library: &Library, kind: ObjectKind, id: &str) -> Result<(), ApiError> {
    let code = match kind {
        ObjectKind::Definition => "PolicyDefinitionInUse",
        ObjectKind::Initiative => "PolicySetDefinitionInUse",
        _ => return Ok(()),
    };
    let governance = &library.governance;
    let assignments = governance.assignments().filter(|own| own.definition_id.eq_ignore_ascii_case(id));
    let users = assignments.map(|own| (ObjectKind::Assignment, own.id.as_str()));
    let initiatives = governance.initiatives().filter(|own| holds(own, id)).map(|own| (ObjectKind::Initiative, own.id.as_str()));
    let users: Vec<(ObjectKind, &str)> = users.chain(initiatives).collect();
    if users.is_empty() {
        return Ok(());
    }
    // What lies elsewhere keeps it too, but is not named.
    let named: Vec<&str> = users.iter().filter(|(kind, id)| state.sees(&kind.place(id))).take(5).map(|(_, id)| *id).collect();
    let named = if named.is_empty() { String::new() } else { format!(", such as {}", named.join(", ")) };
    let message = format!(
        "the {kind} `{id}` can't be removed: {} assignments or initiatives use it{named}; remove these first",
        users.len()
    );
    Err(ApiError::new(StatusCode::CONFLICT, code, message))
}

fn holds(initiative: &Initiative, definition_id: &str) -> bool {
    initiative.members.iter().any(|member| member.definition_id.eq_ignore_ascii_case(definition_id))
}

/// That every definition of an initiative is there, at its scope or above, and gets its values.
fn members(state: &Scoped, library: &Library, place: &Place, own: &Initiative) -> Result<(), ApiError> {
    for member in &own.members {
        let id = &member.definition_id;
        let scope = ObjectKind::Definition.place(id);
        let definition = library.governance.definition(id).filter(|_| place.inherits(&scope) || state.sees(&scope));
        let definition = definition.ok_or_else(|| no_such(ObjectKind::Definition, id))?;
        if !place.inherits(&scope) {
            return Err(out_of_scope("InvalidCreatePolicySetDefinitionRequest", &own.id, id));
        }
        let given: Vec<&str> = member.parameters.keys().map(String::as_str).collect();
        let what = format!("`{}`, which the initiative `{}` holds as `{}`", definition.display_name, own.id, member.reference_id);
        names(&definition.parameters, &given, &what)?;
    }
    Ok(())
}

fn assignment(state: &Scoped, library: &Library, place: &Place, own: &Assignment, document: &Value) -> Result<(), ApiError> {
    let id = &own.definition_id;
    let is_initiative = id.to_ascii_lowercase().contains("/policysetdefinitions/");
    let kind = if is_initiative { ObjectKind::Initiative } else { ObjectKind::Definition };
    let scope = kind.place(id);
    let governance = &library.governance;
    let declared = match kind {
        ObjectKind::Initiative => governance.initiative(id).map(|own| &own.parameters),
        _ => governance.definition(id).map(|own| &own.parameters),
    };
    let declared = declared.filter(|_| place.inherits(&scope) || state.sees(&scope)).ok_or_else(|| no_such(kind, id))?;
    if !place.inherits(&scope) {
        return Err(out_of_scope("InvalidCreatePolicyAssignmentRequest", &own.id, id));
    }
    let given: Vec<&str> = own.parameters.keys().map(String::as_str).collect();
    names(declared, &given, &format!("the assignment `{}`", own.id))?;
    values(declared, &own.parameters, &own.id)?;
    // Values that only do not fit together with the definitions of the initiative.
    let trial = trial(library, document, &[id.as_str()]);
    let problems: BTreeSet<Unlinked> = trial.plan_of(&own.id, Timestamp::now()).unlinked.into_iter().collect();
    // What was amiss with the initiative itself is not this assignment's fault.
    let known: BTreeSet<String> =
        governance.plan_of(&own.id, Timestamp::now()).unlinked.into_iter().map(|own| own.message).collect();
    let missing = |message: &str| message.starts_with("there is no definition");
    let new: Vec<Unlinked> = problems.into_iter().filter(|own| !known.contains(&own.message) && !missing(&own.message)).collect();
    told("InvalidPolicyParameters", &format!("the assignment `{}`", own.id), &new)
}

fn exemption(state: &Scoped, library: &Library, place: &Place, own: &PolicyExemption) -> Result<(), ApiError> {
    let id = &own.assignment_id;
    let assignment = library.governance.assignment(id);
    let assignment = assignment.filter(|own| place.inherits(&own.scope) || state.sees(&own.scope));
    let assignment = assignment.ok_or_else(|| no_such(ObjectKind::Assignment, id))?;
    if !place.inherits(&assignment.scope) {
        return Err(out_of_scope("InvalidCreatePolicyExemptionRequest", &own.id, id));
    }
    let initiative = library.governance.initiative(&assignment.definition_id);
    for reference in &own.reference_ids {
        let is_there =
            initiative.is_some_and(|own| own.members.iter().any(|member| member.reference_id.eq_ignore_ascii_case(reference)));
        if !is_there {
            let message = format!(
                "the exemption `{}` is refused: the assignment `{id}` has no definition with the reference id `{reference}`",
                own.id
            );
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "InvalidPolicyDefinitionReferenceId", message));
        }
    }
    Ok(())
}

fn out_of_scope(code: &'static str, own: &str, other: &str) -> ApiError {
    let message = format!("`{own}` is refused: `{other}` does not lie at its scope or above it");
    ApiError::new(StatusCode::BAD_REQUEST, code, message)
}

/// That each value is for a parameter that is declared, and that each parameter without a default gets one.
fn names(declared: &BTreeMap<String, ParameterDeclaration>, given: &[&str], what: &str) -> Result<(), ApiError> {
    let is_declared = |name: &str| declared.keys().any(|own| own.eq_ignore_ascii_case(name));
    let is_given = |name: &str| given.iter().any(|own| own.eq_ignore_ascii_case(name));
    if let Some(name) = given.iter().find(|name| !is_declared(name)) {
        let message = format!("a value for `{name}` is given in {what}, which is no parameter of the definition");
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "UndefinedPolicyParameter", message));
    }
    let missing = declared.iter().find(|(name, own)| own.default.is_none() && !is_given(name));
    match missing {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("the parameter `{name}` has no default, and {what} gives it no value");
            Err(ApiError::new(StatusCode::BAD_REQUEST, "MissingPolicyParameter", message))
        }
    }
}

fn values(declared: &BTreeMap<String, ParameterDeclaration>, given: &Parameters, id: &str) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    for (name, value) in given {
        let own = declared.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, own)| own);
        if let Some(Err(message)) = own.map(|own| own.check(value)) {
            errors.push(CompileError {
                pointer: format!("/properties/parameters/{name}"),
                message: format!("`{name}` {message}"),
                help: None,
            });
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(refused("InvalidPolicyParameters", &format!("the assignment `{id}`"), &errors)) }
}

/// That the assignments of a definition or an initiative take it as it is to be.
fn dependents(library: &Library, id: &str, document: &Value, more: &[&str]) -> Result<(), ApiError> {
    let governance = &library.governance;
    let users: Vec<&str> = governance.initiatives().filter(|own| holds(own, id)).map(|own| own.id.as_str()).collect();
    let is_meant = |own: &&Assignment| {
        own.definition_id.eq_ignore_ascii_case(id) || users.iter().any(|user| own.definition_id.eq_ignore_ascii_case(user))
    };
    let assignments: Vec<&Assignment> = governance.assignments().filter(is_meant).collect();
    if assignments.is_empty() {
        return Ok(());
    }
    let ids: BTreeSet<&str> = assignments.iter().map(|own| own.id.as_str()).collect();
    let now = Timestamp::now();
    let rests_on: Vec<&str> = ids.iter().copied().chain(users.iter().copied()).chain(more.iter().copied()).collect();
    let after = trial(library, document, &rests_on);
    let before: BTreeSet<Unlinked> =
        governance.plan_where(now, |own| ids.contains(own.id.as_str())).unlinked.into_iter().collect();
    let after: Vec<Unlinked> = after
        .plan_where(now, |own| ids.contains(own.id.as_str()))
        .unlinked
        .into_iter()
        .filter(|own| !before.contains(own))
        .collect();
    told("InvalidPolicyParameterUpdate", &format!("the change of `{id}`"), &after)
}

/// What people wrote, as far as some objects rest on it, with one document as it is to be.
fn trial(library: &Library, document: &Value, ids: &[&str]) -> Governance {
    let mut wanted: BTreeSet<String> = ids.iter().map(|id| id.to_lowercase()).collect();
    for id in ids {
        wanted.extend(library.rests_on(id));
        if let Some(initiative) = library.governance.initiative(id) {
            wanted.extend(initiative.members.iter().map(|member| member.definition_id.to_lowercase()));
        }
    }
    let known = wanted.iter().filter_map(|id| library.document(id)).cloned();
    // Of two with one id the later counts.
    Library::of(known.chain([document.clone()])).0.governance
}

fn told(code: &'static str, what: &str, problems: &[Unlinked]) -> Result<(), ApiError> {
    if problems.is_empty() {
        return Ok(());
    }
    let line = |own: &Unlinked| match own.reference_id.as_str() {
        "" => own.message.clone(),
        reference => format!("{reference}: {}", own.message),
    };
    let lines: Vec<String> = problems.iter().take(10).map(line).collect();
    let details =
        problems.iter().map(|own| json!({ "code": code, "target": own.reference_id, "message": own.message })).collect();
    let message = format!("{what} is refused: {}", lines.join("; "));
    Err(ApiError::new(StatusCode::BAD_REQUEST, code, message).with_details(details))
}
