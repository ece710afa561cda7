use std::collections::BTreeMap;

use skywarden_content::{AwsService, Catalog, CollectorFile, SecretFile};

/// What the engine runs: collectors by resource type, services by id.
#[derive(Debug, Clone, Copy)]
pub struct Specs<'a> {
    /// By resource type; those without `list` are passed over.
    pub collectors: &'a BTreeMap<String, CollectorFile>,
    /// By id.
    pub services: &'a BTreeMap<String, AwsService>,
    /// By id.
    pub secrets: &'a BTreeMap<String, SecretFile>,
}

impl<'a> From<&'a Catalog> for Specs<'a> {
    fn from(catalog: &'a Catalog) -> Self {
        Self { collectors: &catalog.collectors, services: &catalog.services, secrets: &catalog.secrets }
    }
}
