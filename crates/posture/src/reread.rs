//! What was read again takes the place of what was known.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use skywarden_content::Catalog;
use skywarden_model::{
    Changed, Coverage, DeniedRead, FieldPath, ListOutcome, Reread, RereadOutcome, Resource, ResourceId, UnreadableKind,
    UnreadableReason,
};

/// What is known of a connector.
#[derive(Debug, Default)]
pub struct Estate {
    /// What its last run saw, and what was read again since.
    pub seen: Vec<Resource>,
    /// What stays without having been seen.
    pub stale: Vec<Resource>,
    /// One entry per listing.
    pub coverage: Vec<Coverage>,
}

impl Estate {
    /// Puts what was read again in its place. What a change asked for and is not there any more goes, with what lies below it; what
    /// could not be read stays as it is, and its listing is no longer complete. Places that the last run did not list are passed
    /// over: they are no part of the connector.
    pub fn take(&mut self, catalog: &Catalog, rereads: Vec<Reread>) {
        self.seen.sort_by(|one, other| one.id.cmp(&other.id));
        self.seen.dedup_by(|one, other| one.id == other.id);
        for Reread { changed, outcome } in rereads {
            let listed =
                |entry: &&mut Coverage| is_listing_of(&changed, entry) && !matches!(entry.outcome, ListOutcome::Skipped { .. });
            let Some(place) = self.coverage.iter_mut().find(listed) else { continue };
            match outcome {
                RereadOutcome::Failed(reason) => failed(place, reason),
                RereadOutcome::Found(found) => {
                    if changed.fields.is_empty() && !place.is_complete() {
                        place.outcome = ListOutcome::Complete { n_resources: 0 };
                    }
                    self.replace(catalog, &changed, found);
                }
            }
        }
    }

    fn replace(&mut self, catalog: &Catalog, changed: &Changed, found: Vec<Resource>) {
        let ids: BTreeSet<ResourceId> = found.iter().map(|own| own.id.clone()).collect();
        let mut gone: Vec<Resource> =
            self.seen.extract_if(.., |own| changed.speaks_of(own) || is_same(&ids, changed, own)).collect();
        gone.extend(self.stale.extract_if(.., |own| changed.speaks_of(own) || is_same(&ids, changed, own)));
        gone.retain(|own| !ids.contains(&own.id));
        self.seen.extend(found);
        let mut touched = vec![changed.of_whole_type()];
        while let Some(parent) = gone.pop() {
            for child in catalog.collectors.values() {
                let Some(above) = child.parent.as_ref().filter(|above| above.type_name == parent.type_name.as_str()) else {
                    continue;
                };
                let place = Changed { type_name: child.type_name.as_str().into(), ..changed.of_whole_type() };
                let lies_below = |own: &mut Resource| {
                    place.is_place_of(own)
                        && above.take.iter().all(|(name, path)| own.properties.get(name) == value_at(&parent, path).as_ref())
                };
                gone.extend(self.seen.extract_if(.., lies_below));
                gone.extend(self.stale.extract_if(.., lies_below));
                touched.push(place);
            }
            // Ids of Azure are paths: with a group, a server or a machine goes all that lies below it.
            if parent.id.as_str().starts_with('/') {
                let above = format!("{}/", parent.id);
                let lies_below = |own: &mut Resource| own.id.as_str().starts_with(&above) && !ids.contains(&own.id);
                let below = self.seen.extract_if(.., lies_below).chain(self.stale.extract_if(.., lies_below));
                for own in below {
                    touched.push(Changed {
                        account: own.scope.account.to_string(),
                        type_name: own.type_name,
                        ..changed.of_whole_type()
                    });
                }
            }
        }
        for place in touched {
            self.recount(&place);
        }
    }

    /// Counts a listing as it would have been now.
    fn recount(&mut self, changed: &Changed) {
        let Some(entry) = self.coverage.iter_mut().find(|entry| is_listing_of(changed, entry)) else { return };
        let own: Vec<&Resource> = self.seen.iter().filter(|own| changed.is_place_of(own)).collect();
        if let ListOutcome::Complete { n_resources } | ListOutcome::Partial { n_resources, .. } = &mut entry.outcome {
            *n_resources = own.len() as u64;
        }
        entry.denied = denied(&own);
    }
}

fn is_listing_of(changed: &Changed, entry: &Coverage) -> bool {
    entry.type_name == changed.type_name && *entry.account == *changed.account && *entry.region == *changed.region
}

/// Whether a resource is one that was found, by its id: its fields may be others than those that it was asked for by.
fn is_same(ids: &BTreeSet<ResourceId>, changed: &Changed, own: &Resource) -> bool {
    own.type_name == changed.type_name && ids.contains(&own.id)
}

fn failed(place: &mut Coverage, reason: Arc<UnreadableReason>) {
    if let ListOutcome::Complete { n_resources } = place.outcome {
        place.outcome = ListOutcome::Partial { n_resources, reason };
    }
}

fn value_at(parent: &Resource, path: &str) -> Option<Value> {
    match path {
        "id" => Some(Value::String(parent.id.to_string())),
        "name" => Some(Value::String(parent.name.clone())),
        path => path.split('.').try_fold(&parent.properties, |value, name| value.get(name)).cloned(),
    }
}

/// Fields, resources, reason.
type Group = (BTreeSet<FieldPath>, u64, Arc<UnreadableReason>);

/// The reads that failed on some resources, as a listing of them tells.
fn denied(own: &[&Resource]) -> Vec<DeniedRead> {
    let mut groups: BTreeMap<(&str, UnreadableKind, &str), Group> = BTreeMap::new();
    for resource in own {
        let mut counted = BTreeSet::new();
        // Texts that can't be looked into for secrets are no failed reads and have no code; tags stand twice.
        let reads = resource.unreadable.iter().filter(|entry| !entry.reason.code.is_empty() && entry.field.segments().len() > 1);
        for entry in reads {
            let reason = &entry.reason;
            let key = (reason.operation.as_str(), reason.kind, reason.code.as_str());
            let (fields, n_resources, least) = groups.entry(key).or_insert_with(|| (BTreeSet::new(), 0, Arc::clone(reason)));
            fields.insert(entry.field.clone());
            *n_resources += u64::from(counted.insert(key));
            if *reason < *least {
                *least = Arc::clone(reason);
            }
        }
    }
    let read = |(fields, n_resources, reason): Group| DeniedRead { fields: fields.into_iter().collect(), n_resources, reason };
    groups.into_values().map(read).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use skywarden_model::{Carried, Scope, Unreadable};

    use super::*;

    fn resource(type_name: &str, name: &str) -> Resource {
        Resource {
            id: format!("{type_name}/{name}").as_str().into(),
            type_name: type_name.into(),
            name: name.to_owned(),
            scope: Scope { connector: "aws".into(), account: "1".into(), resource_group: "r".into() },
            location: Some("r".to_owned()),
            tags: BTreeMap::new(),
            envelope: Default::default(),
            properties: json!({ "Name": name, "Of": "a" }),
            unreadable: Vec::new(),
            carried: Carried::All,
        }
    }

    fn reason(code: &str) -> Arc<UnreadableReason> {
        Arc::new(UnreadableReason {
            kind: UnreadableKind::Denied,
            operation: "s:Get".to_owned(),
            permission: Some("s:Get".to_owned()),
            code: code.to_owned(),
            message: String::new(),
        })
    }

    fn listing(type_name: &str, outcome: ListOutcome) -> Coverage {
        Coverage { type_name: type_name.into(), account: "1".into(), region: "r".into(), outcome, denied: Vec::new() }
    }

    fn catalog() -> Catalog {
        let mut catalog = Catalog::default();
        let child =
            json!({ "type": "Child", "description": "d", "parent": { "type": "Top", "take": { "Of": "name" } }, "fields": {} });
        catalog.collectors.insert("Child".to_owned(), serde_json::from_value(child).unwrap());
        catalog
    }

    fn estate() -> Estate {
        let seen = vec![resource("Top", "a"), resource("Top", "b"), resource("Child", "c")];
        let complete = |n_resources| ListOutcome::Complete { n_resources };
        Estate {
            seen,
            stale: vec![resource("Top", "s")],
            coverage: vec![listing("Top", complete(2)), listing("Child", complete(1))],
        }
    }

    fn reread(name: &str, outcome: RereadOutcome) -> Vec<Reread> {
        let fields = if name.is_empty() { BTreeMap::new() } else { BTreeMap::from([("Name".to_owned(), name.to_owned())]) };
        let changed =
            Changed { account: "1".to_owned(), type_name: "Top".into(), region: "r".to_owned(), fields, calls: BTreeSet::new() };
        vec![Reread { changed, outcome }]
    }

    fn ids(resources: &[Resource]) -> Vec<&str> {
        resources.iter().map(|own| own.id.as_str()).collect()
    }

    #[test]
    fn what_is_gone_goes_with_what_lies_below_it() {
        let mut estate = estate();
        estate.take(&catalog(), reread("a", RereadOutcome::Found(Vec::new())));
        assert_eq!((ids(&estate.seen), ids(&estate.stale)), (vec!["Top/b"], vec!["Top/s"]));
        let counts: Vec<&ListOutcome> = estate.coverage.iter().map(|entry| &entry.outcome).collect();
        assert_eq!(counts, [&ListOutcome::Complete { n_resources: 1 }, &ListOutcome::Complete { n_resources: 0 }]);
    }

    #[test]
    fn what_lies_below_a_path_goes_with_it() {
        let mut estate = estate();
        estate.seen = vec![resource("Top", "a"), resource("Below", "b"), resource("Beside", "c")];
        for (own, id) in estate.seen.iter_mut().zip(["/subscriptions/1/g", "/subscriptions/1/g/x", "/subscriptions/1/g2"]) {
            own.id = id.into();
        }
        estate.coverage = ["Top", "Below", "Beside"].map(|name| listing(name, ListOutcome::Complete { n_resources: 1 })).to_vec();
        estate.coverage.iter_mut().for_each(|entry| entry.region = "global".into());
        let changed = Changed::of_id("1", "Top".into(), "/subscriptions/1/g");
        estate.take(&Catalog::default(), vec![Reread { changed, outcome: RereadOutcome::Found(Vec::new()) }]);
        assert_eq!(ids(&estate.seen), ["/subscriptions/1/g2"]);
        let counts: Vec<&ListOutcome> = estate.coverage.iter().map(|entry| &entry.outcome).collect();
        let complete = |n_resources| ListOutcome::Complete { n_resources };
        assert_eq!(counts, [&complete(0), &complete(0), &complete(1)]);
    }

    #[test]
    fn what_could_not_be_read_stays_and_is_told() {
        let mut estate = estate();
        estate.take(&catalog(), reread("a", RereadOutcome::Failed(reason("Denied"))));
        assert_eq!(estate.seen.len(), 3);
        assert_eq!(estate.coverage[0].outcome, ListOutcome::Partial { n_resources: 2, reason: reason("Denied") });
    }

    #[test]
    fn a_whole_list_makes_a_place_whole_again() {
        let mut estate = estate();
        estate.coverage[0].outcome = ListOutcome::Failed { reason: reason("Denied") };
        let mut found = resource("Top", "b");
        found.unreadable = vec![Unreadable { field: "properties.Policy".parse().unwrap(), reason: reason("Denied") }];
        estate.take(&catalog(), reread("", RereadOutcome::Found(vec![found])));
        assert_eq!((ids(&estate.seen), ids(&estate.stale)), (vec!["Top/b"], vec![]));
        assert_eq!(estate.coverage[0].outcome, ListOutcome::Complete { n_resources: 1 });
        assert_eq!(estate.coverage[0].denied.len(), 1);
    }

    #[test]
    fn places_that_are_not_looked_at_stay_so() {
        let mut estate = estate();
        estate.coverage.clear();
        estate.take(&catalog(), reread("new", RereadOutcome::Found(vec![resource("Top", "new")])));
        assert_eq!(estate.seen.len(), 3);
    }
}
