use std::{collections::BTreeMap, sync::Arc};

use skywarden_model::UnreadableReason;

use crate::{
    HostRoot,
    report::Report,
    root::{Reading, failed, not_running, not_yet},
};

const UNIT_FOLDERS: [&str; 5] = [
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/usr/local/lib/systemd/system",
    "/run/systemd/system",
    "/etc/systemd/system",
];

#[derive(Debug, Default)]
struct Unit {
    is_enabled: bool,
    is_masked: bool,
}

/// Reads which services exist, start at boot and run.
pub(crate) fn read(root: &HostRoot, report: &mut Report) {
    let units = match units(root) {
        Ok(units) => units,
        Err(reason) => return report.deny(&["services"], &reason),
    };
    report.set(&["services"], serde_json::Map::new());
    let active = active(root);
    for (name, unit) in &units {
        let is_enabled = unit.is_enabled && !unit.is_masked;
        report.set(&["services", name, "enabled"], is_enabled);
        report.set(&["services", name, "masked"], unit.is_masked);
        let is_active = active.as_ref().map(|active| active.contains(name)).map_err(Arc::clone);
        // What starts with the machine is in use whether or not it can be asked; of a tree nothing else can be said.
        let (in_use, ready) = match (&is_active, is_enabled) {
            _ if root.is_at_rest() => (Ok(is_enabled), Ok(is_enabled)),
            (Ok(is_active), _) => (Ok(is_enabled || *is_active), Ok(is_enabled && *is_active)),
            (Err(reason), true) => (Ok(true), Err(Arc::clone(reason))),
            (Err(reason), false) => (Err(Arc::clone(reason)), Ok(false)),
        };
        report.put_known(&["services", name, "active"], is_active);
        report.put_known(&["services", name, "inUse"], in_use);
        report.put_known(&["services", name, "ready"], ready);
    }
}

/// Whether a unit runs; `None` if there is no such unit.
pub(crate) fn is_active(report: &Report, unit: &str) -> Result<Option<bool>, Arc<UnreadableReason>> {
    let Some(state) = state(report, unit)? else { return Ok(None) };
    match state.get("active").and_then(serde_json::Value::as_bool) {
        Some(is_active) => Ok(Some(is_active)),
        None => Err(unknown_activity(report)),
    }
}

/// Whether a unit starts at boot; false if there is no such unit.
pub(crate) fn is_enabled(report: &Report, unit: &str) -> Result<bool, Arc<UnreadableReason>> {
    let enabled = state(report, unit)?.and_then(|state| state.get("enabled")).and_then(serde_json::Value::as_bool);
    Ok(enabled.unwrap_or(false))
}

/// What [`read`] found of a unit; `None` if there is no such unit.
fn state<'a>(report: &'a Report, unit: &str) -> Reading<&'a serde_json::Value> {
    match report.properties.get("services") {
        Some(services) => Ok(services.get(unit)),
        None => Err(failed("list the unit folders", "the services of this machine could not be read")),
    }
}

fn units(root: &HostRoot) -> Result<BTreeMap<String, Unit>, Arc<UnreadableReason>> {
    let is_unit = |name: &str| name.ends_with(".service") || name.ends_with(".socket") || name.ends_with(".timer");
    let mut units: BTreeMap<String, Unit> = BTreeMap::new();
    for folder in UNIT_FOLDERS.into_iter().filter(|folder| !(root.is_at_rest() && folder.starts_with("/run/"))) {
        for name in root.list(folder)?.unwrap_or_default() {
            if is_unit(&name) {
                let is_masked = root.link(&format!("{folder}/{name}")).as_deref() == Some("/dev/null");
                units.entry(name).or_default().is_masked |= is_masked;
            } else if name.ends_with(".wants") || name.ends_with(".requires") {
                for wanted in root.list(&format!("{folder}/{name}"))?.unwrap_or_default().into_iter().filter(|name| is_unit(name))
                {
                    units.entry(wanted).or_default().is_enabled = true;
                }
            }
        }
    }
    for level in ["2", "3", "5"] {
        for name in root.list(&format!("/etc/rc{level}.d"))?.unwrap_or_default() {
            let mut rest = name.chars();
            if rest.next() == Some('S') && rest.next().is_some_and(|c| c.is_ascii_digit()) {
                let service = name.trim_start_matches('S').trim_start_matches(|c: char| c.is_ascii_digit());
                // Where a native unit exists, systemd ignores the script of the same name.
                units.entry(format!("{service}.service")).or_insert(Unit { is_enabled: true, is_masked: false });
            }
        }
    }
    Ok(units)
}

fn active(root: &HostRoot) -> Result<Vec<String>, Arc<UnreadableReason>> {
    if root.is_at_rest() {
        return Err(not_running("systemctl list-units"));
    }
    if !root.is_live() || !root.exists("/run/systemd/system")? {
        return Err(no_systemd());
    }
    let output = root.run("systemctl", &["list-units", "--all", "--state=active", "--no-legend", "--plain", "--no-pager"])?;
    match output.filter(|output| output.succeeded) {
        Some(output) => Ok(output.text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()),
        None => Err(no_systemd()),
    }
}

/// The reason that [`read`] gave.
fn unknown_activity(report: &Report) -> Arc<UnreadableReason> {
    let is_about = |entry: &&skywarden_model::Unreadable| entry.field.to_string().ends_with(".active");
    report.unreadable.iter().find(is_about).map_or_else(no_systemd, |entry| Arc::clone(&entry.reason))
}

fn no_systemd() -> Arc<UnreadableReason> {
    not_yet("systemctl list-units", "systemd does not answer here, so it is not known what runs")
}
