//! What is rolled up, and what beside assessments it is rolled up from.

use std::collections::{BTreeMap, BTreeSet};

use skywarden_content::{BaselineRule, Catalog, ComplianceControl, Maturity, PlanNeed, StandardFile};
use skywarden_model::{Attestation, Environment, ResourceId, Severity, Status, Timestamp};

use crate::Plans;

/// The standards of a catalog and others, the checks that are no recommendations, and what people attested.
#[derive(Debug, Clone)]
pub struct Standards<'a> {
    pub(crate) catalog: &'a Catalog,
    files: BTreeMap<&'a str, &'a StandardFile>,
    checks: BTreeMap<&'a str, &'a OtherCheck>,
    pub(crate) attestations: Attestations<'a>,
    plans: Option<&'a Plans>,
    /// Standard -> the accounts in which it is there; one that is not named here is in all.
    places: BTreeMap<&'a str, BTreeSet<AccountScope>>,
}

/// A check that is neither recommendation nor baseline rule, such as a policy of an initiative, with its verdicts.
///
/// A control names it under `checks`. Its verdicts are rolled up as they are, so they hold exactly the resources that the reader
/// may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherCheck {
    /// As controls name it; no recommendation or baseline rule has this id.
    pub id: String,
    /// What it asks for.
    pub title: String,
    /// How bad it is if it is not met.
    pub severity: Severity,
    /// Which types it judges: where one could not be listed, its controls are unknown.
    pub types: BTreeSet<String>,
    /// Its verdict on each resource.
    pub verdicts: Vec<(ResourceId, Status)>,
}

/// An account that a roll-up speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AccountScope {
    /// Its connector.
    pub connector: String,
    /// The provider's account.
    pub account: String,
    /// What kind of environment it is: an attestation is due in those that the standard is for.
    pub environment: Environment,
}

/// Why a control can't be attested.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAttestable {
    /// There is no such standard.
    #[error("there is no standard `{0}`")]
    NoStandard(String),
    /// There is no such control.
    #[error("the standard `{standard}` has no control `{control}`")]
    NoControl {
        /// The standard.
        standard: String,
        /// What was asked for.
        control: String,
    },
    /// It is a section.
    #[error("`{control}` of `{standard}` is a section; attest the controls in it")]
    Section {
        /// The standard.
        standard: String,
        /// The section.
        control: String,
    },
    /// Checks decide it.
    #[error(
        "the control `{control}` of `{standard}` is judged automatically by {checks}, so nobody can attest it; exempt a check on the resources that are an exception"
    )]
    Automatic {
        /// The standard.
        standard: String,
        /// The control.
        control: String,
        /// Its checks.
        checks: String,
    },
}

/// What people attested, as it holds at an instant.
#[derive(Debug, Clone, Default)]
pub(crate) struct Attestations<'a> {
    /// (standard, control) -> those that hold, the newest first.
    pub(crate) holding: BTreeMap<(&'a str, &'a str), Vec<&'a Attestation>>,
    /// The accounts that the roll-up speaks of.
    pub(crate) accounts: BTreeSet<AccountScope>,
}

/// The checks of a control: what each judges.
pub(crate) type ControlChecks<'a> = BTreeMap<&'a str, Judges<'a>>;

/// What a check judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judges<'a> {
    /// Resources of these types.
    Types(BTreeSet<&'a str>),
    /// Nothing any more: the standard names a check that is gone, so nobody knows whether the control is met.
    Gone,
}

impl OtherCheck {
    /// A check without verdicts.
    pub fn new(id: impl Into<String>, title: impl Into<String>, severity: Severity) -> Self {
        Self { id: id.into(), title: title.into(), severity, types: BTreeSet::new(), verdicts: Vec::new() }
    }

    /// Adds the verdict on a resource of a type.
    pub fn judge(&mut self, type_name: &str, resource: ResourceId, status: Status) {
        if !self.types.contains(type_name) {
            self.types.insert(type_name.to_owned());
        }
        self.verdicts.push((resource, status));
    }
}

impl<'a> Standards<'a> {
    /// Those of the catalog, without other checks and attestations.
    pub fn of(catalog: &'a Catalog) -> Self {
        let files = catalog.standards.iter().map(|(id, file)| (id.as_str(), file)).collect();
        Self {
            catalog,
            files,
            checks: BTreeMap::new(),
            attestations: Attestations::default(),
            plans: None,
            places: BTreeMap::new(),
        }
    }

    /// Adds standards that stand outside the catalog; one that has an id of the catalog's is left out.
    pub fn with_files(mut self, files: impl IntoIterator<Item = &'a StandardFile>) -> Self {
        for file in files {
            self.files.entry(&file.id).or_insert(file);
        }
        self
    }

    /// Adds checks that are no recommendations.
    pub fn with_checks(mut self, checks: impl IntoIterator<Item = &'a OtherCheck>) -> Self {
        self.checks.extend(checks.into_iter().map(|check| (check.id.as_str(), check)));
        self
    }

    /// Adds what people attested, as it holds `now`, for a roll-up that speaks of these accounts.
    pub fn with_attestations(
        mut self,
        attestations: impl IntoIterator<Item = &'a Attestation>,
        accounts: impl IntoIterator<Item = AccountScope>,
        now: Timestamp,
    ) -> Self {
        self.attestations.accounts = accounts.into_iter().collect();
        for attestation in attestations.into_iter().filter(|attestation| attestation.holds(now)) {
            let key = (attestation.standard.as_str(), attestation.control.as_str());
            self.attestations.holding.entry(key).or_default().push(attestation);
        }
        for own in self.attestations.holding.values_mut() {
            own.sort_by_key(|attestation| std::cmp::Reverse((attestation.created_at, &attestation.id)));
        }
        self
    }

    /// Leaves out checks of plans that are off in every account that the roll-up speaks of (see [`Standards::with_attestations`]):
    /// nobody looks there, so they cover nothing.
    pub fn with_plans(mut self, plans: &'a Plans) -> Self {
        self.plans = Some(plans);
        self
    }

    /// Leaves out standards outside the accounts in which they are assigned; those that are not named here are in all.
    pub fn with_places(mut self, places: BTreeMap<&'a str, BTreeSet<AccountScope>>) -> Self {
        self.places = places;
        self
    }

    /// The same for a roll-up of one account.
    pub(crate) fn of_account(&self, account: AccountScope) -> Self {
        let mut own = self.clone();
        own.attestations.accounts = BTreeSet::from([account]);
        own
    }

    /// The catalog.
    pub fn catalog(&self) -> &'a Catalog {
        self.catalog
    }

    /// A standard by its id; one that is there only with a plan is not where every plan is off.
    pub fn get(&self, id: &str) -> Option<&'a StandardFile> {
        self.files.get(id).copied().filter(|file| self.is_there(file))
    }

    /// Every standard, in order of their ids.
    pub fn files(&self) -> impl Iterator<Item = &'a StandardFile> + '_ {
        self.files.values().copied().filter(|file| self.is_there(file))
    }

    /// The accounts, of those that the roll-up speaks of, in which a standard is there; `None` if it is in all.
    pub fn accounts_of(&self, id: &str) -> Option<BTreeSet<AccountScope>> {
        let file = self.files.get(id)?;
        let all = &self.attestations.accounts;
        let there = all.iter().filter(|own| self.is_in(file, own)).cloned().collect::<BTreeSet<_>>();
        (there.len() < all.len()).then_some(there)
    }

    /// Whether a standard is there in some account that the roll-up speaks of.
    fn is_there(&self, file: &StandardFile) -> bool {
        let accounts = &self.attestations.accounts;
        let is_everywhere = !self.places.contains_key(file.id.as_str());
        let needs_plan = file.any_plan && self.plans.is_some();
        (is_everywhere && (!needs_plan || accounts.is_empty())) || accounts.iter().any(|own| self.is_in(file, own))
    }

    fn is_in(&self, file: &StandardFile, account: &AccountScope) -> bool {
        let is_assigned = self.places.get(file.id.as_str()).is_none_or(|own| own.contains(account));
        let is_on = |plans: &Plans| !file.any_plan || plans.is_any_on_in(self.catalog, &account.connector, &account.account);
        is_assigned && self.plans.is_none_or(is_on)
    }

    /// A check that is no recommendation.
    pub fn other_check(&self, id: &str) -> Option<&'a OtherCheck> {
        self.checks.get(id).copied()
    }

    /// The checks that are no recommendations.
    pub(crate) fn other_checks(&self) -> impl Iterator<Item = &'a OtherCheck> {
        self.checks.values().copied()
    }

    /// The checks that cover a control of a standard, whoever names them.
    pub fn checks_of(&self, standard: &str) -> BTreeSet<&'a str> {
        let Some(file) = self.get(standard) else { return BTreeSet::new() };
        self.checks_by_control(file).into_values().flat_map(BTreeMap::into_keys).collect()
    }

    /// Whether a person can attest a control of a standard.
    ///
    /// # Errors
    /// If there is no such standard or control, it is a section, or checks decide it.
    pub fn attestable(&self, standard: &str, control: &str) -> Result<(), NotAttestable> {
        fn find<'a>(controls: &'a [ComplianceControl], id: &str) -> Option<&'a ComplianceControl> {
            controls.iter().find_map(|own| if own.id == id { Some(own) } else { find(&own.controls, id) })
        }
        let file = self.get(standard).ok_or_else(|| NotAttestable::NoStandard(standard.to_owned()))?;
        let (standard, control) = (standard.to_owned(), control.to_owned());
        let Some(own) = find(&file.controls, &control) else { return Err(NotAttestable::NoControl { standard, control }) };
        if !own.controls.is_empty() {
            return Err(NotAttestable::Section { standard, control });
        }
        match self.checks_by_control(file).get(control.as_str()) {
            None => Ok(()),
            Some(checks) => {
                let checks = checks.keys().copied().collect::<Vec<_>>().join(", ");
                Err(NotAttestable::Automatic { standard, control, checks })
            }
        }
    }

    /// Which checks cover each control of a standard, as they say themselves and as the standard says.
    pub(crate) fn checks_by_control(&self, file: &'a StandardFile) -> BTreeMap<&'a str, ControlChecks<'a>> {
        let mut checks: BTreeMap<&str, ControlChecks<'_>> = BTreeMap::new();
        let recommendations = self
            .catalog
            .recommendations
            .values()
            .filter(|recommendation| {
                recommendation.file.maturity == Maturity::Stable && self.is_on(recommendation.file.plan.as_ref())
            })
            .map(|recommendation| (&recommendation.file.id, &recommendation.file.type_name, &recommendation.file.compliance));
        let rules = self.rules().map(|rule| (&rule.file.id, &rule.file.type_name, &rule.file.compliance));
        for (id, type_name, compliance) in recommendations.chain(rules) {
            for control in compliance.get(&file.id).into_iter().flatten() {
                checks.entry(control).or_default().insert(id, Judges::types([type_name.as_str()]));
            }
        }
        self.add_named(&file.controls, &mut checks);
        checks
    }

    /// Whether what needs a plan does its work in some account that the roll-up speaks of.
    fn is_on(&self, need: Option<&PlanNeed>) -> bool {
        let (Some(plans), Some(_)) = (self.plans, need) else { return true };
        let accounts = &self.attestations.accounts;
        accounts.is_empty() || accounts.iter().any(|own| plans.is_on_in(need, &own.connector, &own.account))
    }

    /// The platforms and types of which no baseline rule is judged, because every recommendation that takes them as its findings
    /// belongs to a plan that is off.
    fn unfound(&self) -> BTreeSet<(&'a str, &'a str)> {
        let (mut found, mut unfound) = (BTreeSet::new(), BTreeSet::new());
        if self.plans.is_none_or(Plans::is_empty) {
            return unfound;
        }
        for file in self.catalog.recommendations.values().map(|known| &known.file) {
            let Some(from) = &file.findings_from else { continue };
            let takers = if self.is_on(file.plan.as_ref()) { &mut found } else { &mut unfound };
            takers.insert((from.baseline.as_str(), file.type_name.as_str()));
        }
        &unfound - &found
    }

    /// Every baseline rule that is judged somewhere.
    fn rules(&self) -> impl Iterator<Item = &'a BaselineRule> {
        let unfound = self.unfound();
        let rules = self.catalog.baselines.iter().flat_map(|(platform, rules)| rules.values().map(move |rule| (platform, rule)));
        let is_judged = move |platform: &str, rule: &BaselineRule| {
            self.is_on(rule.file.plan.as_ref()) && !unfound.contains(&(platform, rule.file.type_name.as_str()))
        };
        rules.filter(move |(platform, rule)| is_judged(platform, rule)).map(|(_, rule)| rule)
    }

    fn add_named(&self, controls: &'a [ComplianceControl], checks: &mut BTreeMap<&'a str, ControlChecks<'a>>) {
        for control in controls {
            for name in &control.checks {
                for (id, judges) in self.named(name) {
                    checks.entry(&control.id).or_default().insert(id, judges);
                }
            }
            self.add_named(&control.controls, checks);
        }
    }

    /// What a name in a control stands for: a check, those that have its place by now, or nothing.
    fn named(&self, name: &'a str) -> Vec<(&'a str, Judges<'a>)> {
        if let Some(other) = self.checks.get(name) {
            return vec![(&other.id, Judges::types(other.types.iter().map(String::as_str)))];
        }
        let ids = self.catalog.current_ids(name);
        if ids.is_empty() {
            return vec![(name, Judges::Gone)];
        }
        let mut named = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(known) = self.catalog.recommendations.get(&id) {
                // One that is switched off covers nothing, whoever names it.
                if known.file.maturity != Maturity::Deprecated && self.is_on(known.file.plan.as_ref()) {
                    named.push((known.file.id.as_str(), Judges::types([known.file.type_name.as_str()])));
                }
            } else if let Some(rule) = self.rules().find(|rule| rule.file.id == *id) {
                named.push((rule.file.id.as_str(), Judges::types([rule.file.type_name.as_str()])));
            }
        }
        named
    }
}

impl<'a> Judges<'a> {
    fn types(types: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Types(types.into_iter().collect())
    }

    /// How many things of it could not be looked at: listings of its types that failed, or itself.
    pub(crate) fn n_unlisted(checks: &ControlChecks<'a>, unlisted: &BTreeMap<&str, u64>) -> u64 {
        let mut types: BTreeSet<&str> = BTreeSet::new();
        let mut n_gone = 0;
        for judges in checks.values() {
            match judges {
                Self::Types(own) => types.extend(own),
                Self::Gone => n_gone += 1,
            }
        }
        n_gone + types.iter().filter_map(|type_name| unlisted.get(type_name)).sum::<u64>()
    }
}
