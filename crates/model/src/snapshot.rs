use serde::{Deserialize, Serialize};

use crate::{ConnectorId, Coverage, Resource, Timestamp};

/// What one collection run of one connector saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The connector that was read.
    pub connector: ConnectorId,
    /// When the run began.
    pub taken_at: Timestamp,
    /// Every resource that was seen, sorted by id.
    pub resources: Vec<Resource>,
    /// One entry per (type, account, region) that the run was to list.
    pub coverage: Vec<Coverage>,
}
