//! What Defender for Cloud says of resources, beside what is said here: where both agree, and why not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;
use skywarden_content::{Catalog, Maturity, Recommendation};
use skywarden_model::{
    Cause, DefenderExempted, DefenderExemption, DefenderPart, DefenderRecommendation, DefenderView, Exemption, ExemptionScope,
    Ratio, ResourceId, Status, Timestamp, assessment_key,
};

/// A verdict of ours that is compared.
#[derive(Debug, Clone)]
pub struct OwnVerdict {
    /// The subscription.
    pub account: Arc<str>,
    /// The resource.
    pub resource: ResourceId,
    /// The recommendation.
    pub recommendation: Arc<str>,
    /// The verdict.
    pub status: Status,
    /// Why it is Unknown or NotApplicable.
    pub cause: Option<Arc<Cause>>,
}

/// How far Defender and we agree.
#[derive(Debug, Default, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// Its recommendations that have a counterpart: the least agreement first, then the most differences.
    pub compared: Vec<Compared>,
    /// Its recommendations without one, the most unhealthy resources first.
    pub only_theirs: Vec<Alone>,
    /// Ours that judged something and that it has not, the most unhealthy resources first.
    pub only_ours: Vec<Alone>,
}

/// One recommendation of Defender's beside ours.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Compared {
    /// Its assessment key.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Ours that answer it.
    pub ours: BTreeSet<Arc<str>>,
    /// How they were found.
    pub matched_by: MatchedBy,
    /// Resources on which both say the same.
    pub same: u64,
    /// Resources that either judges.
    pub resources: u64,
    /// `same / resources`; 0 where there are none. What is not known here counts as no agreement.
    pub agreement: Ratio,
    /// Differences by why, counted.
    pub why: BTreeMap<Why, u64>,
    /// The differences in order of resource, up to the number that was asked for.
    pub differences: Vec<Difference>,
}

/// A recommendation without counterpart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alone {
    /// Its assessment key, or our id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Healthy resources.
    pub healthy: u64,
    /// Unhealthy ones.
    pub unhealthy: u64,
}

/// What tells that two recommendations are about the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MatchedBy {
    /// The assessment key.
    Key,
    /// The title, which content names under `defender:`.
    Title,
    /// The built-in policy, which content names under `azure_policies:`.
    Policy,
}

/// Why the verdicts on a resource differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Why {
    /// Healthy here, unhealthy there.
    UnhealthyThere,
    /// Unhealthy here, healthy there.
    UnhealthyHere,
    /// It is not known here.
    OursUnknown,
    /// It does not apply here, but there.
    OursNotApplicable,
    /// It does not apply there, but here.
    TheirsNotApplicable,
    /// Defender has no verdict on the resource.
    NotInTheirs,
    /// We have no verdict on the resource: it is not in the inventory, or was not judged.
    NotInOurs,
    /// The same, and the resource is of a type that ours does not judge.
    OtherType,
}

/// A resource on which the verdicts differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The resource.
    pub resource: ResourceId,
    /// Defender's verdict; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Status>,
    /// Ours; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Status>,
    /// Why.
    pub why: Why,
    /// The cause in words, of whoever does not say healthy or unhealthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// An exemption of Azure's, and what it would be here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TakeOver {
    /// That of Azure.
    pub theirs: DefenderExemption,
    /// What it would be here, one for each recommendation; the same ids each time.
    pub ours: Vec<Exemption>,
    /// Why it can't be taken over, where it can't.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_not: Option<String>,
}

/// Compares what Defender said of subscriptions with our verdicts; at most `most` differences of a recommendation are named.
/// Subscriptions of which its assessments could not be read are left out on both sides.
pub fn agreement(catalog: &Catalog, views: &BTreeMap<Arc<str>, DefenderView>, verdicts: &[OwnVerdict], most: usize) -> Agreement {
    let is_read = |view: &DefenderView| !view.unread.contains_key(&DefenderPart::Assessments);
    let mut theirs: BTreeMap<&str, Theirs<'_>> = BTreeMap::new();
    for view in views.values().filter(|view| is_read(view)) {
        for (key, own) in &view.recommendations {
            theirs.entry(key).or_insert_with(|| Theirs { told: own, verdicts: BTreeMap::new() }).add(own);
        }
    }
    let mut ours: BTreeMap<&str, Vec<&OwnVerdict>> = BTreeMap::new();
    for own in verdicts.iter().filter(|own| views.get(&own.account).is_some_and(is_read)) {
        ours.entry(&own.recommendation).or_default().push(own);
    }
    let index = Index::of(catalog);
    let mut found = Agreement::default();
    let mut answered: BTreeSet<Arc<str>> = BTreeSet::new();
    for (key, own) in &theirs {
        match index.counterparts(key, own.told) {
            None => found.only_theirs.push(own.alone(key)),
            Some((matched_by, ids)) => {
                found.compared.push(compare(catalog, key, own, (matched_by, &ids), &ours, most));
                answered.extend(ids);
            }
        }
    }
    for (id, verdicts) in ours.iter().filter(|(id, _)| !answered.contains(**id)) {
        let count = |status| verdicts.iter().filter(|own| own.status == status).count() as u64;
        let title = catalog.recommendations.get(*id).map_or(*id, |known| known.file.title.as_str()).to_owned();
        found.only_ours.push(Alone {
            id: (*id).to_owned(),
            title,
            healthy: count(Status::Healthy),
            unhealthy: count(Status::Unhealthy),
        });
    }
    let differing = |own: &Compared| own.resources - own.same;
    found.compared.sort_by(|one, other| {
        let by_ratio = one.agreement.total_cmp(&other.agreement);
        by_ratio.then(differing(other).cmp(&differing(one))).then(one.key.cmp(&other.key))
    });
    for alone in [&mut found.only_theirs, &mut found.only_ours] {
        alone.sort_by(|one, other| (other.unhealthy, &one.id).cmp(&(one.unhealthy, &other.id)));
    }
    found
}

/// What exemptions of Azure's in a subscription would be here at an instant.
pub fn take_over(catalog: &Catalog, view: &DefenderView, now: Timestamp) -> Vec<TakeOver> {
    let index = Index::of(catalog);
    let unknown = DefenderRecommendation::default();
    let one = |theirs: &DefenderExemption| {
        let recommendations = match &theirs.covers {
            DefenderExempted::Untold { why } => Err(why.clone()),
            DefenderExempted::Assessment { key } => {
                let told = view.recommendations.get(key).unwrap_or(&unknown);
                index.counterparts(key, told).map(|(_, ids)| ids).ok_or_else(|| format!("nothing here answers {key}"))
            }
            DefenderExempted::Policies { policies } => {
                let ids: BTreeSet<Arc<str>> =
                    policies.iter().filter_map(|policy| index.policies.get(policy.as_str())).flatten().cloned().collect();
                if ids.is_empty() { Err("nothing here answers its policies".to_owned()) } else { Ok(ids) }
            }
        };
        let is_over = theirs.expires_at.is_some_and(|end| end <= now);
        let scope = if is_over { Err("it has ended".to_owned()) } else { scope_of(&theirs.scope) };
        match scope.and_then(|scope| Ok((scope, recommendations?))) {
            Err(why) => TakeOver { theirs: theirs.clone(), ours: Vec::new(), why_not: Some(why) },
            Ok((scope, ids)) => {
                let exemption = |id: &Arc<str>| Exemption {
                    // The same whenever it is taken over, so that it is never there twice.
                    id: assessment_key(&format!("exemption of Azure {} {id}", theirs.id)).to_string(),
                    recommendation: id.to_string(),
                    finding: None,
                    scope: scope.clone(),
                    category: theirs.category,
                    reason: theirs.reason.clone(),
                    expires_at: theirs.expires_at,
                    created_at: now,
                    created_by: "Defender for Cloud".to_owned(),
                };
                TakeOver { theirs: theirs.clone(), ours: ids.iter().map(exemption).collect(), why_not: None }
            }
        }
    };
    view.exemptions.iter().map(one).collect()
}

struct Theirs<'a> {
    told: &'a DefenderRecommendation,
    verdicts: BTreeMap<&'a ResourceId, (Status, &'a str)>,
}

impl<'a> Theirs<'a> {
    fn add(&mut self, own: &'a DefenderRecommendation) {
        self.verdicts.extend(own.not_applicable.iter().map(|(id, cause)| (id, (Status::NotApplicable, cause.as_str()))));
        self.verdicts.extend(own.healthy.iter().map(|id| (id, (Status::Healthy, ""))));
        self.verdicts.extend(own.unhealthy.iter().map(|id| (id, (Status::Unhealthy, ""))));
    }

    fn alone(&self, key: &str) -> Alone {
        let count = |status| self.verdicts.values().filter(|(own, _)| *own == status).count() as u64;
        let title = self.told.title.clone();
        Alone { id: key.to_owned(), title, healthy: count(Status::Healthy), unhealthy: count(Status::Unhealthy) }
    }
}

/// Our recommendations by what they may be found by, all in lower case.
struct Index<'c> {
    keys: BTreeMap<String, BTreeSet<Arc<str>>>,
    titles: BTreeMap<String, BTreeSet<Arc<str>>>,
    policies: BTreeMap<&'c str, BTreeSet<Arc<str>>>,
}

impl<'c> Index<'c> {
    fn of(catalog: &'c Catalog) -> Self {
        let mut index = Self { keys: BTreeMap::new(), titles: BTreeMap::new(), policies: BTreeMap::new() };
        let is_own = |own: &&(&Arc<str>, &Recommendation)| {
            own.1.file.maturity != Maturity::Deprecated && own.1.file.type_name.starts_with("Microsoft.")
        };
        for (id, known) in catalog.recommendations.iter().collect::<Vec<_>>().iter().filter(is_own) {
            let Recommendation { file, key, .. } = known;
            index.keys.entry(key.to_lowercase()).or_default().insert(Arc::clone(id));
            for title in file.defender.iter().chain([&file.title]) {
                index.titles.entry(title.to_lowercase()).or_default().insert(Arc::clone(id));
            }
            for policy in &file.azure_policies {
                index.policies.entry(policy).or_default().insert(Arc::clone(id));
            }
        }
        index
    }

    fn counterparts(&self, key: &str, told: &DefenderRecommendation) -> Option<(MatchedBy, BTreeSet<Arc<str>>)> {
        let by_policy = || self.policies.get(told.policy.as_deref()?);
        let found = self.keys.get(key).map(|own| (MatchedBy::Key, own));
        let found = found.or_else(|| Some((MatchedBy::Title, self.titles.get(&told.title.to_lowercase())?)));
        found.or_else(|| Some((MatchedBy::Policy, by_policy()?))).map(|(by, own)| (by, own.clone()))
    }
}

fn compare(
    catalog: &Catalog,
    key: &str,
    theirs: &Theirs<'_>,
    (matched_by, ids): (MatchedBy, &BTreeSet<Arc<str>>),
    ours: &BTreeMap<&str, Vec<&OwnVerdict>>,
    most: usize,
) -> Compared {
    // Where several of ours judge a resource the worst counts, as in a control.
    let mut own: BTreeMap<&ResourceId, &OwnVerdict> = BTreeMap::new();
    for verdict in ids.iter().filter_map(|id| ours.get(id.as_ref())).flatten().copied() {
        let worst = own.entry(&verdict.resource).or_insert(verdict);
        if rank(verdict.status) < rank(worst.status) {
            *worst = verdict;
        }
    }
    let types: BTreeSet<String> =
        ids.iter().filter_map(|id| Some(catalog.recommendations.get(id)?.file.type_name.to_lowercase())).collect();
    // That it does not apply is no verdict that the other lacks.
    let judged = own.iter().filter(|(_, own)| own.status != Status::NotApplicable).map(|(id, _)| *id);
    let resources: BTreeSet<&ResourceId> = theirs.verdicts.keys().copied().chain(judged).collect();
    let mut found = Compared {
        key: key.to_owned(),
        title: theirs.told.title.clone(),
        ours: ids.clone(),
        matched_by,
        same: 0,
        resources: resources.len() as u64,
        agreement: 0.0,
        why: BTreeMap::new(),
        differences: Vec::new(),
    };
    for resource in resources {
        let (their, mine) = (theirs.verdicts.get(resource).copied(), own.get(resource).copied());
        let Some((why, cause)) = why(resource, their, mine, &types) else {
            found.same += 1;
            continue;
        };
        *found.why.entry(why).or_default() += 1;
        if found.differences.len() < most {
            found.differences.push(Difference {
                resource: resource.clone(),
                theirs: their.map(|(status, _)| status),
                ours: mine.map(|own| own.status),
                why,
                cause: cause.filter(|words| !words.is_empty()).map(str::to_owned),
            });
        }
    }
    if found.resources > 0 {
        found.agreement = (found.same as f64 / found.resources as f64 * 10_000.0).round() / 10_000.0;
    }
    found
}

/// Why two verdicts on a resource differ, with the cause in words; `None`: they are the same.
fn why<'a>(
    resource: &ResourceId,
    theirs: Option<(Status, &'a str)>,
    ours: Option<&'a OwnVerdict>,
    types: &BTreeSet<String>,
) -> Option<(Why, Option<&'a str>)> {
    let message = ours.and_then(|own| own.cause.as_ref()).map(|cause| cause.message.as_str());
    match (theirs, ours.map(|own| own.status)) {
        (Some((theirs, _)), Some(ours)) if theirs == ours => None,
        (_, Some(Status::Unknown)) => Some((Why::OursUnknown, message)),
        (None, _) => Some((Why::NotInTheirs, None)),
        (Some((_, cause)), None) if types.contains(&type_of(resource)) => Some((Why::NotInOurs, Some(cause))),
        (Some((_, cause)), None) => Some((Why::OtherType, Some(cause))),
        (Some((Status::NotApplicable, cause)), Some(_)) => Some((Why::TheirsNotApplicable, Some(cause))),
        (Some(_), Some(Status::NotApplicable)) => Some((Why::OursNotApplicable, message)),
        (Some((Status::Unhealthy, _)), Some(_)) => Some((Why::UnhealthyThere, None)),
        (Some(_), Some(_)) => Some((Why::UnhealthyHere, None)),
    }
}

fn rank(status: Status) -> u8 {
    match status {
        Status::Unhealthy => 0,
        Status::Unknown => 1,
        Status::Healthy => 2,
        Status::NotApplicable => 3,
    }
}

/// The type that an ARM id in lower case names.
fn type_of(resource: &ResourceId) -> String {
    let Some((_, rest)) = resource.as_str().rsplit_once("/providers/") else {
        let is_group = resource.as_str().contains("/resourcegroups/");
        let name =
            if is_group { "microsoft.resources/subscriptions/resourcegroups" } else { "microsoft.resources/subscriptions" };
        return name.to_owned();
    };
    let mut steps = rest.split('/');
    let namespace = steps.next().unwrap_or_default();
    let names = steps.step_by(2);
    [namespace].into_iter().chain(names).collect::<Vec<_>>().join("/")
}

fn scope_of(scope: &str) -> Result<ExemptionScope, String> {
    let steps: Vec<&str> = scope.trim_start_matches('/').split('/').collect();
    match steps.as_slice() {
        ["subscriptions", account] => Ok(ExemptionScope::Subscription { account: (*account).to_owned() }),
        ["subscriptions", account, "resourcegroups", group] => {
            Ok(ExemptionScope::ResourceGroup { account: (*account).to_owned(), resource_group: (*group).to_owned() })
        }
        ["subscriptions", _, ..] => Ok(ExemptionScope::Resource { id: scope.into() }),
        _ => Err("it holds for a management group; set it aside for its subscriptions".to_owned()),
    }
}

#[cfg(test)]
mod tests;
