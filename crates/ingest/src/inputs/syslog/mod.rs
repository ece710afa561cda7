//! Syslog over UDP, TCP and TLS. Messages are handed over as they came, with their headers.
//!
//! A message counts as handed over when its batch is safe in the journal. Syslog has no acknowledgement: who sends over TCP can't know
//! how much of what the kernel took was read, so what is on its way when this process ends may be lost (RFC 6587, section 4.3); while it
//! runs, nothing is, as reading waits for the journal. UDP does not wait: what the kernel dropped is counted and told.

mod collect;
mod drops;
pub mod framing;
mod listen;
mod routes;
mod tls;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::Semaphore,
    task::JoinSet,
};

use self::{collect::Collector, drops::Drops, listen::Shared, tls::Acceptor};
pub use self::{
    routes::{Facility, Route},
    tls::TlsFiles,
};
use super::{Context, InputError, LogInput};

/// Syslog that is sent to this machine. At least one address is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SyslogSettings {
    /// Where to listen for datagrams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub udp: Vec<Listen>,
    /// Where to listen for connections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<Listen>,
    /// Where to listen for connections with TLS; needs `tlsFiles`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<Listen>,
    /// Certificate, key and CA for TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_files: Option<TlsFiles>,
    /// Messages that belong to other log sources than the input's, the first that fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<Route>,
    /// So many connections may be open; more are closed at once, which is told.
    #[serde(default = "a_thousand")]
    pub max_connections: u32,
    /// A connection on which nothing came for so long is closed, in seconds.
    #[serde(default = "a_day")]
    pub idle: u64,
    /// A message must be complete so long after its first byte, the first of a connection so long after its begin, in seconds.
    #[serde(default = "half_a_minute")]
    pub message_within: u64,
    /// How many bytes of datagrams the kernel is asked to hold until they are read. Beyond `net.core.rmem_max` it needs CAP_NET_ADMIN.
    #[serde(default = "sixteen_megabytes")]
    pub receive_buffer: u32,
}

/// Where to listen: a port of the loopback address, or `ADDRESS:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Listen {
    /// A port of 127.0.0.1.
    Port(u16),
    /// An address of this machine and a port; `0.0.0.0` and `[::]` stand for all addresses.
    Address(SocketAddr),
}

impl Listen {
    fn address(self) -> SocketAddr {
        match self {
            Listen::Port(port) => (Ipv4Addr::LOCALHOST, port).into(),
            Listen::Address(address) => address,
        }
    }
}

fn a_thousand() -> u32 {
    1_000
}

fn a_day() -> u64 {
    86_400
}

fn half_a_minute() -> u64 {
    30
}

fn sixteen_megabytes() -> u32 {
    16 << 20
}

/// What listens.
#[derive(Debug)]
pub(crate) struct Syslog {
    settings: SyslogSettings,
}

impl Syslog {
    pub(crate) fn new(settings: SyslogSettings) -> Self {
        Syslog { settings }
    }

    async fn udp(&self) -> Result<Vec<Arc<UdpSocket>>, InputError> {
        let mut sockets = Vec::new();
        for listen in &self.settings.udp {
            let socket = UdpSocket::bind(listen.address()).await.map_err(not_bound("UDP", *listen))?;
            let size = usize::try_from(self.settings.receive_buffer).unwrap_or(usize::MAX);
            // With the right to do so beyond what is allowed to everybody.
            if rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, size).is_err() {
                let set = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, size);
                set.map_err(|error| InputError::Failed(format!("could not set the receive buffer of UDP: {error}")))?;
            }
            sockets.push(Arc::new(socket));
        }
        Ok(sockets)
    }
}

#[async_trait]
impl LogInput for Syslog {
    async fn run(&mut self, context: &Context) -> Result<(), InputError> {
        let settings = &self.settings;
        if settings.udp.is_empty() && settings.tcp.is_empty() && settings.tls.is_empty() {
            return Err(InputError::Failed("syslog listens nowhere: give `udp`, `tcp` or `tls` addresses".to_owned()));
        }
        let acceptor = match (&settings.tls_files, settings.tls.is_empty()) {
            (None, false) => {
                let reason = "syslog with `tls` addresses needs `tlsFiles` with `certificateFile` and `keyFile`";
                return Err(InputError::Failed(reason.to_owned()));
            }
            (Some(files), false) => Some(Acceptor::open(files.clone()).map_err(InputError::Failed)?),
            (_, true) => None,
        };
        let sockets = self.udp().await?;
        let drops = Drops::of(sockets.iter().map(AsRef::as_ref))
            .map_err(|error| InputError::Failed(format!("could not look at a socket: {error}")))?;
        let (collector, sender, told) = Collector::new(context, &settings.routes, (!sockets.is_empty()).then_some(drops));
        let shared = Shared {
            sender,
            told,
            connections: Arc::new(Semaphore::new(usize::try_from(settings.max_connections).unwrap_or(usize::MAX))),
            long: Arc::new(Semaphore::new(listen::MAX_LONG)),
            idle: Duration::from_secs(settings.idle),
            message_within: Duration::from_secs(settings.message_within),
            stop: context.stop.clone(),
        };
        // When this returns or is dropped, all that listens ends.
        let mut listening = JoinSet::new();
        for socket in sockets {
            listening.spawn(listen::datagrams(socket, shared.clone()));
        }
        for listen in &settings.tcp {
            let listener = TcpListener::bind(listen.address()).await.map_err(not_bound("TCP", *listen))?;
            listening.spawn(listen::connections(listener, None, shared.clone()));
        }
        let acceptor = acceptor.map(|acceptor| Arc::new(std::sync::Mutex::new(acceptor)));
        for listen in &settings.tls {
            let listener = TcpListener::bind(listen.address()).await.map_err(not_bound("TLS", *listen))?;
            listening.spawn(listen::connections(listener, acceptor.clone(), shared.clone()));
        }
        drop(shared);
        collector.run().await
    }
}

fn not_bound(what: &'static str, listen: Listen) -> impl FnOnce(std::io::Error) -> InputError {
    move |error| {
        let address = listen.address();
        let advice = match error.kind() {
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 need CAP_NET_BIND_SERVICE",
            std::io::ErrorKind::AddrInUse => "; another program (rsyslogd, syslog-ng?) listens there",
            std::io::ErrorKind::AddrNotAvailable => "; this machine has no such address",
            _ => "",
        };
        InputError::Failed(format!("could not listen for syslog over {what} at {address}: {error}{advice}"))
    }
}
