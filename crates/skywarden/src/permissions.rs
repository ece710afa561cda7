use std::path::Path;

use crate::{Ending, content};

/// Prints the IAM policy that the AWS collectors need.
pub(crate) fn aws(overlay: Option<&Path>) -> anyhow::Result<Ending> {
    let catalog = content::catalog(overlay)?;
    let specs = skywarden_collect::Specs { collectors: &catalog.collectors, services: &catalog.services };
    println!("{}", serde_json::to_string_pretty(&skywarden_collect::permissions(&specs))?);
    Ok(Ending::Done)
}
