//! What Defender for Cloud said of a tenant when it was last asked, beside what is said here.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::Path};
use serde::Serialize;
use skywarden_content::Catalog;
use skywarden_model::Timestamp;
use skywarden_policy::Scope;
use skywarden_posture::{BesideDefender, TakeOver};

use crate::{error::ApiError, scoped::Scoped};

/// Differences of a recommendation that are named; all are counted.
const MAX_DIFFERENCES: usize = 100;

/// What exemptions are read with, here as anywhere.
const READ_EXEMPTIONS: &str = "Microsoft.Authorization/policyExemptions/read";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    #[serde(flatten)]
    beside: BesideDefender,
    /// Exemptions that the caller may not read.
    hidden_exemptions: usize,
    /// Of the recommendations of ours that are named, by id.
    titles: BTreeMap<Arc<str>, String>,
}

/// Over the subscriptions that the caller sees whole.
pub(crate) async fn show(state: Scoped, Path(id): Path<String>) -> Result<Json<Shown>, ApiError> {
    let known = state.store.connectors(&state.filter).await?;
    if !known.iter().any(|own| own.id.as_str() == id) {
        return Err(ApiError::not_found("such connector"));
    }
    let beside = state.store.beside_defender(&state.filter, &state.catalog, &id, MAX_DIFFERENCES, Timestamp::now()).await?;
    let mut beside = beside.ok_or_else(|| {
        ApiError::not_found("answer of Defender for Cloud about this connector (`skywarden adopt azure` asks for it)")
    })?;
    let n_all = beside.exemptions.len();
    beside.exemptions.retain(|own| may_read(&state, own));
    let hidden_exemptions = n_all - beside.exemptions.len();
    let titles = titles(&state.catalog, &beside);
    Ok(Json(Shown { beside, hidden_exemptions, titles }))
}

fn titles(catalog: &Catalog, beside: &BesideDefender) -> BTreeMap<Arc<str>, String> {
    let answering = beside.agreement.compared.iter().flat_map(|own| own.ours.iter().map(AsRef::as_ref));
    let exempt = beside.exemptions.iter().flat_map(|own| own.ours.iter().map(|ours| ours.recommendation.as_str()));
    let known = answering.chain(exempt).filter_map(|id| catalog.recommendations.get_key_value(id));
    known.map(|(id, known)| (Arc::clone(id), known.file.title.clone())).collect()
}

fn may_read(state: &Scoped, exemption: &TakeOver) -> bool {
    Scope::parse(&exemption.theirs.scope).is_some_and(|scope| state.may_at(READ_EXEMPTIONS, &scope).is_ok())
}
