use std::{borrow::Borrow, collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ConnectorId, FieldPath};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, out)
            }
        }
    };
}
pub(crate) use text_id;

text_id! {
    /// A resource's key: its provider's native id (an ARN, an ARM id, an asset name, a machine id).
    ResourceId
}

text_id! {
    /// The provider's own type name, without version: `AWS::S3::Bucket`, `Skywarden.Host/machines`.
    TypeName
}

/// The top-level members of an ARM resource that [`Resource::envelope`] holds.
pub const ENVELOPE: [&str; 7] = ["kind", "sku", "identity", "plan", "zones", "managedBy", "extendedLocation"];

/// One thing in an environment, in its provider's own shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// The provider's native id, unique within the installation.
    pub id: ResourceId,
    /// The provider's type name.
    #[serde(rename = "type")]
    pub type_name: TypeName,
    /// What people call it; the id's last part where the provider has no name.
    pub name: String,
    /// Where it belongs.
    pub scope: Scope,
    /// The provider's region or zone; `None` for what is global.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Tags or labels; keys keep their case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// ARM's other top-level members (`kind`, `sku`, `identity`, `zones`, `plan`, `managedBy`); empty elsewhere.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub envelope: Map<String, Value>,
    /// The provider's own description of the resource: an object.
    pub properties: Value,
    /// Fields that exist but could not be read, each with the reason. A field not listed here and absent from
    /// `properties` is known to be absent, if the source carries it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<Unreadable>,
    /// Which fields the source carries for this type; any other is unknown, not absent.
    #[serde(default, skip_serializing_if = "Carried::is_all")]
    pub carried: Carried,
}

impl Resource {
    /// A resource without id or type, of which nothing is known: what no resource is asked about is judged with it.
    pub fn unknown() -> Self {
        Self {
            id: "".into(),
            type_name: "".into(),
            name: String::new(),
            scope: Scope { connector: "".into(), account: "".into(), resource_group: "".into() },
            location: None,
            tags: BTreeMap::new(),
            envelope: Map::new(),
            properties: Value::Null,
            unreadable: Vec::new(),
            carried: Carried::Only([].into()),
        }
    }
}

/// What a resource is and where it belongs, without what it consists of: what a report says of it. Heads share what they have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct ResourceHead {
    /// See [`Resource::id`].
    pub id: ResourceId,
    /// See [`Resource::type_name`].
    pub type_name: TypeName,
    /// See [`Resource::name`].
    pub name: Box<str>,
    /// See [`Resource::scope`].
    pub scope: Arc<Scope>,
    /// See [`Resource::location`].
    pub location: Option<Arc<str>>,
    /// See [`Resource::tags`].
    pub tags: Arc<BTreeMap<String, String>>,
}

/// What has an id and a scope: a resource, or its head.
pub trait Placed {
    /// See [`Resource::id`].
    fn id(&self) -> &ResourceId;
    /// See [`Resource::scope`].
    fn scope(&self) -> &Scope;

    /// The account that the id says it belongs to, if that is another than the one through which it was seen: what is shared
    /// within an organisation (its root, a subnet, a transit gateway) is seen by several accounts and belongs to one.
    ///
    /// The account of an ARN, whatever it says there (`aws` for what AWS owns); `None` for ids that name no account.
    fn foreign_owner(&self) -> Option<&str> {
        let mut parts = self.id().as_str().splitn(6, ':');
        let owner = if parts.next() == Some("arn") { parts.nth(3) } else { None };
        owner.filter(|owner| !owner.is_empty() && *owner != &*self.scope().account)
    }
}

macro_rules! placed {
    ($($name:ident),*) => {$(
        impl Placed for $name {
            fn id(&self) -> &ResourceId {
                &self.id
            }

            fn scope(&self) -> &Scope {
                &self.scope
            }
        }
    )*};
}

placed!(Resource, ResourceHead);

/// Where a resource belongs: tenant > (management group) > subscription > resource group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scope {
    /// The connector that it came through.
    pub connector: ConnectorId,
    /// The provider's account: AWS account id, Azure subscription id, GCP project, `fleet` for own machines.
    pub account: Arc<str>,
    /// The AWS region (`global` for global services), the Azure resource group, or `machines` for own machines.
    pub resource_group: Arc<str>,
}

/// A field that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// The field and everything below it.
    pub field: FieldPath,
    /// Why, shared by all resources that the same failure touched.
    pub reason: Arc<UnreadableReason>,
}

/// Why something could not be read, for the person who has to mend it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadableReason {
    /// The class of the failure.
    pub kind: UnreadableKind,
    /// What was tried: a call or a field (`s3:GetBucketAcl`), or a verb with what it was done to (`open /etc/shadow`).
    pub operation: String,
    /// The right whose lack explains the failure: an IAM action, `root`, `CAP_DAC_READ_SEARCH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
    /// The provider's error code or the errno name; empty where there is none.
    pub code: String,
    /// The provider's message, shortened to 300 characters and free of credentials.
    pub message: String,
}

/// The class of a failed read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UnreadableKind {
    /// A permission is missing.
    Denied,
    /// The provider kept throttling until the retries were used up.
    Throttled,
    /// The call failed otherwise: server error, cut or malformed answer, time limit.
    Failed,
    /// The list was cut off: a page failed or the page limit was reached.
    Truncated,
    /// The source does not carry the field.
    NotCarried,
    /// The value is not known yet (a plan's "known after apply", a background read that has not run).
    NotYetKnown,
}

/// Which fields a source carries for a type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Carried {
    /// Every field of the type's schema.
    #[default]
    All,
    /// These fields and what lies below them.
    Only(Arc<[FieldPath]>),
}

impl Carried {
    /// Whether every field of the schema is carried.
    pub fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

impl UnreadableReason {
    /// One sentence: what was tried, why it failed, which right is missing.
    pub fn sentence(&self) -> String {
        let is_phrase = self.operation.contains(' ');
        let mut text = format!("could not {}{}", if is_phrase { "" } else { "read with " }, self.operation);
        if !self.code.is_empty() {
            text.push_str(&format!(": {}", self.code));
        }
        if !self.message.is_empty() {
            text.push_str(&format!(" ({})", self.message));
        }
        if let Some(permission) = &self.permission {
            text.push_str(&format!("; missing permission {permission}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen_by(account: &str, id: &str) -> Resource {
        Resource {
            id: id.into(),
            type_name: "AWS::EC2::Subnet".into(),
            name: String::new(),
            scope: Scope { connector: "c".into(), account: account.into(), resource_group: "global".into() },
            location: None,
            tags: BTreeMap::new(),
            envelope: Map::new(),
            properties: Value::Null,
            unreadable: Vec::new(),
            carried: Carried::All,
        }
    }

    #[test]
    fn the_owner_is_the_account_of_the_arn_where_another_account_saw_it() {
        let subnet = "arn:aws:ec2:eu-west-1:111122223333:subnet/subnet-1";
        assert_eq!(seen_by("444455556666", subnet).foreign_owner(), Some("111122223333"));
        assert_eq!(seen_by("111122223333", subnet).foreign_owner(), None);
        assert_eq!(seen_by("1", "arn:aws:iam::aws:policy/ReadOnlyAccess").foreign_owner(), Some("aws"));
        for id in ["arn:aws:s3:::bucket", "arn:aws:s3", "i-0123", "/subscriptions/1/resourceGroups/a", ""] {
            assert_eq!(seen_by("1", id).foreign_owner(), None, "{id}");
        }
    }
}
