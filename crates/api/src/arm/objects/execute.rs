//! Carrying a governance rule out: a long-running operation that assigns owners and due dates.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    body::Bytes,
    extract::{OriginalUri, Path},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::{Value, json};
use skywarden_model::{Scope as Place, SignedDuration, Status, Timestamp};
use skywarden_policy::Scope;
use skywarden_store::{ArmScope, AssessmentQuery, AssessmentRow, Expected, ScopeFilter, Written};

use super::{
    behave::this_second,
    governance::{RULES, Rule},
    handlers::known,
    kind::Kind,
    target::{ObjectPath, Target},
};
use crate::{
    arm::{
        assessments::arm_id,
        descriptions::{Description, Descriptions},
        id_of,
    },
    error::ApiError,
    scoped::Scoped,
};

/// The kinds under which operations and what they assign are kept.
const OPERATIONS: &str = "governanceOperations";
pub(super) const ASSIGNMENTS: &str = "governanceAssignments";

/// Assessments that are looked at in one go.
const PAGE: u32 = 500;

/// An operation that has not ended by then went down with the server.
const MAX_TIME: SignedDuration = SignedDuration::from_hours(1);

/// How long the result of an operation can be asked for.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What a client may give.
#[derive(Default, Deserialize)]
struct Asked {
    /// Assignments that are there are replaced.
    #[serde(default, rename = "override")]
    replaces: bool,
}

pub(super) async fn execute(
    kind: &'static Kind,
    state: Scoped,
    Path(path): Path<ObjectPath>,
    OriginalUri(uri): OriginalUri,
    body: Bytes,
) -> Result<Response, ApiError> {
    let target = Target::of(&state, &path).await?;
    let asked: Asked = match body.as_ref() {
        [] => Asked::default(),
        body => {
            serde_json::from_slice(body).map_err(|error| ApiError::bad_request(format!("the body is not understood: {error}")))?
        }
    };
    let shown = known(&state, kind, &target, &path.name).await?;
    let damaged = |name: &str| {
        let message = format!("the rule `{name}` can't be carried out as it is kept; save it again");
        ApiError::new(StatusCode::CONFLICT, "RuleDamaged", message)
    };
    let rule = Rule::parse(&shown.properties).map_err(|_| damaged(&shown.name))?;
    if rule.is_disabled {
        let message = format!("the rule `{}` is disabled; set `isDisabled` to false first", shown.name);
        return Err(ApiError::new(StatusCode::CONFLICT, "RuleDisabled", message));
    }
    let mut before = Vec::new();
    for own in state.store.all_arm_objects_at(&state.filter, RULES, &target.scope).await? {
        // One that can't be read may come first: what it would assign is not this rule's to assign.
        let other = own.document.as_object().and_then(|own| Rule::parse(own).ok()).ok_or_else(|| damaged(&own.name))?;
        if !other.is_disabled && other.priority < rule.priority {
            before.push(other);
        }
    }
    let accounts = accounts(&state, &target).await?;
    let now = this_second();
    forget(&state, &target.scope, now).await?;
    let id = uuid::Uuid::new_v4().to_string();
    let operation = Operation { scope: target.scope.clone(), id: id.clone(), rule: shown.name, began: now };
    operation.put(&state, "InProgress", json!({})).await?;
    let run = Run { rule, before, accounts, replaces: asked.replaces, now };
    let store = state.clone();
    tokio::spawn(async move {
        let (status, more) = match run.assign(&store).await {
            Ok(n_assigned) => ("Succeeded", json!({ "assigned": n_assigned })),
            Err(error) => {
                tracing::error!(%error, "a governance rule could not be carried out");
                ("Failed", json!({}))
            }
        };
        if let Err(error) = operation.put(&store, status, more).await {
            tracing::error!(%error, "how a governance rule went could not be kept");
        }
    });
    let rule = uri.path().trim_end_matches('/').trim_end_matches("/execute");
    Ok(running(&state, &format!("{rule}/operationResults/{id}")))
}

pub(super) async fn result(
    kind: &'static Kind,
    state: Scoped,
    Path(path): Path<ObjectPath>,
    OriginalUri(uri): OriginalUri,
) -> Result<Response, ApiError> {
    let target = Target::of(&state, &path).await?;
    let rule = known(&state, kind, &target, &path.name).await?;
    let kept = state.store.arm_object(&state.filter, OPERATIONS, &target.scope, &path.operation).await?;
    let kept = kept.filter(|own| own.document.get("rule").and_then(Value::as_str) == Some(&rule.name));
    let kept = kept.ok_or_else(|| ApiError::not_found("such operation of this rule"))?;
    let text = |name: &str| kept.document.get(name).and_then(Value::as_str).unwrap_or_default();
    let began: Timestamp = text("startTime").parse().unwrap_or(kept.changed_at);
    let mut status = text("status");
    if status == "InProgress" {
        if Timestamp::now().duration_since(began) < MAX_TIME {
            return Ok(running(&state, uri.path()));
        }
        status = "Failed";
    }
    let answer = json!({ "id": uri.path(), "name": kept.name, "status": status, "startTime": began,
                         "endTime": kept.changed_at, "properties": { "assigned": kept.document.get("assigned") } });
    Ok(Json(answer).into_response())
}

/// 202 with the address at which the operation's result will be.
fn running(state: &Scoped, path: &str) -> Response {
    let location = format!("{}{path}?api-version=2022-01-01-preview", state.base);
    (StatusCode::ACCEPTED, [(header::LOCATION, location), (header::RETRY_AFTER, "1".to_owned())]).into_response()
}

/// The accounts below a rule's scope in which the caller may carry it out.
async fn accounts(state: &Scoped, target: &Target) -> Result<BTreeSet<(String, String)>, ApiError> {
    let Some(group) = &target.management_group else { return Ok(target.account.iter().cloned().collect()) };
    let lies_below = |(connector, account): &(String, String)| {
        [account.to_lowercase(), id_of(connector, account)].into_iter().any(|id| state.lies_in(&Scope::Subscription(id), group))
    };
    Ok(state.store.accounts(&state.filter).await?.into_iter().filter(lies_below).collect())
}

/// Removes what nobody asks for any more.
async fn forget(state: &Scoped, scope: &ArmScope, now: Timestamp) -> Result<(), ApiError> {
    for own in state.store.all_arm_objects_at(&state.filter, OPERATIONS, scope).await? {
        if now.duration_since(own.changed_at) > KEPT {
            state.store.remove_arm_object(OPERATIONS, scope, &own.name, None).await?;
        }
    }
    Ok(())
}

/// An operation that is on its way.
struct Operation {
    scope: ArmScope,
    id: String,
    rule: String,
    began: Timestamp,
}

impl Operation {
    async fn put(&self, state: &Scoped, status: &str, mut more: Value) -> Result<(), skywarden_store::StoreError> {
        if let Some(members) = more.as_object_mut() {
            members.insert("status".to_owned(), status.into());
            members.insert("rule".to_owned(), self.rule.as_str().into());
            members.insert("startTime".to_owned(), json!(self.began));
        }
        state.store.put_arm_object(OPERATIONS, &self.scope, &self.id, &more, Expected::Anything, Timestamp::now()).await?;
        Ok(())
    }
}

/// What an operation does.
struct Run {
    rule: Rule,
    /// Rules of the same scope that come first.
    before: Vec<Rule>,
    accounts: BTreeSet<(String, String)>,
    replaces: bool,
    now: Timestamp,
}

impl Run {
    /// Assigns whoever has to mend what is unhealthy; gives the number of assignments that were written.
    async fn assign(&self, state: &Scoped) -> Result<u64, skywarden_store::StoreError> {
        let filter = ScopeFilter::accounts(self.accounts.clone());
        let mut assigned: BTreeMap<String, String> = BTreeMap::new();
        for own in state.store.arm_objects(&filter, ASSIGNMENTS).await? {
            assigned.insert(own.scope.path().to_owned(), own.name);
        }
        let descriptions = Descriptions::read(&state.store, &filter).await?;
        let mut n_written = 0;
        let mut query = AssessmentQuery { status: Some(Status::Unhealthy), limit: PAGE, ..AssessmentQuery::default() };
        loop {
            let page = state.store.assessment_page(&filter, &query).await?;
            for row in &page.items {
                n_written += self.assign_one(state, &filter, (row, descriptions.of(&state.catalog, row)), &assigned).await?;
            }
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(n_written),
            }
        }
    }

    async fn assign_one(
        &self,
        state: &Scoped,
        filter: &ScopeFilter,
        (row, described): (&AssessmentRow, Option<Description<'_>>),
        assigned: &BTreeMap<String, String>,
    ) -> Result<u64, skywarden_store::StoreError> {
        let Some(Description { key, severity, .. }) = described else { return Ok(0) };
        if !self.rule.matches(key, severity) || self.before.iter().any(|own| own.matches(key, severity)) {
            return Ok(0);
        }
        let id = arm_id(row);
        let place = Place {
            connector: row.connector.as_str().into(),
            account: row.account.as_str().into(),
            resource_group: row.location.as_str().into(),
        };
        let mut chain = state.chain_of(row.assessment.resource.as_str(), &place);
        chain.push(Scope::Resource(id.as_str().to_lowercase()));
        if chain.iter().any(|scope| self.rule.excluded.contains(scope)) {
            return Ok(0);
        }
        let scope =
            ArmScope::within(&row.connector, &row.account, &format!("{id}/providers/Microsoft.Security/assessments/{key}"));
        let known = assigned.get(scope.path());
        if known.is_some() && !self.replaces {
            return Ok(0);
        }
        let resource = state.store.resource(filter, row.assessment.resource.as_str()).await?;
        let tags = resource.map(|(resource, _)| resource.tags).unwrap_or_default();
        let tag = |name: &str| tags.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        let document = self.rule.assignment(tag, self.now);
        // The same name however often it is assigned: two operations at once must not leave two assignments.
        let own_name = || uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, scope.path().as_bytes()).to_string();
        let name = known.cloned().unwrap_or_else(own_name);
        let expected = if self.replaces { Expected::Anything } else { Expected::Absent };
        let written = state.store.put_arm_object(ASSIGNMENTS, &scope, &name, &document, expected, self.now).await?;
        Ok(if written == Written::Conflict { 0 } else { 1 })
    }
}
