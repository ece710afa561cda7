//! What listens and reads.

use std::{
    io::ErrorKind,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{
    collect::{Received, Sender, Told},
    framing::{Framed, Framer, message},
    tls::Acceptor,
};
use crate::{RefusedText, inputs::Stop};

/// A message over TCP has at most so many bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// No datagram has more bytes; about so many are handed over together.
const DATAGRAM: usize = 1 << 16;

/// One read of a connection takes at most so many bytes.
const READ: usize = 1 << 15;

/// So many connections may hold more than a read of a message that is not complete; others wait.
pub(super) const MAX_LONG: usize = 64;

/// So many datagrams are handed over together.
const TOGETHER: usize = 512;

/// A handshake of TLS must end within this.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What the kernel has is read for at most so long when the input stops.
const DRAIN: Duration = Duration::from_secs(1);

/// After an error of the kernel that concerns no single connection.
const PAUSE: Duration = Duration::from_millis(200);

/// What all that listens has.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) sender: Sender,
    pub(super) told: Told,
    pub(super) connections: Arc<Semaphore>,
    pub(super) long: Arc<Semaphore>,
    pub(super) idle: Duration,
    pub(super) message_within: Duration,
    pub(super) stop: Stop,
}

/// Reads datagrams until it is told to stop; what the kernel has by then is read too.
pub(super) async fn datagrams(socket: Arc<UdpSocket>, mut shared: Shared) {
    let mut buffer = vec![0; DATAGRAM];
    let mut until = None;
    loop {
        let is_stopping = tokio::select! {
            ready = socket.readable() => {
                if let Err(error) = ready {
                    shared.told.add("reads of UDP failed", 1, format!(": {error}"));
                    tokio::time::sleep(PAUSE).await;
                }
                false
            }
            () = shared.stop.said() => true,
        };
        let mut received = Received::default();
        let (mut n_datagrams, mut n_bytes) = (0, 0);
        while n_datagrams < TOGETHER
            && n_bytes < DATAGRAM
            && let Ok((n, _)) = socket.try_recv_from(&mut buffer)
        {
            n_datagrams += 1;
            n_bytes += n;
            message(buffer.get(..n).unwrap_or_default(), &mut |framed| received.take(framed));
        }
        shared.sender.send(received).await;
        if is_stopping {
            let until = *until.get_or_insert_with(|| Instant::now() + DRAIN);
            if n_datagrams == 0 || Instant::now() >= until {
                return;
            }
        }
    }
}

/// Takes connections until it is told to stop.
pub(super) async fn connections(listener: TcpListener, acceptor: Option<Arc<Mutex<Acceptor>>>, mut shared: Shared) {
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Those that ended leave nothing.
            Some(_) = open.join_next(), if !open.is_empty() => continue,
            () = shared.stop.said() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Too many open files, or a connection that was gone before it was taken.
                if error.kind() != ErrorKind::ConnectionAborted {
                    shared.told.add("connections could not be taken", 1, format!(": {error}"));
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&shared.connections).try_acquire_owned() else {
            shared.told.add("connections were refused, as `maxConnections` were open,", 1, format!("; the last from {peer}"));
            continue;
        };
        open.spawn(connection(stream, peer, acceptor.clone(), permit, shared.clone()));
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<Arc<Mutex<Acceptor>>>,
    _permit: OwnedSemaphorePermit,
    shared: Shared,
) {
    // A peer that is gone without a word is found out.
    if let Err(error) = rustix::net::sockopt::set_socket_keepalive(&stream, true) {
        tracing::debug!(%peer, %error, "no keepalive");
    }
    let Some(acceptor) = acceptor else { return read(stream, peer, shared).await };
    let (acceptor, problem) = acceptor.lock().unwrap_or_else(PoisonError::into_inner).current();
    match problem {
        Some(reason) => shared.told.add("handshakes with an older certificate", 1, format!(": {reason}")),
        None => shared.told.clear("handshakes with an older certificate"),
    }
    match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => read(stream, peer, shared).await,
        Ok(Err(error)) => shared.told.add("handshakes of TLS failed", 1, format!("; the last with {peer}: {error}")),
        Err(_) => shared.told.add("handshakes of TLS failed", 1, format!("; the last with {peer}: it took too long")),
    }
}

/// Reads messages until the connection ends, nothing comes for too long or it is told to stop.
async fn read(mut stream: impl AsyncRead + Unpin, peer: SocketAddr, mut shared: Shared) {
    let mut framer = Framer::new(MAX_MESSAGE);
    let mut buffer = vec![0; READ];
    let mut long: Option<OwnedSemaphorePermit> = None;
    let mut until = Instant::now() + shared.message_within.min(shared.idle);
    let mut was_inside = false;
    let why = loop {
        let outcome = tokio::select! {
            outcome = timeout_at(until, stream.read(&mut buffer)) => outcome,
            () = shared.stop.said() => break None,
        };
        let n = match outcome {
            Ok(Ok(0)) => break None,
            Ok(Ok(n)) => n,
            // TLS tells an end without its farewell, which many leave out.
            Ok(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => break None,
            Ok(Err(error)) => break Some(format!("reading from {peer} failed: {error}")),
            Err(_) if framer.is_inside() => break Some(format!("the message from {peer} was not complete in time")),
            Err(_) => break None,
        };
        let mut received = Received::default();
        framer.feed(buffer.get(..n).unwrap_or_default(), &mut |framed| received.take(framed));
        let is_any = !received.messages.is_empty() || !received.refused.is_empty();
        shared.sender.send(received).await;
        if framer.n_held() <= READ {
            long = None;
        } else if long.is_none() {
            long = Arc::clone(&shared.long).acquire_owned().await.ok();
        }
        match (framer.is_inside(), was_inside && !is_any) {
            (false, _) => until = Instant::now() + shared.idle,
            (true, false) => until = Instant::now() + shared.message_within,
            // It began before.
            (true, true) => {}
        }
        was_inside = framer.is_inside();
    };
    let mut received = Received::default();
    framer.finish(&mut |framed| received.take(framed));
    if let Some(reason) = why {
        tracing::info!(%peer, reason, "a connection of syslog was closed");
        received.refused.push(RefusedText { reason, start: String::new() });
    }
    shared.sender.send(received).await;
    drop(long);
}

impl Received {
    fn take(&mut self, framed: Framed) {
        match framed {
            Framed::Message(text) => self.messages.push(match String::from_utf8(text) {
                Ok(text) => text,
                // Some send Latin-1; the rest of the message is worth reading.
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
            Framed::Refused(reason, start) => {
                self.refused.push(RefusedText { reason: reason.to_owned(), start: String::from_utf8_lossy(&start).into_owned() })
            }
        }
    }
}
