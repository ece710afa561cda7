//! Making, changing and removing connectors.

use axum::{
    Json,
    extract::{Path, rejection::JsonRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::Value;
use skywarden_model::{Connector, Environment, Scope, setting};
use skywarden_policy::Scope as At;
use skywarden_store::{ConnectorWritten, ScopeFilter};

use super::{
    ConnectorPath,
    body::Wanted,
    offerings::{READING, switched},
    placed::{Home, Placed, all_at},
    shown::Shown,
};
use crate::{
    arm::{
        ground::id_of,
        objects::{
            check::{Mistake, refused},
            judge_anew, merge, precondition, set_plan,
        },
        subscription::of_filter,
    },
    error::ApiError,
    scoped::Scoped,
};

type Body = Result<Json<Value>, JsonRejection>;

/// What of a connector is kept and does nothing; goes with every answer to a change.
const WITHOUT_EFFECT: &str = "the connector is read on the schedule of the installation: scanInterval is kept, as is what offerings say beside \
                              their type, the size of their plan and the role of CspmMonitorAws; no agent is installed and no disk is scanned";

/// How often a change is tried again when others change the same connector at the same time.
const TRIES: usize = 8;

/// Letters of a name at most.
const MAX_NAME: usize = 64;

/// Bytes that are kept of what is said of one connector, at most.
const MAX_KEPT: usize = 64 << 10;

pub(crate) async fn put(
    state: Scoped,
    Path(path): Path<ConnectorPath>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    write(&state, path, &headers, Extent::Whole, body).await
}

pub(crate) async fn change(
    state: Scoped,
    Path(path): Path<ConnectorPath>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    write(&state, path, &headers, Extent::Part, body).await
}

pub(crate) async fn delete(state: Scoped, Path(path): Path<ConnectorPath>, headers: HeaderMap) -> Result<Response, ApiError> {
    let place = Place::of(&state, &path).await?;
    let Some(own) = place.find(&state).await? else {
        precondition::check(&headers, None)?;
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    precondition::check(&headers, Some(&Shown::of(&state, &own).await?.etag()))?;
    check_member(&state, &own.connector).await?;
    let id = own.connector.id.as_str();
    for (connector, account) in state.store.accounts_with(id).await? {
        let what = format!("account {account}, whose inventory goes with the connector");
        state.may_within("Microsoft.Security/securityConnectors/delete", &chain_of(&state, &connector, &account), &what)?;
    }
    let was_there = state.store.remove_connector(id).await?;
    Ok(if was_there { StatusCode::OK } else { StatusCode::NO_CONTENT }.into_response())
}

/// How much of a connector a request speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Part,
}

/// The place that a path names, at which the caller may take the route's action.
struct Place {
    /// Connector and account of the subscription.
    pair: (String, String),
    home: Home,
    /// The connector's name.
    name: String,
}

impl Place {
    async fn of(state: &Scoped, path: &ConnectorPath) -> Result<Self, ApiError> {
        let pair = of_filter(state, &ScopeFilter::All, &path.subscription).await?;
        let pair = pair.ok_or_else(|| ApiError::not_found("such subscription"))?;
        state.in_group(&pair.0, &pair.1, &path.group)?;
        let home = Home { subscription: id_of(&pair.0, &pair.1), group: path.group.clone() };
        Ok(Self { pair, home, name: path.connector.clone() })
    }

    /// The connector there.
    async fn find(&self, state: &Scoped) -> Result<Option<Placed>, ApiError> {
        let all = all_at(state, &self.pair).await?;
        Ok(all.into_iter().find(|own| own.home.is_group(&self.home.group) && own.is_called(&self.name)))
    }
}

async fn write(
    state: &Scoped,
    path: ConnectorPath,
    headers: &HeaderMap,
    extent: Extent,
    body: Body,
) -> Result<Response, ApiError> {
    let place = Place::of(state, &path).await?;
    let Json(body) = body?;
    let Value::Object(body) = body else {
        return Err(ApiError::bad_request("the body is an object with the member `properties`"));
    };
    for _ in 0..TRIES {
        let before = place.find(state).await?;
        let shown = match &before {
            Some(own) => Some(Shown::of(state, own).await?),
            None if extent == Extent::Part => return Err(ApiError::not_found("such security connector")),
            None => None,
        };
        precondition::check(headers, shown.as_ref().map(Shown::etag).as_deref())?;
        let wanted = match (extent, &shown) {
            (Extent::Part, Some(shown)) => {
                let mut whole = shown.members();
                merge(&mut whole, body.clone());
                Wanted::read(&whole)?
            }
            _ => Wanted::read(&body)?,
        };
        let after = match &before {
            Some(own) => {
                check_member(state, &own.connector).await?;
                replaced(state, own, &wanted)?
            }
            None => made(state, &place, &wanted).await?,
        };
        let plans = match &shown {
            Some(shown) => switched(&wanted.kept.offerings, &shown.plans),
            None => switched(&wanted.kept.offerings, &Shown::plans_of(state, after.id.as_str(), &wanted.account).await?),
        };
        if before.is_some() && !plans.is_empty() {
            let chain = chain_of(state, after.id.as_str(), &wanted.account);
            let what = format!("account {}, whose plans the offerings switch", wanted.account);
            state.may_within("Microsoft.Security/pricings/write", &chain, &what)?;
        }
        match state.store.write_connector(&after, before.as_ref().map(|own| &own.connector)).await? {
            ConnectorWritten::Done => {}
            ConnectorWritten::Conflict => continue,
            ConnectorWritten::AccountTaken(other) => return Err(account_taken(state, &wanted.account, other.as_str())),
        }
        // In this order, so that what fails on the way is made good by the same request: the plans are compared anew then.
        let is_switched = !plans.is_empty();
        for (plan, setting) in plans {
            set_plan(state, (after.id.as_str(), &wanted.account), plan, setting).await?;
        }
        if is_switched {
            judge_anew(state, &after).await?;
        }
        let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
        let home = before.map_or(place.home, |own| own.home);
        return answer(state, status, Placed { connector: after, account: wanted.account, home }).await;
    }
    let message = format!("`{}` is being changed by others all the time; try again", place.name);
    Err(ApiError::new(StatusCode::CONFLICT, "Conflict", message))
}

async fn answer(state: &Scoped, status: StatusCode, placed: Placed) -> Result<Response, ApiError> {
    let shown = Shown::of(state, &placed).await?;
    let mut headers = shown.headers();
    if let Ok(note) = HeaderValue::from_str(&format!("299 skywarden \"{WITHOUT_EFFECT}\"")) {
        headers.insert(header::WARNING, note);
    }
    Ok((status, headers, Json(shown.value())).into_response())
}

/// A connector that was not there.
async fn made(state: &Scoped, place: &Place, wanted: &Wanted) -> Result<Connector, ApiError> {
    let Wanted { account, role, .. } = wanted;
    check_name(&place.name, account)?;
    let known = state.store.connectors(&ScopeFilter::All).await?;
    if known.iter().any(|own| own.id.as_str().eq_ignore_ascii_case(&place.name)) {
        let message = format!(
            "a connector elsewhere has the name `{}`, and names are unique over the whole installation; choose another",
            place.name
        );
        return Err(ApiError::new(StatusCode::CONFLICT, "ConnectorNameTaken", message));
    }
    let mut connector = Connector {
        id: place.name.as_str().into(),
        environment: Environment::Aws,
        display_name: format!("AWS account {account}"),
        sample: false,
        settings: [
            (setting::ACCOUNT, account.as_str()),
            (setting::EXTERNAL_ID, state.auth.tenant()),
            (setting::HOME, &place.home.subscription),
            (setting::HOME_GROUP, &place.home.group),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
    };
    set_role(&mut connector, role.as_deref())?;
    set_the_rest(&mut connector, wanted)?;
    Ok(connector)
}

/// A connector that was there, as it is to be.
fn replaced(state: &Scoped, before: &Placed, wanted: &Wanted) -> Result<Connector, ApiError> {
    let mut connector = before.connector.clone();
    let id = &connector.id;
    let conflict = |code, message: String| Err(ApiError::new(StatusCode::CONFLICT, code, message));
    if connector.sample {
        return conflict("SampleConnector", format!("`{id}` holds sample data and can't be changed"));
    }
    if before.account != wanted.account {
        let message = format!(
            "`{id}` connects the account {}, and another has another inventory; make a connector of its own for {}",
            before.account, wanted.account
        );
        return conflict("HierarchyIdentifierFixed", message);
    }
    if has_login_of_arm(state, &connector) {
        set_role(&mut connector, wanted.role.as_deref())?;
    } else if wanted.role.as_deref().is_some_and(|role| connector.setting(setting::ROLE) != Some(role)) {
        let message =
            format!("`{id}` has a login that was chosen at the command line; `skywarden connect aws --name {id}` changes it");
        return conflict("LoginFixed", message);
    }
    set_the_rest(&mut connector, wanted)?;
    Ok(connector)
}

/// Whether the login is one that ARM can choose: a role, entered with nothing but the server's own identity.
fn has_login_of_arm(state: &Scoped, connector: &Connector) -> bool {
    let is_bare = !["profile", "endpointUrl"].iter().any(|name| connector.settings.contains_key(*name));
    is_bare
        && connector.settings.contains_key(setting::HOME)
        && connector.setting(setting::EXTERNAL_ID) == Some(state.auth.tenant())
}

fn set_role(connector: &mut Connector, role: Option<&str>) -> Result<(), ApiError> {
    let Some(role) = role else {
        let target = "properties.offerings".to_owned();
        let message = format!("{READING} needs `nativeCloudConnection.cloudRoleArn`, the role to assume in the account");
        return Err(refused(vec![Mistake { target, message }]));
    };
    connector.settings.insert(setting::ROLE.to_owned(), role.to_owned());
    Ok(())
}

/// What can be said of every connector.
fn set_the_rest(connector: &mut Connector, wanted: &Wanted) -> Result<(), ApiError> {
    if wanted.regions.is_empty() {
        connector.settings.remove(setting::REGIONS);
    } else {
        connector.settings.insert(setting::REGIONS.to_owned(), wanted.regions.join(","));
    }
    let text = wanted.kept.text(connector.id.as_str())?;
    // Every connector is read with each request about one.
    if text.len() > MAX_KEPT {
        let message =
            format!("tags and offerings together are {} bytes as they are kept, and at most {MAX_KEPT} are", text.len());
        return Err(refused(vec![Mistake { target: "properties.offerings".to_owned(), message }]));
    }
    connector.settings.insert(setting::ARM.to_owned(), text);
    Ok(())
}

/// That a new connector may be called so.
fn check_name(name: &str, account: &str) -> Result<(), ApiError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(is_plain) || name.ends_with('.') {
        let message = format!(
            "`{name}` is no name of a connector: 1 to {MAX_NAME} letters, digits, hyphens, underscores and full stops, none at the end"
        );
        return Err(ApiError::bad_request(message).with_target("name".to_owned()));
    }
    let lower = name.to_lowercase();
    let is_of_another = lower
        .strip_prefix("aws-")
        .is_some_and(|own| own.len() == account.len() && own != account && own.bytes().all(|digit| digit.is_ascii_digit()));
    if is_of_another || RESERVED.contains(&lower.as_str()) || lower.starts_with("organization-") {
        let message = format!("Skywarden gives the name `{name}` itself to what else it connects; choose another");
        return Err(ApiError::new(StatusCode::CONFLICT, "ConnectorNameReserved", message));
    }
    Ok(())
}

/// Names that mean something of their own: this machine, the sample, what policies are asked about before it is there.
const RESERVED: [&str; 3] = ["host", "sample", "request"];

/// That a connector did not come with an organisation that is connected.
pub(crate) async fn check_member(state: &Scoped, connector: &Connector) -> Result<(), ApiError> {
    let Some(organization) = connector.setting(setting::MEMBER_OF) else { return Ok(()) };
    let known = state.store.connectors(&ScopeFilter::All).await?;
    if !known.iter().any(|own| own.id.as_str() == organization) {
        return Ok(());
    }
    let message = format!(
        "`{}` came with the organisation `{organization}`, which writes it anew with each reading; leave the account out of that, or change that",
        connector.id
    );
    Err(ApiError::new(StatusCode::CONFLICT, "ConnectorOfOrganization", message))
}

fn account_taken(state: &Scoped, account: &str, other: &str) -> ApiError {
    let by = if state.filter.allows_connector(other) { format!("`{other}`") } else { "a connector elsewhere".to_owned() };
    let message = format!("the account {account} is connected already, by {by}; an account has one connector");
    ApiError::new(StatusCode::CONFLICT, "AccountConnected", message).with_target("properties.hierarchyIdentifier".to_owned())
}

/// The scopes that an account lies in, under each of its names.
fn chain_of(state: &Scoped, connector: &str, account: &str) -> Vec<At> {
    state.chain_of("", &Scope { connector: connector.into(), account: account.into(), resource_group: "".into() })
}
