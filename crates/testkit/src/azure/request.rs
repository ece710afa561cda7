use axum::http::{HeaderMap, Method, Uri};

/// What a client asked, as tests look at it.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method, such as `GET`.
    pub method: String,
    /// The path as it was sent.
    pub path: String,
    /// The query as it was sent, without the question mark.
    pub query: String,
    /// The body as text; of a login without its secrets.
    pub body: String,
    /// The status that it was answered with; 0 if the connection was closed.
    pub status: u16,
}

/// A request that has been read.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// Decoded, without the empty ones that a scope inside a path leaves.
    pub(crate) segments: Vec<String>,
    pub(crate) path: String,
    pub(crate) raw_query: String,
    query: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Vec<u8>) -> Self {
        let raw_query = uri.query().unwrap_or_default().to_owned();
        let query = form_urlencoded::parse(raw_query.as_bytes()).into_owned().collect();
        let decoded = decoded(uri.path());
        let segments = decoded.split('/').filter(|segment| !segment.is_empty()).map(str::to_owned).collect();
        Self { method, headers, segments, path: uri.path().to_owned(), raw_query, query, body }
    }

    /// A parameter of the query; its name may have any case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The segments in lower case.
    pub(crate) fn folded(&self) -> Vec<String> {
        self.segments.iter().map(|segment| segment.to_lowercase()).collect()
    }

    /// The fields of a form in the body.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The page that a link led to: how many items came before it.
    pub(crate) fn skipped(&self) -> usize {
        self.parameter("$skiptoken").and_then(|token| token.parse().ok()).unwrap_or_default()
    }
}

/// A path without its percent signs. A plus in a path is a plus.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let escaped = (byte == b'%').then(|| {
            let mut digits = rest.clone();
            let digit = |digits: &mut std::str::Bytes<'_>| char::from(digits.next()?).to_digit(16);
            let value = digit(&mut digits)? * 16 + digit(&mut digits)?;
            rest = digits;
            u8::try_from(value).ok()
        });
        bytes.push(escaped.flatten().unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
