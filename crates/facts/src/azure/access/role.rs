use serde_json::Value;
use skywarden_model::{Resource, UnreadableKind};

use super::{
    action::{Pattern, Plane, Right},
    condition::Condition,
    truth::Truth,
};
use crate::read::{self, Why};

/// Giving a role to somebody: whoever may, can have every right at the scope.
pub(crate) const ASSIGN: &str = "Microsoft.Authorization/roleAssignments/write";
/// Opening a case with support changes no resource; roles of readers have it.
const SUPPORT: &str = "microsoft.support/";

/// A role: what it allows, whoever has it.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) is_custom: bool,
    /// Where it may be given, in lower case.
    pub(crate) assignable: Vec<String>,
    permissions: Vec<Permission>,
    pub(crate) powers: Powers,
}

/// One set of permissions. What it leaves out, another may still allow.
#[derive(Debug)]
struct Permission {
    control: Actions,
    data: Actions,
    condition: Option<Condition>,
}

#[derive(Debug)]
struct Actions {
    of: Vec<Pattern>,
    but: Vec<Pattern>,
}

/// What a role comes to, as far as its holders are asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Powers(u8);

impl Powers {
    pub(crate) const NONE: Self = Self(0);
    /// Every action of the control plane, but for some.
    pub(crate) const EVERYTHING: Self = Self(1);
    /// Giving any role to anybody.
    pub(crate) const ASSIGNS: Self = Self(2);
    /// Changing or deleting something.
    pub(crate) const WRITES: Self = Self(4);
    /// Reading something.
    pub(crate) const READS: Self = Self(8);
    pub(crate) const ALL: Self = Self(15);
    pub(crate) const OWNER: Self = Self(3);

    pub(crate) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Owner, Contributor, User Access Administrator and their like.
    pub(crate) fn is_privileged(self) -> bool {
        self.has(Self::EVERYTHING) || self.has(Self::ASSIGNS)
    }
}

impl Role {
    pub(crate) fn parse(definition: &Resource) -> Result<Self, Why> {
        let listed = read::list(definition, &["permissions"])?;
        let permissions: Option<Vec<Permission>> = listed.iter().map(Permission::parse).collect();
        let permissions =
            permissions.ok_or_else(|| read::malformed(definition, "permissions", "its actions are not lists of texts"))?;
        let kind = read::text(definition, &["type"])?.unwrap_or_default();
        let assignable = read::list(definition, &["assignableScopes"])?.iter().filter_map(Value::as_str);
        let mut role = Self {
            name: read::text(definition, &["roleName"])?.unwrap_or(&definition.name).to_owned(),
            is_custom: kind.eq_ignore_ascii_case("CustomRole"),
            assignable: assignable.map(super::scope::folded).collect(),
            permissions,
            powers: Powers::NONE,
        };
        role.powers = role.add_up();
        Ok(role)
    }

    /// Whether it allows an action; unknown if a condition of its own decides.
    pub(crate) fn grants(&self, right: &Right) -> Truth {
        let mut doubt = None;
        for permission in self.permissions.iter().filter(|permission| permission.grants(right)) {
            match &permission.condition {
                Some(condition) if !condition.is_silent_about(right) => doubt = doubt.or(Some(condition)),
                _ => return Truth::Yes,
            }
        }
        doubt.map_or(Truth::No, |condition| Truth::Unknown(why_conditional(&self.name, condition)))
    }

    /// Whether a pattern stands for every action, whatever is left out.
    pub(crate) fn names_everything(&self) -> bool {
        self.permissions.iter().any(|permission| permission.control.of.iter().any(Pattern::is_everything))
    }

    fn add_up(&self) -> Powers {
        let mut powers = Powers::NONE;
        if self.grants(&Right::control("*")).is_yes() {
            powers = powers.with(Powers::EVERYTHING);
        }
        // A role that may give only certain roles does not make its holder an administrator.
        if self.grants(&Right::control(ASSIGN)).is_yes() {
            powers = powers.with(Powers::ASSIGNS);
        }
        let planes = || self.permissions.iter().flat_map(|permission| [&permission.control, &permission.data]);
        if planes().any(|actions| ["/write", "/delete"].iter().any(|verb| actions.has_one_of(verb))) {
            powers = powers.with(Powers::WRITES);
        }
        if planes().any(|actions| actions.has_one_of("/read")) {
            powers = powers.with(Powers::READS);
        }
        powers
    }
}

impl Permission {
    fn parse(value: &Value) -> Option<Self> {
        let actions = |of: &str, but: &str| Some(Actions { of: patterns(value.get(of))?, but: patterns(value.get(but))? });
        Some(Self {
            control: actions("actions", "notActions")?,
            data: actions("dataActions", "notDataActions")?,
            condition: Condition::of(value.get("condition")),
        })
    }

    fn grants(&self, right: &Right) -> bool {
        let actions = match right.plane() {
            Plane::Control => &self.control,
            Plane::Data => &self.data,
        };
        actions.means(right.action())
    }
}

/// Permissions of a denial.
#[derive(Debug)]
pub(crate) struct Denied(Vec<Permission>);

impl Denied {
    pub(crate) fn parse(values: &[Value]) -> Option<Self> {
        Some(Self(values.iter().map(Permission::parse).collect::<Option<_>>()?))
    }

    /// Whether it means an action; unknown if a condition decides.
    pub(crate) fn means(&self, right: &Right) -> Truth {
        let means = |permission: &Permission| match &permission.condition {
            _ if !permission.grants(right) => Truth::No,
            Some(condition) => Truth::Unknown(why_conditional("a deny assignment", condition)),
            None => Truth::Yes,
        };
        super::truth::any(self.0.iter().map(means))
    }
}

impl Actions {
    fn means(&self, action: &str) -> bool {
        self.of.iter().any(|pattern| pattern.matches(action)) && !self.but.iter().any(|pattern| pattern.matches(action))
    }

    fn has_one_of(&self, verb: &str) -> bool {
        self.of.iter().filter(|pattern| !pattern.text().starts_with(SUPPORT)).any(|pattern| {
            let some = pattern.ending_in(verb);
            some.is_some_and(|some| !self.but.iter().any(|pattern| pattern.matches(&some)))
        })
    }
}

/// `None` if it is no list of texts.
fn patterns(value: Option<&Value>) -> Option<Vec<Pattern>> {
    match value {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(|item| item.as_str().map(Pattern::new)).collect(),
        Some(_) => None,
    }
}

pub(crate) fn why_conditional(of: &str, condition: &Condition) -> Why {
    let message = format!("the condition of {of} decides, and it is not evaluated: {}", condition.text());
    read::why(UnreadableKind::NotYetKnown, "evaluate the condition of a role", &message)
}
