//! What was read piece by piece stands as what a whole scan reads: the sample estate changes step by step, one store is told of each
//! change alone, another gets the whole snapshot.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use skywarden_content::{Catalog, Placement};
use skywarden_model::{
    Changed, Connector, Coverage, Environment, ListOutcome, Reread, RereadOutcome, Resource, SignedDuration, Snapshot, Timestamp,
};
use skywarden_posture::Assessed;
use skywarden_store::{ScopeFilter, Store};

const SEEDS: u64 = 3;
const STEPS: i64 = 5;
const EDITS: usize = 6;

/// The same numbers from the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

/// Which resources a change speaks of, in the words of its collector's events if they suffice.
fn changed(catalog: &Catalog, all: &[Resource], resource: &Resource) -> Changed {
    let collector = &catalog.collectors[resource.type_name.as_str()];
    let region = match collector.placement {
        Placement::Global => "global".to_owned(),
        Placement::Regional => resource.scope.resource_group.to_string(),
    };
    let place = Changed {
        account: resource.scope.account.to_string(),
        type_name: resource.type_name.clone(),
        region,
        fields: BTreeMap::new(),
        calls: BTreeSet::new(),
    };
    let of = |names: Vec<&String>| {
        let text = |name: &String| Some((name.clone(), resource.properties.get(name)?.as_str()?.to_owned()));
        let fields: BTreeMap<String, String> = names.iter().filter_map(|name| text(name)).collect();
        let own = Changed { fields, ..place.clone() };
        let is_one = all.iter().filter(|other| own.speaks_of(other)).count() <= 1;
        (is_one && own.fields.len() == names.len() && !own.fields.is_empty()).then_some(own)
    };
    let events = collector.changes.iter().flat_map(|changes| &changes.events);
    events
        .filter_map(|events| of(events.take.keys().collect()))
        .next()
        .or_else(|| resource.properties.as_object()?.keys().find_map(|name| of(vec![name])))
        .unwrap_or(place)
}

/// Turns one truth or text somewhere in a value into another, or takes a member away.
fn edit(value: &mut Value, numbers: &mut Numbers) {
    match value {
        Value::Bool(truth) => *truth = !*truth,
        Value::Array(items) if items.is_empty() => {}
        Value::Array(items) => {
            let place = numbers.below(items.len());
            if numbers.below(4) == 0 { drop(items.remove(place)) } else { edit(&mut items[place], numbers) }
        }
        Value::Object(members) if members.is_empty() => {}
        Value::Object(members) => {
            let name = members.keys().nth(numbers.below(members.len())).unwrap().clone();
            if numbers.below(4) == 0 { drop(members.remove(&name)) } else { edit(&mut members[&name], numbers) }
        }
        Value::String(text) if text == "0.0.0.0/0" => *text = "10.0.0.0/8".to_owned(),
        Value::String(text) if text.ends_with("/8") => *text = "0.0.0.0/0".to_owned(),
        Value::Number(number) => *value = json!(number.as_i64().unwrap_or(0) + 1),
        Value::String(_) | Value::Null => {}
    }
}

/// What identifies resources, which an edit must leave as it is.
fn identity(changed: &Changed, resource: &mut Resource, before: &Resource) {
    for name in changed.fields.keys() {
        resource.properties[name] = before.properties[name].clone();
    }
}

/// Changes some resources, adds and removes some; returns what a reader of each change would find.
fn step(catalog: &Catalog, snapshot: &mut Snapshot, numbers: &mut Numbers) -> Vec<Reread> {
    let parents: BTreeSet<&str> =
        catalog.collectors.values().filter_map(|collector| Some(collector.parent.as_ref()?.type_name.as_str())).collect();
    let mut rereads = Vec::new();
    for _ in 0..EDITS {
        let place = numbers.below(snapshot.resources.len());
        let before = snapshot.resources[place].clone();
        if parents.contains(before.type_name.as_str()) || !catalog.collectors.contains_key(before.type_name.as_str()) {
            continue;
        }
        let change = changed(catalog, &snapshot.resources, &before);
        let n_before = snapshot.resources.iter().filter(|own| change.is_place_of(own)).count();
        let change = match numbers.below(4) {
            0 => {
                snapshot.resources.remove(place);
                change
            }
            // Beside it one more, that has its properties and another name.
            1 => {
                let mut new = before.clone();
                new.id = format!("{}-new{}", before.id, numbers.below(1_000_000)).as_str().into();
                for name in change.fields.keys() {
                    new.properties[name] =
                        json!(format!("{}-new{}", before.properties[name].as_str().unwrap(), numbers.below(1000)));
                }
                snapshot.resources.push(new.clone());
                changed(catalog, &snapshot.resources, &new)
            }
            _ => {
                let own = &mut snapshot.resources[place];
                for _ in 0..3 {
                    edit(&mut own.properties, numbers);
                }
                identity(&change, own, &before);
                change
            }
        };
        let n_after = snapshot.resources.iter().filter(|own| change.is_place_of(own)).count();
        recount(&mut snapshot.coverage, &change, n_after as i64 - n_before as i64);
        let found = snapshot.resources.iter().filter(|own| change.speaks_of(own)).cloned().collect();
        rereads.push(Reread { changed: change, outcome: RereadOutcome::Found(found) });
    }
    // Of several changes of the same each is read when all have happened.
    for reread in &mut rereads {
        let found = snapshot.resources.iter().filter(|own| reread.changed.speaks_of(own)).cloned().collect();
        reread.outcome = RereadOutcome::Found(found);
    }
    rereads
}

fn recount(coverage: &mut [Coverage], change: &Changed, by: i64) {
    let own = |entry: &&mut Coverage| entry.type_name == change.type_name && *entry.region == *change.region;
    if let Some(ListOutcome::Complete { n_resources } | ListOutcome::Partial { n_resources, .. }) =
        coverage.iter_mut().find(own).map(|entry| &mut entry.outcome)
    {
        *n_resources = n_resources.checked_add_signed(by).unwrap();
    }
}

/// What can be compared of two outcomes.
fn told(assessed: &Assessed) -> (Vec<String>, Vec<String>, Vec<String>, String) {
    let text = |value: Value| value.to_string();
    let resources = assessed.resources.iter().map(|own| {
        text(json!({ "own": own, "facts": assessed.facts.get(&own.id), "stale": assessed.stale.contains(own.id.as_str()) }))
    });
    let assessments = assessed.assessments.iter().map(|own| text(json!(own)));
    let mut coverage: Vec<String> = assessed.coverage.iter().map(|own| text(json!(own))).collect();
    coverage.sort();
    (resources.collect(), assessments.collect(), coverage, text(json!(assessed.score)))
}

fn first_difference(one: &[String], other: &[String]) -> Option<(String, String)> {
    let none = String::new();
    let pairs = (0..one.len().max(other.len())).map(|n| (one.get(n).unwrap_or(&none), other.get(n).unwrap_or(&none)));
    pairs.filter(|(one, other)| one != other).map(|(one, other)| (one.clone(), other.clone())).next()
}

#[test]
fn pieces_are_the_whole() {
    let catalog = Catalog::embedded().unwrap();
    let sample = skywarden_testkit::sample(&catalog).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let connector = Connector {
        id: sample.connector.clone(),
        environment: Environment::Aws,
        display_name: "pieces".to_owned(),
        sample: true,
        settings: BTreeMap::new(),
    };
    let mut n_rereads = 0;
    for seed in 0..SEEDS {
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let pieces = Store::open_file(&folder.path().join("pieces.db")).await.unwrap();
            let whole = Store::open_file(&folder.path().join("whole.db")).await.unwrap();
            let begin = Timestamp::from_second(1_800_000_000).unwrap();
            let mut snapshot = sample.clone();
            for store in [&pieces, &whole] {
                store.assess(&catalog, &connector, snapshot.clone(), begin).await.unwrap();
            }
            let mut numbers = Numbers(seed);
            for number in 1..=STEPS {
                let at = begin.checked_add(SignedDuration::from_secs(number)).unwrap();
                let rereads = step(&catalog, &mut snapshot, &mut numbers);
                n_rereads += rereads.len();
                let names = format!("{:?}", rereads.iter().map(|own| &own.changed).collect::<Vec<_>>());
                let (one, stats) = pieces.assess_again(&catalog, &connector, rereads, at).await.unwrap().unwrap();
                let (other, whole_stats) = whole.assess(&catalog, &connector, snapshot.clone(), at).await.unwrap();
                let (one, other) = (told(&one), told(&other));
                assert_eq!(first_difference(&one.0, &other.0), None, "resources and facts, seed {seed}, step {number}: {names}");
                assert_eq!(first_difference(&one.1, &other.1), None, "assessments, seed {seed}, step {number}: {names}");
                assert_eq!(first_difference(&one.2, &other.2), None, "coverage, seed {seed}, step {number}: {names}");
                assert_eq!(one.3, other.3, "score, seed {seed}, step {number}");
                assert_eq!(stats, whole_stats, "rows, seed {seed}, step {number}");
                let id = connector.id.as_str();
                assert_eq!(pieces.tracked(id).await.unwrap(), whole.tracked(id).await.unwrap(), "history, seed {seed}");
                let all = ScopeFilter::All;
                assert_eq!(
                    pieces.account_counts(&all).await.unwrap(),
                    whole.account_counts(&all).await.unwrap(),
                    "counts, seed {seed}, step {number}"
                );
            }
        });
    }
    assert!(n_rereads >= 40, "only {n_rereads} changes were made");
}
