use std::collections::BTreeMap;

use skywarden_content::{Catalog, ExposurePaths, FactFile, ManagedPolicies, SettingsExposure};
use skywarden_model::Resource;

/// What the content says about facts: where policies lie, and which resources belong together.
#[derive(Debug, Clone, Default)]
pub struct Knowledge<'a> {
    /// By type: the path of the resource's own policy below `properties`.
    pub policies: BTreeMap<&'a str, &'a str>,
    /// By type: where the properties say how the internet reaches it.
    pub exposures: BTreeMap<&'a str, &'a ExposurePaths>,
    /// By type of Azure: the settings that decide whether the internet reaches it.
    pub settings: BTreeMap<&'a str, &'a SettingsExposure>,
    /// The facts that are relations.
    pub relations: Vec<&'a FactFile>,
    /// The facts that ask whether events reach somebody.
    pub probed: Vec<&'a FactFile>,
    /// The ways to become administrator of an AWS account, each with the actions that it needs together.
    pub escalations: BTreeMap<&'a str, &'a [String]>,
    /// The ways to become owner of something in Azure, each with what it needs together.
    pub azure_escalations: BTreeMap<&'a str, &'a [String]>,
    /// What the policies of the provider grant.
    pub managed: Option<&'a ManagedPolicies>,
}

impl Knowledge<'_> {
    pub(crate) fn policy_of(&self, resource: &Resource) -> Option<&str> {
        self.policies.get(resource.type_name.as_str()).copied()
    }

    pub(crate) fn exposure_of(&self, resource: &Resource) -> Option<&ExposurePaths> {
        self.exposures.get(resource.type_name.as_str()).copied()
    }

    pub(crate) fn settings_of(&self, resource: &Resource) -> Option<&SettingsExposure> {
        self.settings.get(resource.type_name.as_str()).copied()
    }
}

impl<'a> From<&'a Catalog> for Knowledge<'a> {
    fn from(catalog: &'a Catalog) -> Self {
        let with_policy = catalog.collectors.values();
        let policies = with_policy.filter_map(|file| Some((file.type_name.as_str(), file.policy.as_deref()?))).collect();
        let exposures = catalog.collectors.values();
        let exposures = exposures.filter_map(|file| Some((file.type_name.as_str(), file.exposure.as_ref()?))).collect();
        let settings = catalog.collectors.values();
        let settings = settings.filter_map(|file| Some((file.type_name.as_str(), file.azure_exposure.as_ref()?))).collect();
        let relations = catalog.facts.values().filter(|fact| fact.related.is_some()).collect();
        let probed = catalog.facts.values().filter(|fact| !fact.probes.is_empty()).collect();
        let escalations_of = |fact: &str| {
            let ways = catalog.facts.get(fact).into_iter().flat_map(|fact| &fact.escalations);
            ways.map(|(name, needs)| (name.as_str(), needs.as_slice())).collect()
        };
        let (escalations, azure_escalations) = (escalations_of("permissions"), escalations_of("azurePermissions"));
        let managed = catalog.facts.values().find_map(|fact| fact.managed_policies.as_ref());
        Self { policies, exposures, settings, relations, probed, escalations, azure_escalations, managed }
    }
}
