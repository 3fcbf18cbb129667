//! When to ask again.

use core::time::Duration;

use sha2::{Digest as _, Sha256};

use super::outcome::Problem;
use crate::Timestamp;

/// The pause before the second attempt; it doubles each time.
const FIRST_PAUSE_MILLIS: u64 = 500;
/// A customer stands there: even a server in trouble is asked every few seconds.
const PAUSE_MILLIS_MAX: u64 = 5_000;
/// An answer that says nothing new is not asked for again sooner.
const SAME_AGAIN_MILLIS: i64 = 1_000;
/// No server may send a till to sleep for longer.
const RETRY_AFTER_MILLIS_MAX: u64 = 60_000;

/// The attempts at one thing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pace {
    /// How many were made.
    pub(super) attempts: u32,
    /// When the next one is due.
    pub(super) due: Timestamp,
    /// Why the last one did not do.
    pub(super) problem: Option<Problem>,
}

impl Pace {
    /// None yet; the first is due.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { attempts: 0, due: now, problem: None }
    }

    /// One more was made.
    pub(super) fn attempt(self) -> Self {
        Self { attempts: self.attempts.saturating_add(1), ..self }
    }

    /// It failed. The pause doubles, up to a few seconds, and is shortened by up to half so that
    /// the tills of a shop don't come back all at once; the key, which is random, says by how much.
    pub(super) fn after_failure(
        self,
        now: Timestamp,
        key: &str,
        retry_after: Option<Duration>,
        problem: Problem,
    ) -> Self {
        let doublings = self.attempts.saturating_sub(1).min(16);
        let longest = FIRST_PAUSE_MILLIS.saturating_mul(1 << doublings).min(PAUSE_MILLIS_MAX);
        let shortened = longest - longest / 2 * u64::from(jitter(key, self.attempts)) / 256;
        let asked_for = retry_after.map_or(0, |pause| {
            u64::try_from(pause.as_millis()).unwrap_or(u64::MAX).min(RETRY_AFTER_MILLIS_MAX)
        });
        let pause = i64::try_from(shortened.max(asked_for)).unwrap_or(i64::MAX);
        Self { due: now.plus_millis(pause), problem: Some(problem), ..self }
    }

    /// It was answered, and nothing has changed since.
    pub(super) fn same_again(self, asked_at: Timestamp) -> Self {
        Self { due: asked_at.plus_millis(SAME_AGAIN_MILLIS), problem: None, ..self }
    }
}

fn jitter(key: &str, attempts: u32) -> u8 {
    let mut hash = Sha256::new();
    hash.update(attempts.to_be_bytes());
    hash.update(key);
    hash.finalize()[0]
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::{Pace, Problem};
    use crate::Timestamp;

    const NOW: Timestamp = Timestamp::from_unix_millis(0);

    fn pause(attempts: u32, key: &str, retry_after: Option<u64>) -> i64 {
        let pace = Pace { attempts, ..Pace::new(NOW) };
        let retry_after = retry_after.map(Duration::from_secs);
        pace.after_failure(NOW, key, retry_after, Problem::own("no_answer", "")).due.unix_millis()
    }

    #[test]
    fn pauses_double_up_to_a_few_seconds_and_differ_from_till_to_till() {
        for (attempts, longest) in [(1, 500), (2, 1_000), (3, 2_000), (4, 4_000), (5, 5_000)] {
            let pauses = ["a", "b", "c"].map(|key| pause(attempts, key, None));
            assert!(pauses.iter().all(|it| (longest / 2..=longest).contains(it)), "{pauses:?}");
            assert!(pauses[0] != pauses[1] || pauses[1] != pauses[2], "{pauses:?}");
        }
        assert!(pause(u32::MAX, "a", None) <= 5_000);
    }

    #[test]
    fn a_server_that_says_when_is_asked_then_but_can_not_stop_the_till() {
        assert_eq!(pause(1, "a", Some(7)), 7_000);
        assert_eq!(pause(1, "a", Some(u64::MAX)), 60_000);
        assert!(pause(5, "a", Some(1)) >= 2_500);
    }
}
