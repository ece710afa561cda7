//! What Defender for Cloud itself says of a tenant: read, never written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use skywarden_content::AzurePlane;
use skywarden_model::{
    DefenderExempted, DefenderExemption, DefenderPart, DefenderRecommendation, DefenderScore, DefenderView, ExemptionCategory,
    Timestamp, UnreadableKind, UnreadableReason, subscription_of,
};

use super::{
    AzureError, AzureOptions,
    estate::{Estate, Rights, estate},
    run::{Asked, Run},
};
use crate::{Transport, withhold::Secrets};

const GRAPH: &str = "/providers/Microsoft.ResourceGraph/resources?api-version=2022-10-01";
const GRAPH_READ: &str = "Microsoft.ResourceGraph/resources/read";

/// Subscriptions in a query at most.
const SUBSCRIPTIONS: usize = 200;

const SECURITY: &str = "securityresources | where type in~ ('microsoft.security/assessments', 'microsoft.security/securescores', 'microsoft.security/locations/alerts', 'microsoft.security/standardassignments') | project id, name, type, properties | order by id asc";
const POLICY: &str = "policyresources | where type in~ ('microsoft.authorization/policyexemptions', 'microsoft.authorization/policyassignments') | project id, name, type, properties | order by id asc";

/// The rights without which Resource Graph leaves a part out in silence.
pub(super) const RIGHTS: [(DefenderPart, &str); 6] = [
    (DefenderPart::Assessments, "Microsoft.Security/assessments/read"),
    (DefenderPart::Score, "Microsoft.Security/secureScores/read"),
    (DefenderPart::Alerts, "Microsoft.Security/alerts/read"),
    (DefenderPart::Exemptions, "Microsoft.Authorization/policyExemptions/read"),
    (DefenderPart::Exemptions, "Microsoft.Authorization/policyAssignments/read"),
    (DefenderPart::Exemptions, "Microsoft.Security/standardAssignments/read"),
];

/// Without it an exemption from an initiative can't be told to be from which policies.
pub(super) const READ_INITIATIVES: &str = "Microsoft.Authorization/policySetDefinitions/read";

/// What Defender for Cloud says of a tenant.
#[derive(Debug, Default)]
pub struct DefenderRead {
    /// By subscription in lower case.
    pub subscriptions: BTreeMap<Arc<str>, DefenderView>,
    /// Its alerts as Azure gives them (`id`, `name`, `properties`), each once.
    pub alerts: Vec<Value>,
    /// Answers that could not be understood, with what was missing.
    pub misfits: Vec<String>,
}

/// Asks Defender for Cloud for its assessments, scores and alerts, and Azure for exemptions from them.
///
/// # Errors
/// If it can't be told which subscriptions there are, or there is none. What can't be read of one is in its view.
pub async fn read_defender(transport: Arc<dyn Transport>, options: &AzureOptions) -> Result<DefenderRead, AzureError> {
    let run = Run::new(&*transport, Secrets::default(), options.max_concurrency, options.page_limit);
    let Estate { tenant, subscriptions, unseen, .. } = estate(&run, options).await?;
    let mut read = DefenderRead::default();
    for (id, rights) in &subscriptions {
        let view = DefenderView { unread: unread(&run, id, rights), ..DefenderView::default() };
        read.subscriptions.insert(Arc::clone(id), view);
    }
    for (id, reason) in unseen {
        let reason = run.share(reason);
        let parts = RIGHTS.iter().map(|(part, _)| (*part, Arc::clone(&reason)));
        read.subscriptions.insert(id, DefenderView { unread: parts.collect(), ..DefenderView::default() });
    }
    let all: Vec<Arc<str>> = subscriptions.keys().cloned().collect();
    let asked = Asked { plane: AzurePlane::Arm, address: GRAPH, permission: GRAPH_READ, account: &tenant };
    let (mut exemptions, mut assignments) = (BTreeMap::new(), BTreeMap::new());
    for chunk in all.chunks(SUBSCRIPTIONS) {
        let names: Vec<&str> = chunk.iter().map(AsRef::as_ref).collect();
        let mut seen = BTreeSet::new();
        let mut sink = |row: Value| read.take(row, &mut seen, &mut exemptions);
        let end = run.query(asked, SECURITY, &names, &mut sink).await;
        let parts = [DefenderPart::Assessments, DefenderPart::Score, DefenderPart::Alerts];
        read.broke_off(chunk, &parts, end.map_err(|reason| run.share(reason)));
        let mut sink = |row: Value| {
            let Some(id) = text(&row, "/id").map(str::to_lowercase) else { return };
            let is_exemption = id.contains("/policyexemptions/");
            if is_exemption {
                exemptions.insert(id, row)
            } else {
                assignments.insert(id, row)
            };
        };
        let end = run.query(asked, POLICY, &names, &mut sink).await;
        read.broke_off(chunk, &[DefenderPart::Exemptions], end.map_err(|reason| run.share(reason)));
    }
    let mut sets: BTreeMap<String, Result<BTreeMap<String, String>, String>> = BTreeMap::new();
    for (id, row) in exemptions {
        let covers = covered(&run, &tenant, &row, &assignments, &mut sets).await;
        match exemption(&id, &row, covers) {
            Some(exemption) => read.set_aside(exemption),
            None => read.misfits.push(format!("{id} is no exemption that is understood")),
        }
    }
    Ok(read)
}

impl DefenderRead {
    fn take(&mut self, row: Value, seen: &mut BTreeSet<String>, exemptions: &mut BTreeMap<String, Value>) {
        let Some(id) = text(&row, "/id").map(str::to_lowercase) else {
            self.misfits.push("a row of Resource Graph has no id".to_owned());
            return;
        };
        if !seen.insert(id.clone()) {
            return;
        }
        let type_name = text(&row, "/type").unwrap_or_default().to_lowercase();
        let taken = match type_name.as_str() {
            "microsoft.security/assessments" => self.assessment(&id, &row),
            "microsoft.security/securescores" => self.score(&id, &row),
            "microsoft.security/standardassignments" => {
                if text(&row, "/properties/effect").is_some_and(|effect| effect.eq_ignore_ascii_case("exempt")) {
                    exemptions.insert(id.clone(), row);
                }
                Some(())
            }
            _ => {
                self.alerts.push(row);
                Some(())
            }
        };
        if taken.is_none() {
            self.misfits.push(format!("{id} lacks what a {type_name} has"));
        }
    }

    fn assessment(&mut self, id: &str, row: &Value) -> Option<()> {
        let (resource, key) = id.rsplit_once("/providers/microsoft.security/assessments/")?;
        let view = self.subscriptions.get_mut(subscription_of(id)?)?;
        let code = text(row, "/properties/status/code")?;
        let own = view.recommendations.entry(key.to_owned()).or_insert_with(DefenderRecommendation::default);
        if own.title.is_empty() {
            let title = text(row, "/properties/displayName").or(text(row, "/properties/metadata/displayName"));
            title.unwrap_or(key).clone_into(&mut own.title);
            let policy = text(row, "/properties/metadata/policyDefinitionId").and_then(|id| id.rsplit('/').next());
            own.policy = policy.filter(|name| !name.is_empty()).map(str::to_lowercase);
        }
        match code.to_ascii_lowercase().as_str() {
            "healthy" => drop(own.healthy.insert(resource.into())),
            "unhealthy" => drop(own.unhealthy.insert(resource.into())),
            "notapplicable" => {
                let words = [text(row, "/properties/status/cause"), text(row, "/properties/status/description")];
                let words: Vec<&str> = words.into_iter().flatten().filter(|word| !word.is_empty()).collect();
                own.not_applicable.insert(resource.into(), words.join(": "));
            }
            _ => return None,
        }
        Some(())
    }

    fn score(&mut self, id: &str, row: &Value) -> Option<()> {
        // Others than this one are those of single initiatives.
        if !id.ends_with("/securescores/ascscore") {
            return Some(());
        }
        let view = self.subscriptions.get_mut(subscription_of(id)?)?;
        let number = |name: &str| row.pointer(name).and_then(Value::as_f64);
        let (current, max) = (number("/properties/score/current")?, number("/properties/score/max")?);
        let percentage = number("/properties/score/percentage").unwrap_or(if max > 0.0 { current / max } else { 0.0 });
        view.score = Some(DefenderScore { current, max, percentage });
        Some(())
    }

    fn broke_off(&mut self, chunk: &[Arc<str>], parts: &[DefenderPart], end: Result<(), Arc<UnreadableReason>>) {
        let Err(reason) = end else { return };
        for id in chunk {
            if let Some(view) = self.subscriptions.get_mut(id) {
                view.unread.extend(parts.iter().map(|part| (*part, Arc::clone(&reason))));
            }
        }
    }

    /// One at a management group is told for each subscription: it is not known here which are below it.
    fn set_aside(&mut self, exemption: DefenderExemption) {
        match subscription_of(&exemption.id).map(str::to_owned) {
            Some(id) => {
                if let Some(view) = self.subscriptions.get_mut(id.as_str()) {
                    view.exemptions.push(exemption);
                }
            }
            None => self.subscriptions.values_mut().for_each(|view| view.exemptions.push(exemption.clone())),
        }
    }
}

fn unread(run: &Run<'_>, id: &str, rights: &Rights) -> BTreeMap<DefenderPart, Arc<UnreadableReason>> {
    let mut unread = BTreeMap::new();
    for (part, action) in RIGHTS {
        let reason = match rights {
            Rights::Unknown(reason) => Arc::clone(reason),
            Rights::Known(_) if rights.may(action) == Some(true) => continue,
            Rights::Known(_) => {
                let asked = Asked { plane: AzurePlane::Arm, address: "", permission: action, account: id };
                let message =
                    "the login has no right to it in this subscription, and Resource Graph leaves out what may not be read";
                run.share(asked.reason(UnreadableKind::Denied, "AuthorizationFailed", message))
            }
        };
        unread.entry(part).or_insert(reason);
    }
    unread
}

/// What an exemption sets aside: its key, or the policies of what is assigned, as far as its references go.
async fn covered(
    run: &Run<'_>,
    tenant: &str,
    row: &Value,
    assignments: &BTreeMap<String, Value>,
    sets: &mut BTreeMap<String, Result<BTreeMap<String, String>, String>>,
) -> DefenderExempted {
    if let Some(key) = text(row, "/properties/exemptionData/assignedAssessment/assessmentKey") {
        return DefenderExempted::Assessment { key: key.to_lowercase() };
    }
    let untold = |why: String| DefenderExempted::Untold { why };
    if row.pointer("/properties/resourceSelectors").and_then(Value::as_array).is_some_and(|own| !own.is_empty()) {
        return untold("it holds for some kinds or places of resources only, by its resource selectors".to_owned());
    }
    let assigned = text(row, "/properties/policyAssignmentId").map(str::to_lowercase).unwrap_or_default();
    let Some(definition) = assignments.get(&assigned).and_then(|own| text(own, "/properties/policyDefinitionId")) else {
        return untold(format!("the assignment {assigned} is not seen"));
    };
    let definition = definition.to_lowercase();
    if let Some((_, name)) = definition.rsplit_once("/policydefinitions/") {
        return DefenderExempted::Policies { policies: BTreeSet::from([name.to_owned()]) };
    }
    if !sets.contains_key(&definition) {
        let read = policies_of(run, tenant, &definition).await;
        sets.insert(definition.clone(), read);
    }
    let policies = match sets.get(&definition) {
        Some(Ok(policies)) => policies,
        Some(Err(why)) => return untold(why.clone()),
        None => return untold("its initiative was not read".to_owned()),
    };
    let references = row.pointer("/properties/policyDefinitionReferenceIds").and_then(Value::as_array);
    let references: BTreeSet<String> =
        references.into_iter().flatten().filter_map(Value::as_str).map(str::to_lowercase).collect();
    let is_meant = |reference: &str| references.is_empty() || references.contains(reference);
    let policies = policies.iter().filter(|(reference, _)| is_meant(reference)).map(|(_, policy)| policy.clone()).collect();
    DefenderExempted::Policies { policies }
}

/// The policies of an initiative by their references, all in lower case; or why they can't be told.
async fn policies_of(run: &Run<'_>, tenant: &str, initiative: &str) -> Result<BTreeMap<String, String>, String> {
    let address = format!("{initiative}?api-version=2023-04-01");
    let asked = Asked { plane: AzurePlane::Arm, address: &address, permission: READ_INITIATIVES, account: tenant };
    let document = run.get(asked).await.map_err(|reason| match &reason.permission {
        Some(permission) => format!("its initiative could not be read, for want of {permission}"),
        None => format!("its initiative could not be read: {}", reason.sentence()),
    })?;
    let members = document.pointer("/properties/policyDefinitions").and_then(Value::as_array);
    let members = members.ok_or_else(|| format!("its initiative {initiative} has no list of policies"))?;
    let pair = |own: &Value| {
        let policy = text(own, "/policyDefinitionId")?.rsplit('/').next()?;
        Some((text(own, "/policyDefinitionReferenceId")?.to_lowercase(), policy.to_lowercase()))
    };
    Ok(members.iter().filter_map(pair).collect())
}

fn exemption(id: &str, row: &Value, covers: DefenderExempted) -> Option<DefenderExemption> {
    let (scope, _) = id.rsplit_once("/providers/")?;
    let word = text(row, "/properties/exemptionCategory").or(text(row, "/properties/exemptionData/exemptionCategory"))?;
    let category = match word.to_ascii_lowercase().as_str() {
        "waiver" => ExemptionCategory::Waiver,
        "mitigated" => ExemptionCategory::Mitigated,
        _ => return None,
    };
    let words = ["/properties/description", "/properties/displayName", "/name"];
    let reason = words.iter().filter_map(|place| text(row, place)).find(|words| !words.trim().is_empty())?;
    // One whose end can't be read must not hold for ever.
    let expires_at = match text(row, "/properties/expiresOn") {
        None => None,
        Some(end) => Some(end.parse::<Timestamp>().ok()?),
    };
    Some(DefenderExemption {
        id: id.to_owned(),
        scope: scope.to_owned(),
        reason: reason.to_owned(),
        category,
        expires_at,
        covers,
    })
}

fn text<'v>(row: &'v Value, place: &str) -> Option<&'v str> {
    row.pointer(place).and_then(Value::as_str)
}
