use serde::{Deserialize, Serialize};

use crate::{ConnectorId, Coverage, Resource, Timestamp};

/// What one collection run of one connector saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot<R = Vec<Resource>> {
    /// The connector that was read.
    pub connector: ConnectorId,
    /// When the run began.
    pub taken_at: Timestamp,
    /// Every resource that was seen, sorted by id; packed if they are many.
    pub resources: R,
    /// One entry per (type, account, region) that the run was to list.
    pub coverage: Vec<Coverage>,
}

impl<R> Snapshot<R> {
    /// The same with its resources in another form.
    pub fn with<S>(self, form: impl FnOnce(R) -> S) -> Snapshot<S> {
        let Self { connector, taken_at, resources, coverage } = self;
        Snapshot { connector, taken_at, resources: form(resources), coverage }
    }
}
