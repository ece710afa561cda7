//! Log sources whose records name what changed by its id.

use std::sync::Arc;

use skywarden_content::{AzureIds, ChangeById, ChangeFields, is_like};
use skywarden_model::Changed;
use skywarden_sigma::{Record, Slot};

use super::{borrowed_text, text};
use crate::fields::Fields;

/// How records name what changed by its id.
#[derive(Debug)]
pub(crate) struct ChangesById {
    id: Slot,
    operation: Slot,
    result: Slot,
    /// In lower case, as all texts here.
    operations: Vec<String>,
    except: Vec<String>,
    succeeded: Vec<String>,
    ids: Arc<AzureIds>,
}

impl ChangesById {
    pub(super) fn new(own: &ChangeFields, by_id: &ChangeById, ids: Arc<AzureIds>, fields: &mut Fields<'_>) -> Self {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_lowercase()).collect();
        ChangesById {
            id: fields.first_of(by_id.id.all()),
            operation: fields.first_of(own.operation.all()),
            result: fields.first_of(by_id.result.all()),
            operations: lower(&by_id.operations),
            except: lower(&by_id.except),
            succeeded: lower(&by_id.succeeded),
            ids,
        }
    }

    pub(super) fn may_tell(&self, record: &Record<'_>) -> bool {
        let Some(result) = borrowed_text(record.get(self.result)) else { return false };
        if !self.succeeded.iter().any(|own| own.eq_ignore_ascii_case(&result)) {
            return false;
        }
        let Some(operation) = borrowed_text(record.get(self.operation)).map(|own| own.to_lowercase()) else { return false };
        let is_among = |patterns: &[String]| patterns.iter().any(|pattern| is_like(&operation, pattern));
        is_among(&self.operations) && !is_among(&self.except)
    }

    /// `account` is the record's own, for what lies in no subscription.
    pub(super) fn changed(&self, record: &Record<'_>, account: Option<&str>) -> Vec<Changed> {
        let Some(id) = text(record.get(self.id)).filter(|_| self.may_tell(record)) else { return Vec::new() };
        self.ids.changes(&id, account.map(str::to_lowercase).as_deref())
    }
}
