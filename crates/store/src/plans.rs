//! Which plans people switched on and off, from what is kept of `Microsoft.Security/pricings`.

use std::collections::BTreeSet;

use serde::Deserialize;
use skywarden_model::native_id_of;
use skywarden_posture::{PlanState, Plans};

use crate::{ArmObject, ScopeFilter, Store, StoreError};

/// The kind of [`crate::ArmObject`] that switches a plan.
pub const PRICINGS: &str = "pricings";

/// What a kept plan says, as far as judging goes by it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    pricing_tier: String,
    #[serde(default)]
    sub_plan: Option<String>,
    /// `True` at a subscription: resources below can't differ.
    #[serde(default)]
    enforce: Option<String>,
}

impl Store {
    /// Which plans are on in the accounts of which anything may be seen; where nobody set one it is on.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn plans(&self, filter: &ScopeFilter) -> Result<Plans, StoreError> {
        let mut plans = Plans::default();
        let mut enforced = BTreeSet::new();
        let (of_accounts, of_resources): (Vec<ArmObject>, Vec<ArmObject>) =
            self.arm_objects(&filter.widened(), PRICINGS).await?.into_iter().partition(|own| is_subscription(own.scope.path()));
        for own in &of_accounts {
            let Some((connector, account)) = own.scope.account() else { continue };
            let kept = kept(own)?;
            if kept.enforce.as_deref() == Some("True") {
                enforced.insert((own.scope.account(), own.name.as_str()));
            }
            plans.set_in_account(connector, account, &own.name, kept.state());
        }
        for own in &of_resources {
            let Some((connector, account)) = own.scope.account() else { continue };
            let resource = native_id_of(own.scope.path()).ok();
            if let Some(resource) = resource.filter(|_| !enforced.contains(&(own.scope.account(), own.name.as_str()))) {
                plans.set_on_resource(connector, account, resource.as_str(), &own.name, kept(own)?.state());
            }
        }
        Ok(plans)
    }
}

impl Kept {
    fn state(self) -> PlanState {
        if self.pricing_tier == "Free" { PlanState::Off } else { PlanState::On { sub_plan: self.sub_plan } }
    }
}

fn kept(object: &ArmObject) -> Result<Kept, StoreError> {
    Kept::deserialize(&object.document).map_err(StoreError::damaged("plan"))
}

fn is_subscription(path: &str) -> bool {
    path.strip_prefix("/subscriptions/").is_some_and(|rest| !rest.contains('/'))
}
