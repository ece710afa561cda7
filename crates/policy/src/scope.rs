use std::{collections::BTreeMap, fmt};

use skywarden_model::{ArmId, Resource, Scope as Place};

/// How scopes are written.
pub(crate) const HELP: &str = "`/` (the tenant), `/providers/Microsoft.Management/managementGroups/NAME`, `/subscriptions/ID`, \
                               `/subscriptions/ID/resourceGroups/NAME` or the id of a resource";

const GROUPS: &str = "/providers/microsoft.management/managementgroups/";

/// Over what something is in force, with everything below: tenant > management group > subscription > resource group > resource.
///
/// Scopes compare without case. A subscription is any account: an AWS account, a project, the machines of one's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Everything.
    Tenant,
    /// A management group by its name.
    ManagementGroup(String),
    /// A subscription by its id.
    Subscription(String),
    /// A resource group: subscription and name.
    ResourceGroup(String, String),
    /// A resource by its id.
    Resource(String),
}

/// Which management groups and subscriptions lie below which management group; what is in none lies below the tenant.
#[derive(Debug, Clone, Default)]
pub struct Hierarchy {
    parents: BTreeMap<Scope, Scope>,
}

impl Scope {
    /// The scope that a text names; `None` if it names none.
    pub fn parse(text: &str) -> Option<Self> {
        let folded = text.trim_end_matches('/').to_lowercase();
        if folded.is_empty() {
            // An empty text is a mistake, not everything.
            return (text == "/").then_some(Self::Tenant);
        }
        if let Some(name) = folded.strip_prefix(GROUPS) {
            return (!name.is_empty() && !name.contains('/')).then(|| Self::ManagementGroup(name.to_owned()));
        }
        let Some(rest) = folded.strip_prefix("/subscriptions/") else {
            // Ids of other clouds: `arn:...`, `//compute.googleapis.com/...`.
            let is_id = folded.starts_with("arn:") || folded.starts_with("//") || folded.contains("/providers/");
            return is_id.then_some(Self::Resource(folded));
        };
        let parts: Vec<&str> = rest.split('/').collect();
        match parts.as_slice() {
            [_, ..] if parts.iter().any(|part| part.is_empty()) => None,
            [subscription] => Some(Self::Subscription((*subscription).to_owned())),
            [subscription, "resourcegroups", name] => Some(Self::ResourceGroup((*subscription).to_owned(), (*name).to_owned())),
            [_, "resourcegroups", _, "providers", _, _, _, ..] | [_, "providers", _, _, _, ..] => Some(Self::Resource(folded)),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tenant => out.write_str("/"),
            Self::ManagementGroup(name) => write!(out, "/providers/Microsoft.Management/managementGroups/{name}"),
            Self::Subscription(id) => write!(out, "/subscriptions/{id}"),
            Self::ResourceGroup(subscription, name) => write!(out, "/subscriptions/{subscription}/resourceGroups/{name}"),
            Self::Resource(id) => out.write_str(id),
        }
    }
}

impl Hierarchy {
    /// Puts a management group or a subscription below a management group or the tenant.
    ///
    /// # Errors
    /// If that would make a circle, or one of them can't stand there.
    pub fn put(&mut self, child: Scope, parent: Scope) -> Result<(), String> {
        if !matches!(child, Scope::ManagementGroup(_) | Scope::Subscription(_)) {
            return Err(format!("{child} can't be put below another scope"));
        }
        if !matches!(parent, Scope::ManagementGroup(_) | Scope::Tenant) {
            return Err(format!("nothing can be put below {parent}"));
        }
        if self.above(&parent).contains(&child) {
            return Err(format!("{child} would lie below itself"));
        }
        self.parents.insert(child, parent);
        Ok(())
    }

    /// Every management group and subscription of which it is known where it lies, and those above them.
    pub fn placed(&self) -> impl Iterator<Item = &Scope> {
        self.parents.iter().flat_map(|(child, parent)| [child, parent])
    }

    /// A scope and those that it lies in, from the inside to the tenant.
    pub fn above(&self, scope: &Scope) -> Vec<Scope> {
        let mut chain = vec![scope.clone()];
        while let Some(parent) = chain.last().and_then(|last| self.parent(last)) {
            chain.push(parent);
        }
        chain
    }

    /// The scopes that a resource lies in, from itself to the tenant. What is not Azure's has two names, its own and the id that the
    /// ARM face gives it, and so has its subscription: its account, and the id there.
    pub fn of(&self, resource: &Resource) -> Vec<Scope> {
        self.of_parts(resource.id.as_str(), &resource.scope)
    }

    /// The same of a resource's id and place.
    pub fn of_parts(&self, id: &str, place: &Place) -> Vec<Scope> {
        let mut chain = vec![Scope::Resource(id.to_lowercase())];
        if !id.is_empty() {
            let given = Scope::Resource(ArmId::of_parts(&id.into(), place).as_str().to_lowercase());
            if !chain.contains(&given) {
                chain.push(given);
            }
        }
        let account = place.account.to_lowercase();
        let group = place.resource_group.to_lowercase();
        let given = skywarden_model::subscription_id(place).to_string();
        let has_two_names = !account.is_empty() && given != account;
        for subscription in std::iter::once(account).chain(has_two_names.then_some(given)) {
            if !group.is_empty() {
                chain.push(Scope::ResourceGroup(subscription.clone(), group.clone()));
            }
            for scope in self.above(&Scope::Subscription(subscription)) {
                if !chain.contains(&scope) {
                    chain.push(scope);
                }
            }
        }
        chain
    }

    fn parent(&self, scope: &Scope) -> Option<Scope> {
        match scope {
            Scope::Tenant => None,
            Scope::ManagementGroup(_) | Scope::Subscription(_) => Some(self.parents.get(scope).cloned().unwrap_or(Scope::Tenant)),
            Scope::ResourceGroup(subscription, _) => Some(Scope::Subscription(subscription.clone())),
            Scope::Resource(id) => {
                let parts: Vec<&str> = id.split('/').collect();
                match parts.as_slice() {
                    ["", "subscriptions", subscription, "resourcegroups", name, ..] => {
                        Some(Scope::ResourceGroup((*subscription).to_owned(), (*name).to_owned()))
                    }
                    ["", "subscriptions", subscription, ..] => Some(Scope::Subscription((*subscription).to_owned())),
                    _ => Some(Scope::Tenant),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_scope_is_read_and_written() {
        for text in [
            "/",
            "/providers/Microsoft.Management/managementGroups/corp",
            "/subscriptions/s1",
            "/subscriptions/s1/resourceGroups/rg",
            "/subscriptions/s1/resourcegroups/rg/providers/microsoft.sql/servers/db",
            "arn:aws:s3:::bucket",
        ] {
            assert_eq!(Scope::parse(text).map(|scope| scope.to_string()).as_deref(), Some(text), "{text}");
        }
        assert_eq!(Scope::parse("/SUBSCRIPTIONS/S1/"), Scope::parse("/subscriptions/s1"));
        for text in ["", "s1", "/subscriptions", "/subscriptions//resourceGroups/x", "/subscriptions/s1/resourceGroups", "/x/y"] {
            assert_eq!(Scope::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_azures_is_found_under_the_id_that_arm_has_for_it() {
        let place = Place { connector: "aws".into(), account: "1".into(), resource_group: "us-east-1".into() };
        let chain = Hierarchy::default().of_parts("arn:aws:s3:::b", &place);
        let given = ArmId::of_parts(&"arn:aws:s3:::b".into(), &place);
        assert!(chain.contains(&Scope::parse(given.as_str()).unwrap()), "{chain:?}");
        let native = "/subscriptions/s/resourceGroups/g/providers/a/b/c";
        let scopes = Hierarchy::default().of_parts(native, &place);
        assert_eq!(scopes.iter().filter(|scope| matches!(scope, Scope::Resource(_))).count(), 1, "{scopes:?}");
    }

    #[test]
    fn a_hierarchy_has_no_circle() {
        let group = |name: &str| Scope::ManagementGroup(name.to_owned());
        let mut hierarchy = Hierarchy::default();
        assert_eq!(hierarchy.put(group("b"), group("a")), Ok(()));
        assert_eq!(hierarchy.put(group("c"), group("b")), Ok(()));
        assert_eq!(hierarchy.put(Scope::Subscription("s".to_owned()), group("c")), Ok(()));
        assert!(hierarchy.put(group("a"), group("c")).is_err());
        assert!(hierarchy.put(group("a"), group("a")).is_err());
        assert!(hierarchy.put(Scope::Tenant, group("a")).is_err());
        let chain = hierarchy.above(&Scope::ResourceGroup("s".to_owned(), "rg".to_owned()));
        let chain: Vec<String> = chain.iter().map(ToString::to_string).collect();
        assert_eq!(chain.len(), 6, "{chain:?}");
        assert_eq!(chain.last().map(String::as_str), Some("/"));
    }
}
