//! Objects whose effect lies in other tables (policies, exemptions, attestations): both faces tell the same of it, so an object is
//! there as long as its effect is.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};
use skywarden_model::{Attestation, Exemption};
use skywarden_policy::Scope;
use skywarden_store::{
    ArmObject, ArmRecommendation, ArmScope, AssignmentEffect, CUSTOM_RECOMMENDATIONS, HIDDEN, KeptLibrary, STANDARD_ASSIGNMENTS,
    ScopeFilter, StandardAssignment,
};

use super::{answer::Shown, behave::this_second, kind::Kind, target::Target};
use crate::{error::ApiError, scoped::Scoped};

/// Whether objects of a kind have an effect that others can take away.
pub(super) fn has_effect_elsewhere(kind: &Kind) -> bool {
    [CUSTOM_RECOMMENDATIONS, STANDARD_ASSIGNMENTS].contains(&kind.collection)
}

/// What effects may be found in.
struct Effects {
    policies: Arc<KeptLibrary>,
    exemptions: Vec<Exemption>,
    attestations: Vec<Attestation>,
}

impl Effects {
    async fn read(state: &Scoped, kind: &Kind) -> Result<Self, ApiError> {
        let policies = state.store.policy_library().await?;
        if kind.collection != STANDARD_ASSIGNMENTS {
            return Ok(Self { policies, exemptions: Vec::new(), attestations: Vec::new() });
        }
        Ok(Self {
            policies,
            exemptions: state.store.exemptions(&ScopeFilter::All).await?,
            attestations: state.store.attestations(&ScopeFilter::All).await?,
        })
    }

    /// Whether the effect of an object still stands as it was made.
    fn stands(&self, kind: &Kind, object: &ArmObject) -> Result<bool, ApiError> {
        if kind.collection == CUSTOM_RECOMMENDATIONS {
            let own: Option<ArmRecommendation> = object.hidden()?;
            return Ok(own.is_some_and(|own| self.has_policy(&own.definition) && self.has_policy(&own.assignment)));
        }
        if kind.collection != STANDARD_ASSIGNMENTS {
            return Ok(true);
        }
        let Some(StandardAssignment { effect, .. }) = object.hidden()? else { return Ok(false) };
        Ok(match effect {
            AssignmentEffect::Standard { .. } => true,
            AssignmentEffect::Policy(document) => self.has_policy(&document),
            AssignmentEffect::Exemption(own) => self.exemptions.contains(&own),
            AssignmentEffect::Attestation(own) => self.attestations.contains(&own),
        })
    }

    fn has_policy(&self, document: &Value) -> bool {
        let id = document.get("id").and_then(Value::as_str).unwrap_or_default();
        self.policies.library.document(id).is_some_and(|own| own == document)
    }
}

/// Whether the effect of an object still stands as it was made.
pub(super) async fn is_live(state: &Scoped, kind: &Kind, object: &ArmObject) -> Result<bool, ApiError> {
    Effects::read(state, kind).await?.stands(kind, object)
}

/// The objects of a kind at a place and at those above it, as far as their effects stand.
pub(super) async fn kept_above(state: &Scoped, kind: &Kind, target: &Target) -> Result<Vec<Shown>, ApiError> {
    let effects = Effects::read(state, kind).await?;
    let mut all = Vec::new();
    for (scope, prefix) in scopes_above(state, target).await? {
        for own in state.store.all_arm_objects_at(&ScopeFilter::All, kind.collection, &scope).await? {
            if effects.stands(kind, &own)? {
                all.push(Shown { prefix: prefix.clone(), ..Shown::kept(own, None) });
            }
        }
    }
    Ok(all)
}

/// A place and those above it at which objects may lie, each with what stands before the collection in ids if it is another.
pub(super) async fn scopes_above(state: &Scoped, target: &Target) -> Result<Vec<(ArmScope, Option<String>)>, ApiError> {
    let kept = state.store.policy_library().await?;
    let mut scopes = vec![(target.scope.clone(), None)];
    let mut known = BTreeSet::from([target.scope.path().to_owned()]);
    let above = target.of_subscription().into_iter();
    let groups = target.chain(state, &kept.library).into_iter().filter_map(|scope| match &scope {
        Scope::ManagementGroup(name) => Some((ArmScope::management_group(name), format!("{scope}/providers/Microsoft.Security"))),
        _ => None,
    });
    for (scope, prefix) in above.chain(groups) {
        if known.insert(scope.path().to_owned()) {
            scopes.push((scope, Some(prefix)));
        }
    }
    Ok(scopes)
}

/// The document that is kept: what it says, what it does, and who wrote it when. The same again is the same document.
pub(super) fn document(
    state: &Scoped,
    mut properties: Map<String, Value>,
    hidden: Value,
    current: Option<&Shown>,
) -> Map<String, Value> {
    properties.insert(HIDDEN.to_owned(), hidden);
    let before = current.and_then(|own| own.kept.as_ref()).and_then(|kept| kept.document.as_object());
    let (by, now) = (json!(state.caller.name), json!(this_second()));
    let of_before = |member: &str| before.and_then(|own| own.get("metadata")?.get(member)).cloned();
    let is_same = before.is_some_and(|own| {
        let mut own = own.clone();
        own.remove("metadata");
        own == properties
    });
    let metadata = match before.and_then(|own| own.get("metadata")).filter(|_| is_same) {
        Some(own) => own.clone(),
        None => json!({
            "createdBy": of_before("createdBy").unwrap_or_else(|| by.clone()),
            "createdOn": of_before("createdOn").unwrap_or_else(|| now.clone()),
            "lastUpdatedBy": by,
            "lastUpdatedOn": now,
        }),
    };
    properties.insert("metadata".to_owned(), metadata);
    properties
}
