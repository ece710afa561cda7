//! What every client of ARM asks first: tenants, subscriptions, resource groups, resources, providers, locations.
//! Shapes: `Microsoft.Resources` 2022-12-01 (subscriptions, tenants, locations) and 2022-09-01 (groups, resources, providers).

use std::collections::BTreeMap;

use axum::{
    Json,
    extract::{Path, Query},
};
use serde_json::{Value, json};
use skywarden_model::{ArmId, Connector, Resource, Scope, subscription_id};
use skywarden_store::ResourceQuery;

use super::{Answer, ListQuery, next_link, objects::KINDS, subscription::of_filter};
use crate::{
    error::ApiError,
    odata::{Filter, Row},
    scoped::Scoped,
};

/// Rows of a page where the request names no number; the next is behind `nextLink`.
const PAGE: u32 = 500;

pub(crate) async fn tenants(state: Scoped) -> Answer {
    let id = state.auth.tenant();
    Ok(Json(json!({ "value": [{
        "id": format!("/tenants/{id}"), "tenantId": id, "displayName": "Skywarden", "tenantCategory": "Home",
        "countryCode": null, "domains": [], "defaultDomain": null, "tenantType": "AAD",
    }] })))
}

pub(crate) async fn subscriptions(state: Scoped) -> Answer {
    let names = AccountNames::of(&state).await?;
    let accounts = state.store.accounts(&state.filter).await?;
    let value: Vec<Value> =
        accounts.iter().map(|(connector, account)| subscription(&state, &names, connector, account)).collect();
    Ok(Json(json!({ "value": value, "count": { "type": "Total", "value": accounts.len() } })))
}

pub(crate) async fn one_subscription(state: Scoped, Path(id): Path<String>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    let names = AccountNames::of(&state).await?;
    Ok(Json(subscription(&state, &names, &connector, &account)))
}

fn subscription(state: &Scoped, names: &AccountNames, connector: &str, account: &str) -> Value {
    let id = id_of(connector, account);
    json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
        "tenantId": state.auth.tenant(),
        "displayName": names.title(connector, account),
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionPolicies": { "locationPlacementId": "Public_2014-09-01", "quotaId": "PayAsYouGo_2014-09-01", "spendingLimit": "Off" },
        "tags": { "skywarden-connector": connector, "skywarden-account": account },
    })
}

/// What accounts are called as subscriptions.
pub(crate) struct AccountNames {
    connectors: Vec<Connector>,
    own: BTreeMap<(String, String), String>,
}

impl AccountNames {
    /// Of those of which the caller sees anything.
    pub(crate) async fn of(state: &Scoped) -> Result<Self, ApiError> {
        let collectors = state.catalog.collectors.values().filter(|known| known.names_account);
        let types: Vec<&str> = collectors.map(|known| known.type_name.as_str()).collect();
        let (connectors, own) =
            tokio::try_join!(state.store.connectors(&state.filter), state.store.account_names(&state.filter, &types))?;
        Ok(Self { connectors, own })
    }

    /// What its environment calls it; `None` if it has no names, or none was read yet.
    pub(crate) fn own(&self, connector: &str, account: &str) -> Option<&str> {
        self.own.get(&(connector.to_owned(), account.to_owned())).map(String::as_str)
    }

    /// The same, or what can be told of it by its connector.
    pub(crate) fn title(&self, connector: &str, account: &str) -> String {
        if let Some(own) = self.own(connector, account) {
            return own.to_owned();
        }
        let known = self.connectors.iter().find(|own| own.id.as_str() == connector);
        let name = known.map_or(connector, |own| own.display_name.as_str());
        // A connector of one account is called as it; those of an organisation have the account in their name already.
        if name.contains(account) { name.to_owned() } else { format!("{name} ({account})") }
    }
}

pub(crate) async fn resource_groups(state: Scoped, Path(id): Path<String>, Query(query): Query<ListQuery>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    let mut names = state.store.resource_groups(&state.filter, &connector, &account).await?;
    if let Some(filter) = query.asked(&TAG_FIELDS, &[])? {
        names.retain(|_| filter.holds(&Untagged));
    }
    let value: Vec<Value> = names.iter().map(|name| resource_group(&id_of(&connector, &account), name)).collect();
    Ok(Json(json!({ "value": value })))
}

pub(crate) async fn one_resource_group(state: Scoped, Path((id, group)): Path<(String, String)>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    let found = group_of(&state, &connector, &account, &group).await?;
    Ok(Json(resource_group(&id_of(&connector, &account), &found)))
}

/// The name of a resource group of an account, as its resources have it.
pub(super) async fn group_of(state: &Scoped, connector: &str, account: &str, wanted: &str) -> Result<String, ApiError> {
    let names = state.store.resource_groups(&state.filter, connector, account).await?;
    let found = names.into_iter().find(|name| name.eq_ignore_ascii_case(wanted));
    found.ok_or_else(|| ApiError::not_found("such resource group"))
}

fn resource_group(subscription: &str, name: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{subscription}/resourceGroups/{name}"),
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": name,
        "properties": { "provisioningState": "Succeeded" },
    })
}

pub(crate) async fn resources(state: Scoped, Path(id): Path<String>, Query(query): Query<ListQuery>) -> Answer {
    list(&state, &id, None, query).await
}

pub(crate) async fn resources_of_group(
    state: Scoped,
    Path((id, group)): Path<(String, String)>,
    Query(query): Query<ListQuery>,
) -> Answer {
    list(&state, &id, Some(group), query).await
}

async fn list(state: &Scoped, id: &str, group: Option<String>, query: ListQuery) -> Answer {
    let (connector, account) = account(state, id).await?;
    let filter = query.asked(&RESOURCE_FIELDS, &[])?;
    // What the store can look for narrows the pages; the filter has the last word on each row.
    let required = |field: &str| filter.as_ref().and_then(|own| own.required(field)).map(str::to_owned);
    let within = match (&group, required(GROUP_FIELD)) {
        (None, Some(asked)) => {
            let names = state.store.resource_groups(&state.filter, &connector, &account).await?;
            Some(names.into_iter().find(|name| name.eq_ignore_ascii_case(&asked)).unwrap_or(asked))
        }
        _ => group.clone(),
    };
    let wanted = ResourceQuery {
        connector: Some(connector.clone()),
        account: Some(account.clone()),
        location: within,
        type_name: required(TYPE_FIELD),
        text: required(NAME_FIELD),
        cursor: query.skip_token.clone(),
        limit: query.top.unwrap_or(PAGE).clamp(1, PAGE),
        ..ResourceQuery::default()
    };
    let page = state.store.resources(&state.filter, &wanted).await?;
    let is_wanted = |own: &&Resource| filter.as_ref().is_none_or(|filter| is_held(filter, own));
    let value: Vec<Value> = page
        .items
        .iter()
        .filter(is_wanted)
        .map(|own| {
            json!({ "id": ArmId::of(own).as_str(), "name": own.name, "type": own.type_name, "location": location_of(own),
                "tags": own.tags, "kind": own.envelope.get("kind"), "sku": own.envelope.get("sku"),
                "properties": { "nativeId": own.id } })
        })
        .collect();
    let path = match group {
        None => format!("/subscriptions/{id}/resources"),
        Some(group) => format!("/subscriptions/{id}/resourceGroups/{group}/resources"),
    };
    let version = query.version().unwrap_or("2022-09-01");
    let more = query.filter().map(|filter| [("$filter", filter)]);
    Ok(Json(next_link(state, &path, version, more.as_ref().map(|pair| pair.as_slice()).unwrap_or_default(), value, page.next)))
}

const TYPE_FIELD: &str = "resourceType";
const GROUP_FIELD: &str = "resourceGroup";
const NAME_FIELD: &str = "name";
const LOCATION_FIELD: &str = "location";

/// What filters ask of tags.
const TAG_FIELDS: [&str; 2] = ["tagName", "tagValue"];

/// What filters ask of resources.
const RESOURCE_FIELDS: [&str; 6] = [TYPE_FIELD, GROUP_FIELD, NAME_FIELD, LOCATION_FIELD, TAG_FIELDS[0], TAG_FIELDS[1]];

/// A resource with one of its tags, as a filter asks about it.
struct Tagged<'a> {
    resource: &'a Resource,
    tag: Option<(&'a String, &'a String)>,
}

impl Row for Tagged<'_> {
    fn field(&self, name: &str) -> Value {
        let own = self.resource;
        let is = |field: &str| field.eq_ignore_ascii_case(name);
        if is(TYPE_FIELD) {
            json!(own.type_name)
        } else if is(GROUP_FIELD) {
            json!(own.scope.resource_group)
        } else if is(NAME_FIELD) {
            json!(own.name)
        } else if is(LOCATION_FIELD) {
            json!(location_of(own))
        } else {
            json!(self.tag.map(|(name, value)| if is(TAG_FIELDS[0]) { name } else { value }))
        }
    }
}

/// A resource group: it has no tags.
struct Untagged;

impl Row for Untagged {
    fn field(&self, _: &str) -> Value {
        Value::Null
    }
}

/// Whether a filter holds of a resource: name and value are those of one tag.
fn is_held(filter: &Filter, resource: &Resource) -> bool {
    let is_held = |tag| filter.holds(&Tagged { resource, tag });
    if resource.tags.is_empty() { is_held(None) } else { resource.tags.iter().any(|tag| is_held(Some(tag))) }
}

fn location_of(resource: &Resource) -> &str {
    resource.location.as_deref().unwrap_or(&resource.scope.resource_group)
}

pub(crate) async fn locations(state: Scoped, Path(id): Path<String>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    let names = state.store.resource_groups(&state.filter, &connector, &account).await?;
    let subscription = id_of(&connector, &account);
    let value: Vec<Value> = names
        .iter()
        .map(|name| {
            json!({ "id": format!("/subscriptions/{subscription}/locations/{name}"), "name": name, "type": "Region",
                    "displayName": name, "regionalDisplayName": name,
                    "metadata": { "regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": "", "longitude": "0", "latitude": "0" } })
        })
        .collect();
    Ok(Json(json!({ "value": value })))
}

/// The namespaces that this face answers, with the types that have operations; those of [`KINDS`] come to them.
const PROVIDERS: [(&str, &[&str]); 5] = [
    (
        SECURITY,
        &[
            "secureScores",
            "secureScoreControls",
            "assessments",
            "subAssessments",
            "healthReports",
            "softwareInventories",
            "regulatoryComplianceStandards",
            "locations",
            "tasks",
            "securityConnectors",
        ],
    ),
    (
        "Microsoft.Authorization",
        &[
            "roleAssignments",
            "roleDefinitions",
            "policyDefinitions",
            "policySetDefinitions",
            "policyAssignments",
            "policyExemptions",
        ],
    ),
    ("Microsoft.Management", &["managementGroups"]),
    ("Microsoft.PolicyInsights", &["checkPolicyRestrictions", "policyStates", "asyncOperationResults"]),
    ("Microsoft.Resources", &["subscriptions", "resourceGroups", "resources", "tenants"]),
];

const SECURITY: &str = "Microsoft.Security";

pub(crate) async fn tenant_providers(_: Scoped) -> Answer {
    Ok(Json(json!({ "value": PROVIDERS.iter().map(|own| provider("", own)).collect::<Vec<_>>() })))
}

pub(crate) async fn providers(state: Scoped, Path(id): Path<String>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    let prefix = format!("/subscriptions/{}", id_of(&connector, &account));
    Ok(Json(json!({ "value": PROVIDERS.iter().map(|own| provider(&prefix, own)).collect::<Vec<_>>() })))
}

pub(crate) async fn one_provider(state: Scoped, Path((id, namespace)): Path<(String, String)>) -> Answer {
    let (connector, account) = account(&state, &id).await?;
    let known = PROVIDERS.iter().find(|(name, _)| name.eq_ignore_ascii_case(&namespace));
    let known = known.ok_or_else(|| ApiError::not_found("such resource provider"))?;
    Ok(Json(provider(&format!("/subscriptions/{}", id_of(&connector, &account)), known)))
}

/// Clients register a provider before they use it; all of ours are.
pub(crate) async fn register_management(state: Scoped, Path(id): Path<String>) -> Answer {
    one_provider(state, Path((id, "Microsoft.Management".to_owned()))).await
}

fn provider(prefix: &str, (namespace, types): &(&str, &[&str])) -> Value {
    let prefix_of = |name: &str| name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix('/')).map(str::to_owned);
    let kinds = KINDS.iter().filter_map(|kind| prefix_of(&kind.type_name()));
    let types: Vec<Value> = types
        .iter()
        .map(|name| (*name).to_owned())
        .chain(kinds)
        .map(|name| json!({ "resourceType": name, "locations": [], "apiVersions": [], "capabilities": "None" }))
        .collect();
    json!({ "id": format!("{prefix}/providers/{namespace}"), "namespace": namespace, "registrationState": "Registered",
            "registrationPolicy": "RegistrationRequired", "resourceTypes": types })
}

/// Connector and account of a subscription that the caller may see.
pub(super) async fn account(state: &Scoped, id: &str) -> Result<(String, String), ApiError> {
    of_filter(state, &state.filter, id).await?.ok_or_else(|| ApiError::not_found("such subscription"))
}

/// The id of an account as a subscription.
pub(crate) fn id_of(connector: &str, account: &str) -> String {
    let scope = Scope { connector: connector.into(), account: account.into(), resource_group: "".into() };
    subscription_id(&scope).to_string()
}
