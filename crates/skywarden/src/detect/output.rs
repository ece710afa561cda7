use std::{collections::BTreeMap, io::Write as _};

use serde_json::{Value, json};
use skywarden_content::AlertLevel;
use skywarden_detect::{Alert, Kinds, by_severity, correlate, defender::severity_text};

use crate::output::{new_table, ocsf::SCHEMA_VERSION, text_for_terminal};

/// Alerts for people: the worst first.
pub(crate) fn table(alerts: &[Alert], kinds: &Kinds) -> anyhow::Result<()> {
    let mut sorted: Vec<&Alert> = alerts.iter().collect();
    sorted.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.start));
    let mut table = new_table(&["Severity", "Time (UTC)", "Alert", "Who and what", "Events"]);
    for alert in sorted {
        let who: Vec<String> = alert
            .entities
            .iter()
            .filter(|entity| !matches!(entity.kind, "cloud-account" | "session"))
            .take(3)
            .map(|entity| text_for_terminal(entity.more.get("name").unwrap_or(&entity.id), 60).to_string())
            .collect();
        table.add_row([
            severity_text(alert.severity).to_owned(),
            alert.start.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            format!("{}\n{}", text_for_terminal(&alert.title, 120), text_for_terminal(&alert.detection, 80)),
            who.join("\n"),
            alert.n_events.to_string(),
        ]);
    }
    let mut out = std::io::stdout().lock();
    if alerts.is_empty() {
        writeln!(out, "No alerts.")?;
    } else {
        writeln!(out, "{table}")?;
        let counts: Vec<String> =
            by_severity(alerts).into_iter().rev().map(|(severity, n)| format!("{n} {}", severity_text(severity))).collect();
        writeln!(out, "{}", counts.join(", "))?;
    }
    let by_id: BTreeMap<&str, &Alert> = alerts.iter().map(|alert| (alert.id.as_str(), alert)).collect();
    for incident in correlate(alerts, kinds) {
        writeln!(out, "\n{} ({})", text_for_terminal(&incident.title, 200), severity_text(incident.severity))?;
        for alert in incident.alerts.iter().filter_map(|id| by_id.get(id.as_str())) {
            let intents: Vec<String> = alert.intents.iter().map(|intent| format!("{intent:?}")).collect();
            let time = alert.start.strftime("%Y-%m-%d %H:%M:%S");
            writeln!(out, "  {time}  {}: {}", intents.join(", "), text_for_terminal(&alert.title, 120))?;
        }
        if incident.n_left_out > 0 {
            writeln!(out, "  and {} more alerts", incident.n_left_out)?;
        }
    }
    Ok(())
}

/// One JSON line an alert.
pub(crate) fn json_lines(alerts: &[Alert]) -> anyhow::Result<()> {
    lines(alerts, |alert| {
        json!({
            "id": alert.id,
            "detection": alert.detection.as_ref(),
            "title": alert.title,
            "severity": severity_text(alert.severity),
            "description": alert.description,
            "start": alert.start.to_string(),
            "end": alert.end.to_string(),
            "nEvents": alert.n_events,
            "events": alert.events,
            "entities": alert.entities,
            "compromisedEntity": alert.compromised,
            "account": alert.account,
            "plan": alert.plan,
            "intents": alert.intents,
            "techniques": alert.techniques,
            "evidence": alert.evidence,
            "why": alert.why,
            "remediation": alert.remediation,
            "sources": alert.sources.iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        })
    })
}

/// One detection finding of OCSF 1.9 a line.
pub(crate) fn ocsf_lines(alerts: &[Alert]) -> anyhow::Result<()> {
    lines(alerts, ocsf)
}

fn ocsf(alert: &Alert) -> Value {
    let severity = match alert.severity {
        AlertLevel::Informational => 1,
        AlertLevel::Low => 2,
        AlertLevel::Medium => 3,
        AlertLevel::High | AlertLevel::Critical => 4,
    };
    let attacks: Vec<Value> = alert.techniques.iter().map(|technique| json!({ "technique": { "uid": technique } })).collect();
    json!({
        "class_uid": 2004,
        "category_uid": 2,
        "type_uid": 200_401,
        "activity_id": 1,
        "severity_id": severity,
        "severity": severity_text(alert.severity),
        "status_id": 1,
        "time": alert.end.as_millisecond(),
        "start_time": alert.start.as_millisecond(),
        "end_time": alert.end.as_millisecond(),
        "count": alert.n_events,
        "is_alert": true,
        "message": alert.description,
        "metadata": {
            "version": SCHEMA_VERSION,
            "uid": alert.id,
            "product": { "name": "Skywarden", "vendor_name": "Skywarden" },
        },
        "finding_info": {
            "uid": alert.id,
            "title": alert.title,
            "desc": alert.description,
            "types": alert.intents,
            "attacks": attacks,
            "analytic": { "type_id": 1, "uid": alert.detection.as_ref(), "name": alert.title },
            "related_events_count": alert.n_events,
        },
        "evidences": [{ "data": alert.first.to_ocsf() }],
        "resources": alert.compromised.iter().map(|uid| json!({ "uid": uid })).collect::<Vec<Value>>(),
        "remediation": { "desc": alert.remediation.join("\n") },
    })
}

fn lines(alerts: &[Alert], shape: impl Fn(&Alert) -> Value) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for alert in alerts {
        serde_json::to_writer(&mut out, &shape(alert))?;
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}
