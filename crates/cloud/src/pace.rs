//! Our own limits on how much we ask: requests a second per (account, region, service), and requests at once.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// What shares a request rate: AWS counts per account, region and service.
#[derive(Debug, Clone, PartialEq)]
pub struct RateKey {
    /// The account; empty while it is not known.
    pub account: Arc<str>,
    /// The region.
    pub region: Arc<str>,
    /// The service.
    pub service: Arc<str>,
    /// Requests a second that we allow ourselves.
    pub per_second: f64,
}

/// Account, region, service.
type Names = (Arc<str>, Arc<str>, Arc<str>);

/// One limiter for each key.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    limiters: Mutex<BTreeMap<Names, Arc<DefaultDirectRateLimiter>>>,
}

impl Pace {
    /// Waits until the key may be asked again.
    pub(crate) async fn wait(&self, key: &RateKey) {
        if let Some(limiter) = self.limiter(key) {
            limiter.until_ready().await;
        }
    }

    fn limiter(&self, key: &RateKey) -> Option<Arc<DefaultDirectRateLimiter>> {
        let quota = quota(key.per_second)?;
        // A panic while it was held can't leave a map of limiters half changed.
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        let names = (Arc::clone(&key.account), Arc::clone(&key.region), Arc::clone(&key.service));
        Some(Arc::clone(limiters.entry(names).or_insert_with(|| Arc::new(RateLimiter::direct(quota)))))
    }
}

/// A second's worth of requests may come at once. `None` for rates that are no rates: they limit nothing.
fn quota(per_second: f64) -> Option<Quota> {
    if !per_second.is_finite() || per_second <= 0.001 {
        return None;
    }
    let quota = Quota::with_period(Duration::from_secs_f64(1.0 / per_second.min(10_000.0)))?;
    let burst = (1..=10_000).rev().find(|burst| f64::from(*burst) <= per_second).unwrap_or(1);
    Some(quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(service: &str, per_second: f64) -> RateKey {
        RateKey { account: "1".into(), region: "r".into(), service: service.into(), per_second }
    }

    #[test]
    fn a_burst_is_a_second_s_worth_and_keys_do_not_share() {
        let pace = Pace::default();
        let limiter = pace.limiter(&key("ec2", 3.0)).unwrap();
        assert!((0..3).all(|_| limiter.check().is_ok()));
        assert!(limiter.check().is_err());
        assert!(Arc::ptr_eq(&limiter, &pace.limiter(&key("ec2", 3.0)).unwrap()));
        assert!(pace.limiter(&key("iam", 3.0)).unwrap().check().is_ok());
    }

    #[test]
    fn rates_that_are_no_rates_limit_nothing() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(quota(rate).is_none(), "{rate}");
        }
    }
}
