//! The issuer's keys in a file outside the database: made at first start, readable by its owner
//! only, encrypted when there is a passphrase.
//!
//! Several processes may share it. Whoever changes it holds a lock from reading it until the new
//! file is in its place, so none loses another's key; who only reads it needs no lock, as there is
//! a complete file at any moment.

mod contents;
mod place;
mod state;
mod using;

pub(super) use contents::open_secret;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use wallet_core::keyfile::{Cost, Passphrase};
use wallet_core::{Error, IssuerId, Timestamp};

use self::place::{Found, Place};
use self::state::{Signers, State};
use super::{EvidenceKey, PublicKeys};
use crate::entropy::Entropy;
use crate::private_file;

const KIND: &str = "issuer";

/// What can go wrong with the key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// The file is not one of ours, or the passphrase is wrong.
    #[error("{0}: {1}")]
    Unusable(PathBuf, Error),
    /// The file opened, but what is in it makes no sense.
    #[error("{0}: the contents of the key file are not what they should be")]
    Contents(PathBuf),
    /// The file is encrypted and no passphrase was given.
    #[error("{0}: the key file is encrypted; give its passphrase")]
    NeedsPassphrase(PathBuf),
    /// The file was replaced, but perhaps not for good.
    #[error(
        "{0}: the new file is in place and in use, but a power failure may bring the old one \
         back: {1}"
    )]
    NotDurable(PathBuf, io::Error),
    /// The file cannot be kept from being changed by two processes at once.
    #[error("{0}: its lock, the file beside it with .lock at its end, cannot be taken: {1}")]
    NotLocked(PathBuf, io::Error),
    /// The file is another issuer's than the keys in use.
    #[error("{0}: the key file is another issuer's; nothing changed. Put this issuer's back")]
    OtherIssuer(PathBuf),
    /// The file lacks keys that are in use: it is an older copy.
    #[error(
        "{0}: the key file lacks keys that this server uses, so it is an older copy; nothing \
         changed. Put the newest file back"
    )]
    Older(PathBuf),
    /// There is no room for another key.
    #[error("no room for another key: {0}")]
    NoRoom(&'static str),
}

/// Keys that are kept in a file.
///
/// Locks, in this order: `changing` for as long as a change takes, which derives a key from the
/// passphrase and waits for the disk; the lock of the file, for other processes; `state` only to
/// copy, to use or to exchange what is in it.
pub struct FileKeys {
    place: Place,
    issuer_id: IssuerId,
    changing: Mutex<()>,
    state: RwLock<InUse>,
    /// Makes the replaced file last; another function in tests.
    sync: fn(&Self) -> io::Result<()>,
}

/// The keys in use, with what is asked for so often that it is kept ready: their public halves, with
/// every code of a merchant, and what signs receipts.
struct InUse {
    state: State,
    public: Arc<PublicKeys>,
    signers: Signers,
}

impl From<State> for InUse {
    fn from(state: State) -> Self {
        Self { public: Arc::new(state.public()), signers: Signers::new(&state), state }
    }
}

impl FileKeys {
    /// Reads the key file, or makes one with new keys if there is none.
    ///
    /// A file without encryption is encrypted as soon as there is a passphrase: whoever sets one
    /// means it. Sealing keys that have rested since they retired are destroyed.
    ///
    /// # Errors
    /// Any [`KeyFileError`] but `NoRoom`.
    pub fn open_or_create(
        path: &Path,
        passphrase: Option<Passphrase>,
        cost: Cost,
        now: Timestamp,
        entropy: Arc<Entropy>,
    ) -> Result<Self, KeyFileError> {
        let place = Place { path: path.to_owned(), passphrase, cost, entropy };
        let found = place.read()?;
        let Found { state, encrypted } = found.map_or_else(|| place.make(now), Ok)?;
        let rested = state.has_rested_keys(now);
        let keys = Self::new(place, state);
        if encrypted != keys.place.passphrase.is_some() {
            keys.change(now, |_| Ok(()))?;
        } else if rested && let Err(error) = keys.change(now, |_| Ok(())) {
            // They open nothing any more, and a file that cannot be written takes payments still.
            tracing::warn!(%error, "sealing keys that have retired could not be destroyed");
        }
        Ok(keys)
    }

    /// Reads the key file, and leaves it as it is: for an auditor.
    ///
    /// # Errors
    /// `Io`, `Unusable`, `Contents` or `NeedsPassphrase`.
    pub fn open(
        path: &Path,
        passphrase: Option<Passphrase>,
        entropy: Arc<Entropy>,
    ) -> Result<Self, KeyFileError> {
        let place = Place { path: path.to_owned(), passphrase, cost: Cost::DEFAULT, entropy };
        let missing = || KeyFileError::Io(path.to_owned(), io::ErrorKind::NotFound.into());
        let found = place.read()?.ok_or_else(missing)?;
        Ok(Self::new(place, found.state))
    }

    fn new(place: Place, state: State) -> Self {
        Self {
            place,
            issuer_id: state.root.public_key().root_issuer_id(),
            changing: Mutex::new(()),
            state: RwLock::new(state.into()),
            sync: |keys| private_file::sync_folder(&keys.place.path),
        }
    }

    /// The key that opens evidence, without the others.
    #[must_use]
    pub fn evidence_key(&self) -> EvidenceKey {
        EvidenceKey::new(self.issuer_id, self.in_use().state.evidence.clone())
    }

    fn in_use(&self) -> RwLockReadGuard<'_, InUse> {
        // A panic while the lock was held leaves the last complete state behind.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the keys in the file, and those in use with them. Sealing keys that have rested are
    /// destroyed whenever it is written.
    fn change(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut State) -> Result<(), KeyFileError>,
    ) -> Result<(), KeyFileError> {
        // Nobody but another change waits for this one. A panic in one leaves nothing half done.
        let _turn = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = self.place.lock()?;
        let mut next = self.state_of_file(now)?;
        change(&mut next)?;
        let destroyed = next.sealing.forget_rested(now);
        let saved = self.save(&next, &lock);
        // The keys in use are those of the file, even if the file may not last: a restart would
        // read these.
        if matches!(saved, Ok(()) | Err(KeyFileError::NotDurable(..))) {
            *self.state.write().unwrap_or_else(PoisonError::into_inner) = next.into();
            if destroyed > 0 {
                tracing::info!(destroyed, "sealing keys that have retired were destroyed");
            }
        }
        saved
    }

    /// The keys in the file now: another server that shares it may have added one, which must not
    /// be lost. What is not this issuer's file with all the keys in use is not touched: it was put
    /// there by mistake, and the keys in use may stand nowhere else.
    fn state_of_file(&self, now: Timestamp) -> Result<State, KeyFileError> {
        let in_use = self.in_use().state.clone();
        let Some(Found { state, .. }) = self.place.read()? else {
            // It is gone, and comes back with all the keys that are known.
            return Ok(in_use);
        };
        if !state.is_one_issuers_with(&in_use) {
            return Err(KeyFileError::OtherIssuer(self.place.path.clone()));
        }
        if !state.has_all_of(&in_use, now) {
            return Err(KeyFileError::Older(self.place.path.clone()));
        }
        Ok(state)
    }

    /// Puts a file with this state in the place of the old one, and makes it last.
    fn save(&self, state: &State, lock: &private_file::Lock) -> Result<(), KeyFileError> {
        self.place.replace(state, lock)?;
        (self.sync)(self).map_err(|error| KeyFileError::NotDurable(self.place.path.clone(), error))
    }
}

#[cfg(test)]
mod tests;
