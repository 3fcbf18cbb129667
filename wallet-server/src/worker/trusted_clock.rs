//! The clock by which workers do what cannot be undone.

use std::sync::Arc;
use std::time::Duration;

use wallet_core::Timestamp;

use crate::clock::Clock;
use crate::domain::ids::BatchId;
use crate::domain::trusted_time::TrustedTime;
use crate::store::{Store, StoreError};

/// A clock that is doubted while it is further ahead than it can be.
pub(super) struct TrustedClock {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    believed_after: Duration,
    time: Option<TrustedTime>,
}

impl TrustedClock {
    /// One that believes a clock which stays ahead after so long.
    pub(super) fn new(store: Arc<Store>, clock: Arc<dyn Clock>, believed_after: Duration) -> Self {
        Self { store, clock, believed_after, time: None }
    }

    /// The time that is trusted. The first time asks the books when something happened last.
    pub(super) async fn now(&mut self) -> Result<Timestamp, StoreError> {
        let mut time = match self.time {
            Some(time) => time,
            None => self.begin().await?,
        };
        let shown = self.clock.now();
        let doubted = self.time.is_some_and(|time| time.doubts());
        let trusted = time.look(shown, self.clock.steady_millis());
        self.time = Some(time);
        if time.doubts() && !doubted {
            tracing::error!(
                clock_millis = shown.unix_millis(),
                trusted_millis = trusted.unix_millis(),
                believed_after_seconds = self.believed_after.as_secs(),
                "the clock shows a time that cannot have come yet; \
                 until it is believed, nothing ends and nothing is forgotten by it"
            );
        }
        Ok(trusted)
    }

    async fn begin(&self) -> Result<TrustedTime, StoreError> {
        let happened = self.store.latest_batch().await?.map(made_at);
        let believed_after = i64::try_from(self.believed_after.as_millis()).unwrap_or(i64::MAX);
        let (shown, steady) = (self.clock.now(), self.clock.steady_millis());
        Ok(TrustedTime::begin(shown, steady, happened, believed_after))
    }
}

/// The moment that a batch's id begins with: its first 48 bits (RFC 9562, section 5.7).
fn made_at(batch: BatchId) -> Timestamp {
    let millis = batch.as_bytes().iter().take(6).fold(0, |sum, byte| sum << 8 | i64::from(*byte));
    Timestamp::from_unix_millis(millis)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use wallet_core::Timestamp;

    use super::{TrustedClock, made_at};
    use crate::clock::{Clock, ManualClock};
    use crate::domain::ids::BatchId;
    use crate::store::Store;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const HOUR_MILLIS: i64 = 60 * 60 * 1000;

    #[tokio::test]
    async fn a_clock_that_jumps_ahead_is_believed_when_it_has_stayed_there() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/books", folder.path().display());
        let store = Arc::new(Store::open(&url).await.unwrap());
        let clock = Arc::new(ManualClock::new(NOW));
        let shown: Arc<dyn Clock> = clock.clone();
        let mut trusted = TrustedClock::new(store, shown, Duration::from_hours(1));
        assert_eq!(trusted.now().await.unwrap(), NOW);
        clock.set_ahead_millis(1000 * HOUR_MILLIS);
        assert!(trusted.now().await.unwrap() < NOW.plus_millis(HOUR_MILLIS));
        clock.advance_millis(HOUR_MILLIS - 1);
        assert!(trusted.now().await.unwrap() < NOW.plus_millis(2 * HOUR_MILLIS));
        clock.advance_millis(1);
        assert_eq!(trusted.now().await.unwrap(), NOW.plus_millis(1001 * HOUR_MILLIS));
    }

    #[test]
    fn a_batch_says_when_it_was_made() {
        let mut id = [0xff; 16];
        id[..6].copy_from_slice(&1_800_000_000_123_i64.to_be_bytes()[2..]);
        let expected = Timestamp::from_unix_millis(1_800_000_000_123);
        assert_eq!(made_at(BatchId::from_bytes(id)), expected);
    }
}
