use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::{ComplianceControl, StandardFile};
use skywarden_model::{ExemptionCategory, Severity, Status};
use skywarden_policy::{ComplianceState, Group, Initiative, Library, Member, PolicyExemption};
use skywarden_posture::OtherCheck;

use super::{StateDetails, read::of_rank};
use crate::{ScopeFilter, Store, StoreError, pool::rows_of};

/// Initiatives with groups that are assigned somewhere, as standards with their checks; the checks of custom recommendations too.
#[derive(Debug, Clone, Default)]
pub(crate) struct InitiativeStandards {
    pub(crate) files: Vec<StandardFile>,
    pub(crate) checks: Vec<OtherCheck>,
}

/// The control of definitions that belong to no group.
const UNGROUPED: &str = "other";

impl Store {
    /// Initiatives with groups that are assigned somewhere, with the states of their definitions as verdicts.
    pub(crate) async fn initiative_standards(&self, filter: &ScopeFilter) -> Result<InitiativeStandards, StoreError> {
        let kept = self.policy_library().await?;
        let library = &kept.library;
        let assigned = assigned(library);
        let recommendations = self.arm_recommendations().await?;
        let mut found = InitiativeStandards::default();
        if assigned.is_empty() && recommendations.is_empty() {
            return Ok(found);
        }
        // Check by (assignment, reference).
        let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (initiative, assignments) in &assigned {
            found.files.push(file(library, initiative));
            for member in initiative.members.iter().filter(|member| is_judged(library, member)) {
                let title = library.governance.definition(&member.definition_id).map_or("", |own| own.display_name.as_str());
                for assignment in assignments {
                    places.insert((assignment.clone(), member.reference_id.clone()), found.checks.len());
                }
                found.checks.push(OtherCheck::new(check_id(initiative, member), title, Severity::Medium));
            }
        }
        for own in &recommendations {
            places.insert((own.assignment_id().to_lowercase(), String::new()), found.checks.len());
            found.checks.push(OtherCheck::new(own.check_id(), &own.title, own.severity));
        }
        let visible = filter.resources(&self.pool, "s.resource", 1)?;
        let statement = format!(
            "SELECT s.resource, COALESCE(r.type_name, ''), s.assignment, s.reference, s.state, CASE WHEN s.state = {} THEN s.document ELSE '' END
             FROM policy_states s LEFT JOIN resources r ON r.id = s.resource WHERE 1 = 1{} ORDER BY s.resource",
            ComplianceState::Exempt.rank(),
            visible.sql
        );
        type Columns = (String, String, String, String, i64, String);
        let rows: Vec<Columns> = rows_of!(self, "reading the states of policies", statement, [], visible);
        for (resource, type_name, assignment, reference, state, document) in rows {
            let Some(check) = places.get(&(assignment, reference)).and_then(|place| found.checks.get_mut(*place)) else {
                continue;
            };
            let exemption = if document.is_empty() {
                None
            } else {
                let details: StateDetails = serde_json::from_str(&document).map_err(StoreError::damaged("state of a policy"))?;
                library.governance.exemptions().find(|own| details.exemption.as_ref().is_some_and(|id| *id == own.id))
            };
            check.judge(&type_name, resource.into(), status(of_rank(state)?, exemption));
        }
        Ok(found)
    }
}

/// The id of the standard that an initiative with groups is.
pub fn initiative_standard(initiative: &Initiative) -> String {
    format!("policy-{}", plain(&initiative.name))
}

/// Each initiative with groups that is assigned, with the ids in lower case of its assignments.
fn assigned(library: &Library) -> Vec<(&Initiative, Vec<String>)> {
    let mut found: BTreeMap<String, (&Initiative, Vec<String>)> = BTreeMap::new();
    for assignment in library.governance.assignments() {
        if let Some(initiative) = library.governance.initiative_of(assignment).filter(|own| !own.groups.is_empty()) {
            let entry = found.entry(initiative.id.to_lowercase()).or_insert_with(|| (initiative, Vec::new()));
            entry.1.push(assignment.id.to_lowercase());
        }
    }
    found.into_values().collect()
}

/// Whether something automatic says how a definition is met; the others need a person.
fn is_judged(library: &Library, member: &Member) -> bool {
    library.governance.definition(&member.definition_id).is_some_and(|own| own.elsewhere.is_none())
}

/// What a control names a definition of an initiative by.
fn check_id(initiative: &Initiative, member: &Member) -> String {
    format!("policy:{}/{}", initiative.name, member.reference_id)
}

/// An initiative as a standard: a section for each category of its groups, a control for each group.
fn file(library: &Library, initiative: &Initiative) -> StandardFile {
    let mut sections: Vec<(String, Vec<ComplianceControl>)> = Vec::new();
    let mut add = |category: &str, control: ComplianceControl| match sections.iter_mut().find(|(own, _)| own == category) {
        Some((_, controls)) => controls.push(control),
        None => sections.push((category.to_owned(), vec![control])),
    };
    for group in &initiative.groups {
        let is_own = |member: &&Member| member.groups.iter().any(|name| name.eq_ignore_ascii_case(&group.name));
        add(&group.category, control(library, initiative, &group.name, title(group), initiative.members.iter().filter(is_own)));
    }
    let known: BTreeSet<String> = initiative.groups.iter().map(|group| group.name.to_lowercase()).collect();
    let is_left = |member: &&Member| !member.groups.iter().any(|name| known.contains(&name.to_lowercase()));
    let mut left = initiative.members.iter().filter(is_left).peekable();
    if left.peek().is_some() {
        add("", control(library, initiative, UNGROUPED, "Definitions without a group", left));
    }
    let has_sections = sections.len() > 1;
    let mut controls = Vec::new();
    for (position, (category, own)) in sections.into_iter().enumerate() {
        if !has_sections || category.is_empty() {
            controls.extend(own);
            continue;
        }
        controls.push(ComplianceControl {
            id: format!("section-{}", position + 1),
            title: category,
            manual: None,
            checks: Vec::new(),
            controls: own,
        });
    }
    StandardFile {
        any_plan: false,
        id: initiative_standard(initiative),
        title: initiative.display_name.clone(),
        description: initiative.description.clone(),
        version: initiative.version.clone().unwrap_or_default(),
        environments: ["azure", "aws", "gcp", "kubernetes", "host"].map(str::to_owned).to_vec(),
        controls,
    }
}

fn title(group: &Group) -> &str {
    if group.display_name.is_empty() { &group.name } else { &group.display_name }
}

fn control<'a>(
    library: &Library,
    initiative: &Initiative,
    id: &str,
    title: &str,
    members: impl Iterator<Item = &'a Member>,
) -> ComplianceControl {
    let (judged, left): (Vec<&Member>, Vec<&Member>) = members.partition(|member| is_judged(library, member));
    let reasons: BTreeSet<String> = left
        .iter()
        .map(|member| {
            let definition = library.governance.definition(&member.definition_id);
            let reason = definition.and_then(|own| own.elsewhere.as_ref()).map(|own| own.reason.to_string());
            reason.unwrap_or_else(|| "a definition of it is missing".to_owned())
        })
        .collect();
    let manual = judged.is_empty().then(|| {
        let reasons: Vec<String> = reasons.into_iter().collect();
        if reasons.is_empty() {
            "no definition covers it".to_owned()
        } else {
            format!("not evaluated here: {}", reasons.join("; "))
        }
    });
    ComplianceControl {
        id: id.to_owned(),
        title: title.to_owned(),
        manual,
        checks: judged.iter().map(|member| check_id(initiative, member)).collect(),
        controls: Vec::new(),
    }
}

/// The verdict of a state, as standards count it. What waits for a person is not known.
fn status(state: ComplianceState, exemption: Option<&PolicyExemption>) -> Status {
    match state {
        ComplianceState::NonCompliant | ComplianceState::Conflicting => Status::Unhealthy,
        ComplianceState::Unread | ComplianceState::Unknown => Status::Unknown,
        ComplianceState::Compliant => Status::Healthy,
        ComplianceState::Exempt if exemption.is_some_and(|own| own.category == ExemptionCategory::Mitigated) => Status::Healthy,
        ComplianceState::Exempt | ComplianceState::Protected => Status::NotApplicable,
    }
}

/// A name as an id can hold it.
fn plain(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    name.chars().map(|letter| if is_plain(letter) { letter.to_ascii_lowercase() } else { '_' }).collect()
}
