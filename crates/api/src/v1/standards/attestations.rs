//! What people found about controls that nothing automatic covers.

use axum::{
    Json,
    extract::{Path, Query, rejection::JsonRejection},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use skywarden_model::{Attestation, AttestationScope, AttestedEvidence, AttestedState, Date, Timestamp, Withdrawal};
use skywarden_posture::{AttestationStanding, NotAttestable};

use crate::{
    error::ApiError,
    scoped::Scoped,
    v1::{Answer, scope::ScopeQuery},
};

/// An attestation of the record, and whether the control's state rests on it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    attestation: &'a Attestation,
    standing: AttestationStanding,
}

pub(crate) async fn list(state: Scoped, Path(id): Path<String>, Query(scope): Query<ScopeQuery>) -> Answer {
    let now = Timestamp::now();
    let own = state.store.own_standards(&scope.filter(&state).await?).await?;
    let standards = own.with(&state.catalog, now);
    standards.get(&id).ok_or_else(|| ApiError::not_found("such standard"))?;
    let of_this = own.attestations.iter().filter(|attestation| attestation.standard == id);
    let rows: Vec<Row<'_>> =
        of_this.map(|attestation| Row { attestation, standing: standards.standing_of(attestation, now) }).collect();
    Ok(Json(json!({ "items": rows })))
}

/// What a person gives to attest something; the server adds the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewAttestation {
    control: String,
    #[serde(default = "whole_installation")]
    scope: AttestationScope,
    state: AttestedState,
    evidence: AttestedEvidence,
    assessed_on: Date,
    #[serde(default)]
    expires_at: Option<Timestamp>,
}

fn whole_installation() -> AttestationScope {
    AttestationScope::Tenant
}

pub(crate) async fn add(
    state: Scoped,
    Path(id): Path<String>,
    body: Result<Json<NewAttestation>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(new) = body?;
    let now = Timestamp::now();
    may_attest(&state, &new.scope)?;
    let own = state.store.own_standards(&state.filter).await?;
    let standards = own.with(&state.catalog, now);
    standards.attestable(&id, &new.control).map_err(not_attestable)?;
    if let AttestationScope::Subscription { connector, account } = &new.scope
        && !own.accounts.iter().any(|known| known.connector == *connector && known.account == *account)
    {
        return Err(ApiError::bad_request(format!("no account `{account}` of a connector `{connector}` has been assessed")));
    }
    let attestation = Attestation {
        id: uuid::Uuid::new_v4().to_string(),
        standard: id,
        control: new.control,
        scope: new.scope,
        state: new.state,
        evidence: new.evidence,
        assessed_on: new.assessed_on,
        expires_at: new.expires_at,
        created_at: now,
        created_by: state.caller.name.clone(),
        withdrawn: None,
    };
    attestation.check().map_err(|error| ApiError::bad_request(error.to_string()))?;
    // A request that is sent again, by a person or a client that saw no answer, makes no second attestation.
    let holding = |known: &&Attestation| standards.standing_of(known, now) == AttestationStanding::Holds;
    let known = own.attestations.iter().filter(holding).find(|known| says_the_same(known, &attestation)).cloned();
    let (status, attestation) = match known {
        Some(known) => (StatusCode::OK, known),
        None => {
            state.store.add_attestation(&attestation).await?;
            state.store.roll_up(&state.catalog, now).await?;
            (StatusCode::CREATED, attestation)
        }
    };
    let location = format!("/api/v1/compliance/{}/attestations/{}", attestation.standard, attestation.id);
    Ok((status, [(header::LOCATION, location)], Json(attestation)).into_response())
}

/// That the caller may say something of all that a scope covers.
fn may_attest(state: &Scoped, scope: &AttestationScope) -> Result<(), ApiError> {
    match scope {
        AttestationScope::Tenant => state.everywhere(),
        AttestationScope::Subscription { connector, account } => state.in_account(connector, account),
    }
}

pub(crate) fn not_attestable(error: NotAttestable) -> ApiError {
    match &error {
        NotAttestable::NoStandard(_) => ApiError::not_found("such standard"),
        NotAttestable::Automatic { .. } => ApiError::new(StatusCode::CONFLICT, "JudgedAutomatically", error.to_string()),
        _ => ApiError::bad_request(error.to_string()),
    }
}

/// Whether two attestations say the same, whoever made them and when.
fn says_the_same(one: &Attestation, other: &Attestation) -> bool {
    one.standard == other.standard
        && one.control == other.control
        && one.scope == other.scope
        && one.state == other.state
        && one.evidence == other.evidence
        && one.assessed_on == other.assessed_on
        && one.expires_at == other.expires_at
}

pub(crate) async fn withdraw(state: Scoped, Path((id, attestation)): Path<(String, String)>) -> Result<StatusCode, ApiError> {
    let known = state.store.attestations(&state.filter).await?;
    let mut standing = known.iter().filter(|known| known.standard == id && known.withdrawn.is_none());
    let own =
        standing.find(|known| known.id == attestation).ok_or_else(|| ApiError::not_found("such attestation that stands"))?;
    may_attest(&state, &own.scope)?;
    let withdrawal = Withdrawal { at: Timestamp::now(), by: state.caller.name.clone() };
    state.store.withdraw_attestation(&attestation, &withdrawal).await?;
    state.store.roll_up(&state.catalog, withdrawal.at).await?;
    Ok(StatusCode::NO_CONTENT)
}
