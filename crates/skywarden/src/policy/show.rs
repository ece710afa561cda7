use std::collections::BTreeMap;

use skywarden_model::Timestamp;
use skywarden_policy::{ComplianceState, Effect, Origin, Setting};
use skywarden_store::{ScopeFilter, StateCount};

use super::states::assignment_id;
use crate::{
    Ending,
    arguments::{Format, Read},
    estate::{print_rows, with_store},
    output::text_for_terminal,
};

/// `skywarden policy show`.
pub(super) fn run(named: &str, read: &Read) -> anyhow::Result<Ending> {
    let (kept, counts) = with_store(read.data.as_deref(), async |store| {
        Ok((store.policy_library().await?, store.policy_counts(&ScopeFilter::All).await?))
    })?;
    let governance = &kept.library.governance;
    let id = assignment_id(&kept.library, named)?;
    let Some(assignment) = governance.assignment(&id) else { anyhow::bail!("there is no assignment `{named}`") };
    let settings = governance.settings(assignment, Timestamp::now());
    let folded = id.to_lowercase();
    let own: Vec<&StateCount> = counts.iter().filter(|count| count.assignment == folded).collect();
    let count = |reference: &str, state: ComplianceState| -> u64 {
        own.iter().filter(|count| count.reference == reference && count.state == state).map(|count| count.count).sum()
    };
    let rows = settings
        .iter()
        .map(|setting| {
            let (effect, origin) = setting.effect.map_or(("-", ""), |(effect, origin)| (effect.name(), word(origin)));
            let note = setting.problem.clone().or_else(|| not_evaluated(setting)).unwrap_or_default();
            vec![
                setting.definition.map_or(setting.definition_id, |own| &own.display_name).to_owned(),
                effect.to_owned(),
                origin.to_owned(),
                count(setting.reference_id, ComplianceState::NonCompliant).to_string(),
                count(setting.reference_id, ComplianceState::Unread).to_string(),
                count(setting.reference_id, ComplianceState::Compliant).to_string(),
                note,
            ]
        })
        .collect();
    let header = ["Definition", "Effect", "Set by", "Non-compliant", "Not read", "Compliant", "Note"];
    let ending = print_rows(read, &header, rows)?;
    if read.format == Format::Table {
        let kinds: BTreeMap<String, usize> = settings.iter().map(kind).fold(BTreeMap::new(), |mut kinds, kind| {
            *kinds.entry(kind).or_default() += 1;
            kinds
        });
        let parts: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        println!("{}", text_for_terminal(&format!("{} definitions: {}", settings.len(), parts.join(", ")), 2000));
    }
    Ok(ending)
}

/// What becomes of a definition, so that each is counted once.
fn kind(setting: &Setting<'_>) -> String {
    let elsewhere = setting.definition.and_then(|own| own.elsewhere.as_ref());
    match (setting.effect, elsewhere) {
        (_, Some(elsewhere)) => format!("not evaluated ({})", elsewhere.reason),
        (None, None) => "can't be put in force".to_owned(),
        (Some((Effect::Disabled, _)), None) => "switched off".to_owned(),
        (Some((Effect::Manual, _)), None) => "manual".to_owned(),
        (Some(_), None) => "evaluated".to_owned(),
    }
}

fn not_evaluated(setting: &Setting<'_>) -> Option<String> {
    let elsewhere = setting.definition?.elsewhere.as_ref()?;
    Some(format!("not evaluated: {elsewhere}"))
}

fn word(origin: Origin) -> &'static str {
    match origin {
        Origin::Override => "override",
        Origin::Assignment => "assignment",
        Origin::Initiative => "initiative",
        Origin::InitiativeDefault => "initiative's default",
        Origin::DefinitionDefault => "definition's default",
        Origin::Rule => "rule",
    }
}
