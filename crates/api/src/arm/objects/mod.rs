//! Objects that clients write, kept as they are: plans, settings, contacts, applications, governance.
//!
//! A kind is described in [`kinds`]; everything here serves whatever is described there. What a kind does beyond being kept is its
//! [`kind::Behaviour`].

mod answer;
mod assigned_standard;
mod behave;
mod carried;
pub(super) mod check;
mod contacts;
pub(super) mod describe;
mod execute;
mod governance;
mod handlers;
pub(super) mod kind;
mod kinds;
pub(super) mod metadata;
mod plan_change;
pub(crate) mod plans;
pub(super) mod precondition;
mod recommendations;
mod standard_assignments;
mod standard_effects;
mod standard_kinds;
mod standards;
mod target;

use axum::{
    Router,
    routing::{MethodRouter, delete, get, patch, post, put},
};

use handlers::Extent;

pub(super) use behave::judge_anew;
pub(super) use handlers::merge;
pub(crate) use kind::{Kind, Operation};
pub(crate) use kinds::KINDS;
pub(super) use plan_change::set_in_account as set_plan;

use crate::AppState;

/// The routes of every kind, as the table of routes has them.
pub(crate) fn routes() -> Router<AppState> {
    let mut router = Router::new();
    for kind in KINDS {
        for (place, operations) in kind.places {
            for operation in *operations {
                router = router.route(&kind.path(*place, *operation), handler(kind, *operation));
            }
        }
    }
    router
}

fn handler(kind: &'static Kind, operation: Operation) -> MethodRouter<AppState> {
    match operation {
        Operation::List => get(move |state, path, query, uri| handlers::list(kind, state, path, query, uri)),
        Operation::Get => get(move |state, path, query| handlers::one(kind, state, path, query)),
        Operation::Put => {
            put(move |state, path, query, headers, body| handlers::write(kind, Extent::Whole, state, path, query, headers, body))
        }
        Operation::Patch => {
            patch(move |state, path, query, headers, body| handlers::write(kind, Extent::Part, state, path, query, headers, body))
        }
        Operation::Execute => post(move |state, path, uri, body| execute::execute(kind, state, path, uri, body)),
        Operation::Result => get(move |state, path, uri| execute::result(kind, state, path, uri)),
        Operation::Delete => delete(move |state, path, headers| handlers::remove(kind, state, path, headers)),
    }
}
