use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::{Value, json};
use skywarden_content::ManagedPolicies;
use skywarden_inventory::Inventory;
use skywarden_model::{Resource, UnreadableKind};

use crate::{
    Knowledge,
    document::{Document, Effect, Patterns, Statement},
    read::{self, Failures, Why},
    sheet::{Fact, seen, unseen},
};

const POLICY: &str = "AWS::IAM::Policy";
const GROUP: &str = "AWS::IAM::Group";

/// Every action of every service; the pattern `*` covers it too.
const EVERYTHING: &str = "*:*";

const PASS_ROLE: &str = "iam:PassRole";

/// How the table of managed policies writes that a role may be passed to a service and perhaps no other.
const PASS_ROLE_TO: &str = "iam:PassRole to ";

/// Customer policies by ARN, groups by account and name, and what is known of the provider's policies and of escalation.
pub(crate) struct Policies<'a> {
    policies: HashMap<&'a str, &'a Resource>,
    groups: HashMap<(&'a str, &'a str), &'a Resource>,
    managed: HashMap<&'a str, Managed<'a>>,
    escalations: BTreeMap<&'a str, &'a [String]>,
}

/// What a policy of the provider's own allows and denies.
#[derive(Clone, Copy, Default)]
struct Managed<'a> {
    allow: &'a [String],
    deny: &'a [String],
}

impl<'a> Policies<'a> {
    pub(crate) fn new(inventory: Inventory<'a>, knowledge: &Knowledge<'a>) -> Self {
        let of = |name: &'static str| inventory.hold_all(name);
        let escalations = knowledge.escalations.clone();
        // Where a way to escalate asks about an action that the table is silent about, the table decides nothing.
        let tells = |table: &&ManagedPolicies| {
            escalations.values().all(|way| {
                let asked = |action: &String| receiver_of(way, action).map_or_else(|| action.clone(), passing_to);
                way.iter().all(|action| table.about.contains(&asked(action)))
            })
        };
        let table = knowledge.managed.filter(tells);
        let mut managed: HashMap<&str, Managed<'_>> = HashMap::new();
        if let Some(table) = table {
            managed.extend(table.neither.iter().map(|name| (name.as_str(), Managed::default())));
            for (name, actions) in &table.allow {
                managed.entry(name).or_default().allow = actions;
            }
            for (name, actions) in &table.deny {
                managed.entry(name).or_default().deny = actions;
            }
        }
        Self {
            managed,
            escalations,
            policies: of(POLICY).map(|resource| (resource.id.as_str(), resource)).collect(),
            groups: of(GROUP).map(|resource| ((&*resource.scope.account, resource.name.as_str()), resource)).collect(),
        }
    }
}

pub(crate) fn permissions(resource: &Resource, policies: &Policies<'_>, failures: &Failures<'_>) -> Option<Fact> {
    let mut sum = Sum::default();
    let kind = resource.type_name.as_str();
    match kind {
        POLICY => sum.add_default_version(resource),
        "AWS::IAM::User" => {
            sum.add_identity(resource, "UserPolicyList", policies, failures);
            match read::list(resource, &["GroupList"]) {
                Err(why) => sum.hidden.push(why),
                Ok(groups) => {
                    for name in groups.iter().filter_map(Value::as_str) {
                        match policies.groups.get(&(&*resource.scope.account, name)) {
                            Some(group) => sum.add_identity(group, "GroupPolicyList", policies, failures),
                            None => sum.hidden.push(missing(GROUP, name, resource, failures)),
                        }
                    }
                }
            }
        }
        "AWS::IAM::Role" => sum.add_identity(resource, "RolePolicyList", policies, failures),
        GROUP => sum.add_identity(resource, "GroupPolicyList", policies, failures),
        _ => return None,
    }
    // Only users and roles can be bounded.
    if kind != POLICY && kind != GROUP {
        match read::text(resource, &["PermissionsBoundary", "PermissionsBoundaryArn"]) {
            Ok(None) => {}
            Ok(Some(arn)) => {
                let mut boundary = Sum::default();
                boundary.add_attached(arn, resource, policies, failures);
                sum.boundary = Some(Box::new(boundary));
            }
            Err(why) => sum.boundary = Some(Box::new(Sum { hidden: vec![why], ..Sum::default() })),
        }
    }
    Some(sum.into_fact(&policies.escalations))
}

/// What the policies add up to.
#[derive(Default)]
struct Sum<'a> {
    documents: Vec<(&'a Resource, String, Document)>,
    /// Documents that could not be read: they may allow or deny anything.
    hidden: Vec<Why>,
    /// AWS-managed policies of unknown content: they may allow more.
    opaque: Vec<Why>,
    /// AWS-managed policies that are not administrator but whose other content is unknown.
    ordinary: Vec<Why>,
    boundary: Option<Box<Sum<'a>>>,
}

impl<'a> Sum<'a> {
    fn add(&mut self, resource: &'a Resource, field: String, value: &Value) {
        match Document::parse(value) {
            Ok(document) => self.documents.push((resource, field, document)),
            Err(problem) => self.hidden.push(read::malformed(resource, &field, problem)),
        }
    }

    fn add_default_version(&mut self, policy: &'a Resource) {
        match read::list(policy, &["PolicyVersionList"]) {
            Err(why) => self.hidden.push(why),
            Ok(versions) => {
                let is_default = |version: &Value| version.get("IsDefaultVersion").and_then(Value::as_bool) == Some(true);
                let found = versions.iter().enumerate().find(|(_, version)| is_default(version));
                match found.and_then(|(position, version)| Some((position, version.get("Document")?))) {
                    Some((position, document)) => {
                        self.add(policy, format!("PolicyVersionList[{position}].Document"), document);
                    }
                    None => self.hidden.push(read::malformed(policy, "PolicyVersionList", "it holds no default version")),
                }
            }
        }
    }

    fn add_identity(&mut self, identity: &'a Resource, inline: &str, policies: &Policies<'a>, failures: &Failures<'_>) {
        match read::list(identity, &[inline]) {
            Err(why) => self.hidden.push(why),
            Ok(items) => {
                for (position, item) in items.iter().enumerate() {
                    let document = item.get("PolicyDocument").unwrap_or(&Value::Null);
                    self.add(identity, format!("{inline}[{position}].PolicyDocument"), document);
                }
            }
        }
        match read::list(identity, &["AttachedManagedPolicies"]) {
            Err(why) => self.hidden.push(why),
            Ok(items) => {
                for arn in read::column(items, "PolicyArn") {
                    self.add_attached(arn, identity, policies, failures);
                }
            }
        }
    }

    fn add_attached(&mut self, arn: &str, identity: &'a Resource, policies: &Policies<'a>, failures: &Failures<'_>) {
        if let Some(policy) = policies.policies.get(arn) {
            return self.add_default_version(policy);
        }
        let Some(path) = arn.split_once("::aws:policy/").map(|(_, path)| path) else {
            return self.hidden.push(missing(POLICY, arn, identity, failures));
        };
        let unknown =
            read::why(UnreadableKind::NotYetKnown, "iam:GetPolicyVersion", &format!("the content of {arn} is not collected"));
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some(Managed { allow, deny }) = policies.managed.get(name) {
            let receivers: Vec<&str> = allow.iter().filter_map(|action| action.strip_prefix(PASS_ROLE_TO)).collect();
            let plain: Vec<&String> = allow.iter().filter(|action| !action.starts_with(PASS_ROLE_TO)).collect();
            let passed = json!({"StringEquals": {"iam:PassedToService": receivers}});
            let statements = json!([
                {"Effect": "Allow", "Action": plain, "Resource": "*"},
                {"Effect": "Allow", "Action": if receivers.is_empty() { &[] } else { &[PASS_ROLE][..] }, "Resource": "*", "Condition": passed},
                {"Effect": "Deny", "Action": deny, "Resource": "*"},
            ]);
            return self.add(identity, format!("AttachedManagedPolicies {name}"), &json!({ "Statement": statements }));
        }
        match name {
            name if name.ends_with("ReadOnlyAccess") || name.ends_with("ReadOnly") => {}
            // They take rights away; what is left of the others is unknown.
            name if name.contains("Deny") || name.contains("Quarantine") => self.hidden.push(unknown),
            name if name.ends_with("FullAccess")
                || path.starts_with("service-role/")
                || path.starts_with("aws-service-role/") =>
            {
                self.ordinary.push(unknown);
            }
            _ => self.opaque.push(unknown),
        }
    }

    /// Whether the action is allowed on every resource or on a pattern of them, by whom.
    fn allows(&self, action: &str) -> Option<(&'a Resource, String, &Statement)> {
        self.allows_for(action, None)
    }

    /// The same of passing a role to a service.
    fn allows_for(&self, action: &str, receiver: Option<&str>) -> Option<(&'a Resource, String, &Statement)> {
        let denied = self
            .documents
            .iter()
            .flat_map(|(_, _, document)| document.with(Effect::Deny))
            .any(|deny| deny.conditions.is_empty() && deny.resources.cover("*") && deny.actions.cover(action));
        if denied {
            return None;
        }
        self.documents.iter().find_map(|(resource, field, document)| {
            let statement = document.with(Effect::Allow).find(|allow| {
                allow.actions.cover(action)
                    && (allow.resources.cover("*") || are_several(&allow.resources, action))
                    && !allow.conditions.iter().any(|condition| condition.limits_target())
                    && !allow.conditions.iter().any(|condition| receiver.is_some_and(|receiver| condition.shuts_out(receiver)))
            })?;
            Some((*resource, format!("{field}.Statement[{}]", statement.position), statement))
        })
    }

    /// Every action on every resource; a Deny that leaves the rights over identities alone does not matter, because
    /// whoever has those can take the Deny away.
    fn administrator(&self) -> Option<(&'a Resource, String)> {
        self.allows("iam:*")?;
        let (resource, field, statement) = self.allows(EVERYTHING)?;
        statement.resources.cover("*").then_some((resource, field))
    }

    fn service_wildcards(&self) -> BTreeSet<String> {
        let allows = self.documents.iter().flat_map(|(_, _, document)| document.with(Effect::Allow));
        let whole = allows.filter(|allow| allow.resources.cover("*")).flat_map(|allow| match &allow.actions {
            Patterns::Only(actions) => actions.clone(),
            Patterns::AllBut(_) => Vec::new(),
        });
        let services = whole.filter_map(|action| match action.as_str() {
            "*" | EVERYTHING => Some("*".to_owned()),
            other => other.strip_suffix(":*").map(str::to_ascii_lowercase),
        });
        let allowed = |service: &String| self.allows(&format!("{service}:*")).is_some();
        services.filter(allowed).collect()
    }

    fn into_fact(self, ways: &BTreeMap<&str, &[String]>) -> Fact {
        let mut fact = Fact::default();
        let bounds = self.boundary.as_deref();
        let hidden = self.hidden.first().or_else(|| bounds.and_then(|bounds| bounds.hidden.first()));
        let bounded = |action: &str, receiver| bounds.is_none_or(|bounds| bounds.allows_for(action, receiver).is_some());
        let bound_doubt = bounds.and_then(|bounds| bounds.opaque.first().or_else(|| bounds.ordinary.first()));

        let administrator = self.administrator();
        let is_administrator = administrator.is_some() && bounds.is_none_or(|bounds| bounds.administrator().is_some());
        let doubt = hidden
            .or_else(|| self.opaque.first().filter(|_| !is_administrator))
            .or_else(|| bounds.and_then(|bounds| bounds.opaque.first()));
        fact.set("administrator", doubt.map_or_else(|| Ok(json!(is_administrator)), |why| Err(Arc::clone(why))));
        if let Some((resource, field)) = administrator {
            fact.observe(seen(resource, field, "a statement that allows every action on every resource", json!(true)));
        }

        let mut escalations = BTreeSet::new();
        for (&name, &actions) in ways {
            let allowed = |action: &String| {
                let receiver = receiver_of(actions, action);
                self.allows_for(action, receiver).filter(|_| bounded(action, receiver))
            };
            let found: Option<Vec<_>> = actions.iter().map(allowed).collect();
            for (resource, field, _) in found.iter().flatten() {
                fact.observe(seen(resource, field.clone(), format!("a statement for {name}"), json!(actions)));
            }
            if found.is_some() {
                escalations.insert(name);
            }
        }
        let doubt = hidden.or_else(|| self.opaque.first()).or_else(|| self.ordinary.first()).or(bound_doubt);
        // Every known way is found already, so policies of unknown content cannot add one.
        let is_full = !ways.is_empty() && escalations.len() == ways.len() && hidden.is_none() && bound_doubt.is_none();
        let decided = |value: Value, is_full: bool| match doubt {
            Some(why) if !is_full => Err(Arc::clone(why)),
            _ => Ok(value),
        };
        fact.set("escalations", decided(json!(escalations), is_full));
        let wildcards: BTreeSet<_> =
            self.service_wildcards().into_iter().filter(|service| bounded(&format!("{service}:*"), None)).collect();
        fact.set("serviceWildcards", decided(json!(wildcards), false));
        for why in hidden.into_iter().chain(&self.opaque).chain(&self.ordinary) {
            fact.observe(unseen("facts.permissions", "what the policy allows", why));
        }
        fact
    }
}

/// The service that a way passes a role to: that of the way's other actions. `None` for those.
fn receiver_of<'w>(way: &'w [String], action: &str) -> Option<&'w str> {
    let other = way.iter().find(|other| action == PASS_ROLE && *other != PASS_ROLE)?;
    other.split(':').next()
}

/// Passing a role to a service, as the table of managed policies writes it.
fn passing_to(service: &str) -> String {
    format!("{PASS_ROLE_TO}{service}.amazonaws.com")
}

/// Whether a statement's resources are several things that an action can be done to. All but some are several, unless what is
/// left out is everything of the action's service.
fn are_several(resources: &Patterns, action: &str) -> bool {
    match resources {
        Patterns::Only(patterns) => patterns.iter().any(|pattern| names_several(pattern, action)),
        Patterns::AllBut(patterns) => {
            !patterns.iter().any(|pattern| pattern == "*" || (names_several(pattern, action) && pattern.ends_with(":*")))
        }
    }
}

/// Whether a resource pattern means several things that an action can be done to: `arn:aws:iam::*:role/*` for `iam:PassRole`, but
/// not a bucket's objects, and not one's own user (`user/${aws:username}`) in whatever account.
fn names_several(pattern: &str, action: &str) -> bool {
    let mut parts = pattern.splitn(6, ':');
    let (service, name) = (parts.nth(2).unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let wanted = action.split(':').next().unwrap_or_default();
    (service.contains('*') || wanted == "*" || service.eq_ignore_ascii_case(wanted)) && name.contains('*')
}

fn missing(type_name: &str, id: &str, near: &Resource, failures: &Failures<'_>) -> Why {
    failures.near(type_name, near).unwrap_or_else(|| {
        read::why(UnreadableKind::NotYetKnown, &format!("find {type_name} {id}"), "the snapshot does not hold it")
    })
}
