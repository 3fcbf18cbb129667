//! Where the files of a run are, and what is known about the books that they belong to.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use wallet_core::{Step, Timestamp};

use super::share::StepNeed;
use crate::failure::{Exit, Failure};
use crate::system;
use crate::wallet_file::replace_file;

/// What a kept directory remembers from one run to the next.
const STATE_FILE: &str = "bench.json";

/// How far back the books begin: payments that are put into them before the measurement are dated
/// on the days in between.
pub(super) const PAST_DAYS: i64 = 22;
pub(super) const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// A directory for the books, the keys and the sockets.
pub(super) struct Place {
    directory: Directory,
    /// What the books hold.
    pub(super) state: State,
}

enum Directory {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

/// What the books hold, as far as earlier runs know.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// Everyone's keys and ids are derived from it.
    pub(super) seed: String,
    /// When the books begin, in Unix milliseconds.
    pub(super) created_at: i64,
    /// A hash of the database's URL, which may hold a password.
    database: Option<String>,
    /// How many payers there are.
    pub(super) payers: usize,
    /// How many merchants there are.
    pub(super) merchants: usize,
    /// How many payments were put into the books before anything was measured.
    pub(super) preloaded: usize,
    /// The last half minute for which codes were made: the next ones must be of a later one.
    pub(super) last_step: Option<u32>,
}

impl State {
    fn new(now: Timestamp) -> Self {
        Self {
            seed: system::random_hex::<32>(),
            created_at: now.plus_millis(-PAST_DAYS * DAY_MILLIS).unix_millis(),
            database: None,
            payers: 0,
            merchants: 0,
            preloaded: 0,
            last_step: None,
        }
    }
}

impl Place {
    /// A temporary directory, or the one to keep: a new or empty one, or that of an earlier run.
    pub(super) fn open(keep: Option<&Path>, now: Timestamp) -> Result<Self, Failure> {
        let Some(path) = keep else {
            let directory = tempfile::Builder::new().prefix("wallet-bench-").tempdir();
            let directory =
                directory.map_err(|error| Failure::file(&std::env::temp_dir(), &error))?;
            let state = State::new(now);
            return Ok(Self { directory: Directory::Temporary(directory), state });
        };
        let failed = |error: std::io::Error| Failure::file(path, &error);
        std::fs::create_dir_all(path).map_err(failed)?;
        let file = path.join(STATE_FILE);
        let state = if file.exists() {
            let text = std::fs::read(&file).map_err(failed)?;
            serde_json::from_slice(&text).map_err(|error| {
                Failure::new(Exit::Local, "bench_state", format!("{}: {error}", file.display()))
            })?
        } else if std::fs::read_dir(path).map_err(failed)?.next().is_none() {
            State::new(now)
        } else {
            let sentence =
                format!("{} is not empty, and no finished run has left it", path.display());
            return Err(Failure::new(Exit::Usage, "not_empty", sentence));
        };
        let path = std::path::absolute(path).map_err(failed)?;
        Ok(Self { directory: Directory::Kept(path), state })
    }

    pub(super) fn path(&self) -> &Path {
        match &self.directory {
            Directory::Temporary(directory) => directory.path(),
            Directory::Kept(path) => path,
        }
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Whether the directory outlives the run.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.directory, Directory::Kept(_))
    }

    /// The database: the one asked for, or a file in the directory. The keys in the directory fit
    /// one database only.
    pub(super) fn database(&mut self, asked: Option<&str>) -> Result<String, Failure> {
        let own = format!("sqlite:{}", self.file("wallet.sqlite").display());
        let url = asked.map_or(own, str::to_owned);
        let hash = base16ct::lower::encode_string(&Sha256::digest(&url));
        match &self.state.database {
            Some(known) if *known != hash => {
                let sentence = "the directory belongs to another database";
                Err(Failure::new(Exit::Usage, "other_database", sentence)
                    .hint("give the same --database as in the first run, or another --keep"))
            }
            _ => {
                self.state.database = Some(hash);
                Ok(url)
            }
        }
    }

    /// Plans the steps of a run that begins at a moment, or later, so that they come after those of
    /// all runs before; remembers the last of them.
    pub(super) fn plan(
        &mut self,
        starts_at: Timestamp,
        plan: impl Fn(Timestamp) -> Vec<StepNeed>,
    ) -> Result<Vec<StepNeed>, Failure> {
        let starts_at = match self.state.last_step {
            Some(last) if starts_at.step().number() <= last => {
                Step::from_number(last.saturating_add(1)).starts_at()
            }
            _ => starts_at,
        };
        let needs = plan(starts_at);
        self.state.last_step = needs.last().map(|need| need.step.number());
        self.save()?;
        Ok(needs)
    }

    /// Remembers what the books hold now.
    pub(super) fn save(&self) -> Result<(), Failure> {
        if !self.is_kept() {
            return Ok(());
        }
        let file = self.file(STATE_FILE);
        let text = serde_json::to_string_pretty(&self.state)
            .map_err(|error| Failure::new(Exit::Unexpected, "bench_state", error.to_string()))?;
        // It holds the seed of every key.
        replace_file(&file, text.as_bytes()).map_err(|error| Failure::file(&file, &error))
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::Place;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[test]
    fn a_kept_directory_remembers_and_is_nobody_elses() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("new");
        let mut first = Place::open(Some(&path), NOW).unwrap();
        first.database(None).unwrap();
        first.state.payers = 7;
        first.save().unwrap();
        let mut second = Place::open(Some(&path), NOW.plus_millis(1)).unwrap();
        assert_eq!(second.state, first.state);
        assert_eq!(second.database(Some("sqlite:other")).err().unwrap().code(), "other_database");
        second.database(None).unwrap();

        std::fs::remove_file(path.join("bench.json")).unwrap();
        std::fs::write(path.join("other"), "").unwrap();
        assert_eq!(Place::open(Some(&path), NOW).err().unwrap().code(), "not_empty");
    }
}
