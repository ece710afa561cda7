use std::time::Duration;

use serde_json::{Value, json};

/// An answer of the server, or a fault in place of one.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) delay: Duration,
    pub(crate) ending: Ending,
}

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Whole,
    /// The connection is closed in the middle of the body.
    Cut,
    /// The connection is closed without an answer.
    Silence,
}

impl Answer {
    /// An answer with a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes(), delay: Duration::ZERO, ending: Ending::Whole }
    }

    /// An error as Resource Manager answers it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({"error": {"code": code, "message": message}}))
    }

    /// 429 with `Retry-After` in seconds.
    pub fn throttled(seconds: u64) -> Self {
        let message = "The request is being throttled as the limit has been reached. Please retry after the time that is given.";
        Self::error(429, "TooManyRequests", message).with_header("retry-after", &seconds.to_string())
    }

    /// A page of HTML, as what stands before a service answers.
    pub fn html(status: u16) -> Self {
        let body = "<html><head><title>Service unavailable</title></head><body><h2>Our services aren't available right now</h2></body></html>";
        let headers = vec![("content-type".to_owned(), "text/html".to_owned())];
        Self { status, headers, body: body.into(), delay: Duration::ZERO, ending: Ending::Whole }
    }

    /// A right beginning, after which the connection is closed.
    pub fn cut() -> Self {
        Self {
            ending: Ending::Cut,
            ..Self::json(200, &json!({"value": [{"id": "/subscriptions/00000000-0000-0000-0000-000000000000"}]}))
        }
    }

    /// No answer: the connection is closed.
    pub fn silence() -> Self {
        Self { ending: Ending::Silence, ..Self::json(200, &Value::Null) }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, but only after a time.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}
