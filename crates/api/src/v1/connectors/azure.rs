//! Connecting a tenant of Azure: what a login may read there, and keeping it. The secret comes in and never goes out.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::StatusCode,
};
use serde_json::{Value, json};
use skywarden_cloud::azure::{AzureClient, AzureOptions as LoginOptions};
use skywarden_collect::{AzureOptions, AzureProbe, LiveAzure, probe_azure};
use skywarden_model::{Connector, Environment, setting};
use skywarden_store::{ConnectorWritten, ScopeFilter, connector_secret};
use tokio::sync::Semaphore;

use super::{
    azure_asked::{Asked, Wanted},
    azure_told::told,
};
use crate::{error::ApiError, scoped::Scoped, v1::Answer};

type Body = Result<Json<Asked>, JsonRejection>;

/// Tests under way at once: each makes some calls for every subscription.
static TESTS: Semaphore = Semaphore::const_new(4);

/// How long a test may take; the server ends a request after a minute.
const PATIENCE: Duration = Duration::from_secs(50);

/// How often a change is tried again when others change connectors at the same time.
const TRIES: usize = 8;

/// Letters of a name at most.
const MAX_NAME: usize = 64;

/// Names that Skywarden gives itself, or that are routes.
const RESERVED: [&str; 3] = ["host", "sample", "probe"];

/// Tests a login and keeps nothing.
pub(crate) async fn probe(state: Scoped, body: Body) -> Answer {
    let wanted = wanted(&state, body)?;
    let probe = tested(&state, &wanted).await?;
    Ok(Json(told(&state.catalog, &wanted, &probe)))
}

/// Tests a login once more, seals its secret and connects the tenant, whatever may be missing.
pub(crate) async fn put(state: Scoped, Path(name): Path<String>, body: Body) -> Result<(StatusCode, Json<Value>), ApiError> {
    let wanted = wanted(&state, body)?;
    check_name(&name)?;
    let tenant = tested(&state, &wanted).await?.tenant;
    check_name_of(&name, &tenant)?;
    for _ in 0..TRIES {
        let known = state.store.connectors(&ScopeFilter::All).await?;
        let before = known.iter().find(|own| own.id.as_str() == name);
        check_before(&known, before, &name, &tenant)?;
        let connector = connector(&name, &tenant, &wanted, before);
        // The secret first: a connector without one could not be read, a secret without a connector harms nobody.
        let sealed = connector_secret(&name);
        match wanted.secret() {
            Some(secret) => state.vault.put(&sealed, secret.text().as_bytes()).await?,
            None => drop(state.vault.remove(&sealed).await?),
        }
        match state.store.write_connector(&connector, before).await? {
            ConnectorWritten::Done => {
                let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
                let kept = json!({ "id": name, "displayName": connector.display_name, "tenant": tenant });
                return Ok((status, Json(kept)));
            }
            ConnectorWritten::Conflict => {}
            ConnectorWritten::AccountTaken(other) => return Err(taken(&tenant, other.as_str())),
        }
    }
    Err(conflict(format!(
        "`{name}` is being changed by others, or is another connector's name in other letters; choose another name"
    )))
}

/// What is asked for, from somebody who may ask for it.
fn wanted(state: &Scoped, body: Body) -> Result<Wanted, ApiError> {
    state.everywhere()?;
    let Json(asked) = body?;
    asked.checked(&state.azure_clouds, &state.caller)
}

async fn tested(state: &Scoped, wanted: &Wanted) -> Result<AzureProbe, ApiError> {
    let Ok(_permit) = TESTS.try_acquire() else {
        let message = "other logins to Azure are being tested at this moment; try again in a minute";
        return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyTests", message));
    };
    let asked = tokio::time::timeout(PATIENCE, ask(state, wanted)).await;
    asked.unwrap_or_else(|_| {
        let message = format!(
            "Azure did not answer within {} seconds; see whether this server reaches it, or name fewer subscriptions",
            PATIENCE.as_secs()
        );
        Err(not_read(message))
    })
}

async fn ask(state: &Scoped, wanted: &Wanted) -> Result<AzureProbe, ApiError> {
    let login = LoginOptions { login: wanted.login.clone(), tenant: Some(wanted.tenant.clone()), cloud: wanted.cloud.clone() };
    let client = AzureClient::new(&login).await.map_err(|error| not_read(error.to_string()))?;
    let options = AzureOptions {
        // A domain name can't be compared with what the answers say; they say the id.
        tenant: wanted.tenant_id().map(str::to_owned),
        subscriptions: wanted.subscriptions.iter().cloned().collect(),
        management_group: wanted.management_group.clone(),
        ..AzureOptions::new("azure".into())
    };
    let transport = Arc::new(LiveAzure::new(client));
    probe_azure(&*state.catalog, transport, &options).await.map_err(|error| not_read(error.to_string()))
}

/// That a connector may be called so.
fn check_name(name: &str) -> Result<(), ApiError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) {
        let message = format!("the name of a connector is 1 to {MAX_NAME} lower-case letters, digits and hyphens");
        return Err(ApiError::bad_request(message).with_target("name".to_owned()));
    }
    let is_given = RESERVED.contains(&name) || ["aws-", "organization-"].iter().any(|start| name.starts_with(start));
    if is_given { Err(reserved(name)) } else { Ok(()) }
}

/// That the name is not the one that another tenant gets by itself.
fn check_name_of(name: &str, tenant: &str) -> Result<(), ApiError> {
    let is_of_another = name.strip_prefix("azure-").is_some_and(|own| own.len() == tenant.len() && own != tenant);
    if is_of_another { Err(reserved(name)) } else { Ok(()) }
}

/// That what has the name is this tenant, and that this tenant has no other name.
fn check_before(known: &[Connector], before: Option<&Connector>, name: &str, tenant: &str) -> Result<(), ApiError> {
    if let Some(own) = before {
        let is_same = own.environment == Environment::Azure && own.account() == Some(tenant);
        if !is_same {
            return Err(conflict(format!(
                "`{name}` is the name of another connector, whose inventory would be mixed up; choose another"
            )));
        }
    }
    match known.iter().find(|own| own.id.as_str() != name && own.account() == Some(tenant)) {
        Some(other) => Err(taken(tenant, other.id.as_str())),
        None => Ok(()),
    }
}

fn connector(name: &str, tenant: &str, wanted: &Wanted, before: Option<&Connector>) -> Connector {
    let mut settings: BTreeMap<String, String> = wanted.settings(tenant);
    // Where it belongs and what clients of ARM said of it outlasts another login.
    let kept = [setting::HOME, setting::HOME_GROUP, setting::ARM];
    let own = before.into_iter().flat_map(|own| &own.settings).filter(|(name, _)| kept.contains(&name.as_str()));
    settings.extend(own.map(|(name, value)| (name.clone(), value.clone())));
    let display_name = format!("Azure tenant {tenant}");
    Connector { id: name.into(), environment: Environment::Azure, display_name, sample: false, settings }
}

/// Azure refused, or can't be reached, and says why.
fn not_read(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "AzureNotRead", message)
}

fn taken(tenant: &str, other: &str) -> ApiError {
    conflict(format!(
        "the tenant {tenant} is connected as `{other}` already; give it that name to change its login, or disconnect it first"
    ))
}

fn reserved(name: &str) -> ApiError {
    let message = format!("Skywarden gives the name `{name}` itself to what else it connects; choose another");
    ApiError::new(StatusCode::CONFLICT, "ConnectorNameReserved", message)
}

fn conflict(message: String) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, "Conflict", message)
}
