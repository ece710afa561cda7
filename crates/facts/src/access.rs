use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_inventory::Inventory;
use skywarden_model::{Evidence, Resource, UnreadableKind};

use crate::{
    document::{Document, Effect, Principal, Principals, Statement},
    read::{self, Failures, Why},
    sheet::{Fact, seen, unseen},
};

const ACCOUNT_BLOCK: &str = "AWS::S3::AccountPublicAccessBlock";

/// The account-wide public access blocks, by account.
pub(crate) struct AccountBlocks<'a>(BTreeMap<&'a str, &'a Resource>);

impl<'a> AccountBlocks<'a> {
    pub(crate) fn new(inventory: Inventory<'a>) -> Self {
        let blocks = inventory.hold_all(ACCOUNT_BLOCK);
        Self(blocks.map(|resource| (&*resource.scope.account, resource)).collect())
    }
}

/// What the resource's own policy allows, which lies at `field` of its properties.
pub(crate) fn access(
    resource: &Resource,
    field: Option<&str>,
    blocks: &AccountBlocks<'_>,
    failures: &Failures<'_>,
) -> Option<Fact> {
    let field = field?;
    let mut fact = Fact::default();
    let grants =
        document(resource, field).map(|document| document.map(|document| grants(resource, field, &document)).unwrap_or_default());
    if let Err(why) = &grants {
        fact.observe(unseen(&format!("properties.{field}"), "what the policy allows", why));
    }
    let is_bucket = resource.type_name.as_str() == "AWS::S3::Bucket";
    let by_policy = grants.as_ref().map(|grants| grants.public.clone()).map_err(Arc::clone);
    let public = if is_bucket {
        let by_policy = unless_blocked(resource, blocks, failures, "RestrictPublicBuckets", by_policy, &mut fact);
        let by_acl = unless_blocked(resource, blocks, failures, "IgnorePublicAcls", acl_actions(resource, &mut fact), &mut fact);
        either(by_policy, by_acl)
    } else {
        (by_policy.clone().unwrap_or_default(), by_policy.err())
    };
    let (actions, doubt) = public;
    match (actions.is_empty(), &doubt) {
        (true, Some(why)) => fact.set("public", Err(Arc::clone(why))),
        _ => fact.set("public", Ok(json!(!actions.is_empty()))),
    }
    fact.set("publicActions", doubt.map_or_else(|| Ok(json!(actions)), Err));
    fact.set("crossAccount", grants.as_ref().map(|grants| json!(grants.accounts)).map_err(Arc::clone));
    fact.set("crossAccountWithoutCondition", grants.as_ref().map(|grants| json!(grants.free_accounts)).map_err(Arc::clone));
    for evidence in grants.iter().flat_map(|grants| &grants.evidence) {
        fact.observe(evidence.clone());
    }
    Some(fact)
}

/// The statement that lets anyone call a function, if there is one.
pub(crate) fn lambda_public(resource: &Resource) -> Result<Option<Evidence>, Why> {
    let Some(document) = document(resource, "Policy")? else { return Ok(None) };
    let grants = grants(resource, "Policy", &document);
    Ok(grants.evidence.into_iter().next().filter(|_| !grants.public.is_empty()))
}

/// A policy document in a field; `None` where there is none.
fn document(resource: &Resource, field: &str) -> Result<Option<Document>, Why> {
    let path: Vec<&str> = field.split('.').collect();
    match read::get(resource, &path)? {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(value) => Document::parse(value).map(Some).map_err(|problem| read::malformed(resource, field, problem)),
    }
}

#[derive(Default)]
struct Grants {
    public: BTreeSet<String>,
    accounts: BTreeSet<String>,
    free_accounts: BTreeSet<String>,
    evidence: Vec<Evidence>,
}

fn grants(resource: &Resource, field: &str, document: &Document) -> Grants {
    let mut grants = Grants::default();
    for statement in document.with(Effect::Allow) {
        let denials = || document.with(Effect::Deny).filter(|deny| covers(deny, statement));
        if denials().any(|deny| deny.conditions.is_empty()) {
            continue;
        }
        let is_narrow = statement.conditions.iter().any(|condition| condition.narrows())
            || denials().any(|deny| deny.conditions.iter().all(|condition| condition.denies_the_rest()));
        let foreign = |account: &&str| *account != &*resource.scope.account;
        let mut accounts: BTreeSet<&str> = match &statement.principals {
            Principals::Only(list) => list
                .iter()
                .filter_map(|principal| match principal {
                    Principal::Account(account) => Some(account.as_str()),
                    Principal::Anyone | Principal::Other => None,
                })
                .filter(foreign)
                .collect(),
            Principals::AllBut => BTreeSet::new(),
        };
        let is_public = statement.is_about_anyone() && !is_narrow;
        if statement.is_about_anyone() {
            accounts.extend(statement.conditions.iter().flat_map(|condition| condition.accounts()).filter(foreign));
        }
        if is_public {
            grants.public.extend(statement.actions.names());
        }
        if is_public || !accounts.is_empty() {
            let conditions: Vec<_> = statement.conditions.iter().map(|condition| condition.name()).collect();
            let expected = if is_public { "a statement that lets anyone act" } else { "a statement for another account" };
            let actual = json!({"actions": statement.actions.names(), "accounts": accounts, "conditions": conditions});
            let evidence = seen(resource, format!("{field}.Statement[{}]", statement.position), expected, actual);
            // What is public comes first: it is what a reader looks for.
            let at = if is_public { 0 } else { grants.evidence.len() };
            grants.evidence.insert(at, evidence);
        }
        for account in accounts {
            grants.accounts.insert(account.to_owned());
            if !is_narrow {
                grants.free_accounts.insert(account.to_owned());
            }
        }
    }
    grants
}

/// Whether a Deny is about everyone and everything that an Allow is about.
fn covers(deny: &Statement, allow: &Statement) -> bool {
    matches!(&deny.principals, Principals::Only(list) if list.contains(&Principal::Anyone))
        && deny.actions.cover_all_of(&allow.actions)
        && deny.resources.cover_all_of(&allow.resources)
}

fn acl_actions(resource: &Resource, fact: &mut Fact) -> Result<BTreeSet<String>, Why> {
    // With object ownership enforced, ACLs no longer count; unreadable ownership leaves the ACL in force.
    let rules = read::list(resource, &["OwnershipControls", "Rules"]);
    if rules.as_ref().is_ok_and(|rules| read::column(rules, "ObjectOwnership").contains(&"BucketOwnerEnforced")) {
        return Ok(BTreeSet::new());
    }
    let mut actions = BTreeSet::new();
    for (position, grant) in read::list(resource, &["Acl", "Grants"])?.iter().enumerate() {
        let group = grant.get("Grantee").and_then(|grantee| grantee.get("URI")).and_then(Value::as_str).unwrap_or_default();
        if !group.ends_with("/global/AllUsers") && !group.ends_with("/global/AuthenticatedUsers") {
            continue;
        }
        let permission = grant.get("Permission").and_then(Value::as_str).unwrap_or("FULL_CONTROL");
        actions.insert(format!("acl:{permission}"));
        fact.observe(seen(resource, format!("Acl.Grants[{position}]"), "a grant to everyone", json!(group)));
    }
    match rules {
        Err(why) if !actions.is_empty() => Err(why),
        _ => Ok(actions),
    }
}

/// What stays public after a setting of the bucket's and the account's public access blocks.
fn unless_blocked(
    resource: &Resource,
    blocks: &AccountBlocks<'_>,
    failures: &Failures<'_>,
    setting: &str,
    actions: Result<BTreeSet<String>, Why>,
    fact: &mut Fact,
) -> Result<BTreeSet<String>, Why> {
    if actions.as_ref().is_ok_and(BTreeSet::is_empty) {
        return actions;
    }
    let on = |resource: &Resource, group: &str| {
        read::get(resource, &[group, setting]).map(|value| value.and_then(Value::as_bool) == Some(true))
    };
    let own = on(resource, "PublicAccessBlock");
    let account = match blocks.0.get(&*resource.scope.account) {
        Some(block) => on(block, "PublicAccessBlockConfiguration"),
        None => match failures.near(ACCOUNT_BLOCK, resource) {
            Some(why) => Err(why),
            // A file holds what its maker put in; that the block is not in it says nothing.
            None if !resource.carried.is_all() && !failures.is_listed(ACCOUNT_BLOCK, &resource.scope.account) => {
                let message = "the source has no list of the account's public access blocks";
                Err(read::why(UnreadableKind::NotCarried, ACCOUNT_BLOCK, message))
            }
            None => Ok(false),
        },
    };
    match (own, account) {
        (Ok(true), _) => {
            fact.observe(seen(resource, format!("PublicAccessBlock.{setting}"), "a block of public access", json!(true)));
            Ok(BTreeSet::new())
        }
        (_, Ok(true)) => {
            if let Some(block) = blocks.0.get(&*resource.scope.account) {
                let field = format!("PublicAccessBlockConfiguration.{setting}");
                fact.observe(seen(block, field, "a block of public access", json!(true)));
            }
            Ok(BTreeSet::new())
        }
        (Err(why), _) | (_, Err(why)) => Err(why),
        (Ok(false), Ok(false)) => actions,
    }
}

/// What either allows, and why there may be more.
fn either(one: Result<BTreeSet<String>, Why>, other: Result<BTreeSet<String>, Why>) -> (BTreeSet<String>, Option<Why>) {
    let mut actions = BTreeSet::new();
    let mut doubt = None;
    for part in [one, other] {
        match part {
            Ok(part) => actions.extend(part),
            Err(why) => doubt = doubt.or(Some(why)),
        }
    }
    (actions, doubt)
}
