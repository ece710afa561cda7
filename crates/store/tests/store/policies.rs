//! Policies in the store: what is judged anew, what stays, what the history holds.

use serde_json::{Value, json};
use skywarden_model::{Resource, Timestamp};
use skywarden_policy::{ComplianceState, PolicyObject};
use skywarden_store::{ObjectChange, PolicyRun, PolicyStateQuery, ScopeFilter, Store};

use crate::{ALL, Given, at, commit, on_both, plain, resource};

on_both!(
    only_what_changed_is_judged_again,
    a_changed_assignment_touches_its_scope_alone,
    an_exemption_ends_at_its_instant,
    what_is_looked_up_beside_a_resource_counts,
    what_was_not_listed_is_unread,
    states_are_hidden_and_removed_like_everything_else,
    objects_are_told_apart,
);

const DEFINITION: &str = "/providers/Microsoft.Authorization/policyDefinitions/names";

fn definition(forbidden: &str) -> Value {
    json!({ "id": DEFINITION, "properties": {
        "displayName": "Buckets have good names",
        "policyRule": {
            "if": { "allOf": [
                { "field": "type", "equals": "AWS::S3::Bucket" },
                { "field": "properties.Name", "like": forbidden } ] },
            "then": { "effect": "audit" } } } })
}

fn assignment(scope: &str, name: &str) -> Value {
    let id = format!("{scope}/providers/Microsoft.Authorization/policyAssignments/{name}");
    json!({ "id": id, "properties": { "policyDefinitionId": DEFINITION } })
}

fn exemption(expires: Timestamp) -> Value {
    json!({ "id": "/subscriptions/1/providers/Microsoft.Authorization/policyExemptions/later", "properties": {
        "policyAssignmentId": "/providers/Microsoft.Authorization/policyAssignments/all",
        "exemptionCategory": "Waiver", "expiresOn": expires.to_string() } })
}

async fn put(store: &Store, documents: &[Value]) -> ObjectChange {
    let objects: Vec<(PolicyObject, Value)> =
        documents.iter().map(|document| (PolicyObject::parse(document).unwrap(), document.clone())).collect();
    store.put_policies(&objects).await.unwrap()
}

async fn judge(store: &Store, second: i64) -> PolicyRun {
    store.judge_policies("c", at(second)).await.unwrap()
}

/// The states, as `resource assignment state`.
async fn states(store: &Store, filter: &ScopeFilter) -> Vec<String> {
    let page = store.policy_states(filter, &PolicyStateQuery { limit: 500, ..PolicyStateQuery::default() }).await.unwrap();
    let line = |row: &skywarden_store::PolicyStateRow| {
        format!("{} {} {}", row.name, row.assignment.rsplit('/').next().unwrap(), row.state.name())
    };
    page.items.iter().map(line).collect()
}

fn buckets(names: &[&str]) -> Vec<Resource> {
    names.iter().map(|name| resource("c", "1", name)).collect()
}

fn run(n_resources: usize, n_states: usize, n_written: usize) -> PolicyRun {
    PolicyRun { n_resources, n_states, n_written }
}

async fn only_what_changed_is_judged_again(store: &Store) {
    commit(store, plain("c", &buckets(&["bad-1", "good-1", "good-2"]), 0)).await;
    assert_eq!(judge(store, 1).await, run(0, 0, 0), "nothing is in force");
    put(store, &[definition("bad-*"), assignment("", "all")]).await;
    assert_eq!(judge(store, 2).await, run(3, 3, 3));
    assert_eq!(judge(store, 3).await, run(0, 0, 0), "nothing changed");
    assert_eq!(states(store, &ALL).await, ["bad-1 all NonCompliant", "good-1 all Compliant", "good-2 all Compliant"]);

    let mut changed = buckets(&["bad-1", "good-1", "new"]);
    changed[0].tags.insert("team".to_owned(), "web".to_owned());
    commit(store, plain("c", &changed, 4)).await;
    assert_eq!(judge(store, 5).await, run(2, 2, 2), "one changed, one is new; one is gone");
    assert_eq!(states(store, &ALL).await, ["bad-1 all NonCompliant", "good-1 all Compliant", "new all Compliant"]);

    put(store, &[definition("good-*")]).await;
    assert_eq!(judge(store, 6).await, run(3, 3, 3));
    assert_eq!(states(store, &ALL).await, ["bad-1 all Compliant", "good-1 all NonCompliant", "new all Compliant"]);
    let history = store.policy_history(&ALL, None, None).await.unwrap();
    let history: Vec<(i64, &str, Option<&str>, Option<&str>)> = history
        .iter()
        .map(|event| {
            let second = event.at.parse::<Timestamp>().unwrap().as_second() - at(0).as_second();
            (second, event.resource.as_str(), event.before.map(ComplianceState::name), event.after.map(ComplianceState::name))
        })
        .collect();
    let (good, bad) = (Some("Compliant"), Some("NonCompliant"));
    let expected = [(6, "bad-1", bad, good), (6, "good-1", good, bad), (5, "good-2", good, None), (2, "bad-1", None, bad)];
    assert_eq!(history, expected);
}

async fn a_changed_assignment_touches_its_scope_alone(store: &Store) {
    let mut estate = buckets(&["bad-1", "good-1"]);
    estate.extend(["bad-2", "good-2", "good-3"].map(|name| resource("c", "2", name)));
    commit(store, plain("c", &estate, 0)).await;
    put(store, &[definition("bad-*"), assignment("/subscriptions/1", "one"), assignment("", "all")]).await;
    assert_eq!(judge(store, 1).await, run(5, 7, 7));
    let mut messaged = assignment("/subscriptions/1", "one");
    messaged["properties"]["nonComplianceMessages"] = json!([{ "message": "rename it" }]);
    assert_eq!(put(store, &[messaged]).await, ObjectChange { n_changed: 1, ..ObjectChange::default() });
    assert_eq!(judge(store, 2).await, run(2, 2, 2), "two resources lie in its scope");
    let mut moved = assignment("/subscriptions/1", "one");
    moved["properties"]["notScopes"] = json!(["/subscriptions/1/resourceGroups/eu-west-1"]);
    put(store, &[moved]).await;
    assert_eq!(judge(store, 3).await, run(2, 0, 2), "what it leaves out is judged no longer");
    let removed = store.remove_policies(&["/PROVIDERS/Microsoft.Authorization/policyAssignments/ALL".to_owned()]).await.unwrap();
    assert_eq!(removed.n_removed, 1);
    judge(store, 4).await;
    assert_eq!(states(store, &ALL).await, [""; 0]);
    assert_eq!(judge(store, 5).await, run(0, 0, 0));
}

async fn an_exemption_ends_at_its_instant(store: &Store) {
    commit(store, plain("c", &buckets(&["bad-1", "good-1"]), 0)).await;
    put(store, &[definition("bad-*"), assignment("", "all"), exemption(at(50))]).await;
    judge(store, 1).await;
    assert_eq!(states(store, &ALL).await, ["bad-1 all Exempt", "good-1 all Exempt"]);
    assert_eq!(judge(store, 49).await, run(0, 0, 0));
    // Nobody looked at second 50; the history has it all the same.
    judge(store, 100).await;
    assert_eq!(states(store, &ALL).await, ["bad-1 all NonCompliant", "good-1 all Compliant"]);
    let history = store.policy_history(&ALL, Some("/providers/microsoft.authorization/policyassignments/all"), Some("bad-1"));
    let history = history.await.unwrap();
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].at.parse::<Timestamp>().unwrap(), at(50));
    assert_eq!((history[0].before, history[0].after), (Some(ComplianceState::Exempt), Some(ComplianceState::NonCompliant)));
    assert_eq!(judge(store, 101).await, run(0, 0, 0));
}

/// A bucket is compliant if there is a topic; the listing of topics is complete.
async fn what_is_looked_up_beside_a_resource_counts(store: &Store) {
    let watched = json!({ "id": DEFINITION, "properties": {
        "policyRule": {
            "if": { "field": "type", "equals": "AWS::S3::Bucket" },
            "then": { "effect": "auditIfNotExists", "details": { "type": "aws::s3::bucket", "existenceScope": "subscription",
                "existenceCondition": { "field": "name", "equals": "log" } } } } } });
    put(store, &[watched, assignment("", "all")]).await;
    commit(store, plain("c", &buckets(&["a", "b"]), 0)).await;
    assert_eq!(judge(store, 1).await, run(2, 2, 2));
    assert_eq!(states(store, &ALL).await, ["a all NonCompliant", "b all NonCompliant"]);
    commit(store, plain("c", &buckets(&["a", "b", "log"]), 2)).await;
    assert_eq!(judge(store, 3).await, run(3, 3, 3), "the others did not change, but what they look up did");
    assert_eq!(states(store, &ALL).await, ["a all Compliant", "b all Compliant", "log all Compliant"]);
}

async fn what_was_not_listed_is_unread(store: &Store) {
    put(store, &[definition("bad-*"), assignment("", "all")]).await;
    commit(store, plain("c", &buckets(&["good-1", "good-2"]), 0)).await;
    judge(store, 1).await;
    commit(store, Given { stale: &["good-1"], ..plain("c", &buckets(&["good-1", "good-2"]), 2) }).await;
    assert_eq!(judge(store, 3).await, run(1, 1, 1));
    assert_eq!(states(store, &ALL).await, ["good-1 all Unread", "good-2 all Compliant"]);
    let query = PolicyStateQuery { state: Some(ComplianceState::Unread), limit: 5, ..PolicyStateQuery::default() };
    let unread = store.policy_states(&ALL, &query).await.unwrap();
    assert!(unread.items[0].details.unreadable[0].reason.message.contains("could not list"), "{unread:?}");
}

async fn states_are_hidden_and_removed_like_everything_else(store: &Store) {
    let mut estate = buckets(&["bad-1", "good-1"]);
    estate.extend(["bad-2", "good-2"].map(|name| resource("c", "2", name)));
    commit(store, plain("c", &estate, 0)).await;
    put(store, &[definition("bad-*"), assignment("", "all"), assignment("/subscriptions/2", "two")]).await;
    judge(store, 1).await;
    let first = ScopeFilter::accounts([("c".to_owned(), "1".to_owned())]);
    assert_eq!(states(store, &first).await, ["bad-1 all NonCompliant", "good-1 all Compliant"]);
    let count = async |filter: &ScopeFilter| store.policy_state_count(filter, &PolicyStateQuery::default()).await.unwrap();
    assert_eq!((count(&first).await, count(&ALL).await), (2, 6));
    let total = |counts: Vec<skywarden_store::StateCount>| counts.iter().map(|own| own.count).collect::<Vec<_>>();
    assert_eq!(total(store.policy_total(&ALL).await.unwrap()), [2, 2]);
    assert_eq!(total(store.policy_total(&first).await.unwrap()), [1, 1]);
    assert_eq!(total(store.policy_resource_counts(&ALL).await.unwrap()), [2, 2, 1, 1]);
    assert_eq!(store.policy_counts(&first).await.unwrap().len(), 2);
    assert_eq!(store.policy_history(&first, None, None).await.unwrap().len(), 1);
    assert_eq!(store.policy_history(&ALL, None, None).await.unwrap().len(), 3);

    // Pages hold each once.
    let mut found = Vec::new();
    let mut cursor = None;
    loop {
        let page =
            store.policy_states(&ALL, &PolicyStateQuery { limit: 1, cursor, ..PolicyStateQuery::default() }).await.unwrap();
        found.extend(page.items.into_iter().map(|row| (row.resource, row.assignment)));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found.len(), 6);
    assert!(found.is_sorted());

    assert!(store.remove_connector("c").await.unwrap());
    assert_eq!(count(&ALL).await, 0);
    assert!(store.policy_history(&ALL, None, None).await.unwrap().is_empty());
}

async fn objects_are_told_apart(store: &Store) {
    let change = put(store, &[definition("a"), assignment("", "x")]).await;
    assert_eq!(change, ObjectChange { n_added: 2, ..ObjectChange::default() });
    let change = put(store, &[definition("a"), assignment("", "y"), definition("b")]).await;
    assert_eq!(change, ObjectChange { n_added: 1, n_changed: 1, n_same: 1, ..ObjectChange::default() });
    let kept = store.policy_library().await.unwrap();
    assert_eq!(kept.library.documents().count(), 3);
    assert!(kept.refused.is_empty());
    assert_eq!(kept.library.document(DEFINITION).unwrap().pointer("/properties/policyRule/if/allOf/1/like").unwrap(), "b");
    // What has no id of its own is found by that which was made for it.
    put(
        store,
        &[json!({ "name": "mine", "properties": { "policyRule": {
        "if": { "field": "type", "equals": "x" }, "then": { "effect": "audit" } } } })],
    )
    .await;
    let kept = store.policy_library().await.unwrap();
    assert!(kept.library.document("/providers/Microsoft.Authorization/policyDefinitions/mine").is_some());
    let same = store.policy_library().await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&kept, &same));
}
