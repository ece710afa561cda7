use std::{
    collections::BTreeMap,
    net::SocketAddr,
    ops::Deref,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use axum::{
    body::{Body, Bytes},
    http::{Response, StatusCode},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::{
    answer::{Answer, Ending},
    arm,
    certificate::{Identity, Registered},
    copies::Owner,
    estate::{Estate, EstateError},
    faults::{Faults, Matching},
    graph, login,
    login::Caller,
    request::{Call, Request},
    resource_graph::Answered,
    rights::Rights,
    throttle::{Bucket, Quota, Used},
    token::Seal,
};

/// A longer body is refused.
const MAX_BODY: usize = 1 << 20;

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Whether it is spoken to over TLS.
    pub protection: Protection,
    /// What it takes for now.
    pub time: Time,
    /// How long a token is good.
    pub token_lifetime: Duration,
    /// Items on a page of Resource Manager.
    pub page: usize,
    /// Objects on a page of Microsoft Graph, if the client does not say.
    pub directory_page: usize,
    /// Reads of a subscription by a caller.
    pub reads: Bucket,
    /// Queries of Resource Graph by a caller.
    pub queries: Quota,
    /// Every answer takes at least so long.
    pub latency: Duration,
    /// Whether faults and calls can be reached over HTTP, for tests that are other programs.
    pub control: Control,
    /// The port on loopback; 0 takes a free one.
    pub port: u16,
}

/// How connections are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Plain HTTP.
    None,
    /// TLS with a certificate of an authority made at start.
    Tls,
}

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub enum Time {
    /// The machine's.
    Now,
    /// Always the same.
    At(Timestamp),
}

/// Whether `/.arm-server/faults`, `/.arm-server/objects` and `/.arm-server/calls` are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// They are not there.
    Closed,
    /// POST adds a fault, DELETE removes all, GET lists the calls; PUT and DELETE change the estate's objects.
    Open,
}

/// A server on loopback. It ends when it is dropped.
pub struct Server {
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
    address: SocketAddr,
    authority: Option<String>,
}

/// What a request is answered from.
pub(crate) struct Service {
    /// As it was when the request came.
    pub(crate) estate: Estate,
    shared: Arc<Shared>,
}

/// What all connections share.
pub(crate) struct Shared {
    estate: Mutex<Estate>,
    pub(crate) options: ServerOptions,
    /// The address, such as `http://127.0.0.1:4711`.
    pub(crate) base: String,
    pub(crate) seal: Seal,
    pub(crate) used: Mutex<Used>,
    pub(crate) answered: Mutex<Answered>,
    rights: Mutex<BTreeMap<String, Arc<Rights>>>,
    faults: Mutex<Faults>,
    calls: Mutex<Vec<Call>>,
    started: Instant,
    n_identifiers: AtomicU64,
}

impl Default for ServerOptions {
    /// Plain HTTP, the machine's time and Azure's documented limits.
    fn default() -> Self {
        Self {
            protection: Protection::None,
            time: Time::Now,
            token_lifetime: Duration::from_secs(3599),
            page: 100,
            directory_page: 100,
            reads: Bucket { size: 250, refill_per_second: 25 },
            queries: Quota { calls: 15, window: Duration::from_secs(5) },
            latency: Duration::ZERO,
            control: Control::Closed,
            port: 0,
        }
    }
}

impl Server {
    /// Starts a server for an estate.
    ///
    /// # Errors
    /// If no port can be had, no certificate be made, or a certificate of the estate's programs not be read.
    pub async fn start(estate: Estate, options: ServerOptions) -> anyhow::Result<Self> {
        for file in estate.written.logins.iter().flat_map(|login| &login.certificates) {
            Registered::read(&estate.written.folder.join(file))?;
        }
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.context("could not listen on 127.0.0.1")?;
        let address = listener.local_addr()?;
        let identity = match options.protection {
            Protection::None => None,
            Protection::Tls => Some(Identity::new().context("could not make a certificate for 127.0.0.1")?),
        };
        let scheme = if identity.is_some() { "https" } else { "http" };
        let started = Instant::now();
        // Two servers must not take each other's tokens, and nobody else's secret is protected by this one.
        let secret = format!("{address} {:?} {}", started, Timestamp::now());
        let shared = Arc::new(Shared {
            estate: Mutex::new(estate),
            options,
            base: format!("{scheme}://{address}"),
            seal: Seal::new(secret.as_bytes())?,
            used: Mutex::default(),
            answered: Mutex::default(),
            rights: Mutex::default(),
            faults: Mutex::default(),
            calls: Mutex::default(),
            started,
            n_identifiers: AtomicU64::new(0),
        });
        let acceptor = identity.as_ref().map(|identity| TlsAcceptor::from(Arc::clone(&identity.config)));
        let accepting = tokio::spawn(accept(listener, acceptor, Arc::clone(&shared)));
        Ok(Self { shared, accepting, address, authority: identity.map(|identity| identity.authority) })
    }

    /// Its address, such as `http://127.0.0.1:4711`: the authority host, Resource Manager's endpoint and Microsoft Graph's.
    pub fn url(&self) -> &str {
        &self.shared.base
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate to trust, as PEM, if it speaks TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// The calls so far, in the order of their answers.
    pub fn calls(&self) -> Vec<Call> {
        held(&self.shared.calls).clone()
    }

    /// Forgets the calls so far.
    pub fn forget_calls(&self) {
        held(&self.shared.calls).clear();
    }

    /// The next so many calls that match get this answer. Where several faults match, the first that was added is taken.
    pub fn fault(&self, matching: Matching, answer: Answer, times: usize) {
        held(&self.shared.faults).add(matching, answer, times);
    }

    /// A token of the program of the estate that has a name, for a resource such as `https://graph.microsoft.com`; `None` if there is no
    /// such program.
    pub fn token(&self, program: &str, resource: &str) -> Option<String> {
        let service = Service::of(&self.shared);
        let login = service.estate.written.logins.iter().find(|login| login.name == program)?;
        Some(service.token(login, resource).0)
    }

    /// An object of the estate as it is now, whatever the case of its id.
    pub fn object(&self, id: &str) -> Option<Value> {
        let estate = held(&self.shared.estate);
        estate.find(id).map(|item| estate.body(item))
    }

    /// An object comes, or takes the place of the one with its id. Resource Graph tells the change if the object is of its table
    /// `resources`.
    ///
    /// # Errors
    /// If it has no id, or one of no subscription of the estate.
    pub fn put(&self, object: &Value) -> Result<(), EstateError> {
        self.shared.change(|estate, now| estate.with(object, now))
    }

    /// What has an id goes, with all that lies below it; told as [`Server::put`] is.
    ///
    /// # Errors
    /// If nothing has the id.
    pub fn delete(&self, id: &str) -> Result<(), EstateError> {
        self.shared.change(|estate, now| estate.without(id, now))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Deref for Service {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}

impl Shared {
    pub(crate) fn now(&self) -> Timestamp {
        match self.options.time {
            Time::Now => Timestamp::now(),
            Time::At(time) => time,
        }
    }

    /// A moment as messages write it.
    pub(crate) fn moment(&self, second: i64) -> String {
        let moment = Timestamp::from_second(second).unwrap_or_default();
        moment.strftime("%-m/%-d/%Y %-I:%M:%S %p").to_string()
    }

    /// Since the server's start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// An id that no other answer has.
    pub(crate) fn identifier(&self) -> String {
        let number = self.n_identifiers.fetch_add(1, Ordering::Relaxed);
        format!("5a7d0c1e-0000-4000-8000-{number:012x}")
    }

    fn change(&self, how: impl FnOnce(&Estate, Timestamp) -> Result<Estate, EstateError>) -> Result<(), EstateError> {
        let mut estate = held(&self.estate);
        *estate = how(&estate, self.now())?;
        // Both were worked out from the estate as it was.
        held(&self.rights).clear();
        *held(&self.answered) = Answered::default();
        Ok(())
    }

    fn log(&self, request: &Request, status: u16) {
        let is_login = request.path.ends_with("/token");
        let body = if is_login { without_secrets(request) } else { String::from_utf8_lossy(&request.body).into_owned() };
        let call = Call {
            method: request.method.to_string(),
            path: request.path.clone(),
            query: request.raw_query.clone(),
            body,
            status,
        };
        held(&self.calls).push(call);
    }
}

impl Service {
    fn of(shared: &Arc<Shared>) -> Self {
        Self { estate: held(&shared.estate).clone(), shared: Arc::clone(shared) }
    }

    pub(crate) fn rights(&self, caller: &Caller) -> Arc<Rights> {
        let mut rights = held(&self.rights);
        let own = rights.entry(caller.object_id.clone()).or_insert_with(|| Arc::new(Rights::of(&self.estate, &caller.object_id)));
        Arc::clone(own)
    }

    pub(crate) fn subscription_name(&self, owner: Owner) -> String {
        self.estate.written.subscriptions.get(owner.written).map(|own| own.display_name.clone()).unwrap_or_default()
    }

    /// 403 as Resource Manager says it.
    pub(crate) fn forbidden(&self, caller: &Caller, action: &str, scope: &str) -> Answer {
        let message = format!(
            "The client '{}' with object id '{}' does not have authorization to perform action '{action}' over scope '{scope}' or the \
             scope is invalid. If access was recently granted, please refresh your credentials.",
            caller.app_id, caller.object_id
        );
        Answer::error(403, "AuthorizationFailed", &message)
    }

    fn answer(&self, request: &Request) -> Answer {
        if self.options.control == Control::Open && request.segments.first().is_some_and(|first| first == ".arm-server") {
            return self.controlled(request);
        }
        if let Some(answer) = held(&self.faults).take(request) {
            return answer;
        }
        if let Some(answer) = login::answer(self, request) {
            return answer;
        }
        match request.segments.first().map(String::as_str) {
            Some("v1.0") => graph::answer(self, request),
            _ => arm::answer(self, request),
        }
    }

    fn controlled(&self, request: &Request) -> Answer {
        let calls = || -> Value {
            let calls = held(&self.calls);
            calls.iter().map(|call| json!({"method": call.method, "path": call.path, "query": call.query, "body": call.body, "status": call.status})).collect()
        };
        match (request.method.as_str(), request.segments.get(1).map(String::as_str)) {
            ("GET", Some("calls")) => Answer::json(200, &calls()),
            ("DELETE", Some("faults")) => {
                held(&self.faults).clear();
                Answer::json(200, &json!({}))
            }
            ("POST", Some("faults")) => match fault(&request.body) {
                Some((matching, answer, times)) => {
                    held(&self.faults).add(matching, answer, times);
                    Answer::json(200, &json!({}))
                }
                None => {
                    Answer::error(400, "BadFault", "a fault is {method?, path, status, code?, message?, retryAfter?, times?}")
                }
            },
            ("PUT", Some("objects")) => {
                let object: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                changed(self.change(|estate, now| estate.with(&object, now)))
            }
            ("DELETE", Some("objects")) => {
                let id = request.parameter("id").unwrap_or_default();
                changed(self.change(|estate, now| estate.without(id, now)))
            }
            _ => {
                let known = "POST or DELETE /.arm-server/faults, PUT /.arm-server/objects, DELETE /.arm-server/objects?id=ID, \
                             GET /.arm-server/calls";
                Answer::error(404, "NotFound", known)
            }
        }
    }
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn changed(result: Result<(), EstateError>) -> Answer {
    match result {
        Ok(()) => Answer::json(200, &json!({})),
        Err(error) => Answer::error(400, "BadChange", &error.to_string()),
    }
}

fn without_secrets(request: &Request) -> String {
    let fields = request.form().into_iter().map(|(name, value)| {
        let is_secret = matches!(name.as_str(), "client_secret" | "client_assertion");
        let shown = if is_secret { "***".to_owned() } else { value };
        (name, shown)
    });
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn fault(body: &[u8]) -> Option<(Matching, Answer, usize)> {
    let fault: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| fault.get(name).and_then(Value::as_str);
    let mut matching = Matching::path(text("path")?);
    if let Some(method) = text("method") {
        matching = matching.method(method);
    }
    let status = u16::try_from(fault.get("status")?.as_u64()?).ok()?;
    let mut answer =
        Answer::error(status, text("code").unwrap_or("InternalServerError"), text("message").unwrap_or("A fault was asked for."));
    if let Some(seconds) = fault.get("retryAfter").and_then(Value::as_u64) {
        answer = answer.with_header("retry-after", &seconds.to_string());
    }
    let times = fault.get("times").and_then(Value::as_u64).and_then(|times| usize::try_from(times).ok());
    Some((matching, answer, times.unwrap_or(1)))
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        // An error of accepting is the connection's own: the next may do.
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(open(stream, acceptor.clone(), Arc::clone(&shared)));
    }
}

async fn open(stream: TcpStream, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Without it the end of an answer may wait; with an error it only is slow.
    let _ = stream.set_nodelay(true);
    match acceptor {
        None => speak(stream, shared).await,
        Some(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                speak(stream, shared).await;
            }
        }
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    let serve = service_fn(move |request: hyper::Request<Incoming>| respond(Arc::clone(&shared), request));
    // A connection that ends in an error is the client's affair, or a fault that was asked for.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), serve).await;
}

async fn respond(shared: Arc<Shared>, request: hyper::Request<Incoming>) -> anyhow::Result<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(Body::new(body), MAX_BODY).await.context("the body is too long or was cut off")?;
    let request = Request::new(parts.method, &parts.uri, parts.headers, body.to_vec());
    let (latency, identifiers) = (shared.options.latency, Arc::clone(&shared));
    let answer = tokio::task::spawn_blocking(move || {
        let answer = Service::of(&shared).answer(&request);
        let status = if answer.ending == Ending::Silence { 0 } else { answer.status };
        if request.segments.first().is_none_or(|first| first != ".arm-server") {
            shared.log(&request, status);
        }
        answer
    });
    let answer = answer.await?;
    let delay = answer.delay.max(latency);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    if answer.ending == Ending::Silence {
        anyhow::bail!("a fault closes this connection");
    }
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status)?);
    let identifier = identifiers.identifier();
    for name in ["x-ms-request-id", "x-ms-correlation-request-id", "request-id"] {
        response = response.header(name, &identifier);
    }
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = match answer.ending {
        Ending::Cut => {
            let half = answer.body.len() / 2;
            response = response.header("content-length", answer.body.len());
            let first: Vec<u8> = answer.body.into_iter().take(half).collect();
            let parts = [Ok(Bytes::from(first)), Err(std::io::Error::other("a fault cuts this answer"))];
            Body::from_stream(futures(parts))
        }
        Ending::Whole | Ending::Silence => Body::from(answer.body),
    };
    Ok(response.body(body)?)
}

/// The parts of a body, each sent before the next is looked at: an error that came with the rest would take it along.
fn futures(parts: [Result<Bytes, std::io::Error>; 2]) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    futures_util::stream::unfold(parts.into_iter(), |mut parts| async move {
        tokio::task::yield_now().await;
        parts.next().map(|part| (part, parts))
    })
}
