use std::{
    collections::BTreeSet,
    net::SocketAddr,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    http::{StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use skywarden_model::{Resource, Scope as Place, Timestamp};
use skywarden_policy::Scope;
use skywarden_store::{AuditEntry, KeptLibrary, ScopeFilter, Share};

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
    /// What of the estate may be seen; the same as `filter` for a read.
    seen: ScopeFilter,
    action: &'static str,
    tree: Arc<KeptLibrary>,
    concerned: Arc<OnceLock<Concerned>>,
}

/// Where the route's action is allowed, under every name that a scope has.
struct Concerned {
    /// Scopes at which it is allowed.
    held: BTreeSet<Scope>,
    /// These and those that they lie in.
    above: BTreeSet<Scope>,
}

impl Concerned {
    fn of(state: &Scoped) -> Self {
        let hierarchy = &state.tree.library.governance.hierarchy;
        let mut held: BTreeSet<Scope> = state.caller.grants.scopes(state.action).into_iter().cloned().collect();
        let mut above = BTreeSet::new();
        if let ScopeFilter::Part(part) = &state.filter {
            for ((connector, account), share) in part.shares() {
                let place =
                    Place { connector: connector.as_str().into(), account: account.as_str().into(), resource_group: "".into() };
                // A role may be assigned at an account's own name, a policy at the one that the ARM face gives it.
                for name in [account.to_lowercase(), skywarden_model::subscription_id(&place).to_string()] {
                    let subscription = Scope::Subscription(name.clone());
                    above.extend(hierarchy.above(&subscription));
                    match share {
                        Share::Whole => {
                            held.insert(subscription);
                        }
                        Share::Places(places) => {
                            held.extend(places.groups.iter().map(|group| Scope::ResourceGroup(name.clone(), group.clone())));
                            held.extend(places.resources.keys().map(|id| Scope::Resource(id.to_lowercase())));
                            let groups = places.resources.values().filter(|group| !group.is_empty());
                            above.extend(groups.map(|group| Scope::ResourceGroup(name.clone(), group.clone())));
                        }
                    }
                }
            }
        }
        above.extend(held.iter().flat_map(|scope| hierarchy.above(scope)));
        Self { held, above }
    }
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

    /// That the route's action is allowed in all of an account. What the caller sees nothing of is not found.
    pub(crate) fn in_account(&self, connector: &str, account: &str) -> Result<(), ApiError> {
        if self.filter.allows(connector, account) {
            return Ok(());
        }
        let is_seen = self.seen.shows(connector, account);
        Err(if is_seen { self.refused(&format!("account {account}")) } else { ApiError::not_found("such account") })
    }

    /// That the route's action is allowed at a management group. One that is not there, or that the caller may not see, is not found.
    pub(crate) fn at(&self, group: &Scope) -> Result<(), ApiError> {
        let hierarchy = &self.tree.library.governance.hierarchy;
        let chain = hierarchy.above(group);
        let is_there = hierarchy.placed().any(|own| own == group);
        let is_allowed = self.caller.grants.allow(self.action, &chain) || (self.action.ends_with("/read") && self.sees(group));
        match (is_there, is_allowed) {
            (true, true) => Ok(()),
            (true, false) if self.caller.grants.allow(READ, &chain) => Err(self.refused(&group.to_string())),
            _ => Err(ApiError::not_found("such management group")),
        }
    }

    /// The scopes that a resource lies in, from itself to the tenant.
    pub(crate) fn chain_of(&self, id: &str, place: &Place) -> Vec<Scope> {
        self.tree.library.governance.hierarchy.of_parts(id, place)
    }

    /// The same of a resource group.
    pub(crate) fn in_group(&self, connector: &str, account: &str, group: &str) -> Result<(), ApiError> {
        if self.filter.allows_group(connector, account, group) {
            return Ok(());
        }
        let is_seen = self.seen.allows_group(connector, account, group);
        let what = format!("resource group {group} of account {account}");
        Err(if is_seen { self.refused(&what) } else { ApiError::not_found("such resource group") })
    }

    /// The same of a resource.
    pub(crate) fn on_resource(&self, resource: &Resource) -> Result<(), ApiError> {
        if self.filter.allows_resource(resource) {
            return Ok(());
        }
        let is_seen = self.seen.allows_resource(resource);
        Err(if is_seen { self.refused(&format!("resource {}", resource.id)) } else { ApiError::not_found("such resource") })
    }

    /// Whether the route's action is allowed at a scope, above it or below it, by the very names under which roles are assigned: another
    /// account of the same name does not count.
    pub(crate) fn holds_near(&self, scope: &Scope) -> bool {
        self.caller.grants.scopes(self.action).into_iter().any(|held| self.lies_in(held, scope) || self.lies_in(scope, held))
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
        let concerned = self.concerned.get_or_init(|| Concerned::of(self));
        let hierarchy = &self.tree.library.governance.hierarchy;
        concerned.above.contains(scope) || hierarchy.above(scope).iter().any(|own| concerned.held.contains(own))
    }

    fn refused(&self, what: &str) -> ApiError {
        refused(&self.caller, self.action, what)
    }
}

/// What shows that something of the estate is there.
const READ: &str = "Microsoft.Security/assessments/read";

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
    if !is_read && !is_own && !caller.grants.allow_somewhere(&route.action) {
        let refusal = refused(&caller, &route.action, "any scope");
        let change = Change::of(&request, &caller, &route.action).ended(StatusCode::FORBIDDEN);
        return match app.store.append_audit(&change).await {
            Ok(_) => refusal,
            Err(error) => error.into(),
        }
        .into_response();
    }
    let filter = match app.store.filter_of(&caller.grants.scopes(&route.action)).await {
        Ok(filter) => filter,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let seen = match is_read {
        true => filter.clone(),
        false => match app.store.filter_of(&caller.grants.scopes(READ)).await {
            Ok(seen) => seen,
            Err(error) => return ApiError::from(error).into_response(),
        },
    };
    let change = Change::of(&request, &caller, &route.action);
    let store = app.store.clone();
    request.extensions_mut().insert(Scoped {
        app,
        base,
        caller,
        filter,
        seen,
        action: &route.action,
        tree,
        concerned: Arc::default(),
    });
    if is_read || route.action == routes::SEND_LOGS {
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
