//! The mark of the last code shown, in a file that outlives crashes.
//!
//! Lock order: `lock` is the only lock, held from before the mark is read until it is on disk.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wallet_core::code::{Mark, MarkStore, mark_not_stored};
use wallet_core::{Error, Step};

use super::durable;

/// Keeps the mark in a wallet's directory; several processes may share it.
#[derive(Debug)]
pub(crate) struct FileMarkStore {
    file: PathBuf,
    lock: PathBuf,
    cause: Option<io::Error>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    step: u32,
    seq: u8,
}

impl FileMarkStore {
    pub(super) fn in_directory(directory: &Path) -> Self {
        Self { file: directory.join("mark.json"), lock: directory.join("lock"), cause: None }
    }

    /// What was behind the last `mark_not_stored`.
    pub(crate) fn cause(&mut self) -> Option<io::Error> {
        self.cause.take()
    }

    fn load(&self) -> io::Result<Option<Mark>> {
        let text = match std::fs::read(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let Stored { step, seq } = serde_json::from_slice(&text)?;
        Ok(Some(Mark { step: Step::from_number(step), seq }))
    }

    fn save(&self, mark: Mark) -> io::Result<()> {
        let stored = Stored { step: mark.step.number(), seq: mark.seq };
        durable::replace(&self.file, &serde_json::to_vec(&stored)?)
    }

    fn keep<T>(&mut self, result: io::Result<T>) -> Result<T, Error> {
        result.map_err(|error| {
            self.cause = Some(error);
            mark_not_stored()
        })
    }
}

impl MarkStore for FileMarkStore {
    fn advance(
        &mut self,
        next: &mut dyn FnMut(Option<Mark>) -> Result<Mark, Error>,
    ) -> Result<Mark, Error> {
        // Closing the file, at the end of this function at the latest, unlocks it.
        let locked = durable::open_private(&self.lock).and_then(|lock| lock.lock().map(|()| lock));
        let _lock = self.keep(locked)?;
        let last = self.load();
        let mark = next(self.keep(last)?)?;
        let saved = self.save(mark);
        self.keep(saved)?;
        Ok(mark)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use wallet_core::code::{Mark, MarkStore as _};
    use wallet_core::{Currency, Error, Step};

    use super::FileMarkStore;
    use crate::wallet_file::durable;

    fn mark(step: u32, seq: u8) -> Mark {
        Mark { step: Step::from_number(step), seq }
    }

    fn last(directory: &Path) -> Option<Mark> {
        FileMarkStore::in_directory(directory).load().unwrap()
    }

    fn store(directory: &Path, mark: Mark) -> Result<Mark, Error> {
        FileMarkStore::in_directory(directory).advance(&mut |_| Ok(mark))
    }

    #[test]
    fn a_mark_is_on_disk_before_it_is_returned_and_readable_by_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(last(directory.path()), None);
        store(directory.path(), mark(7, 3)).unwrap();
        assert_eq!(last(directory.path()), Some(mark(7, 3)));
        for name in ["mark.json", "lock"] {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = std::fs::metadata(directory.path().join(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_crash_before_the_rename_leaves_the_old_mark_and_does_not_stop_the_next() {
        let directory = tempfile::tempdir().unwrap();
        store(directory.path(), mark(7, 3)).unwrap();
        // What a crash in the middle of writing leaves behind.
        let beside = durable::beside(&directory.path().join("mark.json"));
        std::fs::write(&beside, b"{\"step\":").unwrap();
        assert_eq!(last(directory.path()), Some(mark(7, 3)));
        store(directory.path(), mark(7, 4)).unwrap();
        assert_eq!(last(directory.path()), Some(mark(7, 4)));
        assert!(!beside.exists());
    }

    #[test]
    fn a_refusal_of_the_rotation_stores_nothing() {
        let directory = tempfile::tempdir().unwrap();
        store(directory.path(), mark(7, 3)).unwrap();
        let refusal = Currency::from_code("BTC").unwrap_err();
        let mut marks = FileMarkStore::in_directory(directory.path());
        assert_eq!(marks.advance(&mut |_| Err(refusal)), Err(refusal));
        assert_eq!(last(directory.path()), Some(mark(7, 3)));
    }

    #[test]
    fn a_damaged_or_unwritable_mark_shows_no_code_and_says_why() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("mark.json"), b"{}").unwrap();
        let mut marks = FileMarkStore::in_directory(directory.path());
        assert_eq!(marks.advance(&mut |_| Ok(mark(1, 0))).unwrap_err().code(), "mark_not_stored");
        assert!(marks.cause().unwrap().to_string().contains("step"));
        let mut marks = FileMarkStore::in_directory(&directory.path().join("none"));
        assert_eq!(marks.advance(&mut |_| Ok(mark(1, 0))).unwrap_err().code(), "mark_not_stored");
    }

    #[test]
    fn processes_that_share_a_wallet_never_get_the_same_mark() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let seen: Vec<u8> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..4).map(|_| scope.spawn(|| take(path, 25))).collect();
            takers.into_iter().flat_map(|taker| taker.join().unwrap()).collect()
        });
        let mut distinct = seen.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((seen.len(), distinct.len()), (100, 100));
        assert_eq!(last(path), Some(mark(7, 99)));
    }

    fn take(directory: &Path, count: u8) -> Vec<u8> {
        let mut marks = FileMarkStore::in_directory(directory);
        let mut next = |last: Option<Mark>| Ok(last.map_or(mark(7, 0), |m| mark(7, m.seq + 1)));
        (0..count).map(|_| marks.advance(&mut next).unwrap().seq).collect()
    }
}
