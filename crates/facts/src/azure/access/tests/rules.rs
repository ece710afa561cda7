//! The rules that the reference's recommendations about identities ask for, each in one line over the facts.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use skywarden_model::FactSheet;
use skywarden_rule::{Input, Parameters, Rule, Truth};

use super::{ONE, TENANT, World, directory, mfa, pim, scope::subscription_name};
use crate::azure::access::engine::ASSIGNMENT;

fn some(list: &str) -> Value {
    json!({"count": {"field": format!("facts.roleHolders.{list}[*]")}, "greater": 0})
}

fn truth(rule: &Value, sheet: &FactSheet, world: &World) -> Truth {
    let rule = Rule::compile(rule, &BTreeSet::new()).unwrap();
    let resource = world.resources.iter().find(|resource| resource.id.as_str() == ONE).unwrap();
    let parameters = Parameters::default();
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    rule.truth(&Input { resource, facts: Some(sheet), parameters: &parameters, around: None, now })
}

/// A rule by the name of its recommendation, with a change that makes it violated.
type Case = (&'static str, Value, fn(&mut World));

fn rules() -> Vec<Case> {
    vec![
        ("a maximum of 3 owners", json!({"count": {"field": "facts.roleHolders.owners[*]"}, "greater": 3}), |world| {
            for user in ["user-1", "user-2", "user-3"] {
                world.user(user);
                world.assign(user, "owner", ONE);
            }
        }),
        ("more than one owner", json!({"field": "facts.roleHolders.nOwners", "less": 2}), |world| {
            world.resources.retain(|resource| !resource.id.as_str().ends_with("roleassignments/2"));
        }),
        ("blocked accounts with owner permissions", some("blockedOwners"), |world| {
            person(world, "owner", "accountEnabled", json!(false));
        }),
        ("blocked accounts with read and write permissions", some("blockedNonOwners"), |world| {
            person(world, "reader", "accountEnabled", json!(false));
        }),
        ("guests with owner permissions", some("guestOwners"), |world| person(world, "owner", "userType", json!("Guest"))),
        ("guests with write permissions", some("guestWriters"), |world| person(world, "operator", "userType", json!("Guest"))),
        ("guests with read permissions", some("guestReaders"), |world| person(world, "reader", "userType", json!("Guest"))),
        ("owners without MFA", some("ownersWithoutMfa"), |world| person(world, "owner", "registration", unregistered())),
        ("writers without MFA", some("writersWithoutMfa"), |world| person(world, "operator", "registration", unregistered())),
        ("readers without MFA", some("readersWithoutMfa"), |world| person(world, "reader", "registration", unregistered())),
        (
            "inactive identities",
            json!({"count": {"field": "facts.roleHolders.lastUses[*]",
                "where": {"field": "facts.roleHolders.lastUses[*].at", "less": "[addDays(utcNow(), -90)]"}}, "greater": 0}),
            |world| {
                let last = json!({"lastSignInDateTime": "2025-12-01T00:00:00Z"});
                person(world, "reader", "signInActivity", last);
            },
        ),
        ("permanent privileged roles", some("permanentPrivileged"), |world| {
            world.user("user-1");
            world.assign("user-1", "contributor", ONE);
        }),
        ("service principals with administrative roles", some("administrativeServicePrincipals"), |world| {
            world.app("app-1");
            world.assign("app-1", "contributor", ONE);
        }),
        ("custom owner roles", some("customOwnerRoles"), |world| {
            world.role("custom-1", json!({"actions": ["*"]}));
        }),
        ("classic administrators", some("classicAdministrators"), |world| {
            world.add(super::CLASSIC, &format!("{ONE}/providers/{}/x", super::CLASSIC), json!({"emailAddress": "x@example.org"}));
        }),
    ]
}

fn unregistered() -> Value {
    json!({"isMfaRegistered": false})
}

fn person(world: &mut World, role: &str, field: &str, value: Value) {
    world.user("user-1").properties[field] = value;
    world.assign("user-1", role, ONE);
}

/// Two owners for a time, of whom a second factor is registered and whom nobody asks for it.
fn sound() -> World {
    let mut world = World::new();
    for user in ["user-a", "user-b"] {
        world.user(user).properties["signInActivity"] = json!({"lastSignInDateTime": "2026-05-01T00:00:00Z"});
        world.assign(user, "owner", ONE);
        let mut properties = json!({"principalId": user, "scope": ONE, "roleDefinitionId": "/x/owner"});
        properties["assignmentType"] = json!("Activated");
        world.add(pim::ACTIVE, &format!("{ONE}/providers/{}/{user}", pim::ACTIVE), properties);
    }
    world
}

#[test]
fn every_rule_is_one_line() {
    for (name, rule, violate) in rules() {
        let mut world = sound();
        assert_eq!(truth(&rule, &world.holders(), &world), Truth::False, "{name}");
        violate(&mut world);
        assert_eq!(truth(&rule, &world.holders(), &world), Truth::True, "{name}");
    }
}

#[test]
fn a_rule_decides_what_is_sure_and_is_unknown_otherwise() {
    for (name, rule, violate) in rules() {
        let mut world = sound();
        let types = [(ASSIGNMENT, subscription_name(ONE)), (super::CLASSIC, subscription_name(ONE))];
        let roles = super::super::engine::DEFINITION;
        for (type_name, account) in types.into_iter().chain([(roles, subscription_name(ONE))]) {
            world.fail(type_name, account);
        }
        assert_eq!(truth(&rule, &world.holders(), &world), Truth::Unknown, "{name}");
        violate(&mut world);
        // What there is more of does not undo what was seen; that there are few is never sure.
        let expected = if name == "more than one owner" { Truth::Unknown } else { Truth::True };
        assert_eq!(truth(&rule, &world.holders(), &world), expected, "{name}");
    }
}

#[test]
fn nothing_that_cannot_be_listed_makes_a_rule_hold() {
    let listed = [
        (directory::USER, TENANT),
        (directory::GROUP, TENANT),
        (directory::SERVICE_PRINCIPAL, TENANT),
        (mfa::POLICY, TENANT),
        (mfa::SECURITY_DEFAULTS, TENANT),
        (mfa::DIRECTORY_ROLE, TENANT),
        (ASSIGNMENT, TENANT),
        (pim::ACTIVE, subscription_name(ONE)),
        (pim::ACTIVE, TENANT),
    ];
    for (type_name, account) in listed {
        for (name, rule, violate) in rules() {
            let mut world = sound();
            violate(&mut world);
            world.fail(type_name, account);
            world.resources.retain(|resource| resource.type_name.as_str() != type_name);
            assert_ne!(truth(&rule, &world.holders(), &world), Truth::False, "{name} without {type_name}");
        }
    }
}
