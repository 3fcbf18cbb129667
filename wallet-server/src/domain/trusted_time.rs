//! How far a clock is trusted by what cannot be undone: forgetting what is old, ending what is
//! overdue.
//!
//! A clock that shows another year for a moment must not end every hold and forget every
//! idempotency key, after which a request that is repeated would be executed once more. So time
//! passes here as it does on a clock that nobody sets, and a clock that is further ahead is
//! doubted until it has been for a while: a machine that was asleep has really missed time.
//!
//! ```
//! use wallet_core::Timestamp;
//! use wallet_server::domain::trusted_time::TrustedTime;
//!
//! let at = Timestamp::from_unix_seconds;
//! let mut time = TrustedTime::begin(at(1_000), 0, None, 300_000);
//! assert_eq!(time.look(at(1_010), 10_000), at(1_010));
//! // A year later, it says, after a second.
//! assert_eq!(time.look(at(31_537_010), 11_000), at(1_071));
//! assert!(time.doubts());
//! ```

use wallet_core::Timestamp;

/// How much faster than the steady clock the other one may go: it is corrected in small steps.
const SLACK_MILLIS: i64 = 60_000;
/// How long nothing may have happened before the time at which a server starts is doubted.
const SILENCE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The time that is trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrustedTime {
    /// What was trusted last, and when that was on the steady clock.
    trusted: Timestamp,
    steady_millis: i64,
    /// Since when the clock is too far ahead.
    doubted_since: Option<i64>,
    believed_after_millis: i64,
}

impl TrustedTime {
    /// Begins with what the clock shows, unless that is more than a day after the last thing that
    /// `happened`. A clock that stays ahead is believed after `believed_after_millis`.
    #[must_use]
    pub fn begin(
        shown: Timestamp,
        steady_millis: i64,
        happened: Option<Timestamp>,
        believed_after_millis: i64,
    ) -> Self {
        let most = happened.map_or(shown, |last| last.plus_millis(SILENCE_MILLIS));
        let doubted_since = (shown > most).then_some(steady_millis);
        Self { trusted: shown.min(most), steady_millis, doubted_since, believed_after_millis }
    }

    /// The clock shows this now; says which time is trusted. A clock that is set back is.
    pub fn look(&mut self, shown: Timestamp, steady_millis: i64) -> Timestamp {
        let passed = steady_millis.saturating_sub(self.steady_millis).max(0);
        let most = self.trusted.plus_millis(passed.saturating_add(SLACK_MILLIS));
        if shown <= most {
            self.trust(shown, steady_millis);
            return shown;
        }
        let since = *self.doubted_since.get_or_insert(steady_millis);
        if steady_millis.saturating_sub(since) >= self.believed_after_millis {
            self.trust(shown, steady_millis);
            return shown;
        }
        most
    }

    /// Whether the clock is further ahead than it can be.
    #[must_use]
    pub fn doubts(&self) -> bool {
        self.doubted_since.is_some()
    }

    fn trust(&mut self, shown: Timestamp, steady_millis: i64) {
        self.trusted = shown;
        self.steady_millis = steady_millis;
        self.doubted_since = None;
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::{SILENCE_MILLIS, SLACK_MILLIS, TrustedTime};

    const HOUR: i64 = 3_600_000;
    const YEAR: i64 = 365 * 24 * HOUR;
    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn later(millis: i64) -> Timestamp {
        NOW.plus_millis(millis)
    }

    #[test]
    fn time_that_passes_is_trusted_and_so_is_a_clock_that_is_set_back() {
        let mut time = TrustedTime::begin(NOW, 500, Some(NOW), HOUR);
        assert_eq!(time.look(later(40 * YEAR), 500 + 40 * YEAR), later(40 * YEAR));
        assert_eq!(time.look(later(SLACK_MILLIS), 500 + 40 * YEAR), later(SLACK_MILLIS));
        // Corrected in steps.
        assert_eq!(time.look(later(2 * SLACK_MILLIS), 500 + 40 * YEAR), later(2 * SLACK_MILLIS));
        assert!(!time.doubts());
    }

    #[test]
    fn a_clock_that_shows_another_year_for_a_moment_changes_little_and_nothing_for_long() {
        let mut time = TrustedTime::begin(NOW, 0, Some(NOW), HOUR);
        assert_eq!(time.look(later(YEAR), 1_000), later(1_000 + SLACK_MILLIS));
        assert_eq!(time.look(later(YEAR), HOUR), later(HOUR + SLACK_MILLIS));
        assert!(time.doubts());
        assert_eq!(time.look(later(HOUR + 1), HOUR + 1), later(HOUR + 1));
        assert!(!time.doubts());
        // The doubt begins anew.
        assert_eq!(time.look(later(YEAR), HOUR + 2), later(HOUR + 2 + SLACK_MILLIS));
    }

    #[test]
    fn a_clock_that_stays_ahead_is_believed_after_its_time() {
        let mut time = TrustedTime::begin(NOW, 0, Some(NOW), HOUR);
        assert_ne!(time.look(later(YEAR), 1_000), later(YEAR));
        assert_ne!(time.look(later(YEAR + HOUR), HOUR + 999), later(YEAR + HOUR));
        assert_eq!(time.look(later(YEAR + HOUR), HOUR + 1_000), later(YEAR + HOUR));
        assert!(!time.doubts());
    }

    #[test]
    fn a_server_that_starts_long_after_the_last_batch_waits_before_it_believes_its_clock() {
        let last = later(-SILENCE_MILLIS);
        assert!(!TrustedTime::begin(NOW, 0, Some(last), HOUR).doubts());
        assert!(!TrustedTime::begin(NOW, 0, None, HOUR).doubts());
        let mut time = TrustedTime::begin(NOW, 0, Some(later(-YEAR)), HOUR);
        assert!(time.doubts());
        assert_eq!(time.look(NOW, 0), later(-YEAR + SILENCE_MILLIS + SLACK_MILLIS));
        assert_eq!(time.look(later(HOUR), HOUR), later(HOUR));
    }
}
