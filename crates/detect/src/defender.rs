//! Alerts in the shape of `Microsoft.Security/alerts`, api-version 2022-01-01, and the rules that suppress them
//! (`alertsSuppressionRules`, 2019-01-01-preview).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use skywarden_content::{AlertLevel, IncidentKindFile, Intent};

use crate::{Alert, Entity, Incident, Party};

/// Milliseconds from the year 1, from which .NET counts, to 1970.
const SINCE_YEAR_ONE: i64 = 62_135_596_800_000;

/// A severity in the words of Defender's alerts, which know no critical.
pub fn severity_text(severity: AlertLevel) -> &'static str {
    match severity {
        AlertLevel::Informational => "Informational",
        AlertLevel::Low => "Low",
        AlertLevel::Medium => "Medium",
        AlertLevel::High | AlertLevel::Critical => "High",
    }
}

/// The name of an alert as ARM has it: ticks of its start since the year 1, and its id as a GUID.
pub fn alert_name(id: &str, start: Timestamp) -> String {
    let ticks = start.as_millisecond().saturating_add(SINCE_YEAR_ONE).saturating_mul(10_000);
    let mut guid = String::with_capacity(36);
    for (place, letter) in id.chars().take(32).enumerate() {
        if [8, 12, 16, 20].contains(&place) {
            guid.push('-');
        }
        guid.push(letter);
    }
    format!("{ticks}_{guid}")
}

/// The id of an alert from its name in ARM; `None` if it is none.
pub fn alert_id(name: &str) -> Option<String> {
    let guid = name.split_once('_').map_or(name, |(_, guid)| guid);
    let id: String = guid.chars().filter(|letter| *letter != '-').map(|letter| letter.to_ascii_lowercase()).collect();
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// The properties of an alert, without those that only its keeper knows (status, URI).
pub fn properties(alert: &Alert) -> Map<String, Value> {
    let entities: Vec<Value> = alert.entities.iter().map(entity).collect();
    let evidence: Vec<Value> = alert.evidence.iter().map(|row| json!([row.field, row.expected, row.actual])).collect();
    let (techniques, sub): (Vec<&str>, Vec<&str>) = alert.techniques.iter().map(String::as_str).partition(|id| !id.contains('.'));
    // A sub-technique is one of its technique.
    let mut all: Vec<&str> = techniques;
    all.extend(sub.iter().filter_map(|id| id.split_once('.')).map(|(technique, _)| technique));
    all.sort_unstable();
    all.dedup();
    let mut extended = Map::new();
    let mut extend = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            extended.insert(name.to_owned(), value.into());
        }
    };
    extend("number of events", Some(alert.n_events.to_string()));
    extend("why", alert.why.clone());
    extend("account", alert.account.clone());
    extend("log sources", Some(alert.sources.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")));
    extend("events", Some(alert.events.iter().take(20).cloned().collect::<Vec<_>>().join(", ")));
    let mut properties = Map::new();
    let mut put = |name: &str, value: Value| {
        properties.insert(name.to_owned(), value);
    };
    put("version", "2022-01-01".into());
    put("alertType", alert.detection.as_ref().into());
    put("systemAlertId", alert_name(&alert.id, alert.start).into());
    put("productComponentName", alert.plan.clone().map_or(Value::Null, Value::from));
    put("alertDisplayName", alert.title.as_str().into());
    put("description", alert.description.as_str().into());
    put("severity", severity_text(alert.severity).into());
    put("intent", intent_text(&alert.intents).into());
    put("startTimeUtc", alert.start.to_string().into());
    put("endTimeUtc", alert.end.to_string().into());
    put("remediationSteps", json!(alert.remediation));
    put("vendorName", "Skywarden".into());
    put("productName", "Skywarden".into());
    put("entities", entities.into());
    put("isIncident", false.into());
    put("compromisedEntity", alert.compromised.clone().map_or(Value::Null, Value::from));
    put("techniques", json!(all));
    put("subTechniques", json!(sub));
    put("extendedProperties", extended.into());
    if !evidence.is_empty() {
        let table = json!({ "type": "tabularEvidences", "title": "What was asked of the first event, and what it held",
            "columns": ["field", "expected", "actual"], "rows": evidence });
        put("supportingEvidence", json!({ "type": "nestedList", "supportingEvidenceList": [table] }));
    }
    properties
}

/// The properties of an incident, which the lists of alerts show as a compound alert, without those that only its keeper knows. `kind` is
/// that of the catalog.
pub fn incident_properties(incident: &Incident, kind: Option<&IncidentKindFile>) -> Map<String, Value> {
    let names: Vec<&str> = incident.alerts.iter().map(String::as_str).collect();
    let party = |own: &Party| {
        let name = own.name.as_deref();
        shape(&own.kind, &own.id, &|member| name.filter(|_| member == "name"))
    };
    let steps: Vec<Value> =
        incident.timeline.iter().map(|own| json!([own.time.to_string(), intent_text(&[own.intent]), own.text])).collect();
    let table = json!({ "type": "tabularEvidences", "title": "What happened, in order of time",
        "columns": ["time", "intent", "what"], "rows": steps });
    let mut properties = Map::new();
    let mut put = |name: &str, value: Value| {
        properties.insert(name.to_owned(), value);
    };
    put("version", "2022-01-01".into());
    put("alertType", kind.map_or("Incident", |kind| kind.id.as_str()).into());
    put("systemAlertId", alert_name(&incident.id, incident.start).into());
    put("productComponentName", Value::Null);
    put("alertDisplayName", incident.title.as_str().into());
    put(
        "description",
        kind.map_or("Alerts that share entities and follow each other along the kill chain.", |kind| kind.description.as_str())
            .into(),
    );
    put("severity", severity_text(incident.severity).into());
    put("intent", intent_text(&incident.intents).into());
    put("startTimeUtc", incident.start.to_string().into());
    put("endTimeUtc", incident.end.to_string().into());
    put("remediationSteps", kind.map_or_else(|| json!([]), |kind| json!(kind.remediation)));
    put("vendorName", "Skywarden".into());
    put("productName", "Skywarden".into());
    put("entities", incident.shared.iter().map(party).collect());
    put("isIncident", true.into());
    put("compromisedEntity", incident.shared.first().map_or(Value::Null, |own| own.name.as_deref().unwrap_or(&own.id).into()));
    put("techniques", json!([]));
    put("subTechniques", json!([]));
    put("extendedProperties", json!({ "number of alerts": names.len().to_string(), "alerts": names.join(", ") }));
    put("supportingEvidence", json!({ "type": "nestedList", "supportingEvidenceList": [table] }));
    properties
}

/// The steps of the kill chain in one text, as ARM's enum writes several.
fn intent_text(intents: &[Intent]) -> String {
    let names: Vec<String> =
        intents.iter().filter_map(|intent| serde_json::to_value(intent).ok()?.as_str().map(str::to_owned)).collect();
    if names.is_empty() { "Unknown".to_owned() } else { names.join(", ") }
}

/// An entity with the members that Defender's alerts have for its kind.
pub fn entity(entity: &Entity) -> Value {
    shape(entity.kind, &entity.id, &|name| entity.more.get(name).map(String::as_str))
}

/// The shape of an entity by its kind, what tells it from others, and what else is known.
fn shape<'e>(kind: &str, own: &'e str, more: &dyn Fn(&str) -> Option<&'e str>) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value.into());
        }
    };
    let id = Some(own);
    match kind {
        "ip" => {
            put("type", Some("ip"));
            put("address", id);
            put("port", more("port"));
            if let Some(country) = more("country") {
                out.insert("location".to_owned(), json!({ "countryCode": country, "city": more("city") }));
            }
        }
        "account" => {
            put("type", Some("account"));
            put("name", more("name").or(id));
            put("uid", id);
            put("accountType", more("accountType"));
        }
        "host" => {
            put("type", Some("host"));
            put("hostName", id);
            put("deviceId", more("deviceId"));
        }
        "process" => {
            put("type", Some("process"));
            put("commandLine", id);
            put("processId", more("processId"));
            if let Some(path) = more("path") {
                out.insert("imageFile".to_owned(), json!({ "type": "file", "name": path }));
            }
        }
        "file" => {
            put("type", Some("file"));
            let (directory, name) = own.rsplit_once(['/', '\\']).map_or((None, own), |(at, name)| (Some(at), name));
            put("name", Some(name));
            put("directory", directory);
            put("hash", more("hash"));
        }
        "dns" => {
            put("type", Some("dns"));
            put("domainName", id);
        }
        "url" => {
            put("type", Some("url"));
            put("url", id);
            put("userAgent", more("userAgent"));
        }
        "azure-resource" => {
            put("type", Some("azure-resource"));
            put("resourceId", id);
        }
        "cloud-resource" if own.starts_with("arn:") => {
            put("type", Some("amazon-resource"));
            put("amazonResourceId", id);
        }
        "cloud-resource" => {
            put("type", Some("google-cloud-resource").filter(|_| own.starts_with("//")).or(Some("cloud-resource")));
            put("resourceName", id);
            put("resourceType", more("resourceType"));
        }
        "container" => {
            put("type", Some("container"));
            put("containerId", id);
            put("image", more("image"));
        }
        "session" => {
            put("type", Some("cloud-logon-session"));
            put("sessionId", id);
        }
        kind => {
            put("type", Some(kind));
            put("id", id);
        }
    }
    Value::Object(out)
}

/// A rule that suppresses alerts: those that it fits are dismissed when they are raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionRule {
    /// The detection; `*` is any.
    pub alert_type: String,
    /// From when on it is of no effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_date_utc: Option<Timestamp>,
    /// Whether it is on.
    pub state: SuppressionState,
    /// What must hold of entities as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppression_alerts_scope: Option<SuppressionScope>,
}

/// Whether a rule is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuppressionState {
    /// It is.
    Enabled,
    /// It is not.
    Disabled,
    /// Its time is over.
    Expired,
}

/// What must hold of an alert's entities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuppressionScope {
    /// Each of these.
    pub all_of: Vec<ScopeElement>,
}

/// What must hold of a field: `entities.ip.address` is one of `in`, or contains one of `contains`; without case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeElement {
    /// `entities.TYPE.MEMBER`, with deeper members behind dots.
    pub field: String,
    /// Whole values.
    #[serde(rename = "in", default, skip_serializing_if = "Option::is_none")]
    pub is_in: Option<Vec<String>>,
    /// Parts of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Contains>,
}

/// One text or several: clients write both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Contains {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl SuppressionRule {
    /// Whether it suppresses an alert at an instant.
    pub fn suppresses(&self, alert: &Alert, now: Timestamp) -> bool {
        let is_on = self.state == SuppressionState::Enabled && self.expiration_date_utc.is_none_or(|end| now < end);
        let is_meant = self.alert_type == "*" || self.alert_type.eq_ignore_ascii_case(&alert.detection);
        let conditions = self.suppression_alerts_scope.iter().flat_map(|scope| &scope.all_of);
        is_on && is_meant && conditions.into_iter().all(|condition| condition.holds(alert))
    }
}

impl ScopeElement {
    fn holds(&self, alert: &Alert) -> bool {
        let Some((kind, member)) = self.field.strip_prefix("entities.").and_then(|rest| rest.split_once('.')) else {
            return false;
        };
        let pointer = format!("/{}", member.replace('.', "/"));
        let values = alert
            .entities
            .iter()
            .map(entity)
            .filter(|entity| entity.get("type").and_then(Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(kind)));
        let mut values = values.filter_map(|entity| entity.pointer(&pointer).and_then(Value::as_str).map(str::to_lowercase));
        values.any(|value| {
            let is_in = self.is_in.as_ref().is_some_and(|wanted| wanted.iter().any(|wanted| wanted.to_lowercase() == value));
            let contains = match &self.contains {
                None => false,
                Some(Contains::One(part)) => value.contains(&part.to_lowercase()),
                Some(Contains::Several(parts)) => parts.iter().any(|part| value.contains(&part.to_lowercase())),
            };
            is_in || contains
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_ids_and_starts() {
        let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let id = "0123456789abcdef0123456789abcdef";
        let name = alert_name(id, start);
        assert_eq!(name, "639079200000000000_01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(alert_id(&name).as_deref(), Some(id));
        assert_eq!(alert_id("default"), None);
    }

    #[test]
    fn a_rule_suppresses_what_fits_all_of_it_while_it_lasts() {
        let rule: SuppressionRule = serde_json::from_value(json!({
            "alertType": "Brute", "state": "Enabled", "expirationDateUtc": "2026-04-01T00:00:00Z",
            "suppressionAlertsScope": { "allOf": [
                { "field": "entities.ip.address", "in": ["198.51.100.7", "198.51.100.8"] },
                { "field": "entities.host.hostName", "contains": ["web", "db"] },
                { "field": "entities.ip.location.countryCode", "contains": "d" },
            ] },
        }))
        .unwrap();
        let alert = |host: &str, country: &'static str| -> Alert {
            serde_json::from_value(json!({
                "id": "a", "detection": "brute", "title": "", "description": "", "severity": "high", "plan": null, "intents": [],
                "techniques": ["T1110.001", "T1078"], "remediation": [], "start": "2026-03-01T00:00:00Z", "end": "2026-03-01T00:00:00Z",
                "n_events": 1, "events": [], "compromised": null, "account": null, "sources": [], "evidence": [], "why": null,
                "entities": [{ "type": "ip", "id": "198.51.100.8", "country": country }, { "type": "host", "id": host }],
                "first": { "id": "e", "source": "s", "time": null, "account": null, "resource": null, "class": "base_event", "fields": {}, "raw": "" },
            }))
            .unwrap()
        };
        let (now, late): (Timestamp, Timestamp) =
            ("2026-03-02T00:00:00Z".parse().unwrap(), "2026-04-01T00:00:00Z".parse().unwrap());
        assert!(rule.suppresses(&alert("WEB-1", "DE"), now));
        assert!(!rule.suppresses(&alert("WEB-1", "DE"), late));
        assert!(!rule.suppresses(&alert("mail", "DE"), now) && !rule.suppresses(&alert("web", "FR"), now));
        let off = SuppressionRule { state: SuppressionState::Disabled, ..rule.clone() };
        assert!(!off.suppresses(&alert("web", "DE"), now));
        let other = SuppressionRule { alert_type: "other".into(), ..rule.clone() };
        assert!(!other.suppresses(&alert("web", "DE"), now));
        let properties = properties(&alert("web", "DE"));
        assert_eq!(
            (&properties["techniques"], &properties["subTechniques"]),
            (&json!(["T1078", "T1110"]), &json!(["T1110.001"]))
        );
    }
}
