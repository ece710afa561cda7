//! A second evaluator, written as one says it aloud: it looks at everything, over every way that things may be which are not known.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ONE, OTHER, TEAM, TOP, World};
use crate::azure::access::{action::Right, scope::folded, truth::Truth};

const WHO: [&str; 4] = ["user-0", "user-1", "app-2", "user-3"];
const GROUPS: [&str; 3] = ["group-0", "group-1", "group-2"];
const PATTERNS: [&str; 9] =
    ["*", "*/read", "A.B/*", "a.b/c/*", "a.b/c/write", "A.B/*/Write", "a.b/*/d/*", "x.y/z/action", "*/c/*"];
const ACTIONS: [&str; 6] = ["A.B/c/write", "a.b/c/read", "a.b/c/d/write", "x.y/z/action", "x.y/c/read", "a.b/x/d/e/Write"];

#[derive(Debug, Clone)]
struct Permission {
    actions: Vec<&'static str>,
    not_actions: Vec<&'static str>,
    data: bool,
}

#[derive(Debug, Clone)]
struct Given {
    actor: &'static str,
    role: usize,
    scope: usize,
    is_conditional: bool,
}

#[derive(Debug, Clone)]
struct Denied {
    actors: Vec<&'static str>,
    excluded: Vec<&'static str>,
    scope: usize,
    is_alone: bool,
    permission: Permission,
}

#[derive(Debug, Clone)]
struct Case {
    members: Vec<BTreeSet<usize>>,
    hidden: Vec<bool>,
    roles: Vec<Vec<Permission>>,
    given: Vec<Given>,
    denied: Vec<Denied>,
}

fn scopes() -> Vec<String> {
    let inside = format!("{ONE}/resourceGroups/App");
    let machine = format!("{inside}/providers/Microsoft.Compute/virtualMachines/x");
    vec!["/".into(), TOP.into(), TEAM.into(), ONE.into(), inside, machine, OTHER.into(), format!("{OTHER}/resourceGroups/App")]
}

/// Whether a scope is another or lies above it, by a table.
fn covers(above: usize, below: usize) -> bool {
    let parents: [Option<usize>; 8] = [None, Some(0), Some(1), Some(2), Some(3), Some(4), Some(2), Some(6)];
    let mut here = Some(below);
    while let Some(place) = here {
        if place == above {
            return true;
        }
        here = parents[place];
    }
    false
}

fn matches(pattern: &[u8], action: &[u8]) -> bool {
    match (pattern, action) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => matches(rest, action) || (!action.is_empty() && matches(pattern, &action[1..])),
        ([first, rest @ ..], [own, below @ ..]) => first.eq_ignore_ascii_case(own) && matches(rest, below),
        _ => false,
    }
}

impl Permission {
    fn allows(&self, action: &str, is_data: bool) -> bool {
        let any = |patterns: &[&str]| patterns.iter().any(|pattern| matches(pattern.as_bytes(), action.as_bytes()));
        self.data == is_data && any(&self.actions) && !any(&self.not_actions)
    }

    fn json(&self) -> Value {
        if self.data {
            json!({"actions": [], "notActions": [], "dataActions": self.actions, "notDataActions": self.not_actions})
        } else {
            json!({"actions": self.actions, "notActions": self.not_actions})
        }
    }
}

impl Case {
    fn world(&self) -> World {
        let mut world = World::new();
        let scopes = scopes();
        for who in WHO {
            if who.starts_with("user") {
                world.user(who)
            } else {
                world.app(who)
            };
        }
        for (place, group) in GROUPS.iter().enumerate() {
            let members: Vec<&str> = self.members[place].iter().map(|member| WHO[*member]).collect();
            let group = world.group(group, &members);
            if self.hidden[place] {
                super::hide(group, "properties.transitiveMembers");
            }
        }
        for (place, permissions) in self.roles.iter().enumerate() {
            let role = world.role(&format!("role-{place}"), Value::Null);
            role.properties["permissions"] = permissions.iter().map(Permission::json).collect();
        }
        for given in &self.given {
            let assignment = world.assign(given.actor, &format!("role-{}", given.role), &scopes[given.scope]);
            if given.is_conditional {
                assignment.properties["condition"] = json!("@Resource[x] StringEquals 'y'");
            }
        }
        for denied in &self.denied {
            let denial = world.deny(&scopes[denied.scope], &denied.actors, denied.permission.json());
            denial.properties["excludePrincipals"] = denied.excluded.iter().map(|id| json!({"id": id})).collect();
            denial.properties["doNotApplyToChildScopes"] = json!(denied.is_alone);
        }
        world
    }

    /// Whether it is allowed, if the groups in `belongs` of unknown members have this one and the conditions in `holds` hold.
    fn allows(&self, who: usize, action: &str, is_data: bool, scope: usize, belongs: usize, holds: usize) -> bool {
        let is = |actor: &str| {
            let group = GROUPS.iter().position(|group| *group == actor);
            let is_member =
                |group: usize| if self.hidden[group] { belongs >> group & 1 == 1 } else { self.members[group].contains(&who) };
            actor == WHO[who] || actor == "00000000-0000-0000-0000-000000000000" || group.is_some_and(is_member)
        };
        let granted = self.given.iter().enumerate().any(|(place, given)| {
            is(given.actor)
                && covers(given.scope, scope)
                && (!given.is_conditional || holds >> place & 1 == 1)
                && self.roles[given.role].iter().any(|permission| permission.allows(action, is_data))
        });
        let taken = self.denied.iter().any(|denied| {
            denied.actors.iter().any(|actor| is(actor))
                && !denied.excluded.iter().any(|actor| is(actor))
                && (if denied.is_alone { denied.scope == scope } else { covers(denied.scope, scope) })
                && denied.permission.allows(action, is_data)
        });
        granted && !taken
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let patterns = |n| prop::collection::vec(prop::sample::select(PATTERNS.to_vec()), n);
    let permission = move || {
        (patterns(1..3), patterns(0..2), prop::bool::weighted(0.2)).prop_map(|(actions, not_actions, data)| Permission {
            actions,
            not_actions,
            data,
        })
    };
    let actor = || prop::sample::select([&WHO[..], &GROUPS[..]].concat());
    let given = (actor(), 0..4_usize, 0..8_usize, prop::bool::weighted(0.15))
        .prop_map(|(actor, role, scope, is_conditional)| Given { actor, role, scope, is_conditional });
    let denied_actor = prop::sample::select([&WHO[..], &GROUPS[..], &["00000000-0000-0000-0000-000000000000"]].concat());
    let denied = (
        prop::collection::vec(denied_actor, 1..3),
        prop::collection::vec(actor(), 0..2),
        0..8_usize,
        any::<bool>(),
        permission(),
    )
        .prop_map(|(actors, excluded, scope, is_alone, permission)| Denied { actors, excluded, scope, is_alone, permission });
    let members = prop::collection::vec(prop::collection::btree_set(0..4_usize, 0..4), 3);
    (
        members,
        prop::collection::vec(prop::bool::weighted(0.15), 3),
        prop::collection::vec(prop::collection::vec(permission(), 1..3), 4),
        prop::collection::vec(given, 0..7),
        prop::collection::vec(denied, 0..3),
    )
        .prop_map(|(members, hidden, roles, given, denied)| Case { members, hidden, roles, given, denied })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn both_evaluators_agree(case in cases()) {
        let is_certain = !case.hidden.contains(&true) && !case.given.iter().any(|given| given.is_conditional);
        let world = case.world();
        let scopes = scopes();
        world.engine(|engine| {
            for (who, scope, action, is_data) in (0..4).flat_map(|who| (0..8).flat_map(move |scope| {
                ACTIONS.into_iter().flat_map(move |action| [false, true].map(|is_data| (who, scope, action, is_data)))
            })) {
                let right = if is_data { Right::data(action) } else { Right::control(action) };
                let found = engine.allows(WHO[who], &right, &folded(&scopes[scope]));
                let ways = (0..8).flat_map(|belongs| (0..1 << case.given.len()).map(move |holds| (belongs, holds)));
                let ways = if is_certain { vec![(0, 0)] } else { ways.collect() };
                let n_allowed = ways.iter().filter(|(belongs, holds)| {
                    case.allows(who, action, is_data, scope, *belongs, *holds)
                }).count();
                let place = format!("{} {action} {is_data} at {}", WHO[who], scopes[scope]);
                match found {
                    Truth::Yes => prop_assert_eq!(n_allowed, ways.len(), "{}", place),
                    Truth::No => prop_assert_eq!(n_allowed, 0, "{}", place),
                    Truth::Unknown(_) => prop_assert!(!is_certain, "{}", place),
                }
            }
            Ok(())
        })?;
    }
}
