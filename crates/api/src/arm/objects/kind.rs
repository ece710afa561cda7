//! What a kind of object is described with.

use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::routes::At;

/// A kind of object that clients write.
pub(crate) struct Kind {
    /// What stands in the path: `securityContacts`.
    pub(crate) collection: &'static str,
    /// What it lies below in its type's name: `assessments`.
    pub(super) parent: Option<&'static str>,
    /// Where it lies, and what can be done there.
    pub(crate) places: &'static [(At, &'static [Operation])],
    /// What its objects are called.
    pub(super) names: Names,
    /// The members of `properties`, in the newest api-version.
    pub(super) fields: &'static [Field],
    /// How it looked before, if that differs by more than members that came later.
    pub(super) older: Option<Older>,
    /// What PUT answers if there was none: 201, or 200 where clients know that alone.
    pub(crate) created: StatusCode,
    /// What DELETE answers if there was one: 200, or 204 where clients know that alone.
    pub(crate) deleted: StatusCode,
    /// What its objects do in this product, where that is less than clients may think; goes with every answer to a change.
    pub(crate) without_effect: Option<&'static str>,
    /// What it does beyond being kept.
    pub(super) behaviour: Behaviour,
}

/// What can be done with the objects of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    List,
    Get,
    Put,
    Patch,
    Delete,
    /// Carries a rule out.
    Execute,
    /// How that went.
    Result,
}

/// What a kind does beyond being kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Behaviour {
    /// Nothing.
    Kept,
    /// It switches plans: inherited, and judged by.
    Plan,
    /// It is a governance rule, which can be carried out.
    Rule,
    /// It is a standard: judged where it is assigned.
    Standard,
    /// It puts a standard in force, exempts or attests.
    StandardAssignment,
    /// It is a recommendation, judged as a policy.
    Recommendation,
    /// It describes assessments of clients' own, which go with it; those of the catalog are read beside it, and not written.
    Metadata,
}

/// What objects of a kind are called.
pub(super) enum Names {
    /// Whatever clients choose.
    Any,
    /// These.
    Fixed(&'static [Fixed]),
    /// The plans of the catalog, which are always there.
    Plans,
}

/// An object with a name that is given.
pub(super) struct Fixed {
    pub(super) name: &'static str,
    /// The member `kind` beside `properties`.
    pub(super) kind: Option<&'static str>,
    /// What holds while nobody wrote it, as JSON; `None`: nothing, it is not there.
    pub(super) default: Option<&'static str>,
}

/// The members of an object.
pub(super) type Members = Map<String, Value>;

/// The shape that api-versions before one have.
pub(super) struct Older {
    /// `2023-12-01`.
    pub(super) before: &'static str,
    pub(super) fields: &'static [Field],
    /// Today's members from the older ones and what is there.
    pub(super) read: fn(Members, Option<&Members>) -> Members,
    /// The older members from today's.
    pub(super) write: fn(Members) -> Members,
}

/// A member of an object.
pub(crate) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) need: Need,
    /// The api-version that brought it; older ones don't answer it.
    pub(super) since: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
    /// The server says it; what clients send back of it is passed over.
    ReadOnly,
}

/// What a value looks like.
pub(crate) enum Shape {
    /// A text of at most so many bytes.
    Text(usize),
    /// E-mail addresses with `;` between them.
    Addresses,
    /// `true` or `false`.
    Flag,
    /// A whole number from one to another.
    Whole(i64, i64),
    /// A time as RFC 3339 has it.
    Instant,
    /// One of these, whichever the case.
    OneOf(&'static [&'static str]),
    Object(&'static [Field]),
    List(&'static Shape),
    /// Any object.
    Free,
}

pub(crate) const fn required(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, need: Need::Required, since: None }
}

pub(crate) const fn optional(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, need: Need::Optional, since: None }
}

pub(crate) const fn read_only(name: &'static str) -> Field {
    Field { name, shape: Shape::Free, need: Need::ReadOnly, since: None }
}

impl Field {
    /// What a member that the server says itself looks like.
    pub(super) const fn shown(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    pub(super) const fn since(self, version: &'static str) -> Self {
        Self { since: Some(version), ..self }
    }
}

impl Kind {
    /// The path of an operation at a kind of place.
    pub(crate) fn path(&self, place: At, operation: Operation) -> String {
        let rest = match operation {
            Operation::List => "",
            Operation::Get | Operation::Put | Operation::Patch | Operation::Delete => "/{name}",
            Operation::Execute => "/{name}/execute",
            Operation::Result => "/{name}/operationResults/{operation}",
        };
        let namespace = if self.parent.is_some() { "" } else { "/providers/Microsoft.Security" };
        format!("{}{namespace}/{}{rest}", place.path(), self.collection)
    }

    /// The kind as ARM names it.
    pub(crate) fn type_name(&self) -> String {
        let parent = self.parent.map(|parent| format!("{parent}/")).unwrap_or_default();
        format!("Microsoft.Security/{parent}{}", self.collection)
    }

    /// The shape that an api-version has, if it is an older one.
    pub(super) fn older_of(&self, version: Option<&str>) -> Option<&Older> {
        self.older.as_ref().filter(|older| version.is_some_and(|version| is_before(version, older.before)))
    }
}

impl Operation {
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::List | Self::Get | Self::Result => "GET",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Execute => "POST",
        }
    }

    /// The end of its action.
    pub(crate) fn verb(self) -> &'static str {
        match self {
            Self::List | Self::Get | Self::Result => "read",
            Self::Put | Self::Patch => "write",
            Self::Delete => "delete",
            Self::Execute => "execute/action",
        }
    }
}

/// Whether an api-version came before another: the day counts, not that one is a preview.
pub(super) fn is_before(version: &str, other: &str) -> bool {
    let day = |version: &str| version.get(..10).unwrap_or(version).to_owned();
    day(version) < day(other)
}
