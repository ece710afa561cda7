//! Why something could not be read: from errors of the cloud, of the transport and of answers to the model's reasons.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use skywarden_cloud::{clean_message, error_of, is_throttle};
use skywarden_model::{UnreadableKind, UnreadableReason};

use crate::{Answer, CallFailure};

/// Codes with which services refuse, whatever their status.
const DENIALS: [&str; 13] = [
    "AccessDenied",
    "AccessDeniedException",
    "AccessDeniedFault",
    "AllAccessDisabled",
    "AuthorizationError",
    "AuthorizationErrorException",
    "Client.UnauthorizedOperation",
    "Forbidden",
    "ForbiddenException",
    "NotAuthorized",
    "NotAuthorizedException",
    "UnauthorizedAccess",
    "UnauthorizedOperation",
];

/// Codes that say that the credentials, not the permissions, are at fault.
const CREDENTIALS: [&str; 16] = [
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
    "UnrecognizedClient",
    "UnrecognizedClientException",
];

/// Codes of regions and services that the account has not switched on.
const OPT_IN: [&str; 3] = ["OptInRequired", "SubscriptionRequiredException", "RegionDisabledException"];

/// The reasons of a run, each once: a missing permission touches thousands of resources.
#[derive(Debug, Default)]
pub(crate) struct Reasons(Mutex<BTreeMap<UnreadableReason, Arc<UnreadableReason>>>);

impl Reasons {
    /// One shared copy of equal reasons.
    pub(crate) fn share(&self, reason: UnreadableReason) -> Arc<UnreadableReason> {
        let mut reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(reasons.entry(reason.clone()).or_insert_with(|| Arc::new(reason)))
    }
}

/// What was tried: the operation and the permission that it needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tried<'a> {
    pub(crate) service: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) permission: &'a str,
}

impl Tried<'_> {
    /// The reason of an answer with an error status.
    pub(crate) fn refused(&self, answer: &Answer) -> UnreadableReason {
        let error = error_of(answer.error_type.as_deref(), &answer.body);
        let kind = kind_of(answer.status, &error.code);
        let mut message = without_resource(&error.message).to_owned();
        if CREDENTIALS.contains(&error.code.as_str()) {
            message = format!("AWS does not accept the credentials: {message}; log in again and check the clock");
        } else if OPT_IN.contains(&error.code.as_str()) {
            message = format!("not switched on in this account: {message}");
        } else if kind == UnreadableKind::Throttled {
            message = format!("still throttled after all retries: {message}");
        }
        let code = if error.code.is_empty() { format!("HTTP {}", answer.status) } else { error.code };
        self.reason(kind, &code, &message)
    }

    /// The reason of a call without an answer.
    pub(crate) fn lost(&self, failure: &CallFailure) -> UnreadableReason {
        self.reason(UnreadableKind::Failed, &failure.code, &failure.message)
    }

    /// The reason of an answer that can't be understood.
    pub(crate) fn malformed(&self, n_bytes: usize, message: &str) -> UnreadableReason {
        self.reason(
            UnreadableKind::Failed,
            "MalformedAnswer",
            &format!("an answer of {n_bytes} bytes can't be understood: {message}"),
        )
    }

    /// The reason of a value that does not fit the schema.
    pub(crate) fn misfit(&self, message: &str) -> UnreadableReason {
        self.reason(UnreadableKind::Failed, "UnexpectedValue", message)
    }

    /// The reason of a list that does not end or stops half-way.
    pub(crate) fn truncated(&self, message: &str) -> UnreadableReason {
        self.reason(UnreadableKind::Truncated, "EndlessList", message)
    }

    /// The reason of a call that the spec does not allow to be made.
    pub(crate) fn unmade(&self, message: &str) -> UnreadableReason {
        self.reason(UnreadableKind::Failed, "InvalidSpec", &format!("the call could not be made: {message}"))
    }

    fn reason(&self, kind: UnreadableKind, code: &str, message: &str) -> UnreadableReason {
        UnreadableReason {
            kind,
            operation: format!("{}:{}", self.service, self.operation),
            permission: (kind == UnreadableKind::Denied).then(|| self.permission.to_owned()),
            code: code.to_owned(),
            message: clean_message(message),
        }
    }
}

fn kind_of(status: u16, code: &str) -> UnreadableKind {
    if is_throttle(status, code) {
        return UnreadableKind::Throttled;
    }
    if CREDENTIALS.contains(&code) || OPT_IN.contains(&code) {
        return UnreadableKind::Failed;
    }
    if DENIALS.contains(&code) || matches!(status, 401 | 403) {
        return UnreadableKind::Denied;
    }
    UnreadableKind::Failed
}

/// Refusals name the resource; without it all resources that one missing permission touches share one reason.
fn without_resource(message: &str) -> &str {
    message.split_once(" on resource: ").map_or(message, |(head, _)| head)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn check(status: u16, body: &'static str, kind: UnreadableKind, code: &str, permission: Option<&str>) -> UnreadableReason {
        let answer = Answer { status, content_type: None, error_type: None, bucket_region: None, body: Bytes::from(body) };
        let reason = Tried { service: "s3", operation: "GetBucketAcl", permission: "s3:GetBucketAcl" }.refused(&answer);
        assert_eq!((reason.kind, reason.code.as_str(), reason.permission.as_deref()), (kind, code, permission));
        assert_eq!(reason.operation, "s3:GetBucketAcl");
        reason
    }

    #[test]
    fn a_refusal_names_the_missing_permission() {
        use UnreadableKind::{Denied, Failed, Throttled};
        let need = Some("s3:GetBucketAcl");
        check(403, "<Error><Code>AccessDenied</Code></Error>", Denied, "AccessDenied", need);
        check(400, "{\"__type\":\"AccessDeniedException\"}", Denied, "AccessDeniedException", need);
        check(
            403,
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>",
            Denied,
            "UnauthorizedOperation",
            need,
        );
        check(403, "", Denied, "HTTP 403", need);
        check(400, "{\"__type\":\"ThrottlingException\"}", Throttled, "ThrottlingException", None);
        check(503, "<Error><Code>SlowDown</Code></Error>", Throttled, "SlowDown", None);
        check(500, "", Failed, "HTTP 500", None);
        check(
            403,
            "<Response><Errors><Error><Code>OptInRequired</Code></Error></Errors></Response>",
            Failed,
            "OptInRequired",
            None,
        );
    }

    #[test]
    fn bad_credentials_are_not_a_missing_permission() {
        for code in ["InvalidClientTokenId", "ExpiredToken"] {
            let body = format!("<ErrorResponse><Error><Code>{code}</Code><Message>m</Message></Error></ErrorResponse>").leak();
            let reason = check(403, body, UnreadableKind::Failed, code, None);
            assert!(reason.message.contains("log in again"), "{}", reason.message);
        }
    }

    #[test]
    fn resources_with_the_same_refusal_share_their_reason() {
        let of = |name: &str| {
            let body = format!(
                "<Error><Code>AccessDenied</Code><Message>User: u is not authorized to perform: s3:GetBucketAcl on resource: \"{name}\" because</Message></Error>"
            );
            check(403, body.leak(), UnreadableKind::Denied, "AccessDenied", Some("s3:GetBucketAcl"))
        };
        assert_eq!(of("a"), of("b"));
    }
}
