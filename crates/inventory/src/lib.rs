//! The resources of a run, packed: a resource that is open takes seven times as much memory as its JSON, packed a third of it. Those who
//! judge open one at a time. Does no I/O.

mod packs;
mod view;

pub use crate::{
    packs::Packs,
    view::{Held, Inventory, Opened, Passing, Resources},
};
