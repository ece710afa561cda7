use axum::{
    Json,
    body::to_bytes,
    extract::rejection::JsonRejection,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An error in ARM's shape: `{"error": {"code", "message", "target"?, "details"}}`. The only place that knows HTTP status codes is this crate.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    target: Option<String>,
    details: Vec<Value>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), target: None, details: Vec::new() }
    }

    /// Adds what it is about: a member of the body, a parameter.
    pub(crate) fn with_target(self, target: String) -> Self {
        Self { target: Some(target), ..self }
    }

    /// Adds each of several mistakes.
    pub(crate) fn with_details(self, details: Vec<Value>) -> Self {
        Self { details, ..self }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "ResourceNotFound", format!("there is no {what}, or it is not visible to this login"))
    }

    pub(crate) fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequest", message)
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<skywarden_store::StoreError> for ApiError {
    fn from(error: skywarden_store::StoreError) -> Self {
        if let skywarden_store::StoreError::Cursor(_) = error {
            return Self::bad_request(error.to_string());
        }
        let conflict = match &error {
            skywarden_store::StoreError::NameTaken { .. } => Some("NameTaken"),
            skywarden_store::StoreError::RoleInUse { .. } => Some("RoleDefinitionHasAssignments"),
            skywarden_store::StoreError::RoleBuiltIn(_) => Some("RoleDefinitionBuiltIn"),
            _ => None,
        };
        if let Some(code) = conflict {
            return Self::new(StatusCode::CONFLICT, code, error.to_string());
        }
        if let skywarden_store::StoreError::RunInProgress { .. } = error {
            return Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "RunInProgress",
                "another process is writing to the store; try again in a minute",
            );
        }
        tracing::error!(%error, "the store failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "StoreFailed", "the store could not answer; see the server's log")
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut error = json!({ "code": self.code, "message": self.message, "details": self.details });
        if let (Some(members), Some(target)) = (error.as_object_mut(), self.target) {
            members.insert("target".to_owned(), target.into());
        }
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}

/// Refusals of the layers around the handlers, and of what reads paths and queries, in the shape of all others: those are plain text.
pub(crate) async fn in_shape(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap_or_default());
    if !is_error || !(kind.is_empty() || kind.starts_with("text/plain")) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = to_bytes(body, MAX_REFUSAL).await.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let (code, otherwise) = match status {
        StatusCode::METHOD_NOT_ALLOWED => ("MethodNotAllowed", "this address does not take that method"),
        StatusCode::PAYLOAD_TOO_LARGE => ("RequestTooLarge", "the body is too long"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("UnsupportedMediaType", "the body is of a kind that is not taken"),
        StatusCode::SERVICE_UNAVAILABLE => ("RequestTimedOut", "the request took too long; ask for less, or try again"),
        _ if status.is_server_error() => ("ServerFailed", "the server failed; see its log"),
        _ => ("InvalidRequest", "the request can't be understood"),
    };
    let message = if text.trim().is_empty() { otherwise.to_owned() } else { text };
    let body = ApiError::new(status, code, message).into_response().into_body();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, body)
}

/// What is read of such a text.
const MAX_REFUSAL: usize = 64 << 10;
