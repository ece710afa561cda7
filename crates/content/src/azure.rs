use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How resources of a type of Azure are found and read.
///
/// What the calls answer is kept as it comes: `properties` whole, `kind`, `sku`, `identity` and the like as the envelope. Ids are
/// kept in lower case, for Azure's own sources spell one id differently (ADR 28).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureCollector {
    /// The table of Resource Graph that holds it; absent: Resource Graph lacks it, and it is listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<GraphTable>,
    /// The path that lists it, with a leading slash and without api-version: from `{subscription}`, from `{tenant}`, or below a
    /// parent from its `{id}`: `{id}/keys`. A type with a table has it as well: for when Resource Graph can't be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The api-version of the list; absent for Microsoft Graph, whose version is in the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The action that reading it needs (`Microsoft.Sql/servers/read`, or the permission of Microsoft Graph: `User.Read.All`);
    /// absent: the type's own, `TYPE/read`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// Where it lies.
    #[serde(default)]
    pub level: AzureLevel,
    /// Which API lists it.
    #[serde(default)]
    pub plane: AzurePlane,
    /// The type below whose resources it is listed, once for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<AzureParent>,
    /// For directory objects, which have no ARM id: what stands for the type in `/tenants/TENANT/WORD/ID`: `users`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// The member with the name of a directory object; absent: `displayName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the list answers; absent: a list. `object` is for what there is once: the settings of a tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<AzureAnswer>,
    /// Error codes with which a list says that there is none here (`NoRegisteredProviderFound`); that the namespace is not
    /// registered in the subscription always means that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_on: Vec<String>,
    /// Types below it that have collectors of their own and that rules about it ask for: no call is made for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<AzureChildren>,
    /// Calls made for each resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<AzureRead>,
    /// Lists that say something about each of the resources, made once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<AzureJoin>,
}

/// The tables of Resource Graph from which resources come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "Azure's own names")]
pub enum GraphTable {
    Resources,
    ResourceContainers,
    AuthorizationResources,
    PolicyResources,
}

impl GraphTable {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Resources, Self::ResourceContainers, Self::AuthorizationResources, Self::PolicyResources];

    /// Its name in a query: `resourcecontainers`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resources => "resources",
            Self::ResourceContainers => "resourcecontainers",
            Self::AuthorizationResources => "authorizationresources",
            Self::PolicyResources => "policyresources",
        }
    }
}

/// Where resources of a type lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AzureLevel {
    /// In a subscription.
    #[default]
    Subscription,
    /// In the tenant; its id stands where others have that of a subscription.
    Tenant,
}

/// Which API is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AzurePlane {
    /// Azure Resource Manager.
    #[default]
    Arm,
    /// Microsoft Graph.
    Graph,
}

/// A type below whose resources others are listed.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureParent {
    /// It has a collector of its own: `Microsoft.KeyVault/vaults`.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Only below parents of one of these kinds, without case, as far as it goes: `[functionapp]` is also `functionapp,linux`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
}

/// Resources of another type whose ids begin with that of the resource: the extensions of a machine.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureChildren {
    /// Their type, which has a collector of its own.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The field of `properties` that gets them, each as `{ name, properties }`; unreadable where they could not all be listed.
    pub into: String,
}

/// A call made for each resource; it owns the field that it fills.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureRead {
    /// The path, from the resource's `{id}`, `{name}`, `{subscription}`, `{tenant}` or a value of its own
    /// (`{properties.workspaceId}`): `{id}/auditingSettings/default`.
    pub get: String,
    /// The api-version; absent for Microsoft Graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The action that it needs: `Microsoft.Sql/servers/auditingSettings/read`.
    pub permission: String,
    /// Which API is asked.
    #[serde(default)]
    pub plane: AzurePlane,
    /// The field of `properties` that gets the answer, as it comes: one object (its `properties` below it), or the elements of a
    /// list, all pages of it.
    pub into: String,
    /// What answers. It is told, not guessed: an empty list is a fact, an object without members is none.
    #[serde(default)]
    pub answers: AzureAnswer,
    /// The type of what is read, where Azure has one for it.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Error codes that are facts ("there is none"): `ResourceNotFound`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_on: Vec<String>,
    /// Only for resources of one of these kinds, as with `below`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// Only for resources that have this field: `properties.workspaceId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only_if: Option<String>,
}

/// What a read answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AzureAnswer {
    /// One object.
    #[default]
    Object,
    /// A list below `value`, with `nextLink`.
    List,
}

/// A list of which each element says something about one of the resources: who is registered for MFA.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureJoin {
    /// The path that lists, from `{subscription}` or `{tenant}`.
    pub list: String,
    /// The api-version; absent for Microsoft Graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// The action or permission that it needs: `AuditLog.Read.All`.
    pub permission: String,
    /// Which API is asked.
    #[serde(default)]
    pub plane: AzurePlane,
    /// Path of the value inside an element that names the resource: `id`, `properties.resourceId`.
    pub theirs: String,
    /// Path of the same value inside the resource: `id`, `name`, `properties.principalId`.
    pub ours: String,
    /// The field of `properties` that gets the element; of several that name one resource, all, with `many`.
    pub into: String,
    /// The path inside an element that is taken; absent: the whole element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take: Option<String>,
    /// Whether one resource may have one element or a list of them.
    #[serde(default)]
    pub many: JoinCount,
    /// Error codes that are facts: nobody has any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absent_on: Vec<String>,
}

/// How many elements of a joined list speak of one resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JoinCount {
    /// At most one.
    #[default]
    One,
    /// Any number: the field is a list.
    List,
}

impl AzureCollector {
    /// The action that listing it needs.
    pub fn permission(&self, type_name: &str) -> String {
        self.permission.clone().unwrap_or_else(|| format!("{type_name}/read"))
    }

    /// Every action and every permission of Microsoft Graph that collecting it needs, by the API that asks for it.
    pub fn permissions(&self, type_name: &str) -> BTreeMap<AzurePlane, Vec<String>> {
        let mut all: BTreeMap<AzurePlane, Vec<String>> = BTreeMap::new();
        let own = std::iter::once((self.plane, self.permission(type_name)));
        let reads = self.reads.iter().map(|read| (read.plane, read.permission.clone()));
        let joins = self.joins.iter().map(|join| (join.plane, join.permission.clone()));
        for (plane, permission) in own.chain(reads).chain(joins) {
            let known = all.entry(plane).or_default();
            if !known.contains(&permission) {
                known.push(permission);
            }
        }
        all
    }
}
