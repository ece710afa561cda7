//! What Azure says of how much may still be asked, heeded before it refuses.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{HttpResponse, RateKey};

/// Resource Manager lets a subscription's readers do 25 reads a second and saves up 250; below this many we ask more slowly, so that
/// the customer's own tools are not refused.
const FLOOR: u32 = 50;
/// Reads that Resource Manager adds a second.
const REFILL: f64 = 25.0;
/// No answer makes us wait longer than this before a call.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Calls that have to wait for their turn go when such a step is over: those of many accounts go together, and one awakening serves
/// them all.
const STEP: Duration = Duration::from_millis(100);

/// Names of headers with what a subscription or tenant may still read.
const REMAINING_READS: [&str; 2] = ["x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-tenant-reads"];

/// Account, region, service.
type Names = (Arc<str>, Arc<str>, Arc<str>);

/// What is known of all keys.
#[derive(Debug)]
pub(crate) struct Quota {
    known: Mutex<Known>,
    /// Steps are counted from here.
    begin: Instant,
}

impl Default for Quota {
    fn default() -> Self {
        Self { known: Mutex::default(), begin: Instant::now() }
    }
}

#[derive(Debug, Default)]
struct Known {
    windows: BTreeMap<Names, Window>,
    slow: BTreeMap<Arc<str>, Slow>,
}

/// How many calls a key has until when.
#[derive(Debug, Clone, Copy)]
struct Window {
    remaining: u32,
    until: Instant,
}

/// How far apart an account's calls are.
#[derive(Debug, Clone, Copy)]
struct Slow {
    apart: Duration,
    next: Instant,
}

impl Quota {
    /// Waits until the key may be asked without being refused, and counts the call.
    pub(crate) async fn wait(&self, key: &RateKey) {
        while let Some(until) = self.take(key) {
            tokio::time::sleep_until(until).await;
        }
        if let Some(until) = self.turn(key) {
            tokio::time::sleep_until(self.step_after(until)).await;
        }
    }

    /// The end of the step in which an instant lies.
    fn step_after(&self, instant: Instant) -> Instant {
        let since = instant.saturating_duration_since(self.begin);
        let n_steps = u32::try_from(since.as_millis().div_ceil(STEP.as_millis())).unwrap_or(u32::MAX);
        self.begin.checked_add(STEP.saturating_mul(n_steps)).unwrap_or(instant)
    }

    /// Learns from an answer.
    pub(crate) fn learn(&self, key: &RateKey, response: &HttpResponse) {
        let now = Instant::now();
        let number = |name: &str| response.header(name).and_then(|value| value.trim().parse::<u32>().ok());
        let mut known = self.lock();
        let resets_after = response.header("x-ms-user-quota-resets-after").and_then(clock);
        if let Some((remaining, resets_after)) = number("x-ms-user-quota-remaining").zip(resets_after) {
            known.narrow(key, remaining, now + resets_after.min(MAX_WAIT));
        }
        if response.status == 429
            && let Some(wait) = retry_after(response)
        {
            known.narrow(key, 0, now + wait.min(MAX_WAIT));
        }
        if let Some(remaining) = REMAINING_READS.iter().filter_map(|name| number(name)).min() {
            known.slow_down(&key.account, remaining, now);
        }
    }

    /// Takes one of what remains; else says when to ask again.
    fn take(&self, key: &RateKey) -> Option<Instant> {
        let mut known = self.lock();
        let names = names(key);
        let window = known.windows.get_mut(&names)?;
        if window.until <= Instant::now() {
            known.windows.remove(&names);
            return None;
        }
        match window.remaining.checked_sub(1) {
            Some(remaining) => {
                window.remaining = remaining;
                None
            }
            None => Some(window.until),
        }
    }

    /// The account's next turn, where its calls are kept apart.
    fn turn(&self, key: &RateKey) -> Option<Instant> {
        let mut known = self.lock();
        let slow = known.slow.get_mut(&key.account)?;
        let turn = slow.next.max(Instant::now());
        slow.next = turn + slow.apart;
        Some(turn)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        // A panic while it was held can't leave numbers half changed.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Calls under way may have been counted already: within a window the least that was said holds.
    fn narrow(&mut self, key: &RateKey, remaining: u32, until: Instant) {
        let now = Instant::now();
        let window = self.windows.entry(names(key)).or_insert(Window { remaining, until });
        if window.until <= now {
            *window = Window { remaining, until };
        } else {
            window.remaining = window.remaining.min(remaining);
            window.until = window.until.max(until);
        }
    }

    fn slow_down(&mut self, account: &Arc<str>, remaining: u32, now: Instant) {
        if remaining >= FLOOR {
            self.slow.remove(account);
            return;
        }
        // The fewer are left, the slower; at none as fast as half of what is added, so that some are saved again.
        let left = f64::from(remaining) / f64::from(FLOOR);
        let apart = Duration::from_secs_f64((2.0 - left) / REFILL);
        let slow = self.slow.entry(Arc::clone(account)).or_insert(Slow { apart, next: now + apart });
        slow.apart = apart;
    }
}

/// Whether the same request may succeed later, by the answer's status.
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long to wait before the next try: `x-ms-retry-after-ms`, `retry-after-ms`, else `Retry-After` in seconds or as a date.
pub(crate) fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let milliseconds =
        ["x-ms-retry-after-ms", "retry-after-ms"].iter().find_map(|name| response.header(name)?.trim().parse().ok());
    milliseconds.map(Duration::from_millis).or_else(|| response.retry_after())
}

/// `HH:MM:SS`, also with a fraction.
fn clock(text: &str) -> Option<Duration> {
    let mut parts = text.trim().split(':');
    let hours: u32 = parts.next()?.parse().ok()?;
    let minutes: u32 = parts.next()?.parse().ok()?;
    let seconds = parts.next()?.parse().ok().filter(|seconds: &f64| seconds.is_finite() && (0.0..3600.0).contains(seconds))?;
    let whole = u64::from(hours.min(24)) * 3600 + u64::from(minutes.min(60)) * 60;
    parts.next().is_none().then(|| Duration::from_secs(whole) + Duration::from_secs_f64(seconds))
}

fn names(key: &RateKey) -> Names {
    (Arc::clone(&key.account), Arc::clone(&key.region), Arc::clone(&key.service))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(account: &str, service: &str) -> RateKey {
        RateKey { account: account.into(), region: "".into(), service: service.into(), per_second: 0.0 }
    }

    fn answer(status: u16, headers: &[(&str, &str)]) -> HttpResponse {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        HttpResponse { status, headers, body: bytes::Bytes::new() }
    }

    async fn waited(quota: &Quota, key: &RateKey) -> Duration {
        let begin = Instant::now();
        quota.wait(key).await;
        begin.elapsed()
    }

    fn about(wait: Duration, seconds: f64) -> bool {
        (wait.as_secs_f64() - seconds).abs() < 0.01
    }

    #[tokio::test(start_paused = true)]
    async fn a_used_up_quota_is_waited_for_by_its_own_key_alone() {
        let quota = Quota::default();
        let graph = key("tenant", "ResourceGraph");
        let used_up = [("x-ms-user-quota-remaining", "0"), ("x-ms-user-quota-resets-after", "00:00:05")];
        quota.learn(&graph, &answer(200, &used_up));
        assert!(about(waited(&quota, &key("tenant", "other")).await, 0.0));
        assert!(about(waited(&quota, &graph).await, 5.0));
        assert!(about(waited(&quota, &graph).await, 0.0), "a new window has begun");
    }

    #[tokio::test(start_paused = true)]
    async fn what_remains_is_counted_and_never_grows_within_a_window() {
        let quota = Quota::default();
        let graph = key("tenant", "ResourceGraph");
        let some = |remaining: &'static str| {
            answer(200, &[("x-ms-user-quota-remaining", remaining), ("x-ms-user-quota-resets-after", "00:00:03")])
        };
        quota.learn(&graph, &some("2"));
        quota.learn(&graph, &some("7"));
        let mut waits = Vec::new();
        for _ in 0..3 {
            waits.push(waited(&quota, &graph).await);
        }
        assert!(about(waits[0], 0.0) && about(waits[1], 0.0) && about(waits[2], 3.0), "{waits:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_holds_for_all_who_share_the_key() {
        let quota = Quota::default();
        let shared = key("s", "Microsoft.Storage");
        quota.learn(&shared, &answer(429, &[("retry-after", "17")]));
        assert!(about(waited(&quota, &shared).await, 17.0));
        quota.learn(&shared, &answer(429, &[("retry-after", "17"), ("x-ms-retry-after-ms", "250")]));
        assert!(about(waited(&quota, &shared).await, 0.25));
        quota.learn(&shared, &answer(429, &[("retry-after", "86400")]));
        assert!(about(waited(&quota, &shared).await, 60.0), "no answer stops us for a day");
    }

    #[tokio::test(start_paused = true)]
    async fn few_reads_left_slow_the_subscription_down_until_there_are_more() {
        let quota = Quota::default();
        let (one, other) = (key("s", "Microsoft.Storage"), key("s", "Microsoft.Sql"));
        quota.learn(&one, &answer(200, &[("x-ms-ratelimit-remaining-subscription-reads", "0")]));
        let begin = Instant::now();
        for _ in 0..25 {
            quota.wait(&other).await;
        }
        assert!(about(begin.elapsed(), 2.0), "{:?}", begin.elapsed());
        assert!(about(waited(&quota, &key("t", "Microsoft.Storage")).await, 0.0));
        quota.learn(&one, &answer(200, &[("x-ms-ratelimit-remaining-subscription-reads", "200")]));
        assert!(about(waited(&quota, &other).await, 0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn turns_of_many_accounts_come_together_and_as_often_as_before() {
        let quota = Quota::default();
        let few = answer(200, &[("x-ms-ratelimit-remaining-subscription-reads", "0")]);
        let (one, other) = (key("s", "Microsoft.Storage"), key("t", "Microsoft.Storage"));
        quota.learn(&one, &few);
        tokio::time::advance(Duration::from_millis(30)).await;
        quota.learn(&other, &few);
        let ends = async |key: &RateKey| {
            let mut ends = std::collections::BTreeSet::new();
            for _ in 0..50 {
                quota.wait(key).await;
                ends.insert(Instant::now());
            }
            ends
        };
        let begin = Instant::now();
        let (one, other) = tokio::join!(ends(&one), ends(&other));
        assert!(one.union(&other).count() <= 41, "50 calls, 80 ms apart, end in 40 steps and a last one");
        assert!(about(begin.elapsed(), 4.07), "{:?}", begin.elapsed());
    }

    #[test]
    fn odd_headers_limit_nothing() {
        let quota = Quota::default();
        let key = key("s", "x");
        for (remaining, resets) in [("0", "soon"), ("-1", "00:00:05"), ("0", "00:00"), ("0", "00:00:05:00"), ("0", "00:00:NaN")] {
            quota
                .learn(&key, &answer(200, &[("x-ms-user-quota-remaining", remaining), ("x-ms-user-quota-resets-after", resets)]));
            assert_eq!(quota.take(&key), None, "{remaining} {resets}");
        }
        assert_eq!(clock("00:01:02.5"), Some(Duration::from_millis(62_500)));
    }

    #[test]
    fn every_form_of_retry_after_is_understood() {
        assert_eq!(retry_after(&answer(429, &[("retry-after", "7")])), Some(Duration::from_secs(7)));
        assert_eq!(
            retry_after(&answer(429, &[("retry-after", "7"), ("x-ms-retry-after-ms", "20")])),
            Some(Duration::from_millis(20))
        );
        let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(100);
        let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&soon).unwrap();
        let wait = retry_after(&answer(503, &[("retry-after", &date)])).unwrap();
        assert!(wait > Duration::from_secs(90) && wait <= Duration::from_secs(100), "{wait:?}");
        assert_eq!(retry_after(&answer(429, &[("retry-after", "Mon, 01 Jan 2001 00:00:00 GMT")])), None);
        assert_eq!(retry_after(&answer(429, &[])), None);
    }
}
