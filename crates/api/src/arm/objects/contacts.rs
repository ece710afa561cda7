//! Security contacts before 2023-12-01-preview: one switch and one severity for alerts stand where sources are listed today.

use serde_json::{Map, Value, json};

/// Today's members from the older ones; sources that the older shape has no word for stay.
pub(super) fn read(mut older: Map<String, Value>, current: Option<&Map<String, Value>>) -> Map<String, Value> {
    let Some(Value::Object(alerts)) = older.remove("alertNotifications") else { return older };
    let mut sources: Vec<Value> = sources_of(current).iter().filter(|own| !is_alert(own)).cloned().collect();
    let mut source = json!({ "sourceType": "Alert" });
    if let (Some(severity), Some(members)) = (alerts.get("minimalSeverity"), source.as_object_mut()) {
        members.insert("minimalSeverity".to_owned(), severity.clone());
    }
    sources.insert(0, source);
    let is_on = alerts.get("state").and_then(Value::as_str) == Some("On");
    older.insert("notificationsSources".to_owned(), Value::Array(sources));
    older.insert("isEnabled".to_owned(), is_on.into());
    older
}

/// The older members from today's.
pub(super) fn write(mut properties: Map<String, Value>) -> Map<String, Value> {
    let alert = sources_of(Some(&properties)).iter().find(|own| is_alert(own)).cloned();
    let is_enabled = properties.remove("isEnabled").and_then(|own| own.as_bool()).unwrap_or(false);
    properties.remove("notificationsSources");
    let mut alerts = json!({ "state": if is_enabled && alert.is_some() { "On" } else { "Off" } });
    let severity = alert.as_ref().and_then(|own| own.get("minimalSeverity"));
    if let (Some(severity), Some(members)) = (severity, alerts.as_object_mut()) {
        members.insert("minimalSeverity".to_owned(), severity.clone());
    }
    properties.insert("alertNotifications".to_owned(), alerts);
    properties
}

fn sources_of(properties: Option<&Map<String, Value>>) -> &[Value] {
    let sources = properties.and_then(|own| own.get("notificationsSources")).and_then(Value::as_array);
    sources.map_or(&[], Vec::as_slice)
}

fn is_alert(source: &Value) -> bool {
    source.get("sourceType").and_then(Value::as_str) == Some("Alert")
}
