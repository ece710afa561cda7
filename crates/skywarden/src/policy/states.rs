use std::collections::BTreeMap;

use skywarden_policy::{ComplianceState, Library};
use skywarden_store::{PolicyStateQuery, ScopeFilter, StateCount};

use crate::{
    Ending,
    arguments::{PolicyStates, Read},
    estate::{print_rows, with_store},
    output::{found, percent},
};

const EVERYTHING: ScopeFilter = ScopeFilter::All;

/// As many changes as the store gives at once.
const MAX_CHANGES: usize = 500;

/// `skywarden policy list`.
pub(super) fn list(read: &Read) -> anyhow::Result<Ending> {
    let kept = with_store(read.data.as_deref(), async |store| Ok(store.policy_library().await?))?;
    let mut rows = Vec::new();
    for (id, kind, document) in kept.library.documents() {
        let name = document.pointer("/properties/displayName").or_else(|| document.get("displayName"));
        let own = document.get("id").and_then(|id| id.as_str()).unwrap_or(id);
        rows.push(vec![kind.to_string(), name.and_then(|name| name.as_str()).unwrap_or_default().to_owned(), own.to_owned()]);
    }
    print_rows(read, &["Kind", "Name", "Id"], rows)
}

/// `skywarden policy compliance`.
pub(super) fn compliance(read: &Read) -> anyhow::Result<Ending> {
    let (kept, counts) = with_store(read.data.as_deref(), async |store| {
        Ok((store.policy_library().await?, store.policy_resource_counts(&EVERYTHING).await?))
    })?;
    let mut rows = Vec::new();
    for assignment in kept.library.governance.assignments() {
        let id = assignment.id.to_lowercase();
        let own: BTreeMap<ComplianceState, u64> =
            counts.iter().filter(|count| count.assignment == id).map(|count| (count.state, count.count)).collect();
        let count = |state: ComplianceState| own.get(&state).copied().unwrap_or(0).to_string();
        rows.push(vec![
            assignment.display_name.clone(),
            assignment.scope.to_string(),
            skywarden_policy::compliant_fraction(&own).map_or_else(|| "nothing concerned".to_owned(), percent),
            count(ComplianceState::NonCompliant),
            count(ComplianceState::Unread),
            count(ComplianceState::Compliant),
            count(ComplianceState::Exempt),
            (count_of(&counts, &id, ComplianceState::Conflicting)
                + count_of(&counts, &id, ComplianceState::Protected)
                + count_of(&counts, &id, ComplianceState::Unknown))
            .to_string(),
        ]);
    }
    print_rows(read, &["Assignment", "Scope", "Compliant", "Non-compliant", "Not read", "Good", "Exempt", "Other"], rows)
}

fn count_of(counts: &[StateCount], assignment: &str, state: ComplianceState) -> u64 {
    counts.iter().filter(|own| own.assignment == assignment && own.state == state).map(|own| own.count).sum()
}

/// `skywarden policy states`.
pub(super) fn states(query: &PolicyStates) -> anyhow::Result<Ending> {
    let rows = with_store(query.read.data.as_deref(), async |store| {
        let kept = store.policy_library().await?;
        let assignment = query.assignment.as_deref().map(|named| assignment_id(&kept.library, named)).transpose()?;
        let mut asked = PolicyStateQuery { assignment, state: query.state, limit: 500, ..PolicyStateQuery::default() };
        let mut rows = Vec::new();
        loop {
            let page = store.policy_states(&EVERYTHING, &asked).await?;
            for state in page.items {
                let definition = kept.library.governance.definition(&state.definition);
                let details = &state.details;
                let because = details.message.clone().filter(|_| state.state == ComplianceState::NonCompliant);
                let because = because
                    .or_else(|| details.error.clone())
                    .or_else(|| details.unreadable.first().map(|own| own.reason.sentence()))
                    .or_else(|| details.evidence.first().map(found))
                    .unwrap_or_default();
                rows.push(vec![
                    state.state.name().to_owned(),
                    state.name,
                    state.type_name,
                    definition.map_or(state.definition, |own| own.display_name.clone()),
                    state.assignment.rsplit('/').next().unwrap_or_default().to_owned(),
                    because,
                ]);
            }
            match page.next {
                Some(next) => asked.cursor = Some(next),
                None => return Ok(rows),
            }
        }
    })?;
    print_rows(&query.read, &["State", "Resource", "Type", "Definition", "Assignment", "Because"], rows)
}

/// The id of an assignment that is named by it, or by a name that no other has.
pub(super) fn assignment_id(library: &Library, named: &str) -> anyhow::Result<String> {
    if let Some(assignment) = library.governance.assignment(named) {
        return Ok(assignment.id.clone());
    }
    let is_meant = |name: &str| name.eq_ignore_ascii_case(named);
    let found: Vec<&str> =
        library.governance.assignments().filter(|own| is_meant(&own.name)).map(|own| own.id.as_str()).collect();
    match found.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => anyhow::bail!("there is no assignment `{named}`; `skywarden policy list` shows them"),
        several => anyhow::bail!("several assignments are called `{named}`; give one of these ids: {}", several.join(", ")),
    }
}

/// `skywarden policy history`.
pub(super) fn history(read: &Read) -> anyhow::Result<Ending> {
    let (kept, events) = with_store(read.data.as_deref(), async |store| {
        Ok((store.policy_library().await?, store.policy_history(&EVERYTHING, None, None).await?))
    })?;
    let is_cut = events.len() >= MAX_CHANGES;
    let word = |state: Option<ComplianceState>| state.map_or_else(|| "-".to_owned(), |state| state.name().to_owned());
    let mut rows = Vec::with_capacity(events.len());
    for event in events {
        let assignment = kept.library.governance.assignment(&event.assignment);
        let assignment = assignment.map_or(event.assignment, |own| own.display_name.clone());
        let at: skywarden_model::Timestamp = event.at.parse()?;
        rows.push(vec![format!("{at:.0}"), word(event.before), word(event.after), assignment, event.reference, event.resource]);
    }
    let ending = print_rows(read, &["At", "From", "To", "Assignment", "Definition", "Resource"], rows)?;
    if is_cut {
        eprintln!("these are the newest {MAX_CHANGES}; older changes are not shown");
    }
    Ok(ending)
}
