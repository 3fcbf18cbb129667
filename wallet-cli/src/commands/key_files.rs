//! Opening the issuer's key files, beside a server or without one.

use std::path::Path;
use std::sync::Arc;

use wallet_core::keyfile::Passphrase;
use wallet_server::entropy::Entropy;
use wallet_server::issuer::{EvidenceKey, FileKeys, KeyFileError, read_passphrase};

use crate::failure::{Exit, Failure};

/// The passphrase in the first line of a file.
pub(super) fn passphrase(path: &Path) -> Result<Passphrase, Failure> {
    read_passphrase(path).map_err(|error| failure(&error))
}

/// The issuer's keys; the file stays as it is.
pub(super) fn issuer_keys(
    path: &Path,
    passphrase_file: Option<&Path>,
) -> Result<FileKeys, Failure> {
    let passphrase = passphrase_file.map(passphrase).transpose()?;
    FileKeys::open(path, passphrase, Arc::new(Entropy::system())).map_err(|error| failure(&error))
}

/// The key that opens evidence.
pub(super) fn evidence_key(
    path: &Path,
    passphrase_file: Option<&Path>,
) -> Result<EvidenceKey, Failure> {
    let passphrase = passphrase_file.map(passphrase).transpose()?;
    EvidenceKey::read(path, passphrase.as_ref()).map_err(|error| failure(&error))
}

pub(super) fn failure(error: &KeyFileError) -> Failure {
    let code = match error {
        KeyFileError::Io(_, error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            "file_exists"
        }
        KeyFileError::Io(..)
        | KeyFileError::Unusable(..)
        | KeyFileError::Contents(_)
        | KeyFileError::NeedsPassphrase(_)
        | KeyFileError::NotDurable(..)
        | KeyFileError::NotLocked(..)
        | KeyFileError::OtherIssuer(_)
        | KeyFileError::Older(_)
        | KeyFileError::NoRoom(_) => "key_file",
    };
    Failure::new(Exit::Local, code, error.to_string())
}
