//! `Microsoft.Security/healthReports`, api-version 2023-05-01-preview: whether what has to be read can be read. A subscription has
//! one report, of its listings and of the reads inside them, and each resource one, of its fields.

mod issues;

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{OriginalUri, Path, Query},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::{ArmId, Connector, Environment, Resource, Timestamp};
use skywarden_store::{Attempt, ConnectorCoverage, ResourceQuery};

use self::issues::{Issue, Issues};
use super::{
    Answer,
    assessments::{PAGE, Paging, ResourcePath, resource, source_of},
    connectors::{home_of, is_shown},
    ground::{account, id_of},
    next_link,
};
use crate::{error::ApiError, scoped::Scoped};

const VERSION: &str = "2023-05-01-preview";

/// A path with a report at a subscription.
#[derive(Deserialize)]
pub(crate) struct ReportPath {
    subscription: String,
    report: String,
}

/// What the reports of an account rest on.
struct Account<'a> {
    state: &'a Scoped,
    connector: String,
    account: String,
    connected: Option<Connector>,
    /// The id under which ARM shows that.
    connector_id: Option<String>,
    attempt: Option<Attempt>,
    coverage: Option<ConnectorCoverage>,
}

/// What a report is about.
struct About {
    scope: &'static str,
    /// The beginning of its id.
    prefix: String,
    native_id: String,
    source: Value,
}

/// How a report comes out.
enum Outcome {
    Read,
    /// Of these reasons.
    NotRead(Vec<Issue>),
    /// Nothing is known: for this reason.
    NoWord(&'static str),
}

/// The report of a subscription, then those of its resources, a page at a time.
pub(crate) async fn of_subscription(
    state: Scoped,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
    OriginalUri(uri): OriginalUri,
) -> Answer {
    let own = Account::of(&state, &id).await?;
    let first = if paging.skip_token.is_none() { vec![own.report()] } else { Vec::new() };
    own.page(None, first, paging, uri.path()).await
}

/// The reports of the resources in a group, a page at a time.
pub(crate) async fn of_group(
    state: Scoped,
    Path((id, group)): Path<(String, String)>,
    Query(paging): Query<Paging>,
    OriginalUri(uri): OriginalUri,
) -> Answer {
    let own = Account::of(&state, &id).await?;
    let names = state.store.resource_groups(&state.filter, &own.connector, &own.account).await?;
    let group = names.into_iter().find(|name| name.eq_ignore_ascii_case(&group));
    let group = group.ok_or_else(|| ApiError::not_found("such resource group"))?;
    own.page(Some(group), Vec::new(), paging, uri.path()).await
}

pub(crate) async fn one_of_subscription(state: Scoped, Path(path): Path<ReportPath>) -> Answer {
    let own = Account::of(&state, &path.subscription).await?;
    named(own.report(), &path.report)
}

/// The one report of a resource, as a list.
pub(crate) async fn of_resource(state: Scoped, Path(path): Path<ResourcePath>) -> Answer {
    Ok(Json(json!({ "value": [resource_report(&state, &path).await?] })))
}

pub(crate) async fn one_of_resource(state: Scoped, Path(path): Path<ResourcePath>) -> Answer {
    named(resource_report(&state, &path).await?, &path.report)
}

fn named(report: Value, name: &str) -> Answer {
    let is_meant = report.get("name").and_then(Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(name));
    if is_meant { Ok(Json(report)) } else { Err(ApiError::not_found("such health report")) }
}

async fn resource_report(state: &Scoped, path: &ResourcePath) -> Result<Value, ApiError> {
    let found = resource(state, path).await?;
    let own = Account::of(state, &id_of(found.scope.connector.as_str(), &found.scope.account)).await?;
    let stale = state.store.stale_of(&state.filter, &own.connector).await?;
    Ok(own.report_on(&found, stale.contains(found.id.as_str())))
}

impl<'a> Account<'a> {
    async fn of(state: &'a Scoped, subscription: &str) -> Result<Self, ApiError> {
        let (connector, account) = account(state, subscription).await?;
        let known = state.store.connectors(&state.filter).await?;
        let connected = known.into_iter().find(|own| own.id.as_str() == connector);
        let connector_id = match connected.as_ref().filter(|own| is_shown(own)) {
            Some(own) => Some(home_of(state, own, &account).await?.id_of(&connector)),
            None => None,
        };
        Ok(Self {
            state,
            connected,
            connector_id,
            attempt: state.store.attempts(&state.filter).await?.remove(&connector),
            coverage: state.store.connector_coverage(&state.filter).await?.remove(&connector),
            connector,
            account,
        })
    }

    async fn page(&self, group: Option<String>, mut value: Vec<Value>, paging: Paging, path: &str) -> Answer {
        let query = ResourceQuery {
            connector: Some(self.connector.clone()),
            account: Some(self.account.clone()),
            location: group,
            cursor: paging.skip_token,
            limit: PAGE,
            ..ResourceQuery::default()
        };
        let page = self.state.store.resource_rows(&self.state.filter, &query).await?;
        value.extend(page.items.iter().map(|row| self.report_on(&row.resource, row.is_stale)));
        Ok(Json(next_link(self.state, path, VERSION, &[], value, page.next)))
    }

    /// That of the account: its listings, and what was refused inside them.
    fn report(&self) -> Value {
        let entries = self.coverage.iter().flat_map(|own| &own.entries).filter(|entry| *entry.account == *self.account);
        let (mut issues, mut n_listings) = (Issues::of(&self.state.catalog, self.title()), 0_u64);
        for entry in entries {
            n_listings += 1;
            issues.add_listing(entry);
        }
        if let Some((attempt, error)) = self.attempt.as_ref().and_then(|own| Some((own, own.error.as_deref()?))) {
            issues.add_attempt(attempt.at, error);
        }
        let types = issues.types().clone();
        let found = issues.ended();
        let outcome = match (found.is_empty(), n_listings) {
            (false, _) => Outcome::NotRead(found),
            (true, 0) => Outcome::NoWord("no listing of this subscription is known here, or none is visible to this login"),
            (true, _) => Outcome::Read,
        };
        let source = match self.connected.as_ref().map(|own| own.environment) {
            Some(own @ (Environment::Aws | Environment::Gcp | Environment::Azure)) => json!(own),
            _ => json!(Environment::OnPremise),
        };
        let about = About {
            scope: "Subscription",
            prefix: format!("/subscriptions/{}", id_of(&self.connector, &self.account)),
            native_id: self.account.clone(),
            source,
        };
        self.object(&about, outcome, self.taken_at(), &types)
    }

    /// That of a resource: its fields, and whether the last run saw it.
    fn report_on(&self, resource: &Resource, is_stale: bool) -> Value {
        let mut issues = Issues::of(&self.state.catalog, self.title());
        if is_stale {
            issues.add_stale(resource.type_name.as_str());
        }
        for field in &resource.unreadable {
            issues.add_field(resource.type_name.as_str(), field);
        }
        let types = issues.types().clone();
        let found = issues.ended();
        let outcome = if found.is_empty() { Outcome::Read } else { Outcome::NotRead(found) };
        let about = About {
            scope: "Resource",
            prefix: ArmId::of(resource).as_str().to_owned(),
            native_id: resource.id.to_string(),
            source: json!(source_of(resource.type_name.as_str())),
        };
        // What was not seen was read at some time before, which is not kept.
        self.object(&about, outcome, self.taken_at().filter(|_| !is_stale), &types)
    }

    fn object(&self, about: &About, outcome: Outcome, read_at: Option<Timestamp>, types: &BTreeSet<String>) -> Value {
        let (code, reason, issues) = match outcome {
            Outcome::Read => ("Healthy", "every listing and every read that was tried succeeded".to_owned(), Vec::new()),
            Outcome::NotRead(issues) => {
                let reason = match issues.as_slice() {
                    [single] => single.description.clone(),
                    several => format!("{} things could not be read; see the issues", several.len()),
                };
                ("NotHealthy", reason, issues)
            }
            Outcome::NoWord(reason) => ("NotApplicable", reason.to_owned(), Vec::new()),
        };
        let mut status = json!({ "code": code, "reason": reason });
        if let (Some(members), Some(at)) = (status.as_object_mut(), read_at) {
            members.insert("lastScannedDate".to_owned(), json!(at));
        }
        let name = name_of(about.scope);
        let mut details = json!({ "source": about.source, "id": about.prefix });
        if let (Some(members), Some(connector)) = (details.as_object_mut(), &self.connector_id) {
            members.insert("connectorId".to_owned(), connector.as_str().into());
        }
        let (plans, sub_plans) = self.plans(types);
        json!({
            "id": format!("{}/providers/Microsoft.Security/healthReports/{name}", about.prefix),
            "name": name,
            "type": "Microsoft.Security/healthReports",
            "properties": {
                "resourceDetails": details,
                "environmentDetails": {
                    "nativeResourceId": about.native_id,
                    "environmentHierarchyId": self.account,
                    "subscriptionId": id_of(&self.connector, &self.account),
                    "tenantId": self.state.auth.tenant(),
                },
                "healthDataClassification": { "component": "Skywarden", "scenario": "Collection", "scope": about.scope },
                "status": status,
                "affectedDefendersPlans": plans,
                "affectedDefendersSubPlans": sub_plans,
                "issues": issues.iter().map(Issue::value).collect::<Vec<_>>(),
            }
        })
    }

    /// The plans, and the sizes of them, to which recommendations on some types belong.
    fn plans(&self, types: &BTreeSet<String>) -> (BTreeSet<&'a str>, BTreeSet<&'a str>) {
        let files = self.state.catalog.recommendations.values().map(|known| &known.file);
        let needs = files.filter(|file| types.contains(&file.type_name)).filter_map(|file| file.plan.as_ref());
        let mut by_plan: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for need in needs {
            by_plan.entry(&need.id).or_default().extend(need.sub_plans.iter().map(String::as_str));
        }
        (by_plan.keys().copied().collect(), by_plan.into_values().flatten().collect())
    }

    fn title(&self) -> &str {
        self.connected.as_ref().map_or(self.connector.as_str(), |own| own.display_name.as_str())
    }

    fn taken_at(&self) -> Option<Timestamp> {
        self.coverage.as_ref().and_then(|own| own.taken_at)
    }
}

/// The name of the report of a kind of scope: a GUID that is always the same.
fn name_of(scope: &str) -> String {
    uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, format!("skywarden:healthReports/collection/{scope}").as_bytes()).to_string()
}
