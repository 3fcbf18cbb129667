//! How many requests a second an API key or a device may make.
//!
//! A bucket for each: a request takes a token, and tokens come back at an even pace until the
//! bucket is full. All that has to be remembered is when it will be full again (this is the generic
//! cell rate algorithm of ATM networks). Buckets are in memory and of one process.

use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use wallet_core::{DeviceKeyId, Timestamp};

use super::App;

const NANOS_OF_SECOND: i64 = 1_000_000_000;
const NANOS_OF_MILLI: i64 = 1_000_000;

/// A clock that is behind by no more than this was not turned back: threads read it in another order
/// than that in which they come here.
const BEHIND_NANOS_MAX: i64 = NANOS_OF_SECOND;

/// So many requests a second, and so many at once after a rest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    /// The time in which a token comes back.
    token_nanos: i64,
    /// The time in which an empty bucket becomes full.
    bucket_nanos: i64,
}

impl RateLimit {
    /// More a second than any of both needs, and few enough to count in nanoseconds.
    pub const REQUESTS_MAX: u32 = 1_000_000;

    /// A limit. `None` when it cannot be: each is 1 to [`REQUESTS_MAX`](Self::REQUESTS_MAX).
    #[must_use]
    pub fn new(requests_per_second: u32, burst: u32) -> Option<Self> {
        let sensible = 1..=Self::REQUESTS_MAX;
        if !sensible.contains(&requests_per_second) || !sensible.contains(&burst) {
            return None;
        }
        let token_nanos = NANOS_OF_SECOND / i64::from(requests_per_second);
        Some(Self { token_nanos, bucket_nanos: token_nanos * i64::from(burst) })
    }

    /// When a bucket is full again from which a token is taken now, if it would be full at this
    /// time; or after how many seconds there is a token.
    fn take(self, full_at: i64, now: Timestamp) -> Result<i64, u16> {
        let now = now.unix_millis().saturating_mul(NANOS_OF_MILLI);
        let empty = now.saturating_add(self.bucket_nanos);
        // So much emptier than empty is only what was so before the clock was turned back.
        let turned_back = full_at.saturating_sub(empty) > BEHIND_NANOS_MAX;
        let full_at = if turned_back { now } else { full_at.max(now) };
        let after = full_at.saturating_add(self.token_nanos);
        if after <= empty {
            return Ok(after);
        }
        let wait = u64::try_from(after.saturating_sub(empty)).unwrap_or(0);
        Err(u16::try_from(wait.div_ceil(NANOS_OF_SECOND.unsigned_abs())).unwrap_or(u16::MAX))
    }
}

/// The limits; `None` for whoever has none.
#[derive(Clone, Copy, Default, Debug)]
pub struct RateLimits {
    /// Of each API key.
    pub api_keys: Option<RateLimit>,
    /// Of each payer's device.
    pub devices: Option<RateLimit>,
}

/// The buckets of one kind of caller. Only callers who are known may take from one, so that
/// strangers fill no memory.
pub(super) struct Buckets<Id> {
    limit: Option<RateLimit>,
    /// When each is full again, in nanoseconds since 1970.
    full_at: quick_cache::sync::Cache<Id, Arc<AtomicI64>>,
}

impl<Id: Eq + Hash + Clone> Buckets<Id> {
    /// Full ones, of which so many are remembered at some 100 bytes each.
    pub(super) fn new(limit: Option<RateLimit>, remembered: usize) -> Self {
        Self { limit, full_at: quick_cache::sync::Cache::new(remembered) }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// After how many seconds there is one again.
    pub(super) fn take(&self, id: &Id, now: Timestamp) -> Result<(), u16> {
        let Some(limit) = self.limit else { return Ok(()) };
        let new = || Ok::<_, Infallible>(Arc::default());
        let Ok(bucket) = self.full_at.get_or_insert_with(id, new);
        let taken = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            limit.take(full_at, now).ok()
        });
        taken.map(drop).map_err(|full_at| limit.take(full_at, now).err().unwrap_or(1))
    }

    /// Whether there is a token to take. Remembers nobody.
    ///
    /// # Errors
    /// After how many seconds there is one again.
    pub(super) fn look(&self, id: &Id, now: Timestamp) -> Result<(), u16> {
        let bucket = self.limit.zip(self.full_at.get(id));
        let Some((limit, bucket)) = bucket else { return Ok(()) };
        limit.take(bucket.load(Ordering::Relaxed), now).map(drop)
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.full_at.len()
    }
}

impl App {
    /// Whether a request of this device would be let in.
    ///
    /// # Errors
    /// After how many seconds the next one is.
    pub(crate) fn would_admit_device(&self, id: DeviceKeyId) -> Result<(), u16> {
        self.own.device_buckets.look(&id, self.now())
    }

    /// Lets a request of this device in, which has shown by its signature that it is this one.
    ///
    /// # Errors
    /// After how many seconds the next one is.
    pub(crate) fn admit_device(&self, id: DeviceKeyId) -> Result<(), u16> {
        self.own.device_buckets.take(&id, self.now())
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::{Buckets, RateLimit};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn buckets(requests_per_second: u32, burst: u32) -> Buckets<u8> {
        Buckets::new(Some(RateLimit::new(requests_per_second, burst).unwrap()), 1000)
    }

    /// How many of a hundred requests at one time are let in.
    fn admitted(buckets: &Buckets<u8>, id: u8, now: Timestamp) -> usize {
        (0..100).filter(|_| buckets.take(&id, now).is_ok()).count()
    }

    #[test]
    fn a_burst_is_let_in_and_then_an_even_stream() {
        let buckets = buckets(10, 40);
        assert_eq!(admitted(&buckets, 1, NOW), 40);
        assert_eq!(buckets.take(&1, NOW), Err(1));
        assert_eq!(admitted(&buckets, 2, NOW), 40, "another one is not concerned");
        assert_eq!(admitted(&buckets, 1, NOW.plus_millis(99)), 0);
        assert_eq!(admitted(&buckets, 1, NOW.plus_millis(100)), 1);
        assert_eq!(admitted(&buckets, 1, NOW.plus_millis(1100)), 10);
        assert_eq!(admitted(&buckets, 1, NOW.plus_millis(60_000)), 40, "no fuller than full");
    }

    #[test]
    fn whoever_must_wait_hears_for_how_long_and_waiting_so_long_is_enough() {
        let buckets = buckets(1, 1);
        assert_eq!(buckets.take(&1, NOW), Ok(()));
        let seconds = buckets.take(&1, NOW.plus_millis(100)).unwrap_err();
        assert_eq!(seconds, 1);
        let later = NOW.plus_millis(100 + 1000 * i64::from(seconds));
        assert_eq!(buckets.take(&1, later), Ok(()));
    }

    #[test]
    fn looking_takes_nothing_and_remembers_nobody() {
        let buckets = buckets(1, 2);
        for _ in 0..5 {
            assert_eq!(buckets.look(&1, NOW), Ok(()));
        }
        assert_eq!(buckets.len(), 0);
        assert_eq!(admitted(&buckets, 1, NOW), 2);
        assert_eq!(buckets.look(&1, NOW), buckets.take(&1, NOW));
        assert_eq!(buckets.look(&1, NOW.plus_millis(1000)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_turned_back_keeps_nobody_out_for_longer() {
        let buckets = buckets(10, 5);
        assert_eq!(admitted(&buckets, 1, NOW), 5);
        let before = NOW.plus_millis(-24 * 60 * 60 * 1000);
        assert_eq!(buckets.look(&1, before), Ok(()));
        assert_eq!(admitted(&buckets, 1, before), 5);
        assert_eq!(admitted(&buckets, 1, before.plus_millis(1000)), 5);
    }

    #[test]
    fn threads_that_read_the_clock_in_another_order_refill_nothing() {
        let buckets = buckets(10, 5);
        assert_eq!(admitted(&buckets, 1, NOW), 5);
        for millis in [1, 2, 500, 999] {
            let before = NOW.plus_millis(-millis);
            assert_eq!(buckets.look(&1, before), buckets.take(&1, before));
            assert!(buckets.take(&1, before).is_err(), "{millis} ms before");
        }
        assert_eq!(buckets.take(&1, NOW), Err(1));
        assert_eq!(admitted(&buckets, 1, NOW.plus_millis(100)), 1);
    }

    #[test]
    fn without_a_limit_everybody_is_let_in_and_nobody_remembered() {
        let buckets = Buckets::<u8>::new(None, 1000);
        assert_eq!(admitted(&buckets, 1, NOW), 100);
        assert_eq!(buckets.len(), 0);
    }

    #[test]
    fn limits_that_cannot_be_are_none() {
        for (requests_per_second, burst) in [(0, 1), (1, 0), (1_000_001, 1), (1, 1_000_001)] {
            assert_eq!(RateLimit::new(requests_per_second, burst), None);
        }
        assert!(RateLimit::new(1_000_000, 1_000_000).is_some());
    }

    #[test]
    fn many_callers_do_not_fill_memory() {
        let buckets = Buckets::<u32>::new(RateLimit::new(1, 1), 1000);
        for id in 0..100_000 {
            buckets.take(&id, NOW).unwrap();
        }
        assert!(buckets.len() <= 1000, "{}", buckets.len());
    }
}
