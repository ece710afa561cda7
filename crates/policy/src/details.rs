use serde_json::Value;
use skywarden_rule::{Rule, Template};

use crate::Effect;

/// `then.details`, by what they are for.
#[derive(Debug, Default)]
pub enum Details {
    /// The effects need none.
    #[default]
    None,
    /// For `auditIfNotExists` and `deployIfNotExists`.
    Existence(Box<Existence>),
    /// For `modify`.
    Modify(Modification),
    /// For `append`.
    Append(Vec<Append>),
    /// For `denyAction`: the actions refused, `delete`.
    DenyAction(Vec<String>),
    /// For `manual`: the state until somebody attests.
    Manual {
        /// `Unknown`, `Compliant` or `Non-compliant`.
        default_state: String,
    },
}

/// The related resource that has to exist.
#[derive(Debug)]
pub struct Existence {
    /// Its type.
    pub type_name: String,
    /// Its name; any if absent. The name of a child is `parent/child`.
    pub name: Option<Template>,
    /// The resource group where it is looked for.
    pub resource_group: Option<Template>,
    /// Where it is looked for.
    pub scope: ExistenceScope,
    /// What it has to be like; any will do if absent.
    pub condition: Option<Rule>,
    /// What `deployIfNotExists` would deploy: `properties` of a deployment, with its expressions as they stand.
    pub deployment: Option<Value>,
    /// The roles that the deployment needs.
    pub roles: Vec<String>,
}

/// Where a related resource is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExistenceScope {
    /// In the resource group of the resource, or of `resourceGroupName`; a child of the resource below it.
    ResourceGroup,
    /// In its subscription.
    Subscription,
}

/// What `modify` changes.
#[derive(Debug)]
pub struct Modification {
    /// In order.
    pub operations: Vec<Operation>,
    /// What happens if another policy changes the same field: `audit`, `deny` or `disabled`.
    pub conflict_effect: Option<Effect>,
    /// The roles that a remediation needs.
    pub roles: Vec<String>,
}

/// One change of a field.
#[derive(Debug)]
pub struct Operation {
    /// `add`, `addOrReplace` or `remove`.
    pub kind: OperationKind,
    /// The field as written: an alias, `tags['x']`, maybe computed.
    pub field: Template,
    /// The value; none for `remove`.
    pub value: Option<Template>,
    /// Made only where this is true.
    pub condition: Option<Template>,
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationKind {
    /// Sets the field if it is absent.
    Add,
    /// Sets the field.
    AddOrReplace,
    /// Takes the field away.
    Remove,
}

/// A field that `append` adds.
#[derive(Debug)]
pub struct Append {
    /// The field as written.
    pub field: Template,
    /// The value.
    pub value: Template,
}
