//! What surrounds a resource and an evaluation: `subscription()`, `resourceGroup()`, `policy()`, `requestContext()`.

use std::{borrow::Cow, sync::Arc};

use serde_json::Value;
use skywarden_model::{FieldPath, Segment, Unreadable, UnreadableKind, UnreadableReason};

use crate::{
    Input,
    evaluate::{Failure, member},
    function::Function,
};

/// What the functions answer that ask for more than the resource, each as the object that Azure documents; `None` is not known,
/// and a rule that asks for it is Unknown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Around {
    /// `subscription()`: `id`, `subscriptionId`, `displayName`, `tenantId`, `tags`. Without it `id` and `subscriptionId` are those
    /// of the resource's account.
    pub subscription: Option<Value>,
    /// `resourceGroup()`: `id`, `name`, `location`, `tags`, `managedBy`, `properties`. Without it `id` and `name` are those of the
    /// resource's scope.
    pub resource_group: Option<Value>,
    /// `policy()`: `assignmentId`, `definitionId`, `setDefinitionId`, `definitionReferenceId`.
    pub policy: Option<Value>,
    /// `requestContext()`: `apiVersion`, `identity`. For resources that exist, `apiVersion` is the latest of their type.
    pub request_context: Option<Value>,
}

/// What one of those functions answers.
pub(crate) fn whole<'i>(function: Function, input: &Input<'i>) -> Result<Option<Cow<'i, Value>>, Failure> {
    match known(function, input) {
        Some(object) => Ok(Some(Cow::Borrowed(object))),
        None => Err(unknown(function, None)),
    }
}

/// A member of what it answers, which may be known where the whole is not.
pub(crate) fn part<'i>(function: Function, name: &str, input: &Input<'i>) -> Result<Option<Cow<'i, Value>>, Failure> {
    if let Some(object) = known(function, input) {
        return Ok(member(object, name).map(Cow::Borrowed));
    }
    let scope = &input.resource.scope;
    // What is about to be made may not say where.
    let has_account = !scope.account.is_empty();
    let has_group = has_account && !scope.resource_group.is_empty();
    let subscription = || format!("/subscriptions/{}", scope.account);
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let derived = match function {
        Function::Subscription if has_account && is("subscriptionId") => scope.account.to_string(),
        Function::Subscription if has_account && is("id") => subscription(),
        Function::ResourceGroup if !scope.resource_group.is_empty() && is("name") => scope.resource_group.to_string(),
        Function::ResourceGroup if has_group && is("id") => format!("{}/resourceGroups/{}", subscription(), scope.resource_group),
        _ => return Err(unknown(function, Some(name))),
    };
    Ok(Some(Cow::Owned(Value::String(derived))))
}

/// Whether a function is one of those.
pub(crate) fn is_around(function: Function) -> bool {
    matches!(function, Function::Subscription | Function::ResourceGroup | Function::Policy | Function::RequestContext)
}

fn known<'i>(function: Function, input: &Input<'i>) -> Option<&'i Value> {
    let around = input.around?;
    match function {
        Function::Subscription => around.subscription.as_ref(),
        Function::ResourceGroup => around.resource_group.as_ref(),
        Function::Policy => around.policy.as_ref(),
        Function::RequestContext => around.request_context.as_ref(),
        _ => None,
    }
}

fn unknown(function: Function, member: Option<&str>) -> Failure {
    let steps = std::iter::once(function.name()).chain(member).map(|step| Segment::Key(step.into()));
    Failure::Unreadable(Unreadable {
        field: FieldPath::from_segments(steps.collect()),
        reason: Arc::new(UnreadableReason {
            kind: UnreadableKind::NotCarried,
            operation: format!("ask {}()", function.name()),
            permission: None,
            code: String::new(),
            message: "what surrounds the resource was not given".to_owned(),
        }),
    })
}
