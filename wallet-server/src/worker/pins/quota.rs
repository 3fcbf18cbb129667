//! How often each payer may ask, and whether one of the payer's devices waits already.
//!
//! It is the payer who is counted, because a payer may have many devices, all of which try one PIN.

use std::collections::{HashMap, HashSet};

use wallet_core::Timestamp;

use crate::domain::ids::PayerId;

const WINDOW_MILLIS: i64 = 60_000;
/// A clock that is behind by no more than this was not turned back: threads read it in another order
/// than that in which they come here.
const BEHIND_MILLIS_MAX: i64 = 1000;
/// With fewer windows than this nothing is tidied up.
const WINDOWS_MIN: usize = 1024;

/// In memory, and of one process: the count that locks a PIN is in the database.
#[derive(Debug)]
pub(super) struct Quota {
    tries_a_minute: u32,
    waiting: HashSet<PayerId>,
    windows: HashMap<PayerId, Window>,
    /// With so many windows those that are over are thrown away.
    tidy_at: usize,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    began: Timestamp,
    tries: u32,
}

impl Window {
    /// How many milliseconds are left of it; a clock that was set back ends it.
    fn left(self, now: Timestamp) -> Option<i64> {
        let passed = now.unix_millis().checked_sub(self.began.unix_millis())?;
        let passed = if (-BEHIND_MILLIS_MAX..0).contains(&passed) { 0 } else { passed };
        (0..WINDOW_MILLIS).contains(&passed).then(|| WINDOW_MILLIS - passed)
    }
}

impl Quota {
    pub(super) fn new(tries_a_minute: u32) -> Self {
        let (waiting, windows) = (HashSet::new(), HashMap::new());
        Self { tries_a_minute, waiting, windows, tidy_at: WINDOWS_MIN }
    }

    /// Whether a try would be let in now; if not, in how many seconds to come back.
    pub(super) fn would_admit(&self, payer: PayerId, now: Timestamp) -> Result<(), u16> {
        if self.waiting.contains(&payer) {
            return Err(1);
        }
        let window = self.windows.get(&payer).filter(|it| it.tries >= self.tries_a_minute);
        match window.and_then(|window| window.left(now)) {
            Some(left) => Err(u16::try_from(left / 1000 + 1).unwrap_or(u16::MAX)),
            None => Ok(()),
        }
    }

    /// Lets a try into the queue, or says in how many seconds to come back.
    pub(super) fn admit(&mut self, payer: PayerId, now: Timestamp) -> Result<(), u16> {
        self.would_admit(payer, now)?;
        self.tidy(now);
        let window = self.windows.entry(payer).or_insert(Window { began: now, tries: 0 });
        match window.left(now) {
            Some(_) => window.tries += 1,
            None => *window = Window { began: now, tries: 1 },
        }
        self.waiting.insert(payer);
        Ok(())
    }

    /// The try's turn has come.
    pub(super) fn leaves_queue(&mut self, payer: PayerId) {
        self.waiting.remove(&payer);
    }

    /// Whoever knows the PIN is no guesser: a right try does not count.
    pub(super) fn was_right(&mut self, payer: PayerId) {
        if let Some(window) = self.windows.get_mut(&payer) {
            window.tries = window.tries.saturating_sub(1);
        }
    }

    /// Only whoever asked within the last minute is remembered, and at most as many again.
    fn tidy(&mut self, now: Timestamp) {
        if self.windows.len() >= self.tidy_at {
            self.windows.retain(|_, window| window.left(now).is_some());
            self.tidy_at = (self.windows.len() * 2).max(WINDOWS_MIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::{Quota, WINDOWS_MIN};
    use crate::domain::ids::PayerId;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + seconds)
    }

    #[test]
    fn right_tries_do_not_count() {
        let mut quota = Quota::new(2);
        for _ in 0..10 {
            assert_eq!(quota.admit(payer(1), at(0)), Ok(()));
            quota.leaves_queue(payer(1));
            quota.was_right(payer(1));
        }
        for _ in 0..2 {
            assert_eq!(quota.admit(payer(1), at(0)), Ok(()));
            quota.leaves_queue(payer(1));
        }
        assert!(quota.admit(payer(1), at(0)).is_err());
    }

    fn payer(number: u64) -> PayerId {
        PayerId::from_bytes(u128::from(number).to_be_bytes())
    }

    #[test]
    fn a_payer_has_one_try_waiting_and_some_a_minute() {
        let mut quota = Quota::new(2);
        assert_eq!(quota.admit(payer(1), at(0)), Ok(()));
        assert_eq!(quota.admit(payer(1), at(0)), Err(1), "one waits already");
        assert_eq!(quota.admit(payer(2), at(0)), Ok(()), "another payer");
        quota.leaves_queue(payer(1));
        assert_eq!(quota.admit(payer(1), at(20)), Ok(()));
        quota.leaves_queue(payer(1));
        assert_eq!(quota.would_admit(payer(1), at(20)), Err(41));
        assert_eq!(quota.admit(payer(1), at(20)), Err(41));
        assert_eq!(quota.admit(payer(1), at(59)), Err(2));
        assert_eq!(quota.would_admit(payer(1), at(60)), Ok(()));
        assert_eq!(quota.admit(payer(1), at(60)), Ok(()), "a new minute");
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_out_for_longer() {
        let mut quota = Quota::new(1);
        assert_eq!(quota.admit(payer(1), at(100_000)), Ok(()));
        quota.leaves_queue(payer(1));
        assert_eq!(quota.admit(payer(1), at(0)), Ok(()));
    }

    #[test]
    fn threads_that_read_the_clock_in_another_order_are_counted_in_one_minute() {
        let mut quota = Quota::new(1);
        assert_eq!(quota.admit(payer(1), at(1)), Ok(()));
        quota.leaves_queue(payer(1));
        assert_eq!(quota.admit(payer(1), at(1).plus_millis(-1)), Err(61));
        assert_eq!(quota.admit(payer(1), at(0)), Err(61));
    }

    #[test]
    fn payers_that_have_gone_are_forgotten() {
        let mut quota = Quota::new(1);
        for number in 0..100_000 {
            let now = at(i64::try_from(number / 100).unwrap());
            quota.admit(payer(number), now).unwrap();
            quota.leaves_queue(payer(number));
        }
        assert!(quota.windows.len() < 4 * 6000 + WINDOWS_MIN, "{}", quota.windows.len());
    }
}
