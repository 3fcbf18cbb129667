//! The only place that reads the clock.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use wallet_core::Timestamp;

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;

    /// How many milliseconds have passed since some moment, on a clock that nobody sets: for telling
    /// time that passes from a clock that is set.
    fn steady_millis(&self) -> i64;
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

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn steady_millis(&self) -> i64 {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        i64::try_from(BEGUN.elapsed().as_millis()).unwrap_or(i64::MAX)
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

    fn steady_millis(&self) -> i64 {
        self.base.steady_millis().saturating_add(self.ahead_seconds().saturating_mul(1000))
    }
}

/// A clock that stands still until it is set: for tests.
#[derive(Debug)]
pub struct ManualClock {
    millis: AtomicI64,
    steady_millis: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { millis: AtomicI64::new(now.unix_millis()), steady_millis: AtomicI64::new(0) }
    }

    /// Lets time pass, or (with a negative number) sets the clock back.
    pub fn advance_millis(&self, millis: i64) {
        // First, so that nobody takes it for a clock that is set.
        self.steady_millis.fetch_add(millis.max(0), Ordering::SeqCst);
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// Has the clock show another time, without any time passing.
    pub fn set_ahead_millis(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.millis.load(Ordering::SeqCst))
    }

    fn steady_millis(&self) -> i64 {
        self.steady_millis.load(Ordering::SeqCst)
    }
}
