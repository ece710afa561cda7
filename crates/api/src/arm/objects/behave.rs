//! What kinds do beyond being kept: which objects there are, what is kept of a change, what follows it.

use serde_json::{Map, Value};
use skywarden_model::{Connector, Timestamp};
use skywarden_store::{ArmObject, ScopeFilter, StoreError};

use super::{
    answer::Shown,
    carried, governance,
    kind::{Behaviour, Fixed, Kind, Names},
    metadata, plan_change,
    plans::PlansAt,
    recommendations, standard_assignments, standard_effects, standards,
    target::Target,
};
use crate::{error::ApiError, scoped::Scoped};

/// Bytes of a name at most.
const MAX_NAME: usize = 260;

/// The name of an object as it is kept.
///
/// # Errors
/// If objects of the kind can't be called so: 404 with those that there are, 400 if none can.
pub(super) fn name(state: &Scoped, kind: &Kind, given: &str) -> Result<String, ApiError> {
    if kind.behaviour == Behaviour::Metadata {
        return metadata::name(state, given);
    }
    let known: Vec<&str> = match &kind.names {
        Names::Any => {
            let is_plain = |letter: char| !letter.is_control() && !"<>%&\\?/#".contains(letter);
            let is_name = !given.is_empty() && given.len() <= MAX_NAME && given.chars().all(is_plain) && !given.ends_with('.');
            let message = format!("`{given}` is no name: 1 to {MAX_NAME} bytes, none of <>%&\\?/#, no full stop at the end");
            return if is_name {
                Ok(given.to_owned())
            } else {
                Err(ApiError::bad_request(message).with_target("name".to_owned()))
            };
        }
        Names::Fixed(fixed) => fixed.iter().map(|own| own.name).collect(),
        Names::Plans => state.catalog.plans.keys().map(String::as_str).collect(),
    };
    let found = known.iter().find(|own| own.eq_ignore_ascii_case(given));
    let what = || format!("`{given}` among {}, which are {}", kind.collection, known.join(", "));
    found.map(|own| (*own).to_owned()).ok_or_else(|| ApiError::not_found(&what()))
}

/// One object as it stands.
pub(super) async fn one(state: &Scoped, kind: &Kind, target: &Target, name: &str) -> Result<Option<Shown>, ApiError> {
    match (&kind.names, kind.behaviour) {
        (_, Behaviour::Plan) => Ok(PlansAt::read(state, target).await?.one(&state.catalog, name, Timestamp::now())),
        (_, Behaviour::Standard) => standards::one(state, kind, target, name).await,
        (_, Behaviour::StandardAssignment) => standard_assignments::one(state, kind, target, name).await,
        (_, Behaviour::Recommendation) => {
            let kept = state.store.arm_object(&state.filter, kind.collection, &target.scope, name).await?;
            let is_live = match &kept {
                Some(own) => carried::is_live(state, kind, own).await?,
                None => false,
            };
            Ok(kept.filter(|_| is_live).map(|kept| Shown::kept(kept, None)))
        }
        (Names::Fixed(fixed), _) => {
            let Some(own) = fixed.iter().find(|own| own.name == name) else { return Ok(None) };
            of_fixed(state, kind, target, own).await
        }
        _ => {
            let kept = state.store.arm_object(&state.filter, kind.collection, &target.scope, name).await?;
            Ok(kept.map(|kept| Shown::kept(kept, None)))
        }
    }
}

/// Every object of a kind of which not all is kept as it is shown; `None` of the others.
pub(super) async fn all(state: &Scoped, kind: &Kind, target: &Target) -> Result<Option<Vec<Shown>>, ApiError> {
    match (&kind.names, kind.behaviour) {
        (_, Behaviour::Plan) => Ok(Some(PlansAt::read(state, target).await?.all(&state.catalog, Timestamp::now()))),
        (_, Behaviour::Standard) => standards::all(state, kind, target).await.map(Some),
        (_, Behaviour::StandardAssignment) => standard_assignments::all(state, kind, target).await.map(Some),
        (_, Behaviour::Recommendation) => carried::kept_above(state, kind, target).await.map(Some),
        (Names::Fixed(fixed), _) => {
            let mut all = Vec::new();
            for own in *fixed {
                all.extend(of_fixed(state, kind, target, own).await?);
            }
            Ok(Some(all))
        }
        _ => Ok(None),
    }
}

async fn of_fixed(state: &Scoped, kind: &Kind, target: &Target, fixed: &Fixed) -> Result<Option<Shown>, ApiError> {
    if let Some(kept) = state.store.arm_object(&state.filter, kind.collection, &target.scope, fixed.name).await? {
        return Ok(Some(Shown::kept(kept, fixed.kind)));
    }
    let default = fixed.default.and_then(|text| serde_json::from_str(text).ok());
    Ok(default.map(|properties| Shown { name: fixed.name.to_owned(), kind: fixed.kind, properties, kept: None, prefix: None }))
}

/// An object as a well-formed request wants it.
pub(super) struct Draft<'a> {
    pub(super) name: &'a str,
    pub(super) properties: Map<String, Value>,
    /// As it stands.
    pub(super) current: Option<&'a Shown>,
}

/// What is kept of a change that is well formed.
///
/// # Errors
/// If it can't be made here.
pub(super) async fn prepared(
    state: &Scoped,
    kind: &Kind,
    target: &Target,
    draft: Draft<'_>,
) -> Result<Map<String, Value>, ApiError> {
    let Draft { name, properties, .. } = draft;
    match kind.behaviour {
        Behaviour::Kept | Behaviour::Metadata => Ok(properties),
        Behaviour::Rule => governance::prepared(state, target, name, properties, this_second()).await,
        Behaviour::Plan => {
            let at = PlansAt::read(state, target).await?;
            plan_change::prepared(&state.catalog, &at, target, name, properties, this_second())
        }
        Behaviour::Standard => standards::prepared(state, kind, target, Draft { properties, ..draft }).await,
        Behaviour::StandardAssignment => standard_assignments::prepared(state, target, Draft { properties, ..draft }).await,
        Behaviour::Recommendation => recommendations::prepared(state, target, Draft { properties, ..draft }).await,
    }
}

/// What is kept of an object whose effect somebody took away: it is not there any more, and a new one takes its place.
pub(super) async fn remains(state: &Scoped, kind: &Kind, target: &Target, name: &str) -> Result<Option<ArmObject>, ApiError> {
    if !carried::has_effect_elsewhere(kind) {
        return Ok(None);
    }
    let kept = state.store.arm_object(&state.filter, kind.collection, &target.scope, name).await?;
    match kept {
        Some(own) if !carried::is_live(state, kind, &own).await? => Ok(Some(own)),
        _ => Ok(None),
    }
}

/// That an object may be removed; `kept` is what is kept under the name.
///
/// # Errors
/// 409 if it always stands, or something rests on it; 403 if what it does may not be taken back.
pub(super) async fn removable(
    state: &Scoped,
    kind: &Kind,
    target: &Target,
    name: &str,
    kept: Option<&ArmObject>,
) -> Result<(), ApiError> {
    match kind.behaviour {
        Behaviour::Kept | Behaviour::Rule | Behaviour::Plan | Behaviour::Metadata => Ok(()),
        Behaviour::Standard => standards::removable(state, kind, target, name, kept).await,
        Behaviour::StandardAssignment => standard_assignments::removable(state, kind, target, name, kept).await,
        Behaviour::Recommendation => recommendations::removable(state, target, kept).await,
    }
}

/// Now, as clients can read it: not all of them know of nanoseconds.
pub(super) fn this_second() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// What has to be gone before an object goes.
pub(super) async fn removing(state: &Scoped, kind: &Kind, target: &Target, name: &str) -> Result<(), ApiError> {
    if let (Behaviour::Metadata, Some((connector, account))) = (kind.behaviour, &target.account) {
        state.store.remove_written_assessments_in(connector, account, name, Timestamp::now()).await?;
    }
    Ok(())
}

/// What follows a change that was made to what was kept `before`.
pub(super) async fn changed(
    state: &Scoped,
    kind: &Kind,
    target: &Target,
    name: &str,
    before: Option<&ArmObject>,
) -> Result<(), ApiError> {
    // What is carried out is what stands by now: of two who write at once the later one counts.
    let after = match kind.behaviour {
        Behaviour::Kept | Behaviour::Rule | Behaviour::Plan | Behaviour::Metadata => None,
        _ => state.store.arm_object(&ScopeFilter::All, kind.collection, &target.scope, name).await?,
    };
    match kind.behaviour {
        Behaviour::Kept | Behaviour::Rule | Behaviour::Metadata => Ok(()),
        Behaviour::Standard => standards::changed(state, before, after.as_ref()).await,
        Behaviour::StandardAssignment => standard_effects::changed(state, before, after.as_ref()).await,
        Behaviour::Recommendation => recommendations::changed(state, before, after.as_ref()).await,
        Behaviour::Plan => {
            for connector in state.store.connectors(&state.filter).await? {
                if target.account.as_ref().is_some_and(|(own, _)| connector.id.as_str() == own) {
                    judge_anew(state, &connector).await?;
                }
            }
            Ok(())
        }
    }
}

/// Judges a connector by its plans as they are set by now.
pub(in crate::arm) async fn judge_anew(state: &Scoped, connector: &Connector) -> Result<(), ApiError> {
    match state.store.reassess(&state.catalog, connector, Timestamp::now()).await {
        // What is set holds from the next assessment on, which is the one that runs, or comes after it.
        Err(error @ StoreError::RunInProgress { .. }) => tracing::warn!(%error, "a plan was set and nothing judged anew"),
        result => drop(result?),
    }
    Ok(())
}
