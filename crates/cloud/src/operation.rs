use serde_json::Value;

use crate::{CallError, HttpResponse, error_of};

/// Why an operation of a service gave nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub enum OperationError {
    /// There is no whole answer.
    #[error("{operation}: {error}")]
    Call {
        /// `s3:GetObject`
        operation: &'static str,
        /// Why.
        error: CallError,
    },
    /// The service said no.
    #[error("{operation}: {code} ({status}): {message}")]
    Refused {
        /// `s3:GetObject`
        operation: &'static str,
        /// The HTTP status.
        status: u16,
        /// The provider's code: `AccessDenied`; empty if it gave none.
        code: String,
        /// The provider's message.
        message: String,
    },
    /// The answer is none of the operation.
    #[error("{operation}: the answer can't be read: {reason}")]
    Answer {
        /// `s3:GetObject`
        operation: &'static str,
        /// Why.
        reason: String,
    },
}

impl OperationError {
    /// The HTTP status, if the service said no.
    pub fn status(&self) -> Option<u16> {
        match self {
            OperationError::Refused { status, .. } => Some(*status),
            OperationError::Call { .. } | OperationError::Answer { .. } => None,
        }
    }

    /// The provider's code, if the service said no.
    pub fn code(&self) -> &str {
        match self {
            OperationError::Refused { code, .. } => code,
            OperationError::Call { .. } | OperationError::Answer { .. } => "",
        }
    }

    /// Whether a permission is missing.
    pub fn is_denied(&self) -> bool {
        const CODES: [&str; 3] = ["AccessDeniedException", "AccessDenied", "KMS.AccessDeniedException"];
        self.status() == Some(403) || CODES.contains(&self.code())
    }

    pub(crate) fn call(operation: &'static str) -> impl FnOnce(CallError) -> Self {
        move |error| OperationError::Call { operation, error }
    }

    pub(crate) fn answer(operation: &'static str, reason: impl ToString) -> Self {
        OperationError::Answer { operation, reason: reason.to_string() }
    }
}

/// The answer if it is none of an error.
pub(crate) fn accepted(operation: &'static str, response: HttpResponse) -> Result<HttpResponse, OperationError> {
    if response.status < 300 {
        return Ok(response);
    }
    let error = error_of(response.header("x-amzn-errortype"), &response.body);
    // The query protocol's code, which policies and people know, stands in a header of the JSON protocol.
    let code = response.header("x-amzn-query-error").and_then(|both| both.split(';').next()).filter(|_| error.code.is_empty());
    let code = code.map_or(error.code, str::to_owned);
    Err(OperationError::Refused { operation, status: response.status, code, message: error.message })
}

/// The JSON of an answer.
pub(crate) fn json(operation: &'static str, response: &HttpResponse) -> Result<Value, OperationError> {
    if response.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&response.body).map_err(|error| OperationError::answer(operation, error))
}
