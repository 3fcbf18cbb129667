//! A clock that tests move: forward, and not for ever.

use std::sync::Arc;

use tokio::sync::Mutex;
use wallet_core::{Mode, Timestamp};

use super::App;
use crate::clock::AheadClock;
use crate::store::StoreError;

/// The furthest that it goes ahead: a year, in which everything has ended that ends, and some. The
/// issuer's keys outlive it.
pub const AHEAD_SECONDS_MAX: i64 = 400 * 24 * 60 * 60;

/// The clock of books with which nothing but tests is done.
pub struct TestClock {
    clock: Arc<AheadClock>,
    /// One advance after the other, so that each is added to all before it.
    advancing: Mutex<()>,
}

/// What it shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TestTime {
    /// The time of the books.
    pub now: Timestamp,
    /// How far it is ahead of the machine's.
    pub ahead_seconds: i64,
}

/// Why it was not moved.
#[derive(Debug)]
pub enum NotAdvanced {
    /// Nobody may move the clock of this server.
    Off,
    /// It would be too far ahead; by so many seconds it may still be moved.
    TooFar(i64),
    /// It could not be kept.
    Store(StoreError),
}

impl TestClock {
    /// A clock that is moved by this.
    #[must_use]
    pub fn new(clock: Arc<AheadClock>) -> Self {
        Self { clock, advancing: Mutex::new(()) }
    }
}

impl App {
    /// The time that tests may move.
    ///
    /// # Errors
    /// [`NotAdvanced::Off`].
    pub fn test_time(&self) -> Result<TestTime, NotAdvanced> {
        let test = self.test_clock.as_ref().ok_or(NotAdvanced::Off)?;
        Ok(TestTime { now: self.now(), ahead_seconds: test.clock.ahead_seconds() })
    }

    /// Lets time pass. It is kept first, so that time does not go back after a crash.
    ///
    /// # Errors
    /// [`NotAdvanced`].
    pub async fn advance_test_clock(&self, seconds: u32) -> Result<TestTime, NotAdvanced> {
        let test = self.test_clock.as_ref().ok_or(NotAdvanced::Off)?;
        let advancing = test.advancing.lock().await;
        let left = AHEAD_SECONDS_MAX.saturating_sub(test.clock.ahead_seconds());
        let seconds = i64::from(seconds);
        if seconds > left {
            return Err(NotAdvanced::TooFar(left));
        }
        let ahead_seconds = test.clock.ahead_seconds().saturating_add(seconds);
        self.store.set_test_ahead_seconds(ahead_seconds).await.map_err(NotAdvanced::Store)?;
        test.clock.advance_to(ahead_seconds);
        drop(advancing);
        tracing::info!(seconds, ahead_seconds, "the clock was moved forward");
        self.test_time()
    }

    /// Whether nothing of this mode is to be made, because tests move the clock.
    #[must_use]
    pub fn keeps_out(&self, mode: Mode) -> bool {
        mode == Mode::Live && self.test_clock.is_some()
    }
}
