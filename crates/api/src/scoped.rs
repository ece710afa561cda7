use std::{collections::BTreeSet, net::SocketAddr, ops::Deref, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    http::{StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use skywarden_model::{Scope as Place, Timestamp};
use skywarden_policy::Scope;
use skywarden_store::{AuditEntry, KeptLibrary, ScopeFilter};

use crate::{
    AppState, arm,
    auth::{self, Login},
    caller::{Caller, INSTALLATION},
    error::ApiError,
    routes,
};

/// The state of the installation as one caller may see it: every read of the store goes through [`Scoped::filter`].
///
/// Derefs to the application's state.
#[derive(Clone)]
pub(crate) struct Scoped {
    app: AppState,
    /// Who asks.
    pub(crate) caller: Arc<Caller>,
    /// The address under which the request came.
    pub(crate) base: String,
    /// Where the route's action is allowed.
    pub(crate) filter: ScopeFilter,
    action: &'static str,
    tree: Arc<KeptLibrary>,
}

impl Scoped {
    /// That the route's action is allowed everywhere: it touches the whole installation.
    pub(crate) fn everywhere(&self) -> Result<(), ApiError> {
        if self.caller.grants.allow_everywhere(self.action) { Ok(()) } else { Err(self.refused("the whole installation")) }
    }

    /// The person who asks in a browser: accounts are changed by who they are of, not by what a token may.
    pub(crate) fn person(&self) -> Result<String, ApiError> {
        let is_session = matches!(self.caller.login, Login::Session { .. });
        if is_session && self.caller.id != INSTALLATION {
            return Ok(self.caller.id.clone());
        }
        let message = "this is for people who are signed in to the console with an account of their own; tokens and the session of the installation can't do it";
        Err(ApiError::new(StatusCode::FORBIDDEN, "SessionNeeded", message))
    }

    /// That an action is allowed at a scope.
    pub(crate) fn may_at(&self, action: &str, scope: &Scope) -> Result<(), ApiError> {
        let chain = self.tree.library.governance.hierarchy.above(scope);
        if self.caller.grants.allow(action, &chain) { Ok(()) } else { Err(refused(&self.caller, action, &scope.to_string())) }
    }

    /// That an action is allowed in something that lies in all of these scopes: what has two names lies in more than one finds by one.
    pub(crate) fn may_within(&self, action: &str, chain: &[Scope], what: &str) -> Result<(), ApiError> {
        if self.caller.grants.allow(action, chain) { Ok(()) } else { Err(refused(&self.caller, action, what)) }
    }

    /// Whether the route's action is allowed in something that lies in all of these scopes, and so in all that lies below it.
    pub(crate) fn reads_within(&self, chain: &[Scope]) -> bool {
        self.caller.grants.allow(self.action, chain)
    }

    /// That the route's action is allowed in an account. What the caller may not even see there is not found.
    pub(crate) fn in_account(&self, connector: &str, account: &str) -> Result<(), ApiError> {
        if self.filter.allows(connector, account) {
            return Ok(());
        }
        let place = Place { connector: connector.into(), account: account.into(), resource_group: "".into() };
        let chain = self.tree.library.governance.hierarchy.of_parts("", &place);
        let is_seen = self.caller.grants.allow(READ_OF_ACCOUNTS, &chain);
        Err(if is_seen { self.refused(&format!("account {account}")) } else { ApiError::not_found("such account") })
    }

    /// Whether a scope is another one or lies in it.
    pub(crate) fn lies_in(&self, scope: &Scope, other: &Scope) -> bool {
        self.tree.library.governance.hierarchy.above(scope).contains(other)
    }

    /// Whether one of two scopes lies in the other.
    pub(crate) fn are_related(&self, one: &Scope, other: &Scope) -> bool {
        self.lies_in(one, other) || self.lies_in(other, one)
    }

    /// Whether something that lies at a scope concerns the caller: the scope, one above it or one below it is theirs to see.
    pub(crate) fn sees(&self, scope: &Scope) -> bool {
        self.caller.grants.scopes(self.action).into_iter().any(|held| self.are_related(held, scope))
    }

    fn refused(&self, what: &str) -> ApiError {
        refused(&self.caller, self.action, what)
    }
}

/// What shows that an account is there.
const READ_OF_ACCOUNTS: &str = "Microsoft.Security/assessments/read";

impl Deref for Scoped {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.app
    }
}

impl FromRequestParts<AppState> for Scoped {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        // Only a route outside the layer has none.
        parts.extensions.get::<Self>().cloned().ok_or_else(unlisted)
    }
}

/// Lets a request through if its route is in the table and the caller may take its action somewhere, and says where.
///
/// Whoever may read nothing gets empty lists and "not found", as in Azure; a change is refused.
pub(crate) async fn authorize(State(app): State<AppState>, path: MatchedPath, mut request: Request, next: Next) -> Response {
    let caller = match auth::authenticate(&app, request.method(), request.headers()).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    if let Err(too_many) = app.limits.of_principal(&caller.id) {
        return too_many.into_response();
    }
    let base = match app.auth.base(request.headers()) {
        Ok(base) => base,
        Err(error) => return error.into_response(),
    };
    let Some(route) = routes::find(request.method().as_str(), path.as_str()) else {
        return unmatched(path.as_str(), request.uri());
    };
    let tree = match app.store.policy_library().await {
        Ok(tree) => tree,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let caller = Arc::new(limited(caller, &tree));
    let is_read = route.action.ends_with("/read");
    // What is one's own needs no role.
    let is_own = route.action.starts_with(routes::OWN);
    if !is_read && !is_own && !caller.grants.allow_somewhere(route.action) {
        let refusal = refused(&caller, route.action, "any scope");
        let change = Change::of(&request, &caller, route.action).ended(StatusCode::FORBIDDEN);
        return match app.store.append_audit(&change).await {
            Ok(_) => refusal,
            Err(error) => error.into(),
        }
        .into_response();
    }
    let filter = match filter(&app, &caller, route.action, &tree).await {
        Ok(filter) => filter,
        Err(error) => return error.into_response(),
    };
    let change = Change::of(&request, &caller, route.action);
    let store = app.store.clone();
    request.extensions_mut().insert(Scoped { app, base, caller, filter, action: route.action, tree });
    if is_read {
        return next.run(request).await;
    }
    // A task of its own, which goes on when the client hangs up or runs out of time: what is done is in the log.
    let made = tokio::spawn(async move {
        let response = next.run(request).await;
        match store.append_audit(&change.ended(response.status())).await {
            Ok(_) => response,
            Err(error) => {
                // What was done is done; that the log lacks it must be seen.
                tracing::error!(%error, "a change could not be written to the audit log");
                ApiError::from(error).into_response()
            }
        }
    });
    made.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a change failed");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "ChangeFailed", "the change failed; see the server's log")
            .into_response()
    })
}

/// A caller with what is left of its grants by the limits of its token.
fn limited(caller: Caller, tree: &KeptLibrary) -> Caller {
    let grants = match caller.limit() {
        Some(limit) => limit.of(caller.grants.clone(), &tree.library.governance.hierarchy),
        None => return caller,
    };
    Caller { grants, ..caller }
}

/// A change that is being made.
struct Change(AuditEntry);

impl Change {
    fn of(request: &Request, caller: &Caller, action: &str) -> Self {
        let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_string());
        Self(AuditEntry {
            at: Timestamp::now(),
            principal: caller.id.clone(),
            principal_name: caller.name.clone(),
            action: action.to_owned(),
            target: request.uri().path().to_owned(),
            outcome: String::new(),
            address: address.unwrap_or_default(),
            details: json!({ "method": request.method().as_str(), "query": request.uri().query() }),
        })
    }

    fn ended(self, status: StatusCode) -> AuditEntry {
        let outcome = if status.is_success() { "Succeeded".to_owned() } else { format!("Failed ({})", status.as_u16()) };
        AuditEntry { outcome, ..self.0 }
    }
}

/// The accounts in which an action is allowed.
async fn filter(app: &AppState, caller: &Caller, action: &str, tree: &KeptLibrary) -> Result<ScopeFilter, ApiError> {
    if caller.grants.allow_everywhere(action) {
        return Ok(ScopeFilter::All);
    }
    let mut allowed = BTreeSet::new();
    if caller.grants.allow_somewhere(action) {
        for (connector, account) in app.store.accounts(&ScopeFilter::All).await? {
            let place =
                Place { connector: connector.as_str().into(), account: account.as_str().into(), resource_group: "".into() };
            if caller.grants.allow(action, &tree.library.governance.hierarchy.of_parts("", &place)) {
                allowed.insert((connector, account));
            }
        }
    }
    Ok(ScopeFilter::Subscriptions(allowed))
}

fn refused(caller: &Caller, action: &str, what: &str) -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "AuthorizationFailed",
        format!(
            "{} ({}) has no role that allows `{action}` over {what}; whoever holds Owner or User Access Administrator there can assign one",
            caller.name, caller.id
        ),
    )
}

/// What no row of the table has: another method of a path that has some, or a path that nobody wrote into it.
fn unmatched(path: &str, uri: &Uri) -> Response {
    let methods = routes::methods(path);
    if methods.is_empty() {
        return unlisted().into_response();
    }
    // ARM has operations at this path that are not built, and clients ask by the code whether they are.
    if !path.starts_with("/api/") {
        return arm::not_available(uri).into_response();
    }
    let allowed = methods.join(", ");
    let message = format!("this address takes {allowed}");
    let refusal = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message);
    ([(header::ALLOW, allowed)], refusal).into_response()
}

/// A route that nobody wrote into the table fails closed.
fn unlisted() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "RouteNotListed",
        "this route names no action, so nobody may take it; this is a fault of the server",
    )
}
