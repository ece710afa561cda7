//! How often one may ask, each principal and each address of those who have not said who they are, and what a request may take.

use std::{
    hash::Hash,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use governor::{Quota, RateLimiter, clock::Clock as _, clock::DefaultClock, state::keyed::DefaultKeyedStateStore};

use crate::{AppState, error::ApiError};

/// How many requests a second are taken for long, and how many at once after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second.
    pub per_second: NonZeroU32,
    /// Requests at once.
    pub burst: NonZeroU32,
}

/// What a server allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitSettings {
    /// What a principal may ask.
    pub principal: Rate,
    /// What an address may ask before it says who it is.
    pub stranger: Rate,
    /// Bytes of a request's body.
    pub body: usize,
    /// Bytes of the body of a request that brings policies or logs.
    pub import: usize,
    /// How long a request may take until its answer begins.
    pub time: Duration,
}

impl Default for LimitSettings {
    /// Pages of a console and scripts stay far below these; all policies that Azure has built in are 30 MB.
    fn default() -> Self {
        Self {
            principal: Rate::of(100, 500),
            stranger: Rate::of(10, 60),
            body: 1 << 20,
            import: 64 << 20,
            time: Duration::from_secs(60),
        }
    }
}

/// The limits of a server, and how much of them is spent.
pub struct Limits {
    pub(crate) settings: LimitSettings,
    principals: Limiter<String>,
    strangers: Limiter<IpAddr>,
}

struct Limiter<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock>,
    /// Requests since those who rest were forgotten.
    n_since: AtomicU32,
}

/// Those who rest are forgotten after this many requests, so that addresses do not fill the memory.
const FORGET_EVERY: u32 = 10_000;

impl Rate {
    /// A rate; zeros count as one.
    pub const fn of(per_second: u32, burst: u32) -> Self {
        const fn positive(number: u32) -> NonZeroU32 {
            match NonZeroU32::new(number) {
                Some(number) => number,
                None => NonZeroU32::MIN,
            }
        }
        Self { per_second: positive(per_second), burst: positive(burst) }
    }
}

impl Limits {
    /// Nobody has asked yet.
    pub fn new(settings: LimitSettings) -> Self {
        Self { settings, principals: Limiter::new(settings.principal), strangers: Limiter::new(settings.stranger) }
    }

    /// Counts a request of a principal.
    pub(crate) fn of_principal(&self, id: &str) -> Result<(), TooMany> {
        self.principals.count(&id.to_owned())
    }
}

/// That somebody asks too often; how many seconds to wait.
#[derive(Debug)]
pub(crate) struct TooMany(u64);

impl<K: Hash + Eq + Clone> Limiter<K> {
    fn new(rate: Rate) -> Self {
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        Self { limiter: RateLimiter::keyed(quota), n_since: AtomicU32::new(0) }
    }

    fn count(&self, key: &K) -> Result<(), TooMany> {
        if self.n_since.fetch_add(1, Ordering::Relaxed) >= FORGET_EVERY {
            self.n_since.store(0, Ordering::Relaxed);
            self.limiter.retain_recent();
        }
        let wait = |until: governor::NotUntil<_>| TooMany(until.wait_time_from(DefaultClock::default().now()).as_secs() + 1);
        self.limiter.check_key(key).map_err(wait)
    }
}

impl axum::response::IntoResponse for TooMany {
    fn into_response(self) -> Response {
        let message = format!("too many requests; ask again in {} seconds", self.0);
        let mut response = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", message).into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(self.0));
        response
    }
}

/// Counts what comes without a login by where it comes from.
pub(crate) async fn of_strangers(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    match app.limits.strangers.count(&peer.map_or(IpAddr::from([0, 0, 0, 0]), network)) {
        Ok(()) => next.run(request).await,
        Err(too_many) => too_many.into_response(),
    }
}

/// What one stranger has of addresses: of version 6 a network of 64 bits, whose addresses cost nothing.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(own) => match own.to_ipv4_mapped() {
            Some(own) => IpAddr::V4(own),
            None => IpAddr::V6((u128::from(own) & !u128::from(u64::MAX)).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_no_more_and_others_do_not_suffer() {
        let limits =
            Limits::new(LimitSettings { principal: Rate::of(1, 5), stranger: Rate::of(1, 1), ..LimitSettings::default() });
        let n_taken = (0..50).filter(|_| limits.of_principal("one").is_ok()).count();
        // A second may begin while these are asked.
        assert!((5..50).contains(&n_taken), "{n_taken}");
        assert!(limits.of_principal("other").is_ok());
    }

    #[test]
    fn a_network_is_one_stranger() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2606:4700:1:2::1"), network("2606:4700:1:2:ffff::2"));
        assert_ne!(network("2606:4700:1:2::1"), network("2606:4700:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
