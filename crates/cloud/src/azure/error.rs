//! What the error answers of Azure Resource Manager, Microsoft Graph and Entra ID say.

use std::fmt;

use serde_json::Value;

use crate::{HttpResponse, clean_message};

/// Of an error answer at most this much is looked at.
const MAX_BYTES: usize = 64 << 10;

/// At most so many details are kept.
const MAX_DETAILS: usize = 20;

/// Codes with which services say that they are asked too much, besides status 429.
const THROTTLES: [&str; 7] = [
    "TooManyRequests",
    "RateLimiting",
    "RequestThrottled",
    "SubscriptionRequestsThrottled",
    "ResourceRequestsThrottled",
    "ResourceCollectionRequestsThrottled",
    "TenantRequestsThrottled",
];

/// Codes that name a missing right, besides status 403.
const DENIALS: [&str; 6] = [
    "AuthorizationFailed",
    "LinkedAuthorizationFailed",
    "Authorization_RequestDenied",
    "AuthorizationPermissionMismatch",
    "AccessDenied",
    "Forbidden",
];

/// An answer of Azure that is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AzureError {
    /// The HTTP status.
    pub status: u16,
    /// The service's code: `AuthorizationFailed`; `invalid_client` where Entra ID says it; empty if the answer has none.
    pub code: String,
    /// The service's message, shortened and free of credentials.
    pub message: String,
    /// What the service says besides, flattened; at most twenty.
    pub details: Vec<AzureErrorDetail>,
    /// Entra ID's number, without `AADSTS`.
    pub entra_number: Option<u32>,
    /// Taken from the whole message: the shortened one may have lost its end.
    missing: Option<Box<(String, String)>>,
}

/// One of an error's details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AzureErrorDetail {
    /// The service's code.
    pub code: String,
    /// The service's message, shortened and free of credentials.
    pub message: String,
}

impl AzureError {
    /// What an answer with an error status says; an answer that is no JSON gives its status alone.
    pub fn of(response: &HttpResponse) -> Self {
        let body = response.body.get(..response.body.len().min(MAX_BYTES)).unwrap_or_default();
        let document: Value = serde_json::from_slice(body).unwrap_or_default();
        let mut error = Self { status: response.status, ..Self::default() };
        if document.is_null() {
            error.message = unreadable(body);
            return error;
        }
        error.read(&document);
        error
    }

    /// The JSON of an answer.
    ///
    /// # Errors
    /// If its status is an error, or it is no JSON: a page that something on the way has put in its place is no answer.
    pub fn check(response: &HttpResponse) -> Result<Value, Self> {
        if !(200..300).contains(&response.status) {
            return Err(Self::of(response));
        }
        if response.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&response.body).map_err(|_| Self {
            status: response.status,
            message: unreadable(&response.body),
            ..Self::default()
        })
    }

    /// Whether the service is asked too much; such an error says nothing about what may be read.
    pub fn is_throttled(&self) -> bool {
        self.status == 429 || THROTTLES.contains(&self.code.as_str())
    }

    /// Whether a right is missing.
    pub fn is_denied(&self) -> bool {
        !self.is_throttled() && (self.status == 403 || DENIALS.contains(&self.code.as_str()))
    }

    /// Whether what was asked for is not there.
    pub fn is_absent(&self) -> bool {
        self.status == 404
    }

    /// The action that is missing and the scope on which it is: `Microsoft.Storage/storageAccounts/read` and `/subscriptions/...`.
    /// Absent where the service's sentence does not tell.
    pub fn missing_action(&self) -> Option<(&str, &str)> {
        self.missing.as_ref().map(|both| (both.0.as_str(), both.1.as_str()))
    }

    fn read(&mut self, document: &Value) {
        // Microsoft Graph's batches and some services answer with a list of one.
        let document = document.as_array().and_then(|list| list.first()).unwrap_or(document);
        let inner = member(document, "error").or_else(|| member(document, "odata.error"));
        match inner {
            // Entra ID: RFC 6749.
            Some(Value::String(code)) => {
                let message = text(document, "error_description");
                self.entra_number = aadsts(message);
                self.take(code, message);
            }
            Some(inner @ Value::Object(_)) => self.read_object(inner),
            _ => self.read_object(document),
        }
    }

    fn read_object(&mut self, object: &Value) {
        let message = member(object, "message");
        let message =
            message.and_then(|message| member(message, "value")).or(message).and_then(Value::as_str).unwrap_or_default();
        // Some services wrap the answer of the one that they have asked themselves.
        let wrapped = message.trim_start().starts_with('{').then(|| serde_json::from_str::<Value>(message).ok()).flatten();
        match wrapped.as_ref().and_then(|wrapped| member(wrapped, "error").filter(|inner| inner.is_object()).or(Some(wrapped))) {
            Some(inner) => {
                let inner_message = text(inner, "message");
                self.take(text(inner, "code"), inner_message);
                if self.code.is_empty() {
                    text(object, "code").clone_into(&mut self.code);
                }
            }
            None => self.take(text(object, "code"), message),
        }
        self.collect_details(object, 0);
    }

    fn take(&mut self, code: &str, message: &str) {
        self.code = clean_message(code);
        self.message = clean_message(message);
        self.missing = missing_action(message).map(Box::new);
    }

    fn collect_details(&mut self, object: &Value, depth: usize) {
        let details = member(object, "details").and_then(Value::as_array);
        for detail in details.into_iter().flatten().filter(|detail| detail.is_object()) {
            if self.details.len() >= MAX_DETAILS || depth > 4 {
                return;
            }
            let message = text(detail, "message");
            self.missing = self.missing.take().or_else(|| missing_action(message).map(Box::new));
            self.details.push(AzureErrorDetail { code: clean_message(text(detail, "code")), message: clean_message(message) });
            self.collect_details(detail, depth + 1);
        }
    }
}

impl fmt::Display for AzureError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code.as_str() {
            "" => write!(out, "status {}", self.status)?,
            code => write!(out, "{code} ({})", self.status)?,
        }
        if !self.message.is_empty() {
            write!(out, ": {}", self.message)?;
        }
        // Resource Graph's own message is `Please provide below info when asking for support`; the reason is in the details.
        for detail in self.details.iter().take(2) {
            write!(out, "; {} {}", detail.code, detail.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for AzureError {}

/// What a body that is no JSON gets for a message: the page itself may be long and says little.
fn unreadable(body: &[u8]) -> String {
    if body.is_empty() {
        return "the answer is empty".to_owned();
    }
    let text = String::from_utf8_lossy(body.get(..body.len().min(MAX_BYTES)).unwrap_or_default());
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(title, _)| title);
    match title {
        Some(title) => format!("the answer is a page `{}` instead of JSON", clean_message(title)),
        None => "the answer is no JSON".to_owned(),
    }
}

/// A member whose name is compared without case: some services write `Message`.
fn member<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    let object = object.as_object()?;
    object.get(name).or_else(|| object.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn text<'v>(object: &'v Value, name: &str) -> &'v str {
    member(object, name).and_then(Value::as_str).unwrap_or_default()
}

/// `AADSTS7000215: Invalid client secret provided.` has the number 7000215.
fn aadsts(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("AADSTS")?;
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// Of `... does not have authorization to perform action 'X' over scope 'Y' ...` X and Y.
fn missing_action(message: &str) -> Option<(String, String)> {
    // `... has permission to perform action 'A' on scope 'B'; however, it does not have permission to perform action(s) 'X' ...`
    let (_, rest) = message.split_once("does not have ")?;
    let (_, rest) = rest.split_once("perform action")?;
    let (action, rest) = quoted(rest)?;
    let (_, rest) = rest.split_once("scope")?;
    let (scope, _) = quoted(rest)?;
    let is_action = action.contains('/') && !action.contains(char::is_whitespace);
    (is_action && scope.starts_with('/')).then(|| (action.to_owned(), scope.to_owned()))
}

/// The first text between quotation marks, if one begins within the next few characters, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let is_mark = |character: char| matches!(character, '\'' | '"' | '`' | '’' | '‘');
    let (before, rest) = text.split_once(is_mark)?;
    if before.chars().count() > 8 {
        return None;
    }
    rest.split_once(is_mark)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn error(status: u16, body: &str) -> AzureError {
        AzureError::of(&HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec().into() })
    }

    #[test]
    fn a_denial_of_arm_names_action_and_scope() {
        let scope = format!("/subscriptions/0b1f/resourceGroups/{}/providers/Microsoft.Sql/servers/s", "g".repeat(90));
        let body = format!(
            r#"{{"error":{{"code":"AuthorizationFailed","message":"The client 'reader@contoso.example' with object id '11111111-2222-3333-4444-555555555555' does not have authorization to perform action 'Microsoft.Sql/servers/auditingSettings/read' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh your credentials."}}}}"#
        );
        let error = error(403, &body);
        assert_eq!(error.missing_action(), Some(("Microsoft.Sql/servers/auditingSettings/read", scope.as_str())));
        assert!(error.is_denied() && !error.is_throttled() && error.message.ends_with('…'), "{error}");
    }

    #[test]
    fn other_wordings_are_understood_or_left() {
        let linked = "The client 'c' with object id 'o' has permission to perform action 'Microsoft.Network/networkInterfaces/write' on scope '/subscriptions/s/a'; however, it does not have permission to perform action(s) 'Microsoft.Network/virtualNetworks/subnets/join/action' on the linked scope(s) '/subscriptions/s/b' (respectively) or the linked scope(s) are invalid.";
        let linked = serde_json::json!({ "error": { "code": "LinkedAuthorizationFailed", "message": linked } }).to_string();
        let linked = error(403, &linked);
        assert_eq!(
            linked.missing_action(),
            Some(("Microsoft.Network/virtualNetworks/subnets/join/action", "/subscriptions/s/b"))
        );
        for message in [
            "Insufficient privileges to complete the operation.",
            "does not have authorization to perform action on this resource",
            "does not have authorization to perform action 'x' over scope 'everything'",
            "does not have authorization to perform action 'Microsoft.A/b/read",
            "does not have ",
            "",
        ] {
            let body = serde_json::json!({ "error": { "code": "Authorization_RequestDenied", "message": message } }).to_string();
            let error = error(403, &body);
            assert_eq!(error.missing_action(), None, "{message}");
            assert!(error.is_denied());
        }
    }

    #[test]
    fn every_service_s_errors_are_understood() {
        let check = |status: u16, body: &str, code: &str, message: &str| {
            let error = error(status, body);
            assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{body}");
        };
        check(404, r#"{"error":{"code":"ResourceNotFound","message":"gone"}}"#, "ResourceNotFound", "gone");
        check(400, r#"{"code":"BadRequest","message":"no"}"#, "BadRequest", "no");
        check(400, r#"{"Message":"no HTTP resource"}"#, "", "no HTTP resource");
        check(401, r#"{"odata.error":{"code":"x","message":{"lang":"en","value":"no"}}}"#, "x", "no");
        check(
            500,
            r#"{"error":{"code":"Failed","message":"{\"error\":{\"code\":\"Inner\",\"message\":\"why\"}}"}}"#,
            "Inner",
            "why",
        );
        check(502, "<html><head><title>502 Bad Gateway</title>", "", "the answer is a page `502 Bad Gateway` instead of JSON");
        check(503, "", "", "the answer is empty");
        check(500, "[]", "", "");
        check(500, "oops", "", "the answer is no JSON");
    }

    #[test]
    fn details_are_flattened_and_told() {
        let body = r#"{"error":{"code":"BadRequest","message":"Please provide below info","details":[{"code":"InvalidQuery","message":"Query is invalid","details":[{"code":"UnknownTable","message":"`resource`"}]},7]}}"#;
        let error = error(400, body);
        let codes: Vec<&str> = error.details.iter().map(|detail| detail.code.as_str()).collect();
        assert_eq!(codes, ["InvalidQuery", "UnknownTable"]);
        assert!(error.to_string().contains("InvalidQuery Query is invalid"), "{error}");
    }

    #[test]
    fn entra_s_number_is_told_apart() {
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1","error_codes":[7000215]}"#;
        let error = error(401, body);
        assert_eq!((error.code.as_str(), error.entra_number), ("invalid_client", Some(7_000_215)));
        assert_eq!(error.message, "AADSTS7000215: Invalid client secret provided. Trace ID: 1");
    }

    #[test]
    fn throttled_is_not_denied() {
        assert!(error(429, r#"{"error":{"code":"RateLimiting","message":"slow"}}"#).is_throttled());
        let odd = error(403, r#"{"error":{"code":"SubscriptionRequestsThrottled","message":"slow"}}"#);
        assert!(odd.is_throttled() && !odd.is_denied());
        assert!(error(404, "{}").is_absent() && !error(404, "{}").is_denied());
    }

    #[test]
    fn a_page_is_no_answer() {
        let page = HttpResponse { status: 200, headers: Vec::new(), body: "<html>Sign in</html>".into() };
        assert!(AzureError::check(&page).unwrap_err().to_string().contains("no JSON"));
        let answer = HttpResponse { status: 200, headers: Vec::new(), body: "{\"value\":[]}".into() };
        assert!(AzureError::check(&answer).is_ok());
    }

    proptest! {
        #[test]
        fn no_body_breaks_it(body in "\\PC{0,200}", message in "(does not have |perform action|'|scope|/|’|\\PC){0,20}") {
            error(400, &body);
            error(400, &serde_json::json!({ "error": { "message": message, "details": [{ "message": message }] } }).to_string());
        }
    }
}
