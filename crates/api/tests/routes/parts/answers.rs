//! What servers answer, and where two answers are not the same.

use axum::http::StatusCode;
use serde_json::Value;

use crate::common::{Server, ask_bytes};

/// What a path answers: JSON, or the bytes of a file as text.
async fn ask_one(server: &Server, path: &str, bearer: &str) -> (StatusCode, Value) {
    let (code, bytes) = ask_bytes(server, "GET", path, &[("authorization", bearer)], Vec::new()).await;
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    (code, body)
}

/// What a path answers. Assessments and resources stand in the order in which their places were first seen, and what is seen one by one
/// comes last: they are read to the end and sorted.
pub(super) async fn read(server: &Server, path: &str, bearer: &str) -> (StatusCode, Value) {
    let (code, mut body) = ask_one(server, path, bearer).await;
    let is_ordered_so =
        ["/assessments", "/resources", "/tasks", "/subAssessments", "/healthReports"].iter().any(|list| path.contains(list));
    if !is_ordered_so {
        return (code, body);
    }
    while let Some(next) = next_of(path, &mut body) {
        let (code, mut page) = ask_one(server, &next, bearer).await;
        assert_eq!(code, StatusCode::OK, "{next}: {page}");
        for list in ["items", "value"] {
            if let (Some(items), Some(more)) = (body[list].as_array_mut(), page[list].as_array_mut()) {
                items.append(more);
            }
        }
        for name in ["next", "nextLink"] {
            if let Some(own) = page.get(name) {
                body[name] = own.clone();
            }
        }
    }
    for list in ["items", "value"] {
        if let Some(items) = body.get_mut(list).and_then(Value::as_array_mut) {
            items.sort_by_key(Value::to_string);
        }
    }
    if let Value::String(text) = &body {
        let mut lines: Vec<&str> = text.lines().collect();
        lines.sort_unstable();
        body = lines.join("\n").into();
    }
    (code, body)
}

/// Takes out of a page where the next one is.
fn next_of(path: &str, page: &mut Value) -> Option<String> {
    let members = page.as_object_mut()?;
    if let Some(Value::String(link)) = members.remove("nextLink") {
        let (_, rest) = link.split_once("://")?;
        return rest.split_once('/').map(|(_, path)| format!("/{path}"));
    }
    let Some(Value::String(next)) = members.remove("next") else { return None };
    let cursor: String = next.bytes().map(|byte| format!("%{byte:02x}")).collect();
    Some(format!("{path}{}cursor={cursor}", if path.contains('?') { "&" } else { "?" }))
}

/// The first place at which two answers are not the same.
pub(super) fn difference(left: &Value, right: &Value) -> Option<String> {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) if left.keys().eq(right.keys()) => {
            left.iter().zip(right.values()).find_map(|((name, left), right)| Some(format!("{name}/{}", difference(left, right)?)))
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => left
            .iter()
            .zip(right)
            .enumerate()
            .find_map(|(place, (left, right))| Some(format!("{place}/{}", difference(left, right)?))),
        _ => (left != right).then(|| format!(" {left} instead of {right}")),
    }
}

/// What is told of the past, and of which accounts nothing is told.
pub(super) fn past(answer: &mut Value) -> (Value, Value) {
    let members = answer.as_object_mut();
    members.map_or((Value::Null, Value::Null), |own| {
        let told = own.remove("trend").or_else(|| own.remove("items")).unwrap_or(Value::Null);
        (told, own.remove("withoutHistory").unwrap_or(Value::Null))
    })
}

/// Whether a path leads to what is set for a whole account: plans, contacts, rules.
pub(super) fn is_of_account(path: &str) -> bool {
    let (_, provider) = path.rsplit_once("/providers/Microsoft.Security/").unwrap_or_default();
    let kinds = [
        "alertsSuppressionRules",
        "pricings",
        "securityContacts",
        "settings",
        "autoProvisioningSettings",
        "workspaceSettings",
        "applications",
        "governanceRules",
        "customRecommendations",
        "securityStandards",
        "standardAssignments",
        "standards",
    ];
    path.starts_with("/subscriptions/")
        && !path.contains("/securityEntityData/")
        && kinds.contains(&provider.split('/').next().unwrap_or_default())
}
