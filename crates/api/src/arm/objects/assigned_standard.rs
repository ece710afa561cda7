//! The standard that an assignment names.

use serde_json::{Map, Value};
use skywarden_policy::Scope;
use skywarden_store::{ArmScope, ArmStandard, OLDER_STANDARDS, SECURITY_STANDARDS, ScopeFilter, initiative_standard};

use super::{
    check::refused,
    standards::{initiatives, mistake, of_place},
    target::Target,
};
use crate::{arm::id_of, error::ApiError, scoped::Scoped};

/// A standard that is in reach of a place.
pub(super) struct Known {
    /// Its id in small letters.
    pub(super) id: String,
    pub(super) judged: Judged,
}

/// How a standard is judged.
pub(super) enum Judged {
    /// Everywhere, under this id.
    Everywhere(String),
    /// Where it is assigned, under this id.
    Assigned(String),
    /// As an initiative, where a policy assignment of it is.
    Initiative(String),
}

const PLACE: &str = "properties.assignedStandard.id";

/// Finds the standard with an id.
///
/// # Errors
/// 400 with its place if there is none at the target or above it.
pub(super) async fn resolve(state: &Scoped, target: &Target, given: &str) -> Result<Known, ApiError> {
    let id = format!("/{}", given.trim_matches('/').to_lowercase());
    let missing = || {
        let message = format!("`{PLACE}` is `{given}`; there is no such standard at this scope or above it");
        refused(vec![mistake(PLACE, &message)])
    };
    let (scope, rest) = id.rsplit_once("/providers/microsoft.security/").ok_or_else(missing)?;
    let (collection, name) = rest.split_once('/').ok_or_else(missing)?;
    let known = [SECURITY_STANDARDS, OLDER_STANDARDS].into_iter().find(|own| own.eq_ignore_ascii_case(collection));
    let collection = known.ok_or_else(missing)?;
    let judged = if scope.is_empty() {
        built_in(state, target, name).await?.ok_or_else(missing)?
    } else {
        let scope = within_reach(state, target, scope).await?.ok_or_else(missing)?;
        match state.store.arm_object(&ScopeFilter::All, collection, &scope, name).await? {
            Some(found) => {
                let id = format!("{}/providers/microsoft.security/{collection}/{}", scope.path(), found.name).to_lowercase();
                let judged = match found.hidden()?.ok_or_else(missing)? {
                    ArmStandard::File(file) => Judged::Assigned(file.id),
                    ArmStandard::Initiative(id) => Judged::Initiative(id),
                };
                return Ok(Known { id, judged });
            }
            // What is built in is answered at every scope.
            None => built_in(state, target, name).await?.ok_or_else(missing)?,
        }
    };
    Ok(Known { id: format!("/providers/microsoft.security/{SECURITY_STANDARDS}/{name}").to_lowercase(), judged })
}

async fn built_in(state: &Scoped, target: &Target, name: &str) -> Result<Option<Judged>, ApiError> {
    let kept = state.store.policy_library().await?;
    let chain = target.chain(state, &kept.library);
    if let Some(own) = initiatives(&kept.library, &chain).find(|own| initiative_standard(own).eq_ignore_ascii_case(name)) {
        return Ok(Some(Judged::Initiative(own.id.clone())));
    }
    let own = of_place(state, target).await?;
    let standards = own.with(&state.catalog, skywarden_model::Timestamp::now());
    let found = standards.files().find(|file| file.id.eq_ignore_ascii_case(name) && !own.is_arm(&file.id));
    Ok(found.map(|file| Judged::Everywhere(file.id.clone())))
}

/// The place that a scope in small letters names, if it is the target, lies above it or in the same account.
async fn within_reach(state: &Scoped, target: &Target, scope: &str) -> Result<Option<ArmScope>, ApiError> {
    let kept = state.store.policy_library().await?;
    let chain = target.chain(state, &kept.library);
    if let Some(Scope::ManagementGroup(name)) = Scope::parse(scope) {
        let group = Scope::ManagementGroup(name.clone());
        return Ok(chain.contains(&group).then(|| ArmScope::management_group(&name)));
    }
    let Some((connector, account)) = &target.account else { return Ok(None) };
    let Some(rest) = scope.strip_prefix("/subscriptions/") else { return Ok(None) };
    let (subscription, below) = rest.split_once('/').unwrap_or((rest, ""));
    let own = id_of(connector, account).to_lowercase();
    if subscription != own && subscription != account.to_lowercase() {
        return Ok(None);
    }
    if below.is_empty() {
        return Ok(Some(ArmScope::subscription(connector, account)));
    }
    Ok(Some(ArmScope::within(connector, account, &format!("/subscriptions/{own}/{below}"))))
}

/// The text at a path of members.
pub(super) fn text_at(properties: &Map<String, Value>, path: [&str; 2]) -> Option<String> {
    let [outer, inner] = path;
    properties.get(outer)?.get(inner)?.as_str().map(str::to_owned)
}
