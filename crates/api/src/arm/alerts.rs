//! `Microsoft.Security/alerts`, api-version 2022-01-01: what detection found in logs, and what people do with it.

use std::collections::BTreeSet;

use axum::{
    Json, Router,
    extract::{OriginalUri, Path, Query, rejection::JsonRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_detect::{defender, samples};
use skywarden_model::{ArmId, Scope, Timestamp};
use skywarden_store::{AlertQuery, AlertStatus, IncidentQuery, KeptAlert, KeptIncident, ScopeFilter};

use super::{
    Answer, CONNECTORS, ListQuery, SUBSCRIPTION,
    ground::{account, group_of, id_of},
    next_link,
    tasks::HOME,
};
use crate::{AppState, error::ApiError, scoped::Scoped};

const VERSION: &str = "2022-01-01";

/// Rows of a page.
const PAGE: u32 = 100;

/// What the cursor of a page of incidents begins with.
const INCIDENTS: &str = "incidents:";

/// So many sample alerts are made of each bundle.
const SAMPLES: usize = 3;

/// A path with a subscription, perhaps a resource group, a location and an alert.
#[derive(Deserialize)]
pub(crate) struct AlertPath {
    subscription: String,
    group: Option<String>,
    location: Option<String>,
    #[serde(default)]
    alert: String,
}

/// What samples are asked for with: `{"properties": {"kind": "Bundles", "bundles": ["KeyVaults"]}}`.
#[derive(Deserialize)]
pub(crate) struct Simulation {
    properties: Bundles,
}

#[derive(Deserialize)]
struct Bundles {
    kind: String,
    #[serde(default)]
    bundles: BTreeSet<String>,
}

/// The bundles that clients know, and the plans of the detections that they stand for.
const BUNDLES: &[(&str, &str)] = &[
    ("AppServices", "AppServices"),
    ("CosmosDbs", "CosmosDbs"),
    ("DNS", "Dns"),
    ("KeyVaults", "KeyVaults"),
    ("KubernetesService", "Containers"),
    ("ResourceManager", "Arm"),
    ("SqlServers", "SqlServers"),
    ("StorageAccounts", "StorageAccounts"),
    ("VirtualMachines", "VirtualMachines"),
];

/// Alerts of subscriptions and of resource groups.
pub(crate) fn routes() -> Router<AppState> {
    let mut router =
        Router::new().route(&format!("{SUBSCRIPTION}/locations/{{location}}/alerts/default/simulate"), post(simulate));
    for scope in [SUBSCRIPTION, CONNECTORS] {
        let at = |rest: &str| format!("{scope}/locations/{{location}}/alerts{rest}");
        router = router
            .route(&format!("{scope}/alerts"), get(list))
            .route(&at(""), get(list))
            .route(&at("/{alert}"), get(one))
            .route(&at("/{alert}/activate"), post(activate))
            .route(&at("/{alert}/inProgress"), post(begin))
            .route(&at("/{alert}/resolve"), post(resolve))
            .route(&at("/{alert}/dismiss"), post(dismiss));
    }
    router
}

/// The alerts of a subscription or of one of its resource groups, newest first.
async fn list(
    state: Scoped,
    Path(path): Path<AlertPath>,
    Query(query): Query<ListQuery>,
    OriginalUri(uri): OriginalUri,
) -> Answer {
    let (connector, account) = at_home(&state, &path).await?;
    if query.filter().is_some() {
        return Err(ApiError::bad_request("lists of alerts take no $filter; /api/v1/alerts has filters")
            .with_target("$filter".to_owned()));
    }
    let group = match &path.group {
        Some(group) => Some(group_of(&state, &connector, &account, group).await?),
        None => None,
    };
    let filter = state.filter.narrowed([(connector, account)]);
    let limit = query.top.unwrap_or(PAGE).clamp(1, PAGE);
    let wanted = AlertQuery { group, cursor: query.skip_token, limit, ..AlertQuery::default() };
    let of_incidents = wanted.cursor.as_deref().and_then(|cursor| cursor.strip_prefix(INCIDENTS)).map(str::to_owned);
    let (value, next) = match of_incidents {
        None => {
            let page = state.store.alert_page(&filter, &wanted).await?;
            let mut value: Vec<Value> = page.items.iter().map(|kept| alert(&state, kept, path.group.as_deref())).collect();
            let left = limit.saturating_sub(u32::try_from(value.len()).unwrap_or(limit));
            match page.next {
                // What is joined from alerts of several groups is no group's.
                None if path.group.is_some() => (value, None),
                None if left == 0 => (value, Some(INCIDENTS.to_owned())),
                None => {
                    let (more, next) = incidents(&state, &filter, &path.subscription, String::new(), left).await?;
                    value.extend(more);
                    (value, next)
                }
                next => (value, next),
            }
        }
        Some(cursor) => incidents(&state, &filter, &path.subscription, cursor, limit).await?,
    };
    let top = limit.to_string();
    let repeated: &[(&str, &str)] = if query.top.is_some() { &[("$top", top.as_str())] } else { &[] };
    Ok(Json(next_link(&state, uri.path(), VERSION, repeated, value, next)))
}

/// A page of the incidents of a subscription, which come after its alerts, and where the next page begins.
async fn incidents(
    state: &Scoped,
    filter: &ScopeFilter,
    subscription: &str,
    cursor: String,
    limit: u32,
) -> Result<(Vec<Value>, Option<String>), ApiError> {
    let cursor = Some(cursor).filter(|cursor| !cursor.is_empty());
    let page = state.store.incident_page(filter, &IncidentQuery { cursor, limit, ..IncidentQuery::default() }).await?;
    let value = page.items.iter().map(|kept| incident(state, kept, subscription)).collect();
    Ok((value, page.next.map(|next| format!("{INCIDENTS}{next}"))))
}

async fn one(state: Scoped, Path(path): Path<AlertPath>) -> Answer {
    Ok(Json(match find(&state, &path).await? {
        Found::Alert(kept) => alert(&state, &kept, path.group.as_deref()),
        Found::Incident(kept) => incident(&state, &kept, &path.subscription),
    }))
}

async fn activate(state: Scoped, Path(path): Path<AlertPath>) -> Result<StatusCode, ApiError> {
    turn(&state, &path, AlertStatus::Active).await
}

async fn begin(state: Scoped, Path(path): Path<AlertPath>) -> Result<StatusCode, ApiError> {
    turn(&state, &path, AlertStatus::InProgress).await
}

async fn resolve(state: Scoped, Path(path): Path<AlertPath>) -> Result<StatusCode, ApiError> {
    turn(&state, &path, AlertStatus::Resolved).await
}

async fn dismiss(state: Scoped, Path(path): Path<AlertPath>) -> Result<StatusCode, ApiError> {
    turn(&state, &path, AlertStatus::Dismissed).await
}

/// Makes sample alerts: the attacks in the tests of each plan's own detections, as if they happened now.
async fn simulate(
    state: Scoped,
    Path(path): Path<AlertPath>,
    OriginalUri(uri): OriginalUri,
    asked: Result<Json<Simulation>, JsonRejection>,
) -> Result<Response, ApiError> {
    // What is not visible is told before what is wrong with the request.
    let (connector, account) = at_home(&state, &path).await?;
    let Json(asked) = asked?;
    if asked.properties.kind != "Bundles" {
        return Err(ApiError::bad_request("`kind` is `Bundles`").with_target("properties.kind".to_owned()));
    }
    let mut plans = Vec::new();
    for bundle in &asked.properties.bundles {
        let known = BUNDLES.iter().find(|(name, _)| name.eq_ignore_ascii_case(bundle));
        let Some((_, plan)) = known else {
            let names: Vec<&str> = BUNDLES.iter().map(|(name, _)| *name).collect();
            let message = format!("there is no bundle `{bundle}`; there are {}", names.join(", "));
            return Err(ApiError::bad_request(message).with_target("properties.bundles".to_owned()));
        };
        plans.push(*plan);
    }
    if plans.is_empty() {
        return Err(ApiError::bad_request("name at least one bundle").with_target("properties.bundles".to_owned()));
    }
    let now = Timestamp::now();
    let catalog = state.catalog.clone();
    let own_account = account.clone();
    let made = tokio::task::spawn_blocking(move || {
        let of_plan = |plan: &&str| samples(&catalog, plan, now, SAMPLES, &own_account);
        plans.iter().map(of_plan).collect::<Result<Vec<_>, _>>()
    });
    let failed = |reason: String| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", reason);
    let made = made.await.map_err(|error| failed(format!("sample alerts could not be made: {error}")))?.map_err(failed)?;
    let alerts: Vec<_> = made.into_iter().flatten().collect();
    state.store.keep_alerts(&state.catalog, &alerts, (&connector, &account), now).await?;
    // Clients of all generations know only 202, and ask at the address that comes with it until that is no 202: at the list of alerts,
    // where the new ones are.
    let list = uri.path().rsplitn(3, '/').last().unwrap_or_default();
    let location = format!("{}{list}?api-version={VERSION}", state.base);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)]).into_response())
}

async fn turn(state: &Scoped, path: &AlertPath, status: AlertStatus) -> Result<StatusCode, ApiError> {
    let (by, now) = (state.caller.login_name.clone(), Timestamp::now());
    match find(state, path).await? {
        Found::Alert(kept) => state.store.set_alert_status(&state.filter, &[kept.alert.id], status, &by, now).await?,
        Found::Incident(kept) => state.store.set_incident_status(&state.filter, &[kept.incident.id], status, &by, now).await?,
    };
    Ok(StatusCode::NO_CONTENT)
}

/// What a name in the list of alerts stands for.
enum Found {
    Alert(Box<KeptAlert>),
    Incident(Box<KeptIncident>),
}

async fn find(state: &Scoped, path: &AlertPath) -> Result<Found, ApiError> {
    let missing = || ApiError::not_found("such alert");
    let (connector, account) = at_home(state, path).await?;
    let id = defender::alert_id(&path.alert).ok_or_else(missing)?;
    let Some(kept) = state.store.alert(&state.filter, &id).await? else {
        let filter = state.filter.narrowed([(connector, account)]);
        let kept = state.store.incident(&filter, &id).await?.filter(|_| path.group.is_none()).ok_or_else(missing)?;
        return Ok(Found::Incident(Box::new(kept)));
    };
    let is_in_group = path.group.as_deref().is_none_or(|group| kept.group.eq_ignore_ascii_case(group));
    let is_here = kept.connector == connector && kept.account == account && is_in_group;
    if is_here { Ok(Found::Alert(Box::new(kept))) } else { Err(missing()) }
}

/// The account of a path whose location, if it names one, is the one that there is.
async fn at_home(state: &Scoped, path: &AlertPath) -> Result<(String, String), ApiError> {
    let found = account(state, &path.subscription).await?;
    if path.location.as_deref().is_some_and(|location| !location.eq_ignore_ascii_case(HOME)) {
        return Err(ApiError::not_found(&format!("such location; the one of this installation is `{HOME}`")));
    }
    Ok(found)
}

/// An incident in ARM's shape: an alert that is several.
fn incident(state: &Scoped, kept: &KeptIncident, subscription: &str) -> Value {
    let own = &kept.incident;
    let name = defender::alert_name(&own.id, own.start);
    let id = format!("/subscriptions/{subscription}/providers/Microsoft.Security/locations/{HOME}/alerts/{name}");
    let kind = own.kind.as_ref().and_then(|kind| state.catalog.incidents.get(kind));
    let mut properties = defender::incident_properties(own, kind);
    let about = format!("/subscriptions/{subscription}");
    properties.insert("resourceIdentifiers".to_owned(), json!([{ "type": "AzureResource", "azureResourceId": about }]));
    properties.insert("status".to_owned(), kept.status.text().into());
    properties.insert("alertUri".to_owned(), format!("{}/incidents/{}", state.base, own.id).into());
    properties.insert("timeGeneratedUtc".to_owned(), kept.kept_at.to_string().into());
    properties.insert("processingEndTimeUtc".to_owned(), kept.kept_at.to_string().into());
    properties.insert("correlationKey".to_owned(), own.id.as_str().into());
    json!({ "id": id, "name": name, "type": "Microsoft.Security/Locations/alerts", "properties": properties })
}

/// An alert in ARM's shape; `group` if it was asked for in a resource group.
pub(crate) fn alert(state: &Scoped, kept: &KeptAlert, group: Option<&str>) -> Value {
    let subscription = id_of(&kept.connector, &kept.account);
    let name = defender::alert_name(&kept.alert.id, kept.alert.start);
    let within = group.map_or_else(String::new, |group| format!("/resourceGroups/{group}"));
    let id = format!("/subscriptions/{subscription}{within}/providers/Microsoft.Security/locations/{HOME}/alerts/{name}");
    let mut properties = defender::properties(&kept.alert);
    let resource = kept.resource.as_deref().map(|native| {
        let scope = Scope {
            connector: kept.connector.as_str().into(),
            account: kept.account.as_str().into(),
            resource_group: kept.group.as_str().into(),
        };
        ArmId::of_parts(&native.into(), &scope).to_string()
    });
    let about = resource.unwrap_or_else(|| format!("/subscriptions/{subscription}"));
    properties.insert("resourceIdentifiers".to_owned(), json!([{ "type": "AzureResource", "azureResourceId": about }]));
    properties.insert("status".to_owned(), kept.status.text().into());
    properties.insert("alertUri".to_owned(), format!("{}/alerts/{}", state.base, kept.alert.id).into());
    properties.insert("timeGeneratedUtc".to_owned(), kept.kept_at.to_string().into());
    properties.insert("processingEndTimeUtc".to_owned(), kept.kept_at.to_string().into());
    properties.insert("correlationKey".to_owned(), kept.incident.clone().map_or(Value::Null, Value::from));
    properties.insert("severity".to_owned(), defender::severity_text(kept.severity).into());
    if let Some(extended) = properties.get_mut("extendedProperties").and_then(Value::as_object_mut) {
        extended.extend(kept.suppressed_by.iter().map(|rule| ("suppressed by".to_owned(), rule.as_str().into())));
        extended.extend(raised(kept).map(|text| ("severity".to_owned(), text.into())));
        extended.extend(unknown(kept).map(|text| ("severity may be too low".to_owned(), text.into())));
    }
    json!({ "id": id, "name": name, "type": "Microsoft.Security/Locations/alerts", "properties": properties })
}

/// Why an alert may matter more than its severity says, in a sentence.
pub(crate) fn unknown(kept: &KeptAlert) -> Option<String> {
    let factors = kept.unknown.join("; ");
    (!factors.is_empty())
        .then(|| format!("not known of the resource, since what tells was not read or it is not in the inventory: {factors}"))
}

/// Why an alert is more severe than others of its kind, in a sentence.
pub(crate) fn raised(kept: &KeptAlert) -> Option<String> {
    let own = kept.alert.severity;
    if own == kept.severity || kept.raised.is_empty() {
        return None;
    }
    let [from, to] = [own, kept.severity].map(defender::severity_text);
    Some(format!("raised from {from} to {to}, since {}", kept.raised.join(", and ")))
}
