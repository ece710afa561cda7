//! Effective permissions: who may do what where, from role assignments at a scope and above it, membership in groups, role
//! definitions and deny assignments.
//!
//! One question costs (groups of the principal + 1) x (scopes above the one that is asked about) look-ups, and the patterns of the
//! roles that these find; how many assignments and principals there are does not matter to it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use skywarden_inventory::Inventory;
use skywarden_model::{Resource, UnreadableKind};

use super::{
    action::Right,
    assignment::{Assignment, Denial, last_part, scope_of},
    directory::{Directory, Principal},
    gaps::Gaps,
    role::{Powers, Role},
    scope::{self, Chain, Hierarchy},
    truth::{self, Truth},
};
use crate::read::{self, Why};

pub(crate) const ASSIGNMENT: &str = "Microsoft.Authorization/roleAssignments";
pub(crate) const DEFINITION: &str = "Microsoft.Authorization/roleDefinitions";
pub(crate) const DENIAL: &str = "Microsoft.Authorization/denyAssignments";
/// As whom a deny assignment means everybody.
const EVERYBODY: &str = "00000000-0000-0000-0000-000000000000";

pub(crate) struct Engine<'a> {
    pub(crate) hierarchy: Hierarchy,
    pub(crate) directory: Directory<'a>,
    pub(crate) assignments: Vec<Assignment>,
    /// Positions of assignments by subscription; `/` for those above subscriptions.
    by_subscription: BTreeMap<String, Vec<usize>>,
    /// Positions of assignments by principal and scope.
    by_principal: HashMap<String, BTreeMap<String, Vec<usize>>>,
    roles: BTreeMap<String, Result<Role, Why>>,
    roles_gap: Option<Why>,
    denials: HashMap<String, Vec<Denial>>,
    /// Groups with assignments of which the members are not known.
    hidden_groups: BTreeMap<String, Why>,
    /// Their assignments by scope.
    hidden_assignments: HashMap<String, Vec<usize>>,
    /// By subscription, and `/` for what lies above: why there may be more assignments.
    assignments_gaps: BTreeMap<String, Why>,
    denials_gaps: BTreeMap<String, Why>,
    /// The scopes at which any of these lies.
    places: HashSet<String>,
}

/// What roles somebody has come to at a scope: surely, and at most.
#[derive(Debug, Clone, Default)]
pub(crate) struct Held {
    pub(crate) sure: Powers,
    pub(crate) possible: Powers,
    pub(crate) doubt: Option<Why>,
}

impl<'a> Engine<'a> {
    pub(crate) fn new(inventory: Inventory<'a>, gaps: &Gaps<'_>) -> Self {
        let groups_gap = gaps.in_tenant(scope::MANAGEMENT_GROUP);
        let hierarchy = Hierarchy::new(inventory, groups_gap.as_ref());
        let directory = Directory::new(inventory, gaps);
        let accounts = || hierarchy.subscriptions().map(|subscription| (subscription, scope::subscription_name(subscription)));
        let gaps_of = |type_name: &str, above: Option<Why>| -> BTreeMap<String, Why> {
            let own = accounts().filter_map(|(scope, account)| Some((scope.to_owned(), gaps.in_account(type_name, account)?)));
            own.chain(above.map(|why| (scope::ROOT.to_owned(), why))).collect()
        };
        let mut assignments_gaps = gaps_of(ASSIGNMENT, gaps.in_tenant(ASSIGNMENT));
        // Deny assignments of management groups are in the lists of the subscriptions below.
        let mut denials_gaps = gaps_of(DENIAL, gaps.tried_in_tenant(DENIAL));

        let mut assignments = Vec::new();
        for resource in inventory.open_all(ASSIGNMENT) {
            match Assignment::parse(&resource) {
                Ok(assignment) => assignments.push(assignment),
                Err(why) => drop(assignments_gaps.entry(place_of(&resource)).or_insert(why)),
            }
        }
        let mut by_principal: HashMap<String, BTreeMap<String, Vec<usize>>> = HashMap::new();
        let mut by_subscription: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut hidden_groups = BTreeMap::new();
        let mut hidden_assignments: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, assignment) in assignments.iter().enumerate() {
            let scopes = by_principal.entry(assignment.principal.clone()).or_default();
            scopes.entry(assignment.scope.clone()).or_default().push(position);
            let subscription = scope::subscription_of(&assignment.scope).unwrap_or(scope::ROOT);
            by_subscription.entry(subscription.to_owned()).or_default().push(position);
            if let Some(why) = hidden_members(&directory, assignment) {
                hidden_groups.insert(assignment.principal.clone(), why);
                hidden_assignments.entry(assignment.scope.clone()).or_default().push(position);
            }
        }
        let mut roles: BTreeMap<String, Result<Role, Why>> = BTreeMap::new();
        for definition in inventory.open_all(DEFINITION) {
            let parsed = Role::parse(&definition);
            // The same role is seen through several subscriptions; one of them may tell what another does not.
            let known = roles.entry(last_part(definition.id.as_str())).or_insert_with(|| Err(unknown_role("")));
            if known.is_err() {
                *known = parsed;
            }
        }
        let mut denials: HashMap<String, Vec<Denial>> = HashMap::new();
        for resource in inventory.open_all(DENIAL) {
            match Denial::parse(&resource) {
                Ok(denial) => denials.entry(denial.scope.clone()).or_default().push(denial),
                Err(why) => drop(denials_gaps.entry(place_of(&resource)).or_insert(why)),
            }
        }
        let tenant_roles = gaps.tried_in_tenant(DEFINITION);
        let roles_gap = accounts().find_map(|(_, account)| gaps.in_account(DEFINITION, account)).or(tenant_roles);
        for assignment in &mut assignments {
            assignment.powers = look_up(&roles, roles_gap.as_ref(), &assignment.role).map(|role| role.powers);
        }
        let gap_places = assignments_gaps.keys().chain(denials_gaps.keys()).cloned();
        let denial_places = inventory.open_all(DENIAL).filter_map(|resource| scope_of(&resource, DENIAL).ok());
        let places =
            assignments.iter().map(|assignment| assignment.scope.clone()).chain(gap_places).chain(denial_places).collect();
        Self {
            places,
            by_subscription,
            by_principal,
            roles,
            roles_gap,
            denials,
            hidden_groups,
            hidden_assignments,
            assignments_gaps,
            denials_gaps,
            assignments,
            hierarchy,
            directory,
        }
    }

    /// Whether a principal (its id in lower case) may do something at a folded scope.
    #[cfg(test)]
    pub(crate) fn allows(&self, principal: &str, right: &Right, scope: &str) -> Truth {
        self.standpoint(principal, scope).allows(right)
    }

    /// A principal at a folded scope, to ask about several rights.
    pub(crate) fn standpoint<'s>(&'s self, principal: &'s str, scope: &'s str) -> Standpoint<'s, 'a> {
        let chain = self.chain(scope);
        let own = self.actors(principal).flat_map(|actor| self.assigned(actor, &chain)).collect();
        let hidden = chain.scopes.iter().filter_map(|scope| self.hidden_assignments.get(*scope)).flatten();
        let hidden = hidden.filter_map(|position| self.assignments.get(*position)).collect();
        Standpoint { engine: self, principal, scope, own, hidden, chain }
    }

    /// What the roles of a principal come to at a scope, denials and conditions of assignments aside.
    pub(crate) fn held(&self, principal: &str, scope: &str) -> Held {
        let chain = self.chain(scope);
        let mut held = Held::default();
        for actor in self.actors(principal) {
            self.assigned(actor, &chain).for_each(|assignment| held.take(&assignment.powers));
        }
        held
    }

    /// The role of an id, or why it is not known.
    pub(crate) fn role(&self, id: &str) -> Result<&Role, Why> {
        look_up(&self.roles, self.roles_gap.as_ref(), id)
    }

    /// Why there may be roles of which nothing is known.
    pub(crate) fn roles_gap(&self) -> Option<Why> {
        self.roles_gap.clone().or_else(|| self.roles.values().find_map(|role| role.as_ref().err().cloned()))
    }

    /// The roles that could be read.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values().flatten()
    }

    /// What the assignments call a principal; empty if it has its roles through groups.
    pub(crate) fn kind_of(&self, principal: &str) -> &str {
        let mut own = self.by_principal.get(principal).into_iter().flat_map(BTreeMap::values).flatten();
        own.next().and_then(|position| self.assignments.get(*position)).map_or("", |assignment| &assignment.kind)
    }

    /// The scopes at which a principal or one of its groups has roles.
    pub(crate) fn scopes_of(&self, principal: &str) -> BTreeSet<&str> {
        let scopes = self.actors(principal).filter_map(|actor| self.by_principal.get(actor));
        scopes.flat_map(BTreeMap::keys).map(String::as_str).collect()
    }

    /// The assignments of a principal and of its groups, at whatever scope.
    pub(crate) fn assignments_of<'e>(&'e self, principal: &'e str) -> impl Iterator<Item = &'e Assignment> {
        let scopes = self.actors(principal).filter_map(|actor| self.by_principal.get(actor));
        scopes.flat_map(BTreeMap::values).flatten().filter_map(|position| self.assignments.get(*position))
    }

    /// The assignments of a subscription, and those above subscriptions, of whichever subscription.
    pub(crate) fn assignments_around(&self, subscription: &str) -> impl Iterator<Item = &Assignment> {
        let positions = [subscription, scope::ROOT].into_iter().filter_map(|place| self.by_subscription.get(place)).flatten();
        positions.filter_map(|position| self.assignments.get(*position))
    }

    /// Everybody who has a role, groups replaced by their members as far as these are known.
    pub(crate) fn holders(&self) -> BTreeSet<&str> {
        let mut holders = BTreeSet::new();
        for assignment in &self.assignments {
            match self.directory.find(&assignment.principal, &assignment.kind) {
                Principal::Group(Ok(members)) => holders.extend(members.iter().map(String::as_str)),
                Principal::Group(Err(_)) | Principal::Gone => {}
                Principal::Hidden(_) if self.hidden_groups.contains_key(&assignment.principal) => {}
                Principal::User(_) | Principal::Service(_) | Principal::Hidden(_) => {
                    holders.insert(assignment.principal.as_str());
                }
            }
        }
        holders
    }

    pub(crate) fn hidden_groups(&self) -> &BTreeMap<String, Why> {
        &self.hidden_groups
    }

    /// Why there may be more assignments at a scope or above it.
    pub(crate) fn assignments_gap(&self, chain: &Chain<'_>) -> Option<Why> {
        chain.scopes.iter().find_map(|scope| self.assignments_gaps.get(*scope)).or(chain.doubt.as_ref()).cloned()
    }

    /// Why there may be more assignments anywhere.
    pub(crate) fn any_assignments_gap(&self) -> Option<Why> {
        self.assignments_gaps.values().next().cloned()
    }

    /// The scopes above one at which there is something.
    fn chain<'c>(&'c self, scope: &'c str) -> Chain<'c> {
        let mut chain = self.hierarchy.chain(scope);
        chain.scopes.retain(|scope| self.places.contains(*scope));
        chain
    }

    fn actors<'e>(&'e self, principal: &'e str) -> impl Iterator<Item = &'e str> {
        std::iter::once(principal).chain(self.directory.groups_of(principal).iter().map(String::as_str))
    }

    fn assigned<'e, 'c>(&'e self, actor: &str, chain: &'c Chain<'_>) -> impl Iterator<Item = &'e Assignment> + use<'e, 'c, 'a> {
        let scopes = self.by_principal.get(actor);
        let positions = chain.scopes.iter().filter_map(move |scope| scopes?.get(*scope)).flatten();
        positions.filter_map(|position| self.assignments.get(*position))
    }

    /// What an assignment to a group of unknown members grants to somebody who may be one of them.
    fn grants_to_hidden(&self, assignment: &Assignment, right: &Right) -> Truth {
        match self.hidden_groups.get(&assignment.principal) {
            Some(why) => self.grants_by(assignment, right).and(|| Truth::Unknown(Arc::clone(why))),
            None => Truth::No,
        }
    }

    fn grants_by(&self, assignment: &Assignment, right: &Right) -> Truth {
        self.role(&assignment.role).map_or_else(Truth::Unknown, |role| role.grants(right)).and(|| assignment.lets(right))
    }

    fn denies_by(&self, denial: &Denial, principal: &str, right: &Right, is_here: bool) -> Truth {
        let reaches = match &denial.is_for_scope_alone {
            Ok(is_for_scope_alone) => Truth::of(is_here || !is_for_scope_alone),
            Err(_) if is_here => Truth::Yes,
            Err(why) => Truth::Unknown(Arc::clone(why)),
        };
        let is_among = |ids: &Result<Vec<String>, Why>| match ids {
            Ok(ids) => truth::any(ids.iter().map(|id| {
                let is_own = id == principal || id == EVERYBODY;
                Truth::of(is_own).or(|| self.directory.is_member(principal, id).and(|| self.may_be_group(id)))
            })),
            Err(why) => Truth::Unknown(Arc::clone(why)),
        };
        let means =
            || denial.permissions.as_ref().map_or_else(|why| Truth::Unknown(Arc::clone(why)), |denied| denied.means(right));
        reaches.and(means).and(|| is_among(&denial.principals)).and(|| !is_among(&denial.excluded)).and(|| denial.is_in_force())
    }

    /// An id of a user or service principal is no group, whatever of the list of groups is not known.
    fn may_be_group(&self, id: &str) -> Truth {
        Truth::of(!matches!(self.directory.find(id, ""), Principal::User(_) | Principal::Service(_)))
    }
}

/// A principal at a scope, with what is assigned to it there and above.
pub(crate) struct Standpoint<'s, 'a> {
    engine: &'s Engine<'a>,
    principal: &'s str,
    scope: &'s str,
    chain: Chain<'s>,
    own: Vec<&'s Assignment>,
    /// To groups of which it may be a member.
    hidden: Vec<&'s Assignment>,
}

impl<'s, 'a> Standpoint<'s, 'a> {
    pub(crate) fn allows(&self, right: &Right) -> Truth {
        self.grants(right).and(|| !self.denies(right))
    }

    /// The assignment by which it surely has a right, denials aside.
    pub(crate) fn granting(&self, right: &Right) -> Option<&'s Assignment> {
        self.own.iter().copied().find(|assignment| self.engine.grants_by(assignment, right).is_yes())
    }

    fn grants(&self, right: &Right) -> Truth {
        truth::any(self.own.iter().map(|assignment| self.engine.grants_by(assignment, right)))
            .or(|| truth::any(self.hidden.iter().map(|assignment| self.engine.grants_to_hidden(assignment, right))))
            .or(|| Truth::unless(self.engine.assignments_gap(&self.chain), false))
    }

    fn denies(&self, right: &Right) -> Truth {
        let (engine, scopes) = (self.engine, &self.chain.scopes);
        let placed = scopes.iter().filter_map(|place| Some((*place == self.scope, engine.denials.get(*place)?)));
        let denials = placed.flat_map(|(is_here, denials)| denials.iter().map(move |denial| (denial, is_here)));
        let gap = || scopes.iter().find_map(|scope| engine.denials_gaps.get(*scope)).or(self.chain.doubt.as_ref()).cloned();
        truth::any(denials.map(|(denial, is_here)| engine.denies_by(denial, self.principal, right, is_here)))
            .or(|| Truth::unless(gap(), false))
    }
}

impl Held {
    pub(crate) fn take(&mut self, powers: &Result<Powers, Why>) {
        match powers {
            Ok(powers) => self.sure = self.sure.with(*powers),
            Err(why) => {
                self.possible = Powers::ALL;
                self.doubt.get_or_insert_with(|| Arc::clone(why));
            }
        }
        self.possible = self.possible.with(self.sure);
    }

    pub(crate) fn has(&self, powers: Powers) -> Truth {
        match &self.doubt {
            _ if self.sure.has(powers) => Truth::Yes,
            Some(why) if self.possible.has(powers) => Truth::Unknown(Arc::clone(why)),
            _ => Truth::No,
        }
    }
}

/// The subscription or tenant in which something unreadable lies.
fn place_of(resource: &Resource) -> String {
    let id = resource.id.as_str().to_ascii_lowercase();
    scope::subscription_of(&id).unwrap_or(scope::ROOT).to_owned()
}

/// Why the members of an assignment's group are not known; `None` if they are, or it is no group.
fn hidden_members(directory: &Directory<'_>, assignment: &Assignment) -> Option<Why> {
    let is_called_other = ["User", "ServicePrincipal"].iter().any(|kind| assignment.kind.eq_ignore_ascii_case(kind));
    match directory.find(&assignment.principal, &assignment.kind) {
        Principal::Group(members) => members.as_ref().err().cloned(),
        Principal::Hidden(why) if !is_called_other => Some(why),
        _ => None,
    }
}

fn look_up<'r>(roles: &'r BTreeMap<String, Result<Role, Why>>, gap: Option<&Why>, id: &str) -> Result<&'r Role, Why> {
    match roles.get(id) {
        Some(Ok(role)) => Ok(role),
        Some(Err(why)) => Err(Arc::clone(why)),
        None => Err(gap.cloned().unwrap_or_else(|| unknown_role(id))),
    }
}

fn unknown_role(id: &str) -> Why {
    read::why(UnreadableKind::NotYetKnown, &format!("find the role {id}"), "the snapshot does not hold it")
}
