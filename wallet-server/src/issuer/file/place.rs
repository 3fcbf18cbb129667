//! Where the key file is, and how it is read and written.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use wallet_core::Timestamp;
use wallet_core::keyfile::{self, Cost, Passphrase};
use zeroize::Zeroizing;

use super::state::State;
use super::{KIND, KeyFileError, contents};
use crate::entropy::Entropy;
use crate::private_file::{self, Lock};

/// Where the file is, and what it is written with.
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) passphrase: Option<Passphrase>,
    pub(super) cost: Cost,
    pub(super) entropy: Arc<Entropy>,
}

/// What was in the file.
pub(super) struct Found {
    pub(super) state: State,
    /// Whether it had to be decrypted.
    pub(super) encrypted: bool,
}

impl Place {
    /// What is in the file; none if there is no file.
    pub(super) fn read(&self) -> Result<Option<Found>, KeyFileError> {
        let bytes = match private_file::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let state = contents::decode(&self.path, &bytes, self.passphrase.as_ref())?;
        let encrypted = keyfile::is_encrypted(&bytes).unwrap_or(false);
        Ok(Some(Found { state, encrypted }))
    }

    /// Makes new keys and the file with them; or reads the file, if another process has made it in
    /// the meantime: its keys may be an issuer's already.
    pub(super) fn make(&self, now: Timestamp) -> Result<Found, KeyFileError> {
        let lock = self.lock()?;
        if let Some(found) = self.read()? {
            return Ok(found);
        }
        let state = State::generate(now, &self.entropy);
        match private_file::create_whole(&self.path, self.text(&state)?.as_bytes(), &lock) {
            Ok(()) => {}
            // Somebody copied one here, and knows nothing of the lock.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return self.read()?.ok_or_else(|| self.failed(error));
            }
            Err(error) => return Err(self.failed(error)),
        }
        private_file::sync_folder(&self.path)
            .map_err(|error| KeyFileError::NotDurable(self.path.clone(), error))?;
        Ok(Found { state, encrypted: self.passphrase.is_some() })
    }

    /// Puts a file with this state in the place of the old one.
    pub(super) fn replace(&self, state: &State, lock: &Lock) -> Result<(), KeyFileError> {
        private_file::replace(&self.path, self.text(state)?.as_bytes(), lock)
            .map_err(|error| self.failed(error))
    }

    /// Waits until no other process changes the file.
    pub(super) fn lock(&self) -> Result<Lock, KeyFileError> {
        private_file::lock(&self.path)
            .map_err(|error| KeyFileError::NotLocked(self.path.clone(), error))
    }

    /// The text of a file with this state.
    fn text(&self, state: &State) -> Result<Zeroizing<String>, KeyFileError> {
        let secret = state.encode(&self.path)?;
        match &self.passphrase {
            Some(passphrase) => {
                let rng = &mut self.entropy.shared();
                keyfile::seal(passphrase, &secret, KIND, self.cost, rng).map(Zeroizing::new)
            }
            None => keyfile::seal_plain(&secret, KIND),
        }
        .map_err(|error| KeyFileError::Unusable(self.path.clone(), error))
    }

    fn failed(&self, error: io::Error) -> KeyFileError {
        KeyFileError::Io(self.path.clone(), error)
    }
}
