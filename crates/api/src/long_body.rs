//! Bodies that are longer than is taken, by what the head of the request says.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;

/// As many bytes of a refused body are read and thrown away.
const MAX_DISCARDED: usize = 64 << 20;

/// Refuses a body of more bytes than a limit. Closing a connection with unread data resets it, and the client might lose the answer, so
/// the rest is read first; not where the client waits for a word before it sends.
pub(crate) async fn refuse(State(limit): State<usize>, request: Request, next: Next) -> Response {
    let length = length(request.headers()).unwrap_or(0);
    if length <= limit {
        return next.run(request).await;
    }
    if length <= MAX_DISCARDED && !request.headers().contains_key(header::EXPECT) {
        let mut rest = request.into_body().into_data_stream();
        while let Some(Ok(_)) = rest.next().await {}
    }
    StatusCode::PAYLOAD_TOO_LARGE.into_response()
}

fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Router, body::Body, middleware, routing::post};
    use tower::ServiceExt as _;

    use super::*;

    /// The status of the answer to a body of so many bytes, and how many of them were read.
    async fn answer(n_bytes: usize, expects: Option<&str>) -> (StatusCode, usize) {
        let n_read = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&n_read);
        let chunks = futures_util::stream::iter(vec![vec![b'x'; 10]; n_bytes / 10]).map(move |chunk| {
            counted.fetch_add(chunk.len(), Ordering::Relaxed);
            Ok::<_, std::io::Error>(chunk)
        });
        let mut request = Request::post("/").header("content-length", n_bytes.to_string());
        if let Some(value) = expects {
            request = request.header("expect", value);
        }
        let router = Router::new().route("/", post(|body: String| async move { body }));
        let router = router.layer(middleware::from_fn_with_state(100, refuse));
        let answer = router.oneshot(request.body(Body::from_stream(chunks)).unwrap()).await.unwrap();
        (answer.status(), n_read.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn who_writes_too_much_is_heard_out_and_refused() {
        assert_eq!(answer(100, None).await, (StatusCode::OK, 100));
        assert_eq!(answer(110, None).await, (StatusCode::PAYLOAD_TOO_LARGE, 110));
        assert_eq!(answer(110, Some("100-continue")).await, (StatusCode::PAYLOAD_TOO_LARGE, 0));
    }
}
