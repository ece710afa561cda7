use std::collections::BTreeSet;

use serde::{Serialize, de::DeserializeOwned};
use skywarden_model::{
    Assessment, Connector, Coverage, Exemption, ExemptionScope, FactSheet, Resource, Scope, Timestamp, Transition,
};

use crate::{
    ScopeFilter, Share, Store, StoreError, WrittenDetails,
    commit::{instant, key},
    conditions::Conditions,
    pool::{IDS_AT_ONCE, on_pool, rows_of},
    summary::any_status,
};

/// Rows of one page at most.
const MAX_PAGE: u32 = 500;

/// A page of a list.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give this to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An assessment with its dates and what tells its resource.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AssessmentRow {
    /// The verdict and what it rests on.
    #[serde(flatten)]
    pub assessment: Assessment,
    /// The resource's name.
    pub name: String,
    /// The resource's type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The connector that the resource came through.
    pub connector: String,
    /// The resource's account.
    pub account: String,
    /// The resource's region or resource group.
    pub location: String,
    /// When it was first evaluated.
    pub first_evaluated_at: String,
    /// When the verdict last changed.
    pub status_changed_at: String,
    /// What the client said that wrote it; absent from what a scan gives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<WrittenDetails>,
}

impl Store {
    /// Every connector of which something may be seen.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn connectors(&self, filter: &ScopeFilter) -> Result<Vec<Connector>, StoreError> {
        let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT document FROM connectors ORDER BY id").fetch_all(pool).await.map_err(StoreError::statement("listing connectors"))?
        });
        let connectors: Vec<Connector> = documents(rows, "connector")?;
        Ok(connectors.into_iter().filter(|connector| filter.allows_connector(connector.id.as_str())).collect())
    }

    /// One resource with its facts.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn resource(&self, filter: &ScopeFilter, id: &str) -> Result<Option<(Resource, Option<FactSheet>)>, StoreError> {
        let row: Option<(String, String)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT document, facts FROM resources WHERE id = $1")
                .bind(id).fetch_optional(pool).await.map_err(StoreError::statement("reading a resource"))?
        });
        let Some((document, facts)) = row else { return Ok(None) };
        let resource: Resource = serde_json::from_str(&document).map_err(StoreError::damaged("resource"))?;
        let facts = serde_json::from_str(&facts).map_err(StoreError::damaged("fact sheet"))?;
        Ok(filter.allows_resource(&resource).then_some((resource, facts)))
    }

    /// Every assessment, in order of resource and recommendation.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn assessments(&self, filter: &ScopeFilter) -> Result<Vec<AssessmentRow>, StoreError> {
        self.assessment_rows(filter, None, None).await
    }

    /// The assessments of one recommendation.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn assessments_by(&self, filter: &ScopeFilter, recommendation: &str) -> Result<Vec<AssessmentRow>, StoreError> {
        self.assessment_rows(filter, Some(recommendation), None).await
    }

    /// The assessments of one resource.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn assessments_on(&self, filter: &ScopeFilter, resource: &str) -> Result<Vec<AssessmentRow>, StoreError> {
        self.assessment_rows(filter, None, Some(resource)).await
    }

    async fn assessment_rows(
        &self,
        filter: &ScopeFilter,
        recommendation: Option<&str>,
        resource: Option<&str>,
    ) -> Result<Vec<AssessmentRow>, StoreError> {
        let mut wanted = Conditions::new(&self.pool);
        wanted.equal("a.recommendation", recommendation);
        wanted.equal("a.resource", resource);
        if recommendation.is_some() && *filter == ScopeFilter::All {
            wanted.add(&any_status("a.status"));
        }
        wanted.and(filter.resources(&self.pool, "a.resource", wanted.next())?);
        let statement = format!(
            "SELECT {ASSESSMENT_COLUMNS} FROM assessments a JOIN resources r ON r.id = a.resource
             WHERE 1 = 1{} ORDER BY a.resource, a.recommendation",
            wanted.sql
        );
        let rows: Vec<AssessmentColumns> = rows_of!(self, "reading assessments", statement, [], wanted);
        rows.into_iter().map(assessment_row).collect()
    }

    /// What the last run of each connector could and could not list.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn coverage(&self, filter: &ScopeFilter) -> Result<Vec<Coverage>, StoreError> {
        Ok(self.connector_coverage(filter).await?.into_values().flat_map(|own| own.entries).collect())
    }

    /// What changed since an instant, newest first, at most 500.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn transitions(&self, filter: &ScopeFilter, since: Timestamp) -> Result<Vec<Transition>, StoreError> {
        let visible = filter.history(&self.pool, "transitions", &["at", "resource", "recommendation", "document"], 2)?;
        let statement = format!(
            "SELECT t.document FROM {} WHERE t.at >= $1 ORDER BY t.at DESC, t.resource, t.recommendation LIMIT 500",
            visible.sql
        );
        let rows: Vec<(String,)> = rows_of!(self, "reading transitions", statement, [instant(since)], visible);
        documents(rows, "transition")
    }

    /// The exemptions that cover something of what the reader sees; those of single resources only if the reader sees these.
    ///
    /// # Errors
    /// If a statement fails or a row is damaged.
    pub async fn exemptions(&self, filter: &ScopeFilter) -> Result<Vec<Exemption>, StoreError> {
        let rows: Vec<(String,)> = on_pool!(&self.pool, pool => {
            sqlx::query_as("SELECT document FROM exemptions ORDER BY id").fetch_all(pool).await.map_err(StoreError::statement("listing exemptions"))?
        });
        let mut exemptions: Vec<Exemption> = documents(rows, "exemption")?;
        let ScopeFilter::Part(part) = filter else { return Ok(exemptions) };
        let ids = exemptions.iter().filter_map(|own| match &own.scope {
            ExemptionScope::Resource { id } => Some(id.as_str()),
            _ => None,
        });
        let visible = self.visible_of(filter, &ids.collect::<Vec<_>>()).await?;
        exemptions.retain(|own| match &own.scope {
            // It covers whatever the reader sees.
            ExemptionScope::Tenant => true,
            ExemptionScope::Subscription { account } => part.shares().any(|((_, own), _)| own == account),
            ExemptionScope::ResourceGroup { account, resource_group } => {
                let group = key(resource_group);
                part.shares().filter(|((_, own), _)| own == account).any(|(_, share)| match share {
                    Share::Whole => true,
                    Share::Places(places) => places.groups.contains(&group) || places.resources.values().any(|own| *own == group),
                })
            }
            ExemptionScope::Resource { id } => visible.contains(id.as_str()),
        });
        Ok(exemptions)
    }

    /// Those of some resources that a filter lets through.
    async fn visible_of(&self, filter: &ScopeFilter, ids: &[&str]) -> Result<BTreeSet<String>, StoreError> {
        let mut visible = BTreeSet::new();
        for batch in ids.chunks(IDS_AT_ONCE) {
            let rows: Vec<(String, String, String, String)> = on_pool!(&self.pool, pool => {
                let mut select = sqlx::QueryBuilder::new("SELECT id, connector, account, group_key FROM resources WHERE id IN (");
                let mut list = select.separated(", ");
                for id in batch {
                    list.push_bind(*id);
                }
                select.push(")");
                select.build_query_as().fetch_all(pool).await.map_err(StoreError::statement("reading whose resources are"))?
            });
            visible.extend(rows.into_iter().filter_map(|(id, connector, account, group)| {
                let scope = Scope { connector: connector.into(), account: account.into(), resource_group: group.into() };
                filter.allows_in(&scope, &id).then_some(id)
            }));
        }
        Ok(visible)
    }
}

/// The columns of [`AssessmentColumns`], of `assessments a` and `resources r`.
pub(crate) const ASSESSMENT_COLUMNS: &str = "r.connector, r.account, r.resource_group, r.name, r.type_name, a.document, a.first_evaluated_at, a.status_changed_at, a.written";

/// Connector, account, region, name, type, document, first evaluated, verdict changed, what a client said of it.
pub(crate) type AssessmentColumns = (String, String, String, String, String, String, String, String, Option<String>);

pub(crate) fn assessment_row(row: AssessmentColumns) -> Result<AssessmentRow, StoreError> {
    let (connector, account, location, name, type_name, document, first_evaluated_at, status_changed_at, written) = row;
    let assessment = serde_json::from_str(&document).map_err(StoreError::damaged("assessment"))?;
    let written = written.map(|own| serde_json::from_str(&own).map_err(StoreError::damaged("assessment"))).transpose()?;
    Ok(AssessmentRow {
        assessment,
        name,
        type_name,
        connector,
        account,
        location,
        first_evaluated_at,
        status_changed_at,
        written,
    })
}

/// Where a page begins; `None` is the first.
pub(crate) fn position<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>, StoreError> {
    cursor.map(|cursor| serde_json::from_str(cursor).map_err(|_| StoreError::Cursor(cursor.to_owned()))).transpose()
}

pub(crate) fn page_size(limit: u32) -> u32 {
    limit.clamp(1, MAX_PAGE)
}

/// A `LIKE` pattern that finds the text anywhere, taking its own wildcards literally.
pub(crate) fn pattern(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

pub(crate) fn documents<T: DeserializeOwned>(rows: Vec<(String,)>, what: &'static str) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(|(document,)| serde_json::from_str(&document).map_err(StoreError::damaged(what))).collect()
}
