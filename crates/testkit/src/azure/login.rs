use axum::http::Method;
use serde_json::{Value, json};

use super::{
    answer::Answer,
    certificate::{BadAssertion, Registered, check},
    estate::Login,
    request::Request,
    server::Service,
    token::Claims,
};

/// Resource Manager's ids, beside the server's own address.
const MANAGER: [&str; 2] = ["https://management.azure.com", "https://management.core.windows.net"];

/// Microsoft Graph's id.
const GRAPH: &str = "https://graph.microsoft.com";

/// Other services that tokens are given for: their routes are not here, but a client may ask.
const OTHERS: [&str; 2] = ["https://vault.azure.net", "https://storage.azure.com"];

/// Who asks.
pub(crate) struct Caller {
    pub(crate) app_id: String,
    pub(crate) object_id: String,
}

/// Which API a token has to be for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    Manager,
    Graph,
}

/// The answer to a request that is about logging in; `None` if it is about something else.
pub(crate) fn answer(service: &Service, request: &Request) -> Option<Answer> {
    let folded = request.folded();
    let folded: Vec<&str> = folded.iter().map(String::as_str).collect();
    let answer = match folded.as_slice() {
        ["metadata", "endpoints"] => endpoints(service, request),
        ["metadata", "identity", "oauth2", "token"] => machine(service, request),
        [_, "discovery", "instance"] => instance(service),
        [tenant, "v2.0", ".well-known", "openid-configuration"] => discovery(service, tenant),
        [tenant, "oauth2", "v2.0", "token"] if request.method == Method::POST => token(service, request, tenant, Version::Two),
        [tenant, "oauth2", "token"] if request.method == Method::POST => token(service, request, tenant, Version::One),
        _ => return None,
    };
    Some(answer)
}

/// The caller whose token a request carries.
pub(crate) fn caller(service: &Service, request: &Request, audience: Audience) -> Result<Caller, Answer> {
    let refuse = |code: &str, message: &str| refused(service, audience, code, message);
    let Some(header) = request.header("authorization") else {
        return Err(refuse("AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."));
    };
    let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let Some(claims) = token.and_then(|token| service.seal.claims(token)) else {
        return Err(refuse("InvalidAuthenticationToken", "The access token is invalid."));
    };
    let now = service.now().as_second();
    if claims.exp <= now {
        let message = format!(
            "The access token expiry UTC time '{}' is earlier than current UTC time '{}'.",
            service.moment(claims.exp),
            service.moment(now)
        );
        return Err(refuse("ExpiredAuthenticationToken", &message));
    }
    if !is_for(service, &claims.aud, audience) {
        let message = format!(
            "The access token has been obtained for wrong audience or resource '{}'. It should exactly match with one of the allowed \
             audiences '{}/','{}'.",
            claims.aud,
            MANAGER.join("/','"),
            service.base
        );
        return Err(refuse("InvalidAuthenticationTokenAudience", &message));
    }
    Ok(Caller { app_id: claims.appid, object_id: claims.oid })
}

fn refused(service: &Service, audience: Audience, code: &str, message: &str) -> Answer {
    let tenant = service.estate.tenant();
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{tenant}\", error=\"invalid_token\", error_description=\"{message}\"",
        service.base
    );
    let answer = match audience {
        Audience::Manager => Answer::error(401, code, message),
        Audience::Graph => super::graph::error(service, 401, "InvalidAuthenticationToken", message),
    };
    answer.with_header("www-authenticate", &challenge)
}

fn is_for(service: &Service, resource: &str, audience: Audience) -> bool {
    let resource = resource.trim_end_matches('/');
    resource == service.base
        || match audience {
            Audience::Manager => MANAGER.contains(&resource),
            Audience::Graph => resource == GRAPH,
        }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// `resource=`.
    One,
    /// `scope=RESOURCE/.default`.
    Two,
}

fn token(service: &Service, request: &Request, tenant: &str, version: Version) -> Answer {
    match checked(service, request, tenant, version) {
        Ok((login, resource)) => given(service, login, &resource, version),
        Err(answer) => answer,
    }
}

fn checked<'a>(service: &'a Service, request: &Request, tenant: &str, version: Version) -> Result<(&'a Login, String), Answer> {
    let written = &service.estate.written;
    let form = request.form();
    let field =
        |name: &str| form.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty());
    let bad = |status, error: &str, code, message: &str| Err(oauth_error(service, status, error, code, message));
    if !written.tenant.id.eq_ignore_ascii_case(tenant) && !written.tenant.default_domain.eq_ignore_ascii_case(tenant) {
        let message = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."
        );
        return bad(400, "invalid_request", 90002, &message);
    }
    match field("grant_type") {
        Some("client_credentials") => {}
        Some(other) => {
            return bad(400, "unsupported_grant_type", 70003, &format!("The app requested an unsupported grant type '{other}'."));
        }
        None => {
            return bad(400, "invalid_request", 900_144, "The request body must contain the following parameter: 'grant_type'.");
        }
    }
    let Some(app_id) = field("client_id") else {
        return bad(400, "invalid_request", 900_144, "The request body must contain the following parameter: 'client_id'.");
    };
    let Some(login) = written.logins.iter().find(|login| login.app_id.eq_ignore_ascii_case(app_id)) else {
        let message = format!(
            "Application with identifier '{app_id}' was not found in the directory '{}'. This can happen if the application has not been \
             installed by the administrator of the tenant or consented to by any user in the tenant. You may have sent your \
             authentication request to the wrong tenant.",
            written.tenant.display_name
        );
        return bad(400, "unauthorized_client", 700_016, &message);
    };
    match (field("client_secret"), field("client_assertion")) {
        (_, Some(assertion)) => prove(service, login, tenant, assertion, version)?,
        (Some(secret), None) => match login.secrets.iter().find(|own| own.value == secret) {
            Some(own) if own.is_expired => {
                let message = format!(
                    "The provided client secret keys for app '{app_id}' are expired. Visit the Azure portal to create new keys for your app: \
                     https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."
                );
                return bad(401, "invalid_client", 7_000_222, &message);
            }
            Some(_) => {}
            None => {
                let message = format!(
                    "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the \
                     client secret ID, for a secret added to app '{app_id}'."
                );
                return bad(401, "invalid_client", 7_000_215, &message);
            }
        },
        (None, None) => {
            let message = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            return bad(401, "invalid_client", 7_000_218, message);
        }
    }
    Ok((login, resource(service, field(if version == Version::One { "resource" } else { "scope" }), version)?))
}

fn prove(service: &Service, login: &Login, tenant: &str, assertion: &str, version: Version) -> Result<(), Answer> {
    let bad = |code, message: &str| Err(oauth_error(service, 401, "invalid_client", code, message));
    let path = if version == Version::One { "oauth2/token" } else { "oauth2/v2.0/token" };
    let address = format!("{}/{tenant}/{path}", service.base);
    let registered = login.certificates.iter().map(|file| Registered::read(&service.estate.written.folder.join(file)));
    // A file that can't be read is one that no signature fits; the server said so when it started.
    let registered: Vec<Registered> = registered.filter_map(Result::ok).collect();
    let app_id = &login.app_id;
    match check(&registered, assertion, app_id, &address, service.now().as_second()) {
        Ok(()) => Ok(()),
        Err(BadAssertion::Signature) => bad(
            700_027,
            &format!(
                "The certificate with identifier used to sign the client assertion is not registered on application '{app_id}'."
            ),
        ),
        Err(BadAssertion::Audience(audience)) => bad(
            700_023,
            &format!(
                "Client assertion audience claim does not match Realm issuer: '{audience}' was given, '{address}' is expected."
            ),
        ),
        Err(BadAssertion::Issuer) => bad(700_021, "Client assertion application identifier doesn't match 'client_id' parameter."),
        Err(BadAssertion::Expired) => bad(700_024, "Client assertion is not within its valid time range."),
    }
}

fn resource(service: &Service, asked: Option<&str>, version: Version) -> Result<String, Answer> {
    let bad = |error: &str, code, message: &str| Err(oauth_error(service, 400, error, code, message));
    let Some(asked) = asked else {
        let message = "The request body must contain the following parameter: 'scope'.";
        return bad("invalid_request", 900_144, message);
    };
    let resource = match version {
        Version::One => asked,
        Version::Two => match asked.strip_suffix("/.default") {
            Some(resource) => resource,
            None => {
                let message = format!(
                    "The provided value for scope {asked} is not valid. Client credential flows must have a scope value with /.default \
                     suffixed to the resource identifier (application ID URI)."
                );
                return bad("invalid_scope", 1_002_012, &message);
            }
        },
    };
    let folded = resource.trim_end_matches('/');
    if folded == service.base || folded == GRAPH || MANAGER.contains(&folded) || OTHERS.contains(&folded) {
        return Ok(resource.to_owned());
    }
    let message = format!(
        "The resource principal named {resource} was not found in the tenant named {}. This can happen if the application has not been \
         installed by the administrator of the tenant or consented to by any user in the tenant.",
        service.estate.written.tenant.display_name
    );
    bad("invalid_resource", 500_011, &message)
}

fn given(service: &Service, login: &Login, resource: &str, version: Version) -> Answer {
    let (token, lifetime) = service.token(login, resource);
    let body = match version {
        Version::Two => {
            json!({"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": token})
        }
        Version::One => one(service, &token, lifetime, resource),
    };
    Answer::json(200, &body).with_header("cache-control", "no-store, no-cache").with_header("pragma", "no-cache")
}

/// The older answer: its numbers are texts.
fn one(service: &Service, token: &str, lifetime: i64, resource: &str) -> Value {
    let now = service.now().as_second();
    json!({
        "token_type": "Bearer",
        "expires_in": lifetime.to_string(),
        "ext_expires_in": lifetime.to_string(),
        "expires_on": (now + lifetime).to_string(),
        "not_before": now.to_string(),
        "resource": resource,
        "access_token": token,
    })
}

/// The token of the machine that the server stands for, as its metadata service answers.
fn machine(service: &Service, request: &Request) -> Answer {
    let bad = |message: &str| Answer::json(400, &json!({"error": "invalid_request", "error_description": message}));
    if !request.header("metadata").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return bad("Required metadata header not specified");
    }
    if request.parameter("api-version").is_none() {
        return bad("Required query variable 'api-version' is missing");
    }
    let Some(resource) = request.parameter("resource") else { return bad("Required audience parameter not specified") };
    let written = &service.estate.written;
    let own = &written.tenant.machine_identities;
    let asked = request.parameter("client_id").map(str::to_owned).or_else(|| {
        let object = request.parameter("object_id").or_else(|| request.parameter("principal_id"))?;
        written.logins.iter().find(|login| login.object_id.eq_ignore_ascii_case(object)).map(|login| login.app_id.clone())
    });
    let wanted = asked.or_else(|| own.first().cloned());
    let known = wanted.filter(|app_id| own.iter().any(|known| known.eq_ignore_ascii_case(app_id)));
    let login = known.and_then(|app_id| written.logins.iter().find(|login| login.app_id.eq_ignore_ascii_case(&app_id)));
    let Some(login) = login else { return bad("Identity not found") };
    let (token, lifetime) = service.token(login, resource);
    let mut body = one(service, &token, lifetime, resource);
    if let Some(body) = body.as_object_mut() {
        body.insert("client_id".to_owned(), login.app_id.clone().into());
    }
    Answer::json(200, &body)
}

/// What `az cloud register` reads: a cloud, in older versions a list of clouds.
fn endpoints(service: &Service, request: &Request) -> Answer {
    let base = &service.base;
    let cloud = json!({
        "name": "Skywarden",
        "portal": base,
        "resourceManager": format!("{base}/"),
        "authentication": {
            "loginEndpoint": format!("{base}/"),
            "audiences": [format!("{base}/"), "https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": service.estate.tenant(),
            "identityProvider": "AAD",
        },
        "graph": base,
        "graphAudience": base,
        "microsoftGraphResourceId": base,
        "activeDirectoryDataLake": base,
        "logAnalyticsResourceId": base,
        "batch": base,
        "media": base,
        "gallery": base,
        "sqlManagement": base,
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io",
        },
    });
    let is_list = request.parameter("api-version").is_none_or(|version| version < "2022-09-01");
    Answer::json(200, &if is_list { json!([cloud]) } else { cloud })
}

fn instance(service: &Service) -> Answer {
    let base = &service.base;
    let host = base.split_once("://").map_or("", |(_, host)| host);
    Answer::json(
        200,
        &json!({
            "tenant_discovery_endpoint": format!("{base}/{}/v2.0/.well-known/openid-configuration", service.estate.tenant()),
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
        }),
    )
}

fn discovery(service: &Service, tenant: &str) -> Answer {
    let written = &service.estate.written.tenant;
    if ![written.id.as_str(), &written.default_domain, "common", "organizations"]
        .iter()
        .any(|own| own.eq_ignore_ascii_case(tenant))
    {
        let message = format!("Tenant '{tenant}' not found.");
        return oauth_error(service, 400, "invalid_tenant", 90002, &message);
    }
    let base = format!("{}/{tenant}", service.base);
    Answer::json(
        200,
        &json!({
            "issuer": format!("{}/{}/v2.0", service.base, written.id),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "jwks_uri": format!("{base}/discovery/v2.0/keys"),
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "msgraph_host": "graph.microsoft.com",
        }),
    )
}

fn oauth_error(service: &Service, status: u16, error: &str, code: u32, message: &str) -> Answer {
    let (trace, correlation) = (service.identifier(), service.identifier());
    let timestamp = service.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    Answer::json(
        status,
        &json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
            ),
            "error_codes": [code],
            "timestamp": timestamp,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("{}/error?code={code}", service.base),
        }),
    )
}

impl Service {
    /// A token of a program for a resource, and for how many seconds it is good.
    pub(crate) fn token(&self, login: &Login, resource: &str) -> (String, i64) {
        let now = self.now().as_second();
        let lifetime = i64::try_from(self.options.token_lifetime.as_secs()).unwrap_or(i64::MAX);
        let tenant = self.estate.tenant();
        let claims = Claims {
            aud: resource.to_owned(),
            iss: format!("https://sts.windows.net/{tenant}/"),
            iat: now,
            nbf: now,
            exp: now.saturating_add(lifetime),
            appid: login.app_id.clone(),
            oid: login.object_id.clone(),
            sub: login.object_id.clone(),
            tid: tenant.to_owned(),
            idtyp: "app".to_owned(),
            ver: "1.0".to_owned(),
        };
        // Claims are plain texts and numbers: they always make a token.
        (self.seal.token(&claims).unwrap_or_default(), lifetime)
    }
}
