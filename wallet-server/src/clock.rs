//! The only place that reads the clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use wallet_core::Timestamp;

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Default, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX),
        };
        Timestamp::from_unix_millis(millis)
    }
}

/// A clock that is ahead of another one: of books with which nothing but tests is done.
pub struct AheadClock {
    base: Arc<dyn Clock>,
    ahead_seconds: AtomicI64,
}

impl AheadClock {
    /// A clock that is so far ahead of `base`.
    #[must_use]
    pub fn new(base: Arc<dyn Clock>, ahead_seconds: i64) -> Self {
        Self { base, ahead_seconds: AtomicI64::new(ahead_seconds) }
    }

    /// How far it is ahead.
    #[must_use]
    pub fn ahead_seconds(&self) -> i64 {
        self.ahead_seconds.load(Ordering::SeqCst)
    }

    /// Sets it further ahead. It never goes back.
    pub fn advance_to(&self, ahead_seconds: i64) {
        self.ahead_seconds.fetch_max(ahead_seconds, Ordering::SeqCst);
    }
}

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        self.base.now().plus_millis(self.ahead_seconds().saturating_mul(1000))
    }
}

/// A clock that stands still until it is set: for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.unix_millis()))
    }

    /// Moves the clock, forwards or (with a negative number) backwards.
    pub fn advance_millis(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}
