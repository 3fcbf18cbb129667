//! Time as an argument: this crate has no clock.

use core::fmt;

/// How long one step lasts. WeChat Pay's code changes twice a minute; so does ours.
pub const STEP_SECONDS: u32 = 30;

const STEP_MILLIS: i64 = STEP_SECONDS as i64 * 1000;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many milliseconds after the epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// The moment this many seconds after the epoch.
    #[must_use]
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment plus (or, when negative, minus) some milliseconds.
    #[must_use]
    pub fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The step that this moment lies in.
    ///
    /// Moments before 1970 lie in step 0 and moments after the year 6053 in the last step, so
    /// that a broken clock gives an expired code rather than a panic.
    #[must_use]
    pub fn step(self) -> Step {
        let step = self.0.div_euclid(STEP_MILLIS).clamp(0, i64::from(u32::MAX));
        Step(u32::try_from(step).unwrap_or(u32::MAX))
    }
}

/// The half minute a code belongs to: ⌊unix seconds / 30⌋.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Step(u32);

impl Step {
    /// The step with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The number of half minutes since 1970.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// When this step begins.
    #[must_use]
    pub fn starts_at(self) -> Timestamp {
        Timestamp(i64::from(self.0) * STEP_MILLIS)
    }

    /// When this step is over and the next one begins.
    #[must_use]
    pub fn ends_at(self) -> Timestamp {
        self.starts_at().plus_millis(STEP_MILLIS)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, Timestamp};

    #[test]
    fn a_step_is_thirty_seconds_and_starts_where_the_last_one_ended() {
        let step = Timestamp::from_unix_seconds(59).step();
        assert_eq!(step, Step::from_number(1));
        assert_eq!(step.starts_at(), Timestamp::from_unix_seconds(30));
        assert_eq!(step.ends_at().step(), Step::from_number(2));
        assert_eq!(step.ends_at().plus_millis(-1).step(), step);
    }

    #[test]
    fn clocks_far_outside_any_calendar_still_give_a_step() {
        assert_eq!(Timestamp::from_unix_millis(-1).step(), Step::from_number(0));
        assert_eq!(Timestamp::from_unix_millis(i64::MAX).step(), Step::from_number(u32::MAX));
    }
}
