use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

use skywarden_model::{Actual, Cause, Evidence, Resource, ResourceHead, Scope};

/// What many resources and verdicts of a run have in common, once.
#[derive(Default)]
pub(crate) struct Shared {
    texts: BTreeSet<Arc<str>>,
    scopes: BTreeSet<Arc<Scope>>,
    tags: BTreeSet<Arc<BTreeMap<String, String>>>,
    evidence: HashSet<ByContent>,
    causes: BTreeSet<Arc<Cause>>,
}

/// So many lists of evidence and causes are remembered: in an estate most verdicts of a recommendation rest on the same.
const MAX_KNOWN: usize = 20_000;

impl Shared {
    pub(crate) fn head(&mut self, resource: &Resource) -> ResourceHead {
        ResourceHead {
            id: resource.id.clone(),
            type_name: resource.type_name.clone(),
            name: resource.name.as_str().into(),
            scope: self.scope(&resource.scope),
            location: resource.location.as_deref().map(|location| self.text(location)),
            tags: self.tags(&resource.tags),
        }
    }

    fn scope(&mut self, scope: &Scope) -> Arc<Scope> {
        if let Some(known) = self.scopes.get(scope) {
            return Arc::clone(known);
        }
        let own = Arc::new(scope.clone());
        self.scopes.insert(Arc::clone(&own));
        own
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let own: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&own));
        own
    }

    fn tags(&mut self, tags: &BTreeMap<String, String>) -> Arc<BTreeMap<String, String>> {
        if let Some(known) = self.tags.get(tags) {
            return Arc::clone(known);
        }
        let own = Arc::new(tags.clone());
        self.tags.insert(Arc::clone(&own));
        own
    }

    pub(crate) fn evidence(&mut self, evidence: Vec<Evidence>) -> Arc<[Evidence]> {
        let own = ByContent(evidence.into());
        if let Some(known) = self.evidence.get(&own) {
            return Arc::clone(&known.0);
        }
        let shared = Arc::clone(&own.0);
        if self.evidence.len() < MAX_KNOWN {
            self.evidence.insert(own);
        }
        shared
    }

    pub(crate) fn cause(&mut self, cause: Cause) -> Arc<Cause> {
        if let Some(known) = self.causes.get(&cause) {
            return Arc::clone(known);
        }
        let own = Arc::new(cause);
        if self.causes.len() < MAX_KNOWN {
            self.causes.insert(Arc::clone(&own));
        }
        own
    }
}

/// Evidence that is compared by its content.
#[derive(PartialEq)]
struct ByContent(Arc<[Evidence]>);

impl Eq for ByContent {}

impl Hash for ByContent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for entry in &*self.0 {
            (&entry.field, &entry.expected).hash(state);
            if let Actual::Value(value) = &entry.actual {
                value.hash(state);
            }
        }
    }
}
