use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `content/plans/ID.yaml`: a Defender plan, which can be switched on and off per subscription.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Equals the file's name without `.yaml`; the name of its `Microsoft.Security/pricings`: `VirtualMachines`.
    pub id: String,
    /// What it protects: `Servers`.
    pub title: String,
    /// What it is for, in a sentence or two of our own.
    pub description: String,
    /// What it brings; nothing where other plans have taken its place.
    pub brings: Vec<PlanFeature>,
    /// The sizes that it comes in, if it comes in several: `[P1, P2]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_plans: Vec<String>,
    /// The size where nobody chose one; needed where there are sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_sub_plan: Option<String>,
    /// Parts that are switched on and off by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<PlanExtension>,
    /// At which resources it can be set beside subscriptions; absent: at none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<PlanResources>,
    /// The plans that have taken its place; one that has any is off where nobody decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced_by: Vec<String>,
}

/// One thing that a plan brings.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFeature {
    /// What it is: `Rules of the operating system's baseline`.
    pub title: String,
    /// Whether Skywarden does it already.
    pub built: bool,
    /// The sizes of the plan that have it; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_plans: Vec<String>,
}

/// A part of a plan that is switched by itself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanExtension {
    /// As ARM names it: `AgentlessVmScanning`.
    pub name: String,
    /// What it does.
    pub title: String,
    /// Whether Skywarden does it already; one that is not built is off where nobody decided.
    pub built: bool,
    /// Names of its settings (`additionalExtensionProperties`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<String>,
}

/// Resources at which a plan can be set by themselves.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanResources {
    /// Their types.
    pub types: Vec<String>,
    /// The sizes that can be switched on there; all can be switched off. Empty: those without sizes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_plans: Vec<String>,
}

/// The plan that a recommendation or a rule belongs to: where it is off, nothing is judged by that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanNeed {
    /// The plan: an id of `content/plans`.
    pub id: String,
    /// The sizes that have it; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_plans: Vec<String>,
}

impl PlanFile {
    /// Whether it is on where nobody decided: an installation of one's own has nothing to pay.
    pub fn is_on_by_default(&self) -> bool {
        self.replaced_by.is_empty()
    }
}
