use std::{cmp::Ordering, collections::BTreeMap, ops::Bound, sync::Arc};

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
    /// By resource group, in small letters, and id.
    groups: BTreeMap<Box<str>, BTreeMap<AnyCase<'a>, &'a Resource>>,
    incomplete: Option<Arc<UnreadableReason>>,
}

/// An id as its resource has it, equal to and in order with others as if it were in small letters.
#[derive(Debug, Clone, Copy)]
struct AnyCase<'a>(&'a str);

impl<'a> Estate<'a> {
    /// Adds a resource; one of the same id, type and place is replaced.
    pub fn put(&mut self, resource: &'a Resource) {
        let scope = &resource.scope;
        let groups = &mut self.kin(resource.type_name.as_str(), &scope.account).groups;
        let group = groups.entry(folded(&scope.resource_group)).or_default();
        group.insert(AnyCase(resource.id.as_str()), resource);
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
        let start = format!("{parent}/");
        let is_below = |id: &AnyCase<'_>| id.0.get(..start.len()).is_some_and(|own| own.eq_ignore_ascii_case(&start));
        let mut resources = Vec::new();
        for group in kin.groups.values() {
            let from = group.range((Bound::Included(AnyCase(&start)), Bound::Unbounded));
            resources.extend(from.take_while(|(id, _)| is_below(id)).map(|(_, resource)| *resource));
        }
        Listed { resources, incomplete: kin.incomplete.clone() }
    }
}

impl AnyCase<'_> {
    fn small(&self) -> impl Iterator<Item = u8> {
        self.0.bytes().map(|byte| byte.to_ascii_lowercase())
    }
}

impl Ord for AnyCase<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.small().cmp(other.small())
    }
}

impl PartialOrd for AnyCase<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for AnyCase<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for AnyCase<'_> {}

fn folded(text: &str) -> Box<str> {
    text.to_ascii_lowercase().into()
}
