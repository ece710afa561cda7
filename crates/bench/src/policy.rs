//! What Azure's policies cost: `... -- policy [FOLDER]`, where FOLDER holds the definitions and initiatives that Azure publishes.
//!
//! Figures are CPU time on one core, the median of five runs.

mod case;
mod corpus;
mod governance;

use std::path::Path;

/// Runs of each case.
const RUNS: usize = 5;

/// Prints what each case takes; those about Azure's own definitions need their folder.
pub(crate) fn costs(folder: Option<&Path>) -> anyhow::Result<()> {
    case::five_policies()?;
    match folder {
        // First, so that its memory is its own.
        Some(folder) => {
            governance::tenant(folder)?;
            corpus::costs(folder)
        }
        None => {
            println!("Azure's own definitions: skipped, since no folder of them was named");
            Ok(())
        }
    }
}
