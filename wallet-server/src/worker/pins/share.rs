//! How long the hashing of PINs rests.

use std::time::Duration;

/// How much of the machine hashing gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Share {
    /// In percent of one core.
    percent: u32,
}

impl Share {
    pub(super) fn new(cpu_percent: u8, cores: usize) -> Self {
        let cores = u32::try_from(cores).unwrap_or(u32::MAX);
        Self { percent: u32::from(cpu_percent).max(1).saturating_mul(cores) }
    }

    /// How long to rest after a hash, so that hashing has its share of the whole.
    pub(super) fn rest(self, hashing: Duration) -> Duration {
        match 100_u32.checked_sub(self.percent) {
            Some(resting) => hashing.saturating_mul(resting) / self.percent,
            None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Share;

    #[test]
    fn hashing_rests_as_long_as_its_share_asks() {
        let millis = Duration::from_millis;
        // 15 % of two cores are 30 % of one: 30 ms of work in 100 ms.
        assert_eq!(Share::new(15, 2).rest(millis(30)), millis(70));
        assert_eq!(Share::new(15, 1).rest(millis(15)), millis(85));
        assert_eq!(Share::new(50, 2).rest(millis(30)), Duration::ZERO);
        assert_eq!(Share::new(15, 64).rest(millis(30)), Duration::ZERO);
        assert_eq!(Share::new(15, 2).rest(Duration::ZERO), Duration::ZERO);
    }
}
