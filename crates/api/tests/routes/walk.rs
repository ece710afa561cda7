//! The walk over the whole API, and over every operation of the reference: who asks without a login, elsewhere, or without the right.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use serde_json::{Value, json};
use skywarden_api::openapi;
use skywarden_model::{Scope, subscription_id};
use skywarden_rbac::BuiltIn;

use crate::common::{BEARER, JSON, Server, ask, estate, program};

/// Method, path and group of each operation of Microsoft.Security that is no IoT's.
const OPERATIONS: &str = include_str!("operations.tsv");

/// What a rule does not hold for, with the reason: rule, method, path.
const EXCEPTIONS: &str = include_str!("walk-exceptions.tsv");

const PLACES: [(&str, &str); 2] = [("alpha", "a1"), ("beta", "b1")];

/// A subscription that nobody has.
const FOREIGN: &str = "00000000-0000-4000-8000-00000000ffff";

/// An operation with how its path is asked.
struct Operation {
    method: String,
    path: String,
}

impl Operation {
    /// The path with a subscription, and something in place of the rest. What stands for a whole scope is a resource in it.
    fn asked(&self, subscription: &str) -> String {
        let resource = format!("subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m");
        let path = self.path.replace("{subscriptionId}", subscription).replace("{subscription}", subscription);
        let mut path = path.replace("{states}", "latest");
        for scope in ["{resourceId}", "{scope}", "{scopeId}"] {
            path = path.replacen(&format!("/{scope}/"), &format!("/{resource}/"), 1);
        }
        let steps: Vec<&str> = path
            .split('/')
            .map(|step| if step.starts_with('{') { "00000000-0000-4000-8000-000000000009" } else { step })
            .collect();
        steps.join("/")
    }

    fn is_read(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD")
    }

    /// Whether an account is named in the path.
    fn lies_in_subscription(&self) -> bool {
        self.path.starts_with("/subscriptions/{subscription")
    }
}

/// The exceptions, and which of them were met.
struct Exceptions {
    known: BTreeMap<(String, String, String), String>,
    met: BTreeSet<(String, String, String)>,
    surprises: Vec<String>,
    counts: BTreeMap<&'static str, u32>,
}

impl Exceptions {
    fn read() -> Self {
        let row = |line: &str| {
            let cells: Vec<&str> = line.split('\t').collect();
            let [rule, method, path, reason] = cells.as_slice() else { panic!("`{line}` has no four cells") };
            assert!(!reason.trim().is_empty(), "`{line}` has no reason");
            (((*rule).to_owned(), (*method).to_owned(), (*path).to_owned()), (*reason).to_owned())
        };
        let known = EXCEPTIONS.lines().skip(1).map(row).collect();
        Self { known, met: BTreeSet::new(), surprises: Vec::new(), counts: BTreeMap::new() }
    }

    /// Notes whether a rule held.
    fn note(&mut self, rule: &'static str, operation: &Operation, holds: bool, answer: &str) {
        *self.counts.entry(rule).or_default() += 1;
        let key = (rule.to_owned(), operation.method.clone(), operation.path.clone());
        match (holds, self.known.contains_key(&key)) {
            (true, true) => self.surprises.push(format!("{rule}\t{}\t{}\tholds: take its exception away", key.1, key.2)),
            (false, true) => {
                self.met.insert(key);
            }
            (false, false) => self.surprises.push(format!("{rule}\t{}\t{}\t{answer}", key.1, key.2)),
            (true, false) => {}
        }
    }

    fn end(self, rules: &[&str]) {
        println!("{:?}, {} exceptions", self.counts, self.met.len());
        assert!(self.surprises.is_empty(), "{}", self.surprises.join("\n"));
        let own = self.known.keys().filter(|(rule, _, _)| rules.contains(&rule.as_str()));
        let stale: Vec<_> = own.filter(|key| !self.met.contains(*key)).collect();
        assert!(stale.is_empty(), "exceptions that nothing met: {stale:#?}");
    }
}

/// Every operation of the document, with whether it needs a login.
fn described() -> Vec<(Operation, Value)> {
    let mut found = Vec::new();
    for (path, methods) in openapi().document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            found.push((Operation { method: method.to_uppercase(), path: path.clone() }, operation.clone()));
        }
    }
    found
}

fn reference() -> Vec<Operation> {
    let row = |line: &str| {
        let mut cells = line.split('\t').map(str::to_owned);
        Operation { method: cells.next().unwrap(), path: cells.next().unwrap() }
    };
    OPERATIONS.lines().skip(1).map(row).collect()
}

fn subscription((connector, account): (&str, &str)) -> String {
    subscription_id(&Scope { connector: connector.into(), account: account.into(), resource_group: "".into() }).to_string()
}

async fn answer(server: &Server, method: &str, path: &str, bearer: Option<&str>) -> (StatusCode, String, String) {
    let authorization = bearer.map(|bearer| ("authorization", bearer));
    let headers: Vec<(&str, &str)> = authorization.into_iter().chain([JSON]).collect();
    // An import of nothing changes nothing, so nobody is refused it.
    let sent = match path.rsplit('/').next() {
        Some("import") => DEFINITION,
        Some("checkPolicyRestrictions") => r#"{ "resourceDetails": { "resourceContent": { "type": "A.B/c", "name": "x" } } }"#,
        _ => "{}",
    };
    let (status, body) = ask(server, method, path, &headers, sent).await;
    let code = serde_json::from_str::<Value>(&body).ok().and_then(|own| own["error"]["code"].as_str().map(str::to_owned));
    (status, code.unwrap_or_default(), body)
}

const DEFINITION: &str = r#"{ "id": "/providers/Microsoft.Authorization/policyDefinitions/d", "name": "d",
    "properties": { "policyRule": { "if": { "field": "name", "equals": "x" }, "then": { "effect": "audit" } } } }"#;

#[tokio::test]
async fn the_whole_document_asks_for_a_login_a_scope_and_a_right() {
    let server = estate(&PLACES).await;
    let own = subscription(PLACES[0]);
    let elsewhere = subscription(PLACES[1]);
    let reader = program(&server, "reader", BuiltIn::Reader, "/").await;
    // Reads the first account and not the other.
    let partial = program(&server, "partial", BuiltIn::Owner, &format!("/subscriptions/{own}")).await;
    let mut exceptions = Exceptions::read();
    for (operation, described) in described() {
        let asked = operation.asked(&own);
        if described["security"] != json!([]) {
            let (status, _, body) = answer(&server, &operation.method, &asked, None).await;
            exceptions.note("login", &operation, status == StatusCode::UNAUTHORIZED, &body);
        }
        if operation.lies_in_subscription() {
            for (rule, bearer, subscription) in [("foreign", BEARER.1, FOREIGN), ("hidden", partial.as_str(), elsewhere.as_str())]
            {
                let path = operation.asked(subscription);
                let (status, _, body) = answer(&server, &operation.method, &path, Some(bearer)).await;
                exceptions.note(rule, &operation, status == StatusCode::NOT_FOUND, &format!("{status} {body}"));
            }
        }
        let action = described["x-skywarden-action"].as_str().unwrap_or_default();
        let is_own = action.starts_with("Skywarden.Account/") || action.is_empty();
        if !is_own && !action.ends_with("/read") {
            let (status, code, body) = answer(&server, &operation.method, &asked, Some(&reader)).await;
            let is_refused = status == StatusCode::FORBIDDEN && code == "AuthorizationFailed";
            exceptions.note("write", &operation, is_refused, &format!("{status} {body}"));
        }
    }
    exceptions.end(&["login", "foreign", "hidden", "write"]);
}

#[tokio::test]
async fn every_operation_of_the_reference_is_built_or_says_that_it_is_not() {
    let server = estate(&PLACES).await;
    let own = subscription(PLACES[0]);
    let reader = program(&server, "reader", BuiltIn::Reader, "/").await;
    let described = described();
    let operations = reference();
    assert_eq!(operations.len(), 278);
    let mut exceptions = Exceptions::read();
    let (mut n_built, mut n_missing) = (0, 0);
    for operation in &operations {
        let asked = operation.asked(&own);
        let (status, _, body) = answer(&server, &operation.method, &asked, None).await;
        exceptions.note("operation-login", operation, status == StatusCode::UNAUTHORIZED, &body);
        let foreign = operation.asked(FOREIGN);
        if foreign != asked {
            let (status, _, body) = answer(&server, &operation.method, &foreign, Some(BEARER.1)).await;
            exceptions.note("operation-foreign", operation, status == StatusCode::NOT_FOUND, &format!("{status} {body}"));
        }
        let is_built = described.iter().any(|(own, _)| own.method == operation.method && fits(&own.path, &asked));
        if is_built {
            n_built += 1;
            if !operation.is_read() {
                let (status, _, body) = answer(&server, &operation.method, &asked, Some(&reader)).await;
                exceptions.note("operation-write", operation, status == StatusCode::FORBIDDEN, &format!("{status} {body}"));
            }
        } else {
            n_missing += 1;
            let mut told = String::new();
            for bearer in [BEARER.1, &reader] {
                let (status, code, body) = answer(&server, &operation.method, &asked, Some(bearer)).await;
                // The answer to a HEAD has no body to tell it in.
                if status != StatusCode::NOT_FOUND || (code != "FeatureNotAvailable" && operation.method != "HEAD") {
                    told = format!("{status} {body}");
                }
            }
            exceptions.note("operation-missing", operation, told.is_empty(), &told);
        }
    }
    println!("{n_built} operations are built and {n_missing} are not");
    assert!(n_built > 20, "{n_built}");
    exceptions.end(&["operation-login", "operation-foreign", "operation-write", "operation-missing"]);
}

/// Whether a path is one of those that a template means: step by step, a parameter is any one step.
fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(path).all(|(own, step)| own.starts_with('{') || *own == step)
}
