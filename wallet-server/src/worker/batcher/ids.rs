//! The ids of batches.

use wallet_core::Timestamp;

use crate::domain::ids::BatchId;
use crate::entropy::Entropy;

/// Ids of batches: rising, even when two are made within a millisecond or the clock is turned
/// back, so that readers may follow them.
pub(super) struct BatchIds {
    latest_millis: i64,
}

impl BatchIds {
    /// Ids after the one that the books end with.
    pub(super) fn after(latest: Option<BatchId>) -> Self {
        let millis = latest.map_or(0, |id| {
            id.as_bytes()[..6].iter().fold(0_i64, |millis, byte| (millis << 8) | i64::from(*byte))
        });
        Self { latest_millis: millis }
    }

    pub(super) fn next(&mut self, entropy: &Entropy, now: Timestamp) -> BatchId {
        self.latest_millis = now.unix_millis().max(self.latest_millis.saturating_add(1));
        entropy.id(Timestamp::from_unix_millis(self.latest_millis))
    }
}
