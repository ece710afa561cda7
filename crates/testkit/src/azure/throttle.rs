use std::{collections::BTreeMap, time::Duration};

/// Tokens that come back over time, as Resource Manager counts reads of a subscription and a caller.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// How many there are at most, and at first.
    pub size: u32,
    /// How many come back in a second.
    pub refill_per_second: u32,
}

/// So many calls of a caller in so long a time, as Resource Graph counts queries.
#[derive(Clone, Copy, Debug)]
pub struct Quota {
    /// How many.
    pub calls: u32,
    /// In how long a time, from the first of them.
    pub window: Duration,
}

/// What a caller has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) remaining: u32,
    /// Until all are back (quota) or one more is (bucket).
    pub(crate) until: Duration,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Served,
    Refused,
}

/// What callers have used. Times are since the server's start.
#[derive(Default)]
pub(crate) struct Used {
    buckets: BTreeMap<String, (f64, Duration)>,
    windows: BTreeMap<String, (u32, Duration)>,
}

impl Used {
    /// Takes a token out of somebody's bucket.
    pub(crate) fn take(&mut self, bucket: Bucket, whose: &str, now: Duration) -> Left {
        let (tokens, since) = self.buckets.entry(whose.to_owned()).or_insert((f64::from(bucket.size), now));
        let refilled = now.saturating_sub(*since).as_secs_f64() * f64::from(bucket.refill_per_second);
        *tokens = (*tokens + refilled).min(f64::from(bucket.size));
        *since = now;
        if *tokens < 1.0 {
            let seconds = (1.0 - *tokens) / f64::from(bucket.refill_per_second.max(1));
            return Left { remaining: 0, until: Duration::from_secs_f64(seconds), verdict: Verdict::Refused };
        }
        *tokens -= 1.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between none and the bucket's size")]
        let remaining = *tokens as u32;
        Left { remaining, until: Duration::ZERO, verdict: Verdict::Served }
    }

    /// Counts a call of somebody's quota.
    pub(crate) fn count(&mut self, quota: Quota, whose: &str, now: Duration) -> Left {
        let (n, begin) = self.windows.entry(whose.to_owned()).or_insert((0, now));
        if now.saturating_sub(*begin) >= quota.window {
            (*n, *begin) = (0, now);
        }
        let until = (*begin + quota.window).saturating_sub(now);
        if *n >= quota.calls {
            return Left { remaining: 0, until, verdict: Verdict::Refused };
        }
        *n += 1;
        Left { remaining: quota.calls - *n, until, verdict: Verdict::Served }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_whole_again_after_its_window() {
        let quota = Quota { calls: 2, window: Duration::from_secs(5) };
        let mut used = Used::default();
        let mut count = |seconds| used.count(quota, "a", Duration::from_secs(seconds));
        assert_eq!((count(10).remaining, count(12).remaining), (1, 0));
        assert_eq!(count(13), Left { remaining: 0, until: Duration::from_secs(2), verdict: Verdict::Refused });
        assert_eq!(count(15).verdict, Verdict::Served);
    }

    #[test]
    fn tokens_come_back_one_by_one_and_each_caller_has_its_own() {
        let bucket = Bucket { size: 2, refill_per_second: 2 };
        let mut used = Used::default();
        let mut take = |whose: &str, millis| used.take(bucket, whose, Duration::from_millis(millis));
        assert_eq!((take("a", 0).remaining, take("a", 0).remaining), (1, 0));
        assert_eq!(take("a", 0), Left { remaining: 0, until: Duration::from_millis(500), verdict: Verdict::Refused });
        assert_eq!(take("b", 0).remaining, 1);
        assert_eq!(take("a", 500).verdict, Verdict::Served);
    }
}
