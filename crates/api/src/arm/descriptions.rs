//! What assessments are called and how bad they are: those of the catalog, and those that clients describe themselves.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::Value;
use skywarden_content::Catalog;
use skywarden_model::Severity;
use skywarden_store::{ArmObject, AssessmentRow, ScopeFilter, Store, StoreError};

use crate::scoped::Scoped;

/// What an assessment is called and how bad it is.
pub(crate) struct Description<'a> {
    /// The GUID in its address.
    pub(crate) key: &'a str,
    pub(crate) title: &'a str,
    pub(crate) severity: Severity,
}

/// What clients wrote to describe their assessments, by connector, account and key.
#[derive(Default)]
pub(crate) struct Descriptions(BTreeMap<(String, String, String), Value>);

impl Descriptions {
    /// Those of the accounts of which a filter lets anything through.
    pub(crate) async fn read(store: &Store, filter: &ScopeFilter) -> Result<Self, StoreError> {
        let objects = store.custom_metadata(filter).await?;
        Ok(Self(objects.into_iter().filter_map(entry).collect()))
    }

    /// Those that some rows need: nothing is read where no client wrote one of them.
    pub(crate) async fn of_rows(state: &Scoped, rows: &[AssessmentRow]) -> Result<Self, StoreError> {
        if rows.iter().all(|row| row.written.is_none()) {
            return Ok(Self::default());
        }
        Self::read(&state.store, &state.filter).await
    }

    /// What a row is about; `None` for a verdict of a recommendation that is not in the catalog any more.
    pub(crate) fn of<'a>(&'a self, catalog: &'a Catalog, row: &'a AssessmentRow) -> Option<Description<'a>> {
        let id = row.assessment.recommendation.as_ref();
        if row.written.is_none() {
            let known = catalog.recommendations.get(id)?;
            return Some(Description { key: &known.key, title: &known.file.title, severity: known.file.severity });
        }
        // A resource that moved to another account has its assessments there, and what describes them may have stayed behind.
        let known = self.0.get(&(row.connector.clone(), row.account.clone(), id.to_owned()));
        let title = known.and_then(title_of).unwrap_or(id);
        Some(Description { key: id, title, severity: known.map_or(Severity::Low, severity_of) })
    }

    /// What is said of a key, by the first account that says anything, with its connector.
    pub(crate) fn named(&self, key: &str) -> Option<(&str, &Value)> {
        self.0.iter().find(|((_, _, own), _)| own == key).map(|((connector, _, _), document)| (connector.as_str(), document))
    }
}

/// The title in what a client wrote.
pub(crate) fn title_of(document: &Value) -> Option<&str> {
    document.get("displayName").and_then(Value::as_str)
}

/// The severity in what a client wrote; it was checked when it was written.
pub(crate) fn severity_of(document: &Value) -> Severity {
    document.get("severity").and_then(|own| Severity::deserialize(own).ok()).unwrap_or(Severity::Low)
}

fn entry(object: ArmObject) -> Option<((String, String, String), Value)> {
    let (connector, account) = object.scope.account()?;
    Some(((connector.to_owned(), account.to_owned(), object.name.to_lowercase()), object.document))
}
