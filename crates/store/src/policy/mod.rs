//! Azure Policy in the store: what people wrote, what it says of resources, and how that changed.

mod judge;
mod library;
mod neighbours;
mod read;
mod standard;
mod write;

pub use judge::PolicyRun;
pub(crate) use library::Cached;
pub use library::{KeptLibrary, ObjectChange};
pub use read::{PolicyEvent, PolicyStateQuery, PolicyStateRow, StateCount, StateDetails};
pub(crate) use standard::InitiativeStandards;
pub use standard::initiative_standard;
