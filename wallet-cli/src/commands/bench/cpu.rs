//! How much processor time a process used, and which of its threads did.
//!
//! Linux tells it in `/proc`; elsewhere it is not known. The server names its threads by what they
//! do: `verify-…` verifies codes, `settle…` settles batches, `pin-…` hashes PINs, and the database
//! driver's own threads work for settlement. Everything else, threads that have ended included, counts as HTTP.

use std::fs;
use std::ops::Add;
use std::path::Path;
use std::time::Duration;

/// How many ticks of `/proc/PID/stat` there are in a second: what Linux shows to programs is 100
/// on every architecture that the server runs on, however fast the kernel's own clock ticks.
const TICKS_PER_SECOND: u64 = 100;

/// Names of threads begin so; the kernel keeps 15 bytes of a name.
const VERIFICATION: &str = "verify-";
const PINS: &str = "pin-";
const SETTLEMENT: [&str; 2] = ["settle", "sqlite-"];

/// Processor time since a process began.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct CpuTime {
    total: Duration,
    verification: Duration,
    settlement: Duration,
    pins: Duration,
}

/// Processor time between two moments.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct CpuSplit {
    pub(super) total: Duration,
    pub(super) verification: Duration,
    pub(super) settlement: Duration,
    pub(super) pins: Duration,
    pub(super) http: Duration,
}

impl CpuTime {
    /// What a process used so far; none if this system does not tell.
    pub(super) fn of_process(id: u32) -> Option<Self> {
        Self::read(&Path::new("/proc").join(id.to_string()))
    }

    fn read(process: &Path) -> Option<Self> {
        let mut time = Self { total: used(process)?, ..Self::default() };
        for task in fs::read_dir(process.join("task")).ok()?.flatten() {
            // A thread may end between the two.
            let Ok(name) = fs::read_to_string(task.path().join("comm")) else { continue };
            let used = used(&task.path()).unwrap_or_default();
            if name.starts_with(VERIFICATION) {
                time.verification += used;
            } else if name.starts_with(PINS) {
                time.pins += used;
            } else if SETTLEMENT.iter().any(|start| name.starts_with(start)) {
                time.settlement += used;
            }
        }
        Some(time)
    }

    /// What was used since an earlier moment.
    pub(super) fn since(&self, earlier: &Self) -> CpuSplit {
        let total = self.total.saturating_sub(earlier.total);
        let verification = self.verification.saturating_sub(earlier.verification);
        let settlement = self.settlement.saturating_sub(earlier.settlement);
        let pins = self.pins.saturating_sub(earlier.pins);
        let http = total.saturating_sub(verification).saturating_sub(settlement);
        let http = http.saturating_sub(pins);
        CpuSplit { total, verification, settlement, pins, http }
    }
}

/// What several processes used.
impl Add for CpuTime {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            total: self.total + other.total,
            verification: self.verification + other.verification,
            settlement: self.settlement + other.settlement,
            pins: self.pins + other.pins,
        }
    }
}

/// The user and system time in the `stat` file of a process or thread: fields 14 and 15.
fn used(folder: &Path) -> Option<Duration> {
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((ticks()? + ticks()?) * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    use super::CpuTime;

    fn stat(folder: &Path, name: &str, ticks: u64) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("comm"), format!("{name}\n")).unwrap();
        let line = format!("7 ({name}) S 1 1 1 0 -1 4194304 2 0 0 0 {ticks} 1 0 0 20 0 9");
        fs::write(folder.join("stat"), line).unwrap();
    }

    #[test]
    fn threads_count_by_their_names_and_ended_ones_as_http() {
        let process = tempfile::tempdir().unwrap();
        let process = process.path();
        stat(process, "wallet) x (", 99);
        let threads = [
            ("1", "wallet", 9),
            ("2", "verify-0", 19),
            ("3", "verify-1", 9),
            ("4", "settle", 9),
            ("5", "sqlite-writer", 4),
            ("6", "pin-0", 14),
            ("7", "tokio-rt-worker", 9),
        ];
        for (id, name, ticks) in threads {
            stat(&process.join("task").join(id), name, ticks);
        }
        let time = CpuTime::read(process).unwrap();
        let split = time.since(&CpuTime::default());
        let ticks = |ticks: u64| Duration::from_millis(ticks * 10);
        assert_eq!(split.total, ticks(100));
        assert_eq!(split.verification, ticks(30));
        assert_eq!(split.settlement, ticks(15));
        assert_eq!(split.pins, ticks(15));
        assert_eq!(split.http, ticks(40));
        assert_eq!((time + time).since(&time), split);
    }

    #[test]
    fn where_nothing_is_told_nothing_is_known() {
        let nowhere = tempfile::tempdir().unwrap();
        assert_eq!(CpuTime::read(nowhere.path()), None);
        fs::write(nowhere.path().join("stat"), "7 (wallet) S 1").unwrap();
        assert_eq!(CpuTime::read(nowhere.path()), None);
    }
}
