//! What Privileged Identity Management says: which assignments are for a time, and which roles somebody may take when needed.

use std::collections::BTreeMap;

use skywarden_inventory::Inventory;
use skywarden_model::Resource;

use super::{
    assignment::{Assignment, last_part, needed, scope_of},
    gaps::Gaps,
    truth::Truth,
};
use crate::read::{self, Why};

pub(crate) const ACTIVE: &str = "Microsoft.Authorization/roleAssignmentScheduleInstances";
pub(crate) const ELIGIBLE: &str = "Microsoft.Authorization/roleEligibilityScheduleInstances";

/// Principal, role and scope.
type Key = (String, String, String);

pub(crate) struct Schedules {
    /// Whether an assignment ends by itself.
    ends: BTreeMap<Key, Truth>,
    eligible: Vec<Key>,
    unread: Option<Why>,
}

impl Schedules {
    pub(crate) fn new(inventory: Inventory<'_>) -> Self {
        let of = |name: &'static str| inventory.open_all(name);
        let (mut ends, mut eligible, mut unread) = (BTreeMap::new(), Vec::new(), None);
        for instance in of(ACTIVE) {
            match key(&instance, ACTIVE) {
                Ok(key) => {
                    let earlier = ends.remove(&key).unwrap_or(Truth::Yes);
                    // Where the same role was also given for ever, it does not end.
                    ends.insert(key, earlier.and(|| Truth::from_read(is_for_a_time(&instance))));
                }
                Err(why) => unread = unread.or(Some(why)),
            }
        }
        for instance in of(ELIGIBLE) {
            match key(&instance, ELIGIBLE) {
                Ok(key) => eligible.push(key),
                Err(why) => unread = unread.or(Some(why)),
            }
        }
        Self { ends, eligible, unread }
    }

    /// Whether an assignment stands until somebody takes it away.
    pub(crate) fn is_permanent(&self, assignment: &Assignment, gaps: &Gaps<'_>) -> Truth {
        let key = (assignment.principal.clone(), assignment.role.clone(), assignment.scope.clone());
        match self.ends.get(&key) {
            Some(ends) => !ends.clone(),
            None => Truth::unless(self.unread.clone().or_else(|| gaps.around(ACTIVE, &assignment.scope)), true),
        }
    }

    /// Who may take which role where.
    pub(crate) fn eligible(&self) -> &[Key] {
        &self.eligible
    }

    pub(crate) fn unread(&self) -> Option<Why> {
        self.unread.clone()
    }
}

fn key(instance: &Resource, type_name: &str) -> Result<Key, Why> {
    let principal = needed(instance, "principalId")?.to_ascii_lowercase();
    Ok((principal, last_part(needed(instance, "roleDefinitionId")?), scope_of(instance, type_name)?))
}

fn is_for_a_time(instance: &Resource) -> Result<bool, Why> {
    let kind = read::text(instance, &["assignmentType"])?;
    Ok(kind == Some("Activated") || read::text(instance, &["endDateTime"])?.is_some())
}
