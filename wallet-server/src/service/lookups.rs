//! How often a device may look for other payers: whoever tries handles learns who is here.

use std::sync::{Mutex, PoisonError};

use wallet_core::{DeviceKeyId, Timestamp};

/// The most in one minute: more than anybody needs who pays people.
const LOOKUPS_MAX: u16 = 30;
const WINDOW_MILLIS: i64 = 60_000;
/// A clock that is behind by no more than this was not turned back: threads read it in another order
/// than that in which they come here.
const BEHIND_MILLIS_MAX: i64 = 1000;

/// How many devices are remembered: at 50 bytes each, 5 MB.
const DEVICES_REMEMBERED: usize = 100_000;

/// Counts look-ups by device.
pub(super) struct Lookups(Mutex<quick_cache::unsync::Cache<DeviceKeyId, Window>>);

/// A minute, and what was looked up in it.
#[derive(Clone, Copy)]
struct Window {
    until: Timestamp,
    count: u16,
}

impl Lookups {
    pub(super) fn new() -> Self {
        Self(Mutex::new(quick_cache::unsync::Cache::new(DEVICES_REMEMBERED)))
    }

    /// Counts a look-up.
    ///
    /// # Errors
    /// After how many seconds the next one is allowed.
    pub(super) fn count(&self, device: DeviceKeyId, now: Timestamp) -> Result<(), u16> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Window { until: now.plus_millis(WINDOW_MILLIS), count: 0 };
        // A clock that was turned back does not make a window longer.
        let latest = fresh.until.plus_millis(BEHIND_MILLIS_MAX);
        let current = windows
            .get(&device)
            .copied()
            .filter(|window| now < window.until && window.until <= latest)
            .unwrap_or(fresh);
        if current.count >= LOOKUPS_MAX {
            let left = current.until.unix_millis().saturating_sub(now.unix_millis());
            return Err(u16::try_from(left / 1000).unwrap_or(u16::MAX).saturating_add(1));
        }
        windows.insert(device, Window { count: current.count + 1, ..current });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::{DeviceKeyId, Timestamp};

    use super::{LOOKUPS_MAX, Lookups};

    #[test]
    fn a_device_looks_up_some_in_a_minute_and_others_are_not_concerned() {
        let (one, other) = (DeviceKeyId::from_bytes([1; 8]), DeviceKeyId::from_bytes([2; 8]));
        let lookups = Lookups::new();
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        for _ in 0..LOOKUPS_MAX {
            lookups.count(one, now).unwrap();
        }
        assert_eq!(lookups.count(one, now.plus_millis(30_000)), Err(31));
        lookups.count(other, now).unwrap();
        lookups.count(one, now.plus_millis(60_000)).unwrap();
    }

    #[test]
    fn threads_that_read_the_clock_in_another_order_are_counted_in_one_minute() {
        let one = DeviceKeyId::from_bytes([1; 8]);
        let lookups = Lookups::new();
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        for _ in 0..LOOKUPS_MAX {
            lookups.count(one, now).unwrap();
        }
        assert!(lookups.count(one, now.plus_millis(-1)).is_err());
        lookups.count(one, now.plus_millis(-60_000)).expect("the clock was turned back");
    }
}
