//! What all calls to Azure of a run share: pages, errors, limits.

use std::{collections::BTreeSet, sync::Arc};

use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use skywarden_cloud::clean_message;
use skywarden_content::AzurePlane;
use skywarden_model::{UnreadableKind, UnreadableReason};
use tokio::sync::Semaphore;

use crate::{Answer, AzureRequest, Call, Transport, WireRequest, reason::Reasons, withhold::Secrets};

/// What a call is and what it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) plane: AzurePlane,
    /// Path and query.
    pub(crate) address: &'a str,
    /// The action, or the permission of Microsoft Graph.
    pub(crate) permission: &'a str,
    /// The subscription, or the tenant.
    pub(crate) account: &'a str,
}

/// The calls of a run.
pub(crate) struct Run<'a> {
    pub(crate) transport: &'a dyn Transport,
    pub(crate) secrets: Secrets,
    page_limit: usize,
    calls: Semaphore,
    reasons: Reasons,
}

/// Codes that say that the login, not its rights, is at fault.
const LOGIN: [&str; 6] = [
    "InvalidAuthenticationToken",
    "ExpiredAuthenticationToken",
    "InvalidAuthenticationTokenTenant",
    "AuthenticationFailed",
    "AuthenticationFailedMissingToken",
    "CredentialsUnavailable",
];

/// Codes that say that the namespace was never switched on in the subscription, so that nothing of it can be there.
const UNREGISTERED: [&str; 3] = ["MissingSubscriptionRegistration", "SubscriptionNotRegistered", "MissingRegistrationForType"];

/// Codes of a 404 that say that the address, not the resource, is unknown.
const MISDIRECTED: [&str; 4] =
    ["InvalidResourceType", "InvalidResourceNamespace", "NoRegisteredProviderFound", "InvalidApiVersion"];

impl<'a> Run<'a> {
    pub(crate) fn new(transport: &'a dyn Transport, secrets: Secrets, max_calls: usize, page_limit: usize) -> Self {
        let calls = Semaphore::new(max_calls.clamp(1, 1000));
        Self { transport, secrets, page_limit: page_limit.max(1), calls, reasons: Reasons::default() }
    }

    pub(crate) fn share(&self, reason: UnreadableReason) -> Arc<UnreadableReason> {
        self.reasons.share(reason)
    }

    /// One object.
    pub(crate) async fn get(&self, asked: Asked<'_>) -> Result<Value, UnreadableReason> {
        self.ask(asked, asked.address, None).await
    }

    /// One object, or nothing if Azure says by 404 and a code of its own that there is none.
    pub(crate) async fn find(&self, asked: Asked<'_>) -> Result<Option<Value>, UnreadableReason> {
        let answer = self.answer(asked, asked.address, None).await?;
        if answer.status == 404 {
            let reason = asked.refused(&answer);
            // A 404 without a code comes from something in between; these codes speak of the address and not of the resource.
            let is_gone = !reason.code.starts_with("HTTP ") && !MISDIRECTED.contains(&reason.code.as_str());
            return if is_gone { Ok(None) } else { Err(reason) };
        }
        asked.understood(&answer).map(Some)
    }

    /// A list, page after page; each is handed over before the next is asked for.
    pub(crate) async fn list(&self, asked: Asked<'_>, sink: &mut (dyn FnMut(Vec<Value>) + Send)) -> Result<(), UnreadableReason> {
        let mut address = asked.address.to_owned();
        let mut seen = BTreeSet::new();
        loop {
            let mut page = self.ask(asked, &address, None).await?;
            let next = ["nextLink", "@odata.nextLink"].iter().find_map(|name| page.get(*name)?.as_str().map(str::to_owned));
            match page.get_mut("value").map(Value::take) {
                Some(Value::Array(items)) => sink(items),
                _ => return Err(asked.malformed("it has no list `value`")),
            }
            address = match next.filter(|next| !next.is_empty()) {
                Some(next) => next,
                None => return Ok(()),
            };
            self.check_page(asked, &mut seen, &address)?;
        }
    }

    /// The rows of a query of Resource Graph, page after page; of a page, which may have a thousand, one at a time.
    pub(crate) async fn query(
        &self,
        asked: Asked<'_>,
        query: &str,
        subscriptions: &[&str],
        sink: &mut (dyn FnMut(Value) + Send),
    ) -> Result<(), UnreadableReason> {
        let mut token: Option<String> = None;
        let mut seen = BTreeSet::new();
        loop {
            let mut options = Map::from_iter([
                ("$top".to_owned(), json!(1000)),
                ("resultFormat".to_owned(), json!("objectArray")),
                ("authorizationScopeFilter".to_owned(), json!("AtScopeAboveAndBelow")),
            ]);
            options.extend(token.iter().map(|token| ("$skipToken".to_owned(), json!(token))));
            let body = json!({ "query": query, "subscriptions": subscriptions, "options": options });
            let answer = self.answer(asked, asked.address, Some(body)).await?;
            let page: QueryPage<'_> = asked.understood(&answer)?;
            let rows = page.data.ok_or_else(|| asked.malformed("it has no list `data`"))?;
            for row in rows {
                sink(serde_json::from_str(row.get()).map_err(|error| asked.malformed(&format!("a row is no JSON: {error}")))?);
            }
            let is_cut = page.result_truncated.is_some_and(|cut| cut.eq_ignore_ascii_case("true"));
            token = match page.skip_token.filter(|token| !token.is_empty()) {
                Some(next) => Some(next),
                None if is_cut => return Err(asked.truncated("the rows are cut off and there is no token for the others")),
                None => return Ok(()),
            };
            self.check_page(asked, &mut seen, token.as_deref().unwrap_or_default())?;
        }
    }

    /// A list that points back to a page that was read, or never ends, is broken off.
    fn check_page(&self, asked: Asked<'_>, seen: &mut BTreeSet<String>, next: &str) -> Result<(), UnreadableReason> {
        if !seen.insert(next.to_owned()) {
            return Err(asked.truncated(&format!("page {} points back to a page that was already read", seen.len())));
        }
        if seen.len() >= self.page_limit {
            return Err(asked.truncated(&format!("there are more than {} pages", self.page_limit)));
        }
        Ok(())
    }

    async fn ask(&self, asked: Asked<'_>, address: &str, body: Option<Value>) -> Result<Value, UnreadableReason> {
        asked.understood(&self.answer(asked, address, body).await?)
    }

    async fn answer(&self, asked: Asked<'_>, address: &str, body: Option<Value>) -> Result<Answer, UnreadableReason> {
        let (service, counts_against) = match (asked.plane, &body) {
            (AzurePlane::Arm, None) => ("arm", asked.account),
            (AzurePlane::Arm, Some(_)) => ("arm", "resource-graph"),
            (AzurePlane::Graph, _) => ("graph", asked.account),
        };
        let mut parameters = Map::from_iter([("address".to_owned(), json!(address))]);
        parameters.extend(body.iter().map(|body| ("body".to_owned(), body.clone())));
        let call = Call {
            service: service.to_owned(),
            operation: if body.is_some() { "POST" } else { "GET" }.to_owned(),
            region: String::new(),
            parameters,
            request: WireRequest::Azure(AzureRequest {
                plane: asked.plane,
                address: address.to_owned(),
                body,
                counts_against: counts_against.to_owned(),
            }),
        };
        // Never closed, so it can't fail; if it did, the call would merely not be counted.
        let _permit = self.calls.acquire().await;
        let answer = self.transport.call(&call).await;
        answer.map_err(|failure| asked.reason(UnreadableKind::Failed, &failure.code, &failure.message))
    }
}

/// A page of Resource Graph.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QueryPage<'b> {
    #[serde(borrow)]
    data: Option<Vec<&'b RawValue>>,
    /// `true` or `false`, as a text.
    result_truncated: Option<String>,
    #[serde(rename = "$skipToken")]
    skip_token: Option<String>,
}

impl Asked<'_> {
    /// The document of an answer, or why there is none.
    fn understood<'b, T: Deserialize<'b>>(&self, answer: &'b Answer) -> Result<T, UnreadableReason> {
        if !(200..300).contains(&answer.status) {
            return Err(self.refused(answer));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            self.malformed(&format!("it has {} bytes and is no JSON that is expected: {error}", answer.body.len()))
        })
    }

    /// The reason of an answer with an error status: ARM's, Microsoft Graph's and Entra's shapes.
    fn refused(&self, answer: &Answer) -> UnreadableReason {
        let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let code = text("/error/code").or(text("/code")).or(text("/error")).map(str::to_owned);
        let code = code.unwrap_or_else(|| format!("HTTP {}", answer.status));
        let message = text("/error/message").or(text("/message")).or(text("/error_description")).unwrap_or_default();
        let kind = match answer.status {
            429 => UnreadableKind::Throttled,
            401 | 403 if !LOGIN.contains(&code.as_str()) => UnreadableKind::Denied,
            _ => UnreadableKind::Failed,
        };
        let message = match kind {
            UnreadableKind::Throttled => format!("still throttled after all retries: {message}"),
            UnreadableKind::Denied => without_names(message).to_owned(),
            _ if LOGIN.contains(&code.as_str()) => format!("Azure does not accept the login: {message}"),
            _ => message.to_owned(),
        };
        self.reason(kind, &code, &message)
    }

    pub(crate) fn malformed(&self, message: &str) -> UnreadableReason {
        self.reason(UnreadableKind::Failed, "MalformedAnswer", &format!("the answer can't be understood: {message}"))
    }

    pub(crate) fn truncated(&self, message: &str) -> UnreadableReason {
        self.reason(UnreadableKind::Truncated, "EndlessList", message)
    }

    pub(crate) fn unmade(&self, message: &str) -> UnreadableReason {
        self.reason(UnreadableKind::Failed, "InvalidSpec", &format!("the call could not be made: {message}"))
    }

    pub(crate) fn reason(&self, kind: UnreadableKind, code: &str, message: &str) -> UnreadableReason {
        UnreadableReason {
            kind,
            operation: self.permission.to_owned(),
            permission: (kind == UnreadableKind::Denied).then(|| self.permission.to_owned()),
            code: code.to_owned(),
            message: clean_message(message),
        }
    }
}

/// Whether a refusal is a fact: one of the spec's codes, or that the namespace is not registered.
pub(crate) fn is_absence(absent_on: &[String], reason: &UnreadableReason) -> bool {
    UNREGISTERED.contains(&reason.code.as_str()) || absent_on.iter().any(|absent| crate::pages::is_absence(absent, reason))
}

/// Refusals name the caller and the scope; without them all resources that one missing action touches share one reason.
fn without_names(message: &str) -> &str {
    let begin = message.find("does not have authorization").unwrap_or(0);
    let rest = message.get(begin..).unwrap_or(message);
    rest.split_once(" over scope ").map_or(rest, |(head, _)| head)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn refused(status: u16, body: &'static str) -> UnreadableReason {
        let asked = Asked { plane: AzurePlane::Arm, address: "/x", permission: "Microsoft.Sql/servers/read", account: "s" };
        asked.refused(&Answer { status, content_type: None, error_type: None, bucket_region: None, body: Bytes::from(body) })
    }

    #[test]
    fn a_refusal_names_the_action_and_neither_caller_nor_scope() {
        let reason = refused(
            403,
            r#"{"error":{"code":"AuthorizationFailed","message":"The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Sql/servers/read' over scope '/subscriptions/s/x' or the scope is invalid."}}"#,
        );
        assert_eq!((reason.kind, reason.code.as_str()), (UnreadableKind::Denied, "AuthorizationFailed"));
        assert_eq!(reason.permission.as_deref(), Some("Microsoft.Sql/servers/read"));
        assert_eq!(reason.message, "does not have authorization to perform action 'Microsoft.Sql/servers/read'");
    }

    #[test]
    fn a_bad_login_is_no_missing_right() {
        let reason = refused(401, r#"{"error":{"code":"InvalidAuthenticationToken","message":"expired"}}"#);
        assert_eq!((reason.kind, reason.permission), (UnreadableKind::Failed, None));
        assert!(reason.message.contains("does not accept the login"), "{}", reason.message);
    }

    #[test]
    fn throttling_and_strange_bodies_are_told() {
        assert_eq!(refused(429, "").kind, UnreadableKind::Throttled);
        assert_eq!(refused(403, "<html>").code, "HTTP 403");
        assert_eq!(refused(400, r#"{"error":"invalid_client","error_description":"AADSTS7000215"}"#).code, "invalid_client");
        assert_eq!(refused(404, r#"{"code":"NotFound","message":"m"}"#).code, "NotFound");
    }

    #[test]
    fn a_namespace_that_is_not_registered_has_nothing() {
        let reason = refused(409, r#"{"error":{"code":"MissingSubscriptionRegistration","message":"m"}}"#);
        assert!(is_absence(&[], &reason));
        assert!(!is_absence(&[], &refused(404, r#"{"error":{"code":"ResourceNotFound"}}"#)));
        assert!(is_absence(&["ResourceNotFound".to_owned()], &refused(404, r#"{"error":{"code":"ResourceNotFound"}}"#)));
    }
}
