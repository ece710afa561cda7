use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    edit::{Edit, files},
    template::{self, Text},
};

/// The table of Resource Graph whose rows are counted as resources.
pub(crate) const RESOURCES: &str = "resources";

/// A tenant with all that its APIs tell: written objects, and perhaps copies of them.
///
/// A copy of an object is made when it is asked for: an estate of 100,000 resources takes as much memory as the written one.
#[derive(Clone)]
pub struct Estate {
    pub(crate) written: Arc<Written>,
    pub(crate) extent: Extent,
    /// What became of it while it was served.
    pub(crate) edits: Vec<Edit>,
}

/// What a program logs in with.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its client id.
    pub client_id: String,
    /// The id of its service principal.
    pub object_id: String,
    /// Its secret, if it has one.
    pub secret: Option<String>,
    /// A PEM file with its certificate and key, if it has one.
    pub certificate: Option<PathBuf>,
}

/// Why an estate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum EstateError {
    /// A file of it can't be read.
    #[error("could not read the estate's file {path}")]
    Read {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of it is no JSON, or not of an estate's form.
    #[error("could not use the estate's file {path}")]
    Form {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Its parts do not fit together.
    #[error("the estate does not fit together: {0}")]
    Unfit(String),
}

/// How many copies there are.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Whole copies, the written objects being the first.
    pub(crate) n_whole: usize,
    /// Resources of one more copy.
    pub(crate) n_rest: usize,
}

/// What is written in the estate's files.
pub(crate) struct Written {
    pub(crate) folder: PathBuf,
    pub(crate) tenant: Tenant,
    pub(crate) management_groups: Vec<ManagementGroup>,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    pub(crate) logins: Vec<Login>,
    pub(crate) templates: Vec<Template>,
    /// By their ids in lower case, with open names. Only looked up.
    pub(crate) places: HashMap<String, usize>,
    pub(crate) n_resources: usize,
    pub(crate) directory: BTreeMap<String, Value>,
    pub(crate) directory_rules: Vec<DirectoryRule>,
    pub(crate) activity: Vec<Activity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Tenant {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) default_domain: String,
    pub(crate) country_code: String,
    /// Whether it has a licence for what only premium tenants may ask the directory.
    pub(crate) licence: Licence,
    /// The client ids of the identities that the machine which the server stands for has; the first is its own.
    #[serde(default)]
    pub(crate) machine_identities: Vec<String>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Licence {
    Free,
    Premium,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ManagementGroup {
    pub(crate) name: String,
    pub(crate) display_name: String,
    /// The name of the one above it; the tenant's root has none.
    pub(crate) parent: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) management_group: String,
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) not_registered: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Namespace {
    pub(crate) types: Vec<String>,
    #[serde(default)]
    pub(crate) api_versions: Vec<String>,
    /// Types whose lists tell what is above the scope, too, and what is below it.
    #[serde(default)]
    pub(crate) inherited: Vec<String>,
    /// Types whose lists tell only what is at the scope itself.
    #[serde(default)]
    pub(crate) at_scope_only: Vec<String>,
    /// Types that everybody who is logged in may read.
    #[serde(default)]
    pub(crate) readable_by_all: Vec<String>,
    /// What its lists answer in a subscription that is not registered, where that is not Resource Manager's own answer.
    #[serde(default)]
    pub(crate) unregistered: Option<Refusal>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A program that may log in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Login {
    /// What tests call it.
    pub(crate) name: String,
    pub(crate) app_id: String,
    /// Of its service principal.
    pub(crate) object_id: String,
    #[serde(default)]
    pub(crate) secrets: Vec<Secret>,
    /// Files with PEM, beside the estate's.
    #[serde(default)]
    pub(crate) certificates: Vec<String>,
    /// What it may ask of Microsoft Graph.
    #[serde(default)]
    pub(crate) graph_permissions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Secret {
    pub(crate) value: String,
    #[serde(default)]
    pub(crate) is_expired: bool,
}

/// Which of several permissions a path of Microsoft Graph asks for.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DirectoryRule {
    pub(crate) path: String,
    pub(crate) any_of: Vec<String>,
    #[serde(default = "free")]
    pub(crate) licence: Licence,
}

/// An event of the activity log. How long ago it was is written, not when: the log forgets what is older than 90 days.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Activity {
    pub(crate) subscription: String,
    pub(crate) minutes_ago: u32,
    pub(crate) event: Map<String, Value>,
}

/// An object with open names.
pub(crate) struct Template {
    pub(crate) id: Text,
    /// The whole object as JSON.
    pub(crate) body: Text,
    pub(crate) name: Text,
    /// As it is written, such as `Microsoft.Network/networkSecurityGroups`.
    pub(crate) type_name: String,
    pub(crate) type_folded: String,
    /// In lower case; empty for what lies in none, as a resource group itself has its own.
    pub(crate) resource_group: Text,
    pub(crate) location: String,
    /// The table of Resource Graph in which it is.
    pub(crate) table: Option<String>,
    pub(crate) place: Place,
    /// It exists in a copy that has more resources than this.
    pub(crate) rank: usize,
    pub(crate) face: Face,
}

/// Where an object lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Tenant,
    /// Below a subscription, in no resource group.
    Subscription(usize),
    Group(usize),
}

/// How an object is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Get,
    /// By POST to its id and `/list`, and only so.
    Post,
}

/// A file of an estate: any of its parts.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct File {
    /// What a reader of the file has to know.
    #[serde(rename = "about")]
    _about: String,
    tenant: Option<Tenant>,
    management_groups: Vec<ManagementGroup>,
    subscriptions: Vec<Subscription>,
    namespaces: BTreeMap<String, Namespace>,
    logins: Vec<Login>,
    pub(super) table: Option<String>,
    pub(super) objects: Vec<Map<String, Value>>,
    pub(super) posts: Vec<Map<String, Value>>,
    directory: BTreeMap<String, Value>,
    directory_rules: Vec<DirectoryRule>,
    activity: Vec<Activity>,
}

impl File {
    /// One of a table with an object.
    pub(super) fn of_table(table: &str, object: Map<String, Value>) -> Self {
        Self { table: Some(table.to_owned()), objects: vec![object], ..Self::default() }
    }
}

/// Where the written estate is.
pub fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../testkit/azure"))
}

impl Estate {
    /// The estate of `testkit/azure`.
    ///
    /// # Errors
    /// If its files can't be read or do not fit together.
    pub fn sample() -> Result<Self, EstateError> {
        Self::open(&folder())
    }

    /// The estate whose files, all those that end in `.json`, are in a folder.
    ///
    /// # Errors
    /// If they can't be read or do not fit together.
    pub fn open(folder: &Path) -> Result<Self, EstateError> {
        let written = written(folder, files(folder)?)?;
        Ok(Self { written: Arc::new(written), extent: Extent { n_whole: 1, n_rest: 0 }, edits: Vec::new() })
    }

    /// This estate with exactly `n` resources (rows of Resource Graph's table `resources`): copies of the written ones, in resource
    /// groups and, from the 51st copy on, in subscriptions of their own. The same `n` always gives the same ids.
    #[must_use]
    pub fn copies(&self, n: usize) -> Self {
        let n_resources = self.written.n_resources.max(1);
        let extent = Extent { n_whole: n / n_resources, n_rest: n % n_resources };
        Self { written: Arc::clone(&self.written), extent, edits: self.edits.clone() }
    }

    /// How many resources it has.
    pub fn n_resources(&self) -> usize {
        self.extent.n_whole * self.written.n_resources + self.extent.n_rest
    }

    /// A program that may log in, by the name that the estate's files give it, such as `connector`.
    pub fn program(&self, name: &str) -> Option<Program> {
        let login = self.written.logins.iter().find(|login| login.name == name)?;
        Some(Program {
            client_id: login.app_id.clone(),
            object_id: login.object_id.clone(),
            secret: login.secrets.first().map(|secret| secret.value.clone()),
            certificate: login.certificates.first().map(|file| self.written.folder.join(file)),
        })
    }

    /// The tenant's id.
    pub fn tenant(&self) -> &str {
        &self.written.tenant.id
    }

    /// The ids of the subscriptions.
    pub fn subscriptions(&self) -> Vec<String> {
        self.all_subscriptions().map(|subscription| self.subscription_id(subscription)).collect()
    }
}

fn free() -> Licence {
    Licence::Free
}

pub(super) fn written(folder: &Path, files: Vec<File>) -> Result<Written, EstateError> {
    let mut whole = File::default();
    let mut objects = Vec::new();
    for mut file in files {
        whole.tenant = whole.tenant.or(file.tenant);
        whole.management_groups.append(&mut file.management_groups);
        whole.subscriptions.append(&mut file.subscriptions);
        whole.namespaces.append(&mut file.namespaces);
        whole.logins.append(&mut file.logins);
        whole.directory.append(&mut file.directory);
        whole.directory_rules.append(&mut file.directory_rules);
        whole.activity.append(&mut file.activity);
        let table = file.table;
        objects.extend(file.objects.into_iter().map(|object| (object, table.clone(), Face::Get)));
        objects.extend(file.posts.into_iter().map(|object| (object, None, Face::Post)));
    }
    let tenant = whole.tenant.ok_or_else(|| EstateError::Unfit("no file has a `tenant`".to_owned()))?;
    let subscriptions: Vec<String> = whole.subscriptions.iter().map(|subscription| subscription.id.to_lowercase()).collect();
    objects.extend(containers(&tenant, &whole.management_groups, &whole.subscriptions));
    let mut templates = Vec::new();
    let mut ids = Vec::new();
    let mut n_resources = 0;
    for (object, table, face) in objects {
        let (id, mut template) = made(object, table, face, &subscriptions)?;
        if template.table.as_deref() == Some(RESOURCES) {
            template.rank = n_resources;
            n_resources += 1;
        }
        templates.push(template);
        ids.push(id);
    }
    let mut places = HashMap::new();
    for (place, id) in ids.iter().enumerate() {
        if places.insert(id.clone(), place).is_some() {
            return Err(EstateError::Unfit(format!("two objects have the id {id}")));
        }
    }
    rank_children(&ids, &places, &mut templates);
    Ok(Written {
        folder: folder.to_path_buf(),
        tenant,
        management_groups: whole.management_groups,
        subscriptions: whole.subscriptions,
        namespaces: whole.namespaces,
        logins: whole.logins,
        templates,
        places,
        n_resources,
        directory: whole.directory,
        directory_rules: whole.directory_rules,
        activity: whole.activity,
    })
}

/// What lies below a resource exists in the copies that have that resource.
fn rank_children(ids: &[String], places: &HashMap<String, usize>, templates: &mut [Template]) {
    let own: Vec<usize> = templates.iter().map(|template| template.rank).collect();
    for (id, template) in ids.iter().zip(templates) {
        let mut rest = id.as_str();
        while let Some((above, _)) = rest.rsplit_once('/') {
            let rank = places.get(above).and_then(|place| own.get(*place)).copied().unwrap_or_default();
            template.rank = template.rank.max(rank);
            rest = above;
        }
    }
}

fn made(
    mut object: Map<String, Value>,
    table: Option<String>,
    face: Face,
    subscriptions: &[String],
) -> Result<(String, Template), EstateError> {
    let unfit = |what: &str, id: &str| EstateError::Unfit(format!("{what}: {id}"));
    let id = object.get("id").and_then(Value::as_str).ok_or_else(|| unfit("an object has no id", ""))?.to_owned();
    let type_name = match object.get("type").and_then(Value::as_str) {
        Some(type_name) => type_name.to_owned(),
        None => type_of(&id).ok_or_else(|| unfit("no type can be read from the id", &id))?,
    };
    let name = match object.get("name").and_then(Value::as_str) {
        Some(name) => name.to_owned(),
        None => id.rsplit('/').next().unwrap_or_default().to_owned(),
    };
    let location = object.get("location").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let segments: Vec<&str> = id.split('/').skip(1).collect();
    let subscription = match segments.as_slice() {
        [first, own, ..] if first.eq_ignore_ascii_case("subscriptions") => {
            let place = subscriptions.iter().position(|known| known.eq_ignore_ascii_case(own));
            Some(place.ok_or_else(|| unfit("no subscription of the estate", &id))?)
        }
        _ => None,
    };
    let group = segments.get(3).filter(|_| segments.get(2).is_some_and(|segment| segment.eq_ignore_ascii_case("resourceGroups")));
    let place = match (subscription, group) {
        (None, _) => Place::Tenant,
        (Some(subscription), None) => Place::Subscription(subscription),
        (Some(subscription), Some(_)) => Place::Group(subscription),
    };
    let is_group = segments.len() == 4 && group.is_some();
    let name = if is_group { template::open_name(&name) } else { template::opened(&name, subscriptions) };
    let resource_group = group.map(|group| template::open_name(&group.to_lowercase())).unwrap_or_default();
    let open_id = template::opened(&id, subscriptions);
    object.insert("type".to_owned(), type_name.clone().into());
    let mut whole = Value::Object(object);
    template::open(&mut whole, subscriptions);
    if let Some(object) = whole.as_object_mut() {
        object.insert("name".to_owned(), name.clone().into());
    }
    let template = Template {
        id: Text::new(&open_id),
        body: Text::new(&whole.to_string()),
        name: Text::new(&name),
        type_folded: type_name.to_lowercase(),
        type_name,
        resource_group: Text::new(&resource_group),
        location,
        table,
        place,
        rank: 0,
        face,
    };
    Ok((open_id.to_lowercase(), template))
}

/// The type that an id names: what follows its last `providers`.
pub(super) fn type_of(id: &str) -> Option<String> {
    let segments: Vec<&str> = id.split('/').collect();
    let last = segments.iter().rposition(|segment| segment.eq_ignore_ascii_case("providers"));
    let Some(last) = last else {
        return (segments.len() == 5).then(|| "Microsoft.Resources/subscriptions/resourceGroups".to_owned());
    };
    let mut rest = segments.get(last + 1..)?.iter();
    let mut type_name = (*rest.next()?).to_owned();
    for own in rest.step_by(2) {
        type_name = format!("{type_name}/{own}");
    }
    Some(type_name)
}

/// Management groups and subscriptions as rows of `resourcecontainers`.
fn containers(
    tenant: &Tenant,
    groups: &[ManagementGroup],
    subscriptions: &[Subscription],
) -> Vec<(Map<String, Value>, Option<String>, Face)> {
    let chain = |name: &str| -> Vec<Value> {
        let chain = above(groups, name).into_iter();
        chain.map(|group| serde_json::json!({"name": group.name, "displayName": group.display_name})).collect()
    };
    let groups_rows = groups.iter().map(|group| {
        serde_json::json!({
            "id": format!("/providers/Microsoft.Management/managementGroups/{}", group.name),
            "type": "Microsoft.Management/managementGroups",
            "properties": {
                "tenantId": tenant.id,
                "displayName": group.display_name,
                "details": {"managementGroupAncestorsChain": group.parent.as_deref().map(chain).unwrap_or_default()},
            },
        })
    });
    let subscription_rows = subscriptions.iter().map(|subscription| {
        serde_json::json!({
            "id": format!("/subscriptions/{}", subscription.id),
            "type": "Microsoft.Resources/subscriptions",
            "name": subscription.display_name,
            "tags": subscription.tags,
            "properties": {
                "managementGroupAncestorsChain": chain(&subscription.management_group),
                "state": subscription.state,
                "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01", "spendingLimit": "Off"},
            },
        })
    });
    let rows = groups_rows.chain(subscription_rows).filter_map(|row| match row {
        Value::Object(row) => Some((row, Some("resourcecontainers".to_owned()), Face::Get)),
        _ => None,
    });
    rows.collect()
}

/// A management group and those above it, the nearest first.
pub(crate) fn above<'a>(groups: &'a [ManagementGroup], name: &str) -> Vec<&'a ManagementGroup> {
    let mut chain: Vec<&ManagementGroup> = Vec::new();
    let mut next = Some(name);
    while let Some(group) = next.and_then(|name| groups.iter().find(|group| group.name.eq_ignore_ascii_case(name))) {
        // A circle has no end.
        if chain.len() > groups.len() {
            break;
        }
        chain.push(group);
        next = group.parent.as_deref();
    }
    chain
}
