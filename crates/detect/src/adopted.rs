use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Map, Value};
use skywarden_content::{AlertLevel, Intent};
use skywarden_model::{assessment_key, subscription_of};

use crate::{
    Alert, Class, Entity, Event,
    defender::{alert_id, severity_text},
};

/// What adopted alerts are said to come from, in the place of a log source.
const SOURCE: &str = "defender-for-cloud";

/// Most entities that an alert names.
const MAX_ENTITIES: usize = 100;

/// An alert that Defender for Cloud raised.
#[derive(Debug, Clone)]
pub struct AdoptedAlert {
    /// The alert. Its id is that of Defender's as it comes, and its first event is Defender's alert itself.
    pub alert: Alert,
    /// What people did with it there, in Defender's word; absent if it does not say.
    pub status: Option<String>,
}

/// Takes over an alert of `Microsoft.Security/alerts`, as Azure Resource Manager or Resource Graph answers it.
///
/// # Errors
/// Says in a clause what it lacks of what every alert has.
pub fn adopted_alert(row: &Value) -> Result<AdoptedAlert, String> {
    let arm_id = text(row, "/id").ok_or("it has no id")?.to_lowercase();
    let of = |name: &str| text(row, &format!("/properties/{name}"));
    let lacks = |name: &str| format!("it has no `{name}`");
    let own = of("systemAlertId").or(text(row, "/name")).unwrap_or_default();
    // Those of other products of Microsoft's have names that are no GUIDs.
    let id = alert_id(own).unwrap_or_else(|| assessment_key(&format!("alert of Azure {arm_id}")).simple().to_string());
    let detection = of("alertType").ok_or_else(|| lacks("alertType"))?;
    let word = of("severity").ok_or_else(|| lacks("severity"))?;
    let severity = severity_of(word).ok_or_else(|| format!("`{word}` is no severity"))?;
    let instant = |name: &str| of(name).and_then(|time| time.parse::<Timestamp>().ok());
    let start = instant("startTimeUtc").or_else(|| instant("timeGeneratedUtc")).ok_or_else(|| lacks("startTimeUtc"))?;
    let end = instant("endTimeUtc").unwrap_or(start).max(start);
    let account = subscription_of(&arm_id).map(str::to_owned);
    let resource = list(row, "resourceIdentifiers").find_map(|own| text(own, "/azureResourceId")).map(str::to_lowercase);
    let extended = row.pointer("/properties/extendedProperties").and_then(Value::as_object);
    let first = Event {
        id: arm_id.clone(),
        source: SOURCE.into(),
        time: Some(start),
        account: account.clone(),
        resource: resource.clone(),
        class: Class::named("detection_finding").unwrap_or(Class::NONE),
        fields: extended.map(fields).unwrap_or_default(),
        raw: row.to_string(),
    };
    let techniques: BTreeSet<&str> = texts(row, "techniques").chain(texts(row, "subTechniques")).collect();
    let alert = Alert {
        id,
        detection: detection.into(),
        title: of("alertDisplayName").unwrap_or(detection).to_owned(),
        description: of("description").unwrap_or_default().to_owned(),
        severity,
        plan: of("productComponentName").map(str::to_owned),
        intents: of("intent").map(intents).unwrap_or_default(),
        techniques: techniques.into_iter().map(str::to_owned).collect(),
        remediation: texts(row, "remediationSteps").map(str::to_owned).collect(),
        start,
        end,
        n_events: 1,
        events: vec![arm_id],
        entities: entities(row),
        compromised: resource.or_else(|| of("compromisedEntity").map(str::to_owned)),
        account,
        sources: BTreeSet::from([SOURCE.into()]),
        evidence: Vec::new(),
        why: Some(format!("{} raised it as {own}", of("productName").unwrap_or("Microsoft Defender for Cloud"))),
        first,
    };
    Ok(AdoptedAlert { alert, status: of("status").map(str::to_owned) })
}

/// A kind of entity in Defender's word and in ours, the members of which the first that is there identifies it, and what else is taken.
type Row = (&'static str, &'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Kinds that are not among these are in the first event only.
const ENTITIES: &[Row] = &[
    ("account", "account", &["/aadUserId", "/sid", "/name"], &[("name", "/name")]),
    ("ip", "ip", &["/address"], &[("country", "/location/countryCode"), ("city", "/location/city")]),
    ("host", "host", &["/hostName", "/netBiosName", "/azureID"], &[]),
    (
        "process",
        "process",
        &["/commandLine", "/imageFile/name", "/processId"],
        &[("processId", "/processId"), ("path", "/imageFile/name")],
    ),
    ("file", "file", &["/name"], &[("hash", "/fileHashes/0/value")]),
    ("dns", "dns", &["/domainName"], &[]),
    ("url", "url", &["/url"], &[]),
    ("azure-resource", "azure-resource", &["/resourceId"], &[]),
    ("amazon-resource", "cloud-resource", &["/amazonResourceId"], &[]),
    ("google-cloud-resource", "cloud-resource", &["/fullResourceName", "/resourceName"], &[("resourceType", "/resourceType")]),
    ("container", "container", &["/containerId", "/name"], &[("image", "/image/imageId")]),
    ("cloud-logon-session", "session", &["/sessionId"], &[]),
];

fn entities(row: &Value) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    for own in list(row, "entities") {
        let Some(their) = text(own, "/type") else { continue };
        let Some((_, kind, ids, more)) = ENTITIES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(their)) else { continue };
        let Some(mut id) = ids.iter().find_map(|place| scalar(own, place)) else { continue };
        match *kind {
            "file" => id = in_directory(own, id),
            "account" => id = user_principal_name(own).unwrap_or(id),
            "azure-resource" => id = id.to_lowercase(),
            _ => {}
        }
        let more =
            more.iter().filter_map(|(name, place)| Some((*name, scalar(own, place).filter(|text| *text != id)?))).collect();
        let entity = Entity { kind, id, more };
        if found.len() < MAX_ENTITIES && !found.iter().any(|known| known.kind == entity.kind && known.id == entity.id) {
            found.push(entity);
        }
    }
    found
}

fn in_directory(file: &Value, name: String) -> String {
    match text(file, "/directory") {
        None => name,
        Some(directory) => {
            let between = if directory.contains('\\') { '\\' } else { '/' };
            format!("{}{between}{name}", directory.trim_end_matches(['/', '\\']))
        }
    }
}

/// Of an account that has no id of its own.
fn user_principal_name(account: &Value) -> Option<String> {
    if text(account, "/aadUserId").or(text(account, "/sid")).is_some() {
        return None;
    }
    let name = text(account, "/name")?;
    Some(text(account, "/upnSuffix").map_or_else(|| name.to_owned(), |suffix| format!("{name}@{suffix}")))
}

/// What Defender says beside, as fields that OCSF has no name for.
fn fields(extended: &Map<String, Value>) -> BTreeMap<String, Value> {
    // A dot would make a step of it.
    extended.iter().map(|(name, value)| (format!("unmapped.{}", name.replace('.', "_")), value.clone())).collect()
}

fn severity_of(word: &str) -> Option<AlertLevel> {
    let all = [AlertLevel::Informational, AlertLevel::Low, AlertLevel::Medium, AlertLevel::High];
    all.into_iter().find(|level| severity_text(*level).eq_ignore_ascii_case(word))
}

/// The steps of the kill chain that a text names, of which Defender writes one or several with commas.
fn intents(words: &str) -> Vec<Intent> {
    let known = words.split(',').filter_map(|word| serde_json::from_value::<Intent>(word.trim().into()).ok());
    known.filter(|intent| *intent != Intent::Unknown).collect()
}

fn list<'v>(row: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    row.pointer(&format!("/properties/{name}")).and_then(Value::as_array).into_iter().flatten()
}

fn texts<'v>(row: &'v Value, name: &str) -> impl Iterator<Item = &'v str> {
    list(row, name).filter_map(Value::as_str)
}

/// A text that is not empty.
fn text<'v>(value: &'v Value, place: &str) -> Option<&'v str> {
    value.pointer(place).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn scalar(value: &Value, place: &str) -> Option<String> {
    match value.pointer(place)? {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::defender;

    const ARM: &str = "/subscriptions/AAAA0000-0000-0000-0000-000000000001/providers/Microsoft.Security/locations/westeurope/alerts/2518_52063f23-4fe3-47fe-9e98-a10004e01145";

    fn row() -> Value {
        json!({ "id": ARM, "name": "2518_52063f23-4fe3-47fe-9e98-a10004e01145", "properties": {
            "alertType": "VM_Guessing", "systemAlertId": "2518_52063F23-4fe3-47fe-9e98-a10004e01145", "productComponentName": "VirtualMachines",
            "alertDisplayName": "Somebody guesses", "description": "d", "severity": "Medium", "status": "InProgress",
            "intent": "PreAttack, InitialAccess, SomethingNew", "startTimeUtc": "2026-11-28T22:14:01Z", "endTimeUtc": "2026-11-28T22:31:40Z",
            "techniques": ["T1110"], "subTechniques": ["T1110.001"], "remediationSteps": ["Reset it."],
            "resourceIdentifiers": [
                { "type": "LogAnalytics", "workspaceId": "w" },
                { "type": "AzureResource", "azureResourceId": "/subscriptions/AAAA/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/VM" }],
            "entities": [
                { "$id": "1", "type": "host", "hostName": "vm" }, { "$ref": "1" }, { "type": "host", "hostName": "vm" },
                { "type": "IP", "address": "198.51.100.23", "location": { "countryCode": "NL", "city": "Delft" } },
                { "type": "account", "name": "anna", "upnSuffix": "fernhollow.example" },
                { "type": "file", "directory": "C:\\tmp", "name": "a.exe" }, { "type": "crystal-ball", "name": "x" }],
            "extendedProperties": { "failed attempts": "412", "a.b": "c" } } })
    }

    #[test]
    fn an_alert_of_defenders_keeps_its_id_and_all_that_it_says() {
        let adopted = adopted_alert(&row()).unwrap();
        let own = &adopted.alert;
        assert_eq!((own.id.as_str(), adopted.status.as_deref()), ("52063f234fe347fe9e98a10004e01145", Some("InProgress")));
        assert_eq!((own.severity, own.plan.as_deref()), (AlertLevel::Medium, Some("VirtualMachines")));
        assert_eq!(own.intents, [Intent::PreAttack, Intent::InitialAccess], "a word that is not known is left out");
        assert_eq!(
            (own.start.to_string().as_str(), own.end.to_string().as_str()),
            ("2026-11-28T22:14:01Z", "2026-11-28T22:31:40Z")
        );
        assert_eq!(own.techniques, ["T1110", "T1110.001"]);
        let entities: Vec<_> = own.entities.iter().map(|own| (own.kind, own.id.as_str())).collect();
        let expected =
            [("host", "vm"), ("ip", "198.51.100.23"), ("account", "anna@fernhollow.example"), ("file", "C:\\tmp\\a.exe")];
        assert_eq!(entities, expected);
        assert_eq!(own.entities[1].more["city"], "Delft");
        let resource = "/subscriptions/aaaa/resourcegroups/g/providers/microsoft.compute/virtualmachines/vm";
        assert_eq!((own.compromised.as_deref(), own.first.resource.as_deref()), (Some(resource), Some(resource)));
        assert_eq!(own.account.as_deref(), Some("aaaa0000-0000-0000-0000-000000000001"));
        assert!(own.why.as_ref().unwrap().ends_with("2518_52063F23-4fe3-47fe-9e98-a10004e01145"));
        assert_eq!(own.first.fields["unmapped.a_b"], "c");
        // It is read again as it was kept, and answered in Defender's shape.
        let kept: Alert = serde_json::from_value(serde_json::to_value(own).unwrap()).unwrap();
        let shown = defender::properties(&kept);
        assert_eq!((&shown["intent"], &shown["alertType"]), (&json!("PreAttack, InitialAccess"), &json!("VM_Guessing")));
        assert_eq!(shown["entities"][2]["name"], "anna");
    }

    #[test]
    fn an_alert_without_a_guid_gets_the_same_id_each_time_and_one_without_what_all_have_says_what_it_lacks() {
        let mut other = row();
        other["properties"]["systemAlertId"] = json!("da637_x");
        let ids: Vec<String> = (0..2).map(|_| adopted_alert(&other).unwrap().alert.id).collect();
        assert_eq!(ids[0], ids[1]);
        assert_eq!(alert_id(&format!("1_{}", ids[0])).as_deref(), Some(ids[0].as_str()));
        for (name, value, lack) in
            [("severity", json!("Terrible"), "`Terrible` is no severity"), ("alertType", json!(""), "it has no `alertType`")]
        {
            let mut bad = row();
            bad["properties"][name] = value;
            assert_eq!(adopted_alert(&bad).unwrap_err(), lack);
        }
        let mut timeless = row();
        timeless["properties"]["startTimeUtc"] = json!("yesterday");
        assert_eq!(adopted_alert(&timeless).unwrap_err(), "it has no `startTimeUtc`");
    }
}
