use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use skywarden_model::{Resource, UnreadableReason};

use crate::{Listed, Neighbours};

/// Resources in order of type, account, resource group and id, so that those beside a resource are found without looking at all.
#[derive(Debug, Clone, Default)]
pub struct Estate<'a> {
    types: BTreeMap<Box<str>, BTreeMap<Box<str>, Kin<'a>>>,
}

/// The resources of one type in one account.
#[derive(Debug, Clone, Default)]
struct Kin<'a> {
    /// By resource group and id, in small letters.
    groups: BTreeMap<Box<str>, BTreeMap<Box<str>, &'a Resource>>,
    incomplete: Option<Arc<UnreadableReason>>,
}

impl<'a> Estate<'a> {
    /// Adds a resource; one of the same id, type and place is replaced.
    pub fn put(&mut self, resource: &'a Resource) {
        let scope = &resource.scope;
        let groups = &mut self.kin(resource.type_name.as_str(), &scope.account).groups;
        let group = groups.entry(folded(&scope.resource_group)).or_default();
        group.insert(folded(resource.id.as_str()), resource);
    }

    /// Notes why there may be more resources of a type in an account.
    pub fn lacks(&mut self, type_name: &str, account: &str, reason: Arc<UnreadableReason>) {
        self.kin(type_name, account).incomplete = Some(reason);
    }

    fn kin(&mut self, type_name: &str, account: &str) -> &mut Kin<'a> {
        self.types.entry(folded(type_name)).or_default().entry(account.into()).or_default()
    }

    fn known(&self, type_name: &str, account: &str) -> Option<&Kin<'a>> {
        self.types.get(&folded(type_name))?.get(account)
    }
}

impl<'a> FromIterator<&'a Resource> for Estate<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Resource>>(resources: I) -> Self {
        let mut estate = Self::default();
        for resource in resources {
            estate.put(resource);
        }
        estate
    }
}

impl Neighbours for Estate<'_> {
    fn of_type(&self, type_name: &str, account: &str) -> Listed<'_> {
        let Some(kin) = self.known(type_name, account) else { return Listed::default() };
        let resources = kin.groups.values().flat_map(|group| group.values().copied()).collect();
        Listed { resources, incomplete: kin.incomplete.clone() }
    }

    fn in_group(&self, type_name: &str, account: &str, group: &str) -> Listed<'_> {
        let Some(kin) = self.known(type_name, account) else { return Listed::default() };
        let group = folded(group);
        let none = (!group.is_empty()).then_some("");
        let groups = none.into_iter().chain([&*group]).filter_map(|group| kin.groups.get(group));
        Listed { resources: groups.flat_map(|group| group.values().copied()).collect(), incomplete: kin.incomplete.clone() }
    }

    fn below(&self, type_name: &str, account: &str, parent: &str) -> Listed<'_> {
        let Some(kin) = self.known(type_name, account) else { return Listed::default() };
        let mut start = String::from(folded(parent));
        start.push('/');
        let mut resources = Vec::new();
        for group in kin.groups.values() {
            let from = group.range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded));
            resources.extend(from.take_while(|(id, _)| id.starts_with(&start)).map(|(_, resource)| *resource));
        }
        Listed { resources, incomplete: kin.incomplete.clone() }
    }
}

fn folded(text: &str) -> Box<str> {
    text.to_ascii_lowercase().into()
}
