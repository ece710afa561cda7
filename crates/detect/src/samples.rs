use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use skywarden_content::{Catalog, DetectionTest, TestKind};
use skywarden_sigma::Placeholders;

use crate::{
    Alert, Detect, own_rules,
    run_tests::{played, sources_of},
    source::id_of,
};

/// What stands before the title of an alert that nobody caused.
const MARK: &str = "[SAMPLE ALERT] ";

/// Alerts as detections of a plan raise them: the attacks in their tests, fed as if they happened just before an instant. At most so many,
/// the worst first. They belong to an account.
///
/// # Errors
/// If the plan has no detection whose attack can be shown, or the packed tests are damaged.
pub fn samples(catalog: &Catalog, plan: &str, now: Timestamp, most: usize, account: &str) -> Result<Vec<Alert>, String> {
    let tests = DetectionTest::embedded(plan).map_err(|problems| problems.iter().map(ToString::to_string).collect::<String>())?;
    let (mut rules, _) = own_rules(catalog);
    rules.retain(|rule| rule.plan.as_deref() == Some(plan) && tests.contains_key(rule.name.as_ref()));
    rules.sort_by_key(|rule| (std::cmp::Reverse(rule.level), Arc::clone(&rule.name)));
    let mut alerts = Vec::new();
    for rule in rules {
        if alerts.len() >= most {
            break;
        }
        let name = Arc::clone(&rule.name);
        let own = tests.get(name.as_ref()).into_iter().flatten();
        let Some(attack) = own.into_iter().find(|test| test.kind == TestKind::Attack) else { continue };
        let sources = sources_of(catalog, &rule);
        let files = catalog.log_sources.values().filter(|file| sources.contains(&file.id));
        let (detect, _) = Detect::of_sources(files, vec![rule], &Placeholders::new());
        // Those that need a past name its times themselves.
        let Ok((run, _)) = played(&detect, &sources, attack, now - SignedDuration::from_mins(10)) else { continue };
        alerts.extend(run.alerts.all().into_iter().take(1).map(|alert| sample(alert, now, account)));
    }
    if alerts.is_empty() {
        return Err(format!("no detection of the plan {plan} can show an attack"));
    }
    Ok(alerts)
}

/// An alert as a sample: marked, of now, with an id of its own.
fn sample(alert: &Alert, now: Timestamp, account: &str) -> Alert {
    let length = alert.end.duration_since(alert.start);
    Alert {
        id: id_of(&format!("sample\n{account}\n{}\n{}", alert.id, now.as_millisecond())),
        title: format!("{MARK}{}", alert.title),
        description: format!("This is a sample: nothing happened. {}", alert.description),
        start: now.checked_sub(length).unwrap_or(now),
        end: now,
        account: Some(account.to_owned()),
        ..alert.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_bundle_of_clients_has_samples() {
        let catalog = Catalog::embedded_with_threats().unwrap();
        let now: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let plans = [
            "AppServices",
            "CosmosDbs",
            "Dns",
            "KeyVaults",
            "Containers",
            "Arm",
            "SqlServers",
            "StorageAccounts",
            "VirtualMachines",
        ];
        let mut seen = BTreeMap::new();
        for plan in plans {
            let alerts = samples(&catalog, plan, now, 3, "account").unwrap();
            assert_eq!(alerts.len(), 3, "{plan}");
            for alert in alerts {
                assert!(alert.title.starts_with(MARK) && alert.end == now && alert.start <= now);
                assert!(alert.account.as_deref() == Some("account") && alert.plan.as_deref() == Some(plan));
                assert!(seen.insert(alert.id.clone(), alert.title.clone()).is_none());
            }
        }
        assert!(samples(&catalog, "Nothing", now, 3, "account").is_err());
    }
}
