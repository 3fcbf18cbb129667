//! What a till has to remember of its sales: a file for each, in a directory.
//!
//! | file | holds | mode |
//! |---|---|---|
//! | `<hash of the reference>.json` | whose sale it is, and its [record](wallet_core::till) | 0600 |
//! | `<hash of the reference>.lock` | nothing; locked while the sale runs | 0600 |
//!
//! A record is on the disk, and its name in the directory, before what depends on it happens.
//! Live and test sales have directories of their own, as their references are apart.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wallet_core::Timestamp;
use wallet_core::till::Sale;

use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::wallet_file::durable;

/// How long the file of a sale that has ended stays: as long as the server keeps its key.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// The sales of one machine in one mode.
#[derive(Debug)]
pub(crate) struct Journal {
    directory: PathBuf,
    /// Whose they are: a hash of the API key, which is random.
    owner: String,
    /// Whether a sale of another key may be gone on with.
    any_owner: bool,
}

/// The sale under one reference; nobody else runs it while this lives.
#[derive(Debug)]
pub(crate) struct Entry {
    path: PathBuf,
    owner: String,
    any_owner: bool,
    reference: String,
    _lock: File,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    reference: String,
    /// Whether it has ended.
    ended: bool,
    owner: String,
    record: String,
}

impl Journal {
    /// The journal in this directory, for the merchant of this client.
    pub(crate) fn open(
        directory: &Path,
        client: &Client,
        any_owner: bool,
    ) -> Result<Self, Failure> {
        let directory = directory.join(client.mode().as_str());
        durable::create_private_directory(&directory)
            .map_err(|error| Failure::file(&directory, &error))?;
        Ok(Self { directory, owner: client.key_fingerprint(), any_owner })
    }

    /// Takes the sale under a reference, which may not have begun.
    pub(crate) fn entry(&self, reference: &str) -> Result<Entry, Failure> {
        let name = base16ct::lower::encode_string(&Sha256::digest(reference)[..16]);
        let lock_path = self.directory.join(format!("{name}.lock"));
        let lock =
            durable::open_private(&lock_path).map_err(|error| Failure::file(&lock_path, &error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let sentence = format!("another process is charging {reference}");
                return Err(Failure::new(Exit::AskAgain, "sale_busy", sentence));
            }
            Err(TryLockError::Error(error)) => return Err(Failure::file(&lock_path, &error)),
        }
        Ok(Entry {
            path: self.directory.join(format!("{name}.json")),
            owner: self.owner.clone(),
            any_owner: self.any_owner,
            reference: reference.to_owned(),
            _lock: lock,
        })
    }

    /// The references of the sales that have not ended, of whatever key, and what can't be read.
    ///
    /// Forgets those that ended long ago on the way.
    pub(crate) fn open_references(
        &self,
        now: Timestamp,
    ) -> Result<(Vec<String>, Vec<Failure>), Failure> {
        let failed = |error: io::Error| Failure::file(&self.directory, &error);
        let (mut references, mut damaged) = (Vec::new(), Vec::new());
        for file in std::fs::read_dir(&self.directory).map_err(failed)? {
            let path = file.map_err(failed)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match read(&path) {
                Ok(Some(stored)) if !stored.ended => references.push(stored.reference),
                Ok(Some(_)) if is_old(&path, now) => forget(&path).map_err(failed)?,
                Ok(Some(_) | None) => {}
                // One damaged file does not keep the other sales open.
                Err(failure) => damaged.push(failure),
            }
        }
        references.sort_unstable();
        Ok((references, damaged))
    }
}

impl Entry {
    pub(crate) fn reference(&self) -> &str {
        &self.reference
    }

    /// The sale as an earlier run left it.
    pub(crate) fn load(&self, now: Timestamp) -> Result<Option<Sale>, Failure> {
        let Some(stored) = read(&self.path)? else { return Ok(None) };
        if stored.reference != self.reference {
            return Err(malformed(&self.path, "it is the journal of another sale"));
        }
        if stored.owner != self.owner && !self.any_owner {
            let sentence = format!("{} was begun with another API key", self.reference);
            return Err(Failure::new(Exit::Usage, "other_api_key", sentence).hint(
                "another merchant has a --journal of its own; if it is a new key of the same \
                 merchant, --other-key goes on",
            ));
        }
        Sale::resume(&stored.record, now)
            .map(Some)
            .map_err(|error| malformed(&self.path, &error.to_string()))
    }

    /// Makes a record durable.
    pub(crate) fn store(&self, record: String, ended: bool) -> Result<(), Failure> {
        let (reference, owner) = (self.reference.clone(), self.owner.clone());
        let stored = Stored { reference, ended, owner, record };
        let mut text = serde_json::to_vec(&stored)
            .map_err(|error| Failure::new(Exit::Unexpected, "journal", error.to_string()))?;
        text.push(b'\n');
        durable::replace(&self.path, &text).map_err(|error| Failure::file(&self.path, &error))
    }
}

fn read(path: &Path) -> Result<Option<Stored>, Failure> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| Failure::file(path, &error))?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| malformed(path, &error.to_string()))
}

fn malformed(path: &Path, why: &str) -> Failure {
    let sentence = format!("{}: {why}", path.display());
    Failure::new(Exit::Local, "journal_malformed", sentence)
}

fn is_old(path: &Path, now: Timestamp) -> bool {
    let age = || {
        let modified = std::fs::metadata(path).ok()?.modified().ok()?;
        let modified = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        Duration::from_millis(u64::try_from(now.unix_millis()).ok()?).checked_sub(modified)
    };
    age().is_some_and(|age| age > KEPT)
}

/// The lock goes last: as long as there is a record, there is its lock.
fn forget(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path)?;
    match std::fs::remove_file(path.with_extension("lock")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use wallet_core::till::{Action, Keys, Order, Patience, Sale};
    use wallet_core::{Currency, Money, PositiveMoney, Timestamp};

    use super::Journal;
    use crate::client::on_loopback;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_795_353_372_000);

    fn journal(directory: &Path, key: &str, any_owner: bool) -> Journal {
        let client = on_loopback("http://127.0.0.1:1").unwrap().with_key(key.to_owned().into());
        Journal::open(directory, &client, any_owner).unwrap()
    }

    fn record() -> String {
        let amount = Money::from_minor(1250, Currency::from_code("CNY").unwrap());
        let order = Order::new("order-1", PositiveMoney::new(amount).unwrap());
        let keys = Keys { charge: "a".to_owned(), reversal: "b".to_owned() };
        match Sale::begin(order, "7004", keys, Patience::default(), NOW).next(NOW) {
            Action::Store(record) => record,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_record_is_read_back_and_is_for_its_owners_eyes_only() {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal(directory.path(), "sk_live_1", false);
        let entry = journal.entry("order-1").unwrap();
        assert!(entry.load(NOW).unwrap().is_none());
        entry.store(record(), false).unwrap();
        assert_eq!(entry.load(NOW).unwrap().unwrap().code(), Some("7004"));
        for file in std::fs::read_dir(directory.path().join("live")).unwrap() {
            let mode = file.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn one_sale_is_run_by_one_process_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal(directory.path(), "sk_live_1", false);
        let entry = journal.entry("order-1").unwrap();
        assert_eq!(journal.entry("order-1").unwrap_err().code(), "sale_busy");
        journal.entry("order-2").unwrap();
        drop(entry);
        journal.entry("order-1").unwrap();
    }

    #[test]
    fn a_sale_of_another_key_or_mode_is_not_gone_on_with_by_mistake() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        journal(path, "sk_live_1", false).entry("order-1").unwrap().store(record(), false).unwrap();
        let load =
            |key, any_owner| journal(path, key, any_owner).entry("order-1").unwrap().load(NOW);
        assert_eq!(load("sk_live_2", false).unwrap_err().code(), "other_api_key");
        assert!(load("sk_live_2", true).unwrap().is_some());
        assert!(load("sk_test_1", false).unwrap().is_none());
    }

    #[test]
    fn open_sales_are_listed_and_those_that_ended_long_ago_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal(directory.path(), "sk_live_1", false);
        for (reference, ended) in [("order-2", false), ("order-1", false), ("order-3", true)] {
            journal.entry(reference).unwrap().store(record(), ended).unwrap();
        }
        let files = || std::fs::read_dir(directory.path().join("live")).unwrap().count();
        let now = crate::system::now();
        for (now, left) in [(now, 6), (now.plus_millis(31 * 24 * 3_600_000), 4)] {
            assert_eq!(journal.open_references(now).unwrap().0, ["order-1", "order-2"]);
            assert_eq!(files(), left);
        }
        std::fs::write(journal.entry("order-1").unwrap().path, "{").unwrap();
        let (references, damaged) = journal.open_references(now).unwrap();
        assert_eq!((references, damaged.len()), (vec!["order-2".to_owned()], 1));
    }

    #[test]
    fn a_damaged_record_is_named_and_not_taken_for_none() {
        let directory = tempfile::tempdir().unwrap();
        let journal = journal(directory.path(), "sk_live_1", false);
        let entry = journal.entry("order-1").unwrap();
        for text in ["", "{", "{}"] {
            std::fs::write(&entry.path, text).unwrap();
            assert_eq!(entry.load(NOW).unwrap_err().code(), "journal_malformed");
        }
        entry.store("{}".to_owned(), false).unwrap();
        assert_eq!(entry.load(NOW).unwrap_err().code(), "journal_malformed");
    }
}
