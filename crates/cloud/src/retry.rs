//! When to try again, and after how long.

use std::time::Duration;

/// Codes with which services say that they are asked too much.
const THROTTLES: [&str; 15] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttled",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes that say that the credentials have run out, so that fresh ones may help.
const EXPIRED: [&str; 5] =
    ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired", "ExpiredTokenError"];

/// Whether an error means that the service is asked too much.
pub fn is_throttle(status: u16, code: &str) -> bool {
    status == 429 || THROTTLES.contains(&code)
}

/// Whether an error means that the credentials have run out.
pub(crate) fn is_expired(code: &str) -> bool {
    EXPIRED.contains(&code)
}

/// How persistent a client is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryPolicy {
    /// Tries in all.
    pub(crate) max_tries: u32,
    /// Tries in all where a server error comes without an error code of AWS's: a proxy, or a thing that is not there.
    pub(crate) max_tries_without_code: u32,
    /// Time for all tries and waits.
    pub(crate) budget: Duration,
    /// The longest wait after the first failure; it doubles with each.
    pub(crate) base: Duration,
    /// The longest wait that we choose ourselves.
    pub(crate) cap: Duration,
}

impl RetryPolicy {
    pub(crate) const STANDARD: Self = Self {
        max_tries: 6,
        max_tries_without_code: 2,
        budget: Duration::from_secs(120),
        base: Duration::from_millis(500),
        cap: Duration::from_secs(20),
    };

    /// For one token, on which many calls may wait.
    pub(crate) const LOGIN: Self = Self { max_tries: 4, budget: Duration::from_secs(30), ..Self::STANDARD };

    /// How long to wait after the `tried`-th try failed, `elapsed` after the beginning; `None`: give up.
    ///
    /// Full jitter: anything between nothing and the doubled base, so that clients that failed together come back apart.
    /// `random` lies in 0..1. What the service asks for in `Retry-After` is the least that is waited.
    pub(crate) fn wait(&self, tried: u32, elapsed: Duration, retry_after: Option<Duration>, random: f64) -> Option<Duration> {
        if tried >= self.max_tries {
            return None;
        }
        let ceiling = self.base.saturating_mul(1 << (tried.saturating_sub(1)).min(16)).min(self.cap);
        let wait = ceiling.mul_f64(random.clamp(0.0, 1.0)).max(retry_after.unwrap_or_default());
        (elapsed + wait < self.budget).then_some(wait)
    }
}

/// A number in 0..1; jitter needs no more than that it differs.
pub(crate) fn random() -> f64 {
    let bits = getrandom::u32().unwrap_or(u32::MAX / 2);
    f64::from(bits) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Duration = Duration::ZERO;

    #[test]
    fn waits_double_and_end() {
        let policy = RetryPolicy::STANDARD;
        assert_eq!(policy.wait(1, NOTHING, None, 1.0), Some(Duration::from_millis(500)));
        assert_eq!(policy.wait(3, NOTHING, None, 1.0), Some(Duration::from_secs(2)));
        assert_eq!(policy.wait(3, NOTHING, None, 0.0), Some(NOTHING));
        assert_eq!(policy.wait(6, NOTHING, None, 0.5), None);
    }

    #[test]
    fn retry_after_is_the_least_that_is_waited() {
        let wait = RetryPolicy::STANDARD.wait(1, NOTHING, Some(Duration::from_secs(7)), 0.5);
        assert_eq!(wait, Some(Duration::from_secs(7)));
    }

    #[test]
    fn the_time_budget_holds_even_against_retry_after() {
        assert_eq!(RetryPolicy::STANDARD.wait(1, NOTHING, Some(Duration::from_secs(600)), 0.5), None);
        assert_eq!(RetryPolicy::STANDARD.wait(2, Duration::from_secs(120), None, 0.0), None);
    }

    #[test]
    fn throttles_are_told_from_other_errors() {
        assert!(is_throttle(429, ""));
        assert!(is_throttle(400, "ThrottlingException"));
        assert!(is_throttle(503, "SlowDown"));
        assert!(!is_throttle(503, "ServiceUnavailable"));
        assert!(!is_throttle(403, "AccessDenied"));
    }
}
