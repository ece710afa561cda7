use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt as _;

use super::Tls;

/// How connections are protected.
#[derive(Clone)]
pub enum Protection {
    /// By TLS.
    Tls(Arc<Tls>),
    /// Not at all: loopback only.
    None,
}

/// A handshake takes at most this long.
const MAX_HANDSHAKE: Duration = Duration::from_secs(10);

/// At most this many handshakes at once; one more ends the oldest.
const MAX_HANDSHAKES: usize = 256;

/// A request's line and headers take at most this long, waiting for the next request of a connection included.
const MAX_HEADER: Duration = Duration::from_secs(15);

/// Requests that are being answered when the server is stopped have at most this long.
const MAX_FAREWELL: Duration = Duration::from_secs(60);

/// After an error that is not a connection's own, such as too many open files, accepting waits.
const PAUSE: Duration = Duration::from_secs(1);

/// What a handshake record begins with. No method of HTTP does.
const HANDSHAKE: u8 = 0x16;

/// As much of a plain request is read after its answer, so that the answer arrives.
const MAX_PLAIN_REQUEST: usize = 64 << 10;

/// Serves the router on a listener until `until` is done, then lets the requests that are being answered end.
///
/// # Errors
/// If the listener has no address.
pub async fn serve(
    listener: TcpListener,
    protection: Protection,
    router: Router,
    until: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    listener.local_addr()?;
    let mut handshakes = Handshakes::default();
    // Connections hold receivers: they learn of the end, and the end waits until all are dropped.
    let (stop, stopped) = watch::channel(false);
    let mut until = pin!(until);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = &mut until => break,
        };
        let ousted = handshakes.begin();
        let (protection, router, mut stopped) = (protection.clone(), router.clone(), stopped.clone());
        tokio::spawn(async move {
            let opened = tokio::select! {
                opened = open(stream, &protection) => opened,
                () = stop_of(&mut stopped) => return,
                _ = ousted => return,
            };
            match opened {
                Some(Opened::Secure(stream)) => answer(*stream, peer, router, stopped).await,
                Some(Opened::Plain(stream)) => answer(stream, peer, router, stopped).await,
                None => {}
            }
        });
    }
    drop((listener, stopped));
    // Fails only if no connection is left to hear it.
    let _ = stop.send(true);
    if timeout(MAX_FAREWELL, stop.closed()).await.is_err() {
        tracing::warn!("requests that were still being answered {} s after the end were cut off", MAX_FAREWELL.as_secs());
    }
    Ok(())
}

/// The handshakes that go on, the oldest first. Silent clients can fill it, but an honest handshake is long done when they have.
#[derive(Default)]
struct Handshakes(VecDeque<oneshot::Sender<()>>);

impl Handshakes {
    /// Counts one more; what is returned is done when it has to give way, and dropped when it is through.
    fn begin(&mut self) -> oneshot::Receiver<()> {
        if self.0.len() >= MAX_HANDSHAKES {
            self.0.retain(|handshake| !handshake.is_closed());
        }
        if self.0.len() >= MAX_HANDSHAKES {
            self.0.pop_front();
        }
        let (handshake, ousted) = oneshot::channel();
        self.0.push_back(handshake);
        ousted
    }
}

/// A connection on which HTTP can be spoken.
enum Opened {
    Secure(Box<TlsStream<TcpStream>>),
    Plain(TcpStream),
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, address)) => {
                // The end of an answer would wait for the client's word on what came before: 40 ms, often enough.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!("a connection may be slow: {error}");
                }
                return (stream, address);
            }
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                tracing::warn!("could not accept a connection: {error}; trying again in {} s", PAUSE.as_secs());
                sleep(PAUSE).await;
            }
        }
    }
}

/// `None` if the client was too slow, went away, or was told to use TLS.
async fn open(stream: TcpStream, protection: &Protection) -> Option<Opened> {
    let Protection::Tls(tls) = protection else { return Some(Opened::Plain(stream)) };
    match timeout(MAX_HANDSHAKE, shake_hands(stream, tls)).await {
        Ok(Ok(opened)) => opened.map(|stream| Opened::Secure(Box::new(stream))),
        Ok(Err(error)) => {
            tracing::debug!("a handshake failed: {error}");
            None
        }
        Err(_) => {
            tracing::debug!("a handshake took more than {} s", MAX_HANDSHAKE.as_secs());
            None
        }
    }
}

async fn shake_hands(mut stream: TcpStream, tls: &Arc<Tls>) -> io::Result<Option<TlsStream<TcpStream>>> {
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    if first != [HANDSHAKE] {
        point_to_https(&mut stream).await?;
        return Ok(None);
    }
    let fresh = Arc::clone(tls);
    tokio::task::spawn_blocking(move || fresh.refresh(SystemTime::now())).await.map_err(io::Error::other)?;
    TlsAcceptor::from(tls.config()).accept(stream).await.map(Some)
}

/// Answers a client that speaks HTTP without TLS.
async fn point_to_https(stream: &mut TcpStream) -> io::Result<()> {
    let text = format!("This is an HTTPS server: use https://{}\n", stream.local_addr()?);
    let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n";
    let response = format!("{head}content-length: {}\r\n\r\n{text}", text.len());
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await?;
    // Closing a connection with unread data resets it, and the client might lose the answer.
    let mut rest = stream.take(MAX_PLAIN_REQUEST as u64);
    tokio::io::copy(&mut rest, &mut tokio::io::sink()).await?;
    Ok(())
}

async fn answer<S>(stream: S, peer: SocketAddr, router: Router, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(MAX_HEADER);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stop_of(&mut stopped) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!("a connection of {peer} ended: {error}");
    }
}

/// Waits until the server is stopped.
async fn stop_of(stopped: &mut watch::Receiver<bool>) {
    // An error means that the server is gone altogether.
    let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset)
}
