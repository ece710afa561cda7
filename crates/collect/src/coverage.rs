//! What a run saw of one (type, region).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use skywarden_model::{Coverage, DeniedRead, FieldPath, ListOutcome, TypeName, UnreadableKind, UnreadableReason};

use crate::reads::Failure;

/// Failed reads of a listing, put together by operation and class of failure.
#[derive(Debug, Default)]
pub(crate) struct FailedReads(BTreeMap<(String, UnreadableKind, String), Group>);

#[derive(Debug)]
struct Group {
    fields: BTreeSet<FieldPath>,
    n_resources: u64,
    reason: Arc<UnreadableReason>,
}

impl FailedReads {
    /// Counts what failed on one resource.
    pub(crate) fn add(&mut self, failures: &[Failure]) {
        let mut counted = BTreeSet::new();
        for Failure { fields, reason } in failures {
            let key = (reason.operation.clone(), reason.kind, reason.code.clone());
            let is_first = counted.insert(key.clone());
            let group = self.0.entry(key).or_insert_with(|| Group {
                fields: BTreeSet::new(),
                n_resources: 0,
                reason: Arc::clone(reason),
            });
            group.fields.extend(fields.iter().cloned());
            group.n_resources += u64::from(is_first);
            // Calls end in any order; the same failures are to give the same coverage.
            if *reason < group.reason {
                group.reason = Arc::clone(reason);
            }
        }
    }

    fn into_denied(self) -> Vec<DeniedRead> {
        self.0
            .into_values()
            .map(|group| DeniedRead {
                fields: group.fields.into_iter().collect(),
                n_resources: group.n_resources,
                reason: group.reason,
            })
            .collect()
    }
}

/// The coverage of a listing.
pub(crate) fn coverage(
    type_name: &TypeName,
    account: &Arc<str>,
    region: &str,
    outcome: ListOutcome,
    failed: FailedReads,
) -> Coverage {
    Coverage {
        type_name: type_name.clone(),
        account: Arc::clone(account),
        region: region.into(),
        outcome,
        denied: failed.into_denied(),
    }
}
