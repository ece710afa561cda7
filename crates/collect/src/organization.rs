use std::sync::Arc;

use serde_json::Value;
use skywarden_cloud::partition_of_region;
use skywarden_content::Paging;

use crate::{
    CollectError, Specs, Transport,
    document::{AnswerPath, Document},
    engine::{identity, own_request, own_service},
    pages::{End, Operation, Run},
    shape::Shape,
};

/// Pages of the list of accounts, after which it counts as endless; AWS gives 20 accounts a page and allows some thousands.
const MAX_PAGES: usize = 5000;

/// An AWS organisation as the login's account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The account that the login leads to.
    pub own_account: String,
    /// `aws`, `aws-us-gov`, `aws-cn`.
    pub partition: String,
    /// Every account, sorted by number.
    pub accounts: Vec<OrganizationAccount>,
}

/// An account of an organisation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrganizationAccount {
    /// Its twelve digits.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Whether it is in use: not suspended, not about to be closed.
    pub is_active: bool,
}

/// The accounts of the organisation that a login belongs to.
///
/// # Errors
/// If the account can't be told, or any page of the list of accounts could not be read: half a list would make the rest look as if
/// they had left.
pub async fn organization<'a>(specs: impl Into<Specs<'a>>, transport: Arc<dyn Transport>) -> Result<Organization, CollectError> {
    let specs = specs.into();
    let home = transport.home_region();
    let mut run = Run::new(&*transport, partition_of_region(&home), 1, MAX_PAGES);
    let (own_account, partition) = identity(&run, specs, &home).await?;
    run.account = Arc::clone(&own_account);
    let request = own_request("ListAccounts", "organizations:ListAccounts", Value::Null);
    let paging = Paging {
        response: "NextToken".to_owned(),
        request: "NextToken".to_owned(),
        more: None,
        also: Default::default(),
        size: Default::default(),
    };
    let operation = Operation {
        service: own_service(specs, "organizations")?,
        request: &request,
        paging: Some(&paging),
        absent_on: &[],
        extra: None,
    };
    let shape = Shape::of_texts(&["Id", "Name", "Status", "State"]);
    let mut accounts = Vec::new();
    let mut is_misshapen = false;
    let end = {
        let mut sink = |document: &Document| {
            for (item, _) in document.items(&AnswerPath::parse("Accounts").into_list(), &shape, &[]) {
                match item.as_ref().and_then(account) {
                    Some(account) => accounts.push(account),
                    None => is_misshapen = true,
                }
            }
        };
        run.pages(&operation, run.partition.home_region, &Value::Null, &mut sink).await
    };
    match end {
        End::Broken { reason, .. } => return Err(CollectError::Organization { reason: Box::new(reason) }),
        End::Complete | End::Absent if is_misshapen || accounts.is_empty() => {
            let reason = operation.tried().misfit("the list of accounts has none, or one without a number");
            return Err(CollectError::Organization { reason: Box::new(reason) });
        }
        End::Complete | End::Absent => {}
    }
    accounts.sort();
    accounts.dedup_by(|one, other| one.id == other.id);
    Ok(Organization { own_account: own_account.to_string(), partition, accounts })
}

fn account(item: &Value) -> Option<OrganizationAccount> {
    let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    let id = text("Id");
    if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // `State` takes the place of `Status`, which AWS withdraws in 2026.
    let state = if text("State").is_empty() { text("Status") } else { text("State") };
    Some(OrganizationAccount { id: id.to_owned(), name: text("Name").to_owned(), is_active: matches!(state, "ACTIVE" | "") })
}
