//! The key that opens evidence, apart from all others: for an auditor.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use wallet_core::IssuerId;
use wallet_core::keyfile::{self, Cost, Passphrase};
use zeroize::{Zeroize, Zeroizing};

use super::KeyFileError;
use super::vault::Vault;
use crate::entropy::Entropy;
use crate::private_file;

const KIND: &str = "evidence";
const VERSION: u8 = 1;

/// Opens the evidence of one issuer's payments, and nothing else.
///
/// It is a key of its own, which tells nothing about the others: whoever has it reads no name and no
/// handle, opens no code that was not charged, and signs nothing. What it shows is which device
/// signed what, when and where, for each payment. It never rotates, so one file opens everything
/// since the books began, and everything that will come.
#[derive(Clone)]
pub struct EvidenceKey {
    issuer: IssuerId,
    vault: Vault,
}

impl EvidenceKey {
    pub(super) fn new(issuer: IssuerId, vault: Vault) -> Self {
        Self { issuer, vault }
    }

    /// Whose payments it is about.
    #[must_use]
    pub fn issuer_id(&self) -> IssuerId {
        self.issuer
    }

    /// Decrypts what is kept with a payment; `None` when it was altered, or is another payment's.
    #[must_use]
    pub fn open(&self, subject: &[u8], hidden: &[u8]) -> Option<Vec<u8>> {
        self.vault.reveal(subject, hidden)
    }

    /// Reads a file that [`write_new`](Self::write_new) made.
    ///
    /// # Errors
    /// `Io`, `Unusable` (also for the issuer's own key file), `Contents` or `NeedsPassphrase`.
    pub fn read(path: &Path, passphrase: Option<&Passphrase>) -> Result<Self, KeyFileError> {
        let bytes =
            private_file::read(path).map_err(|error| KeyFileError::Io(path.to_owned(), error))?;
        let secret = super::file::open_secret(path, &bytes, passphrase, KIND)?;
        let contents: Contents =
            serde_json::from_slice(&secret).map_err(|_| KeyFileError::Contents(path.to_owned()))?;
        contents.key().ok_or(KeyFileError::Contents(path.to_owned()))
    }

    /// Makes a file that only its owner may read, and that is not there yet; encrypted when there is
    /// a passphrase.
    ///
    /// # Errors
    /// `Io`, also when there is such a file, `Unusable` or `NotDurable`.
    pub fn write_new(
        &self,
        path: &Path,
        passphrase: Option<&Passphrase>,
        cost: Cost,
        entropy: &Entropy,
    ) -> Result<(), KeyFileError> {
        let contents = Contents {
            version: VERSION,
            issuer: self.issuer.to_string(),
            evidence: base16ct::lower::encode_string(self.vault.key()),
        };
        let secret = serde_json::to_vec(&contents).map(Zeroizing::new);
        let secret = secret.map_err(|_| KeyFileError::Contents(path.to_owned()))?;
        let text = match passphrase {
            Some(passphrase) => {
                keyfile::seal(passphrase, &secret, KIND, cost, &mut entropy.shared())
                    .map(Zeroizing::new)
            }
            None => keyfile::seal_plain(&secret, KIND),
        };
        let text = text.map_err(|error| KeyFileError::Unusable(path.to_owned(), error))?;
        let failed = |error: io::Error| KeyFileError::Io(path.to_owned(), error);
        private_file::create(path, text.as_bytes()).map_err(failed)?;
        private_file::sync_folder(path)
            .map_err(|error| KeyFileError::NotDurable(path.to_owned(), error))
    }
}

/// The secret part of the file, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    version: u8,
    issuer: String,
    evidence: String,
}

impl Contents {
    fn key(&self) -> Option<EvidenceKey> {
        let mut key = Zeroizing::new([0; 32]);
        let length = base16ct::lower::decode(&self.evidence, &mut *key).ok()?.len();
        let issuer = IssuerId::from_hex(&self.issuer).ok()?;
        (self.version == VERSION && length == key.len())
            .then(|| EvidenceKey::new(issuer, Vault::new(*key)))
    }
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.evidence.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::sync::Arc;

    use wallet_core::Timestamp;
    use wallet_core::keyfile::{Cost, Passphrase};

    use super::EvidenceKey;
    use crate::entropy::Entropy;
    use crate::issuer::{FileKeys, IssuerKeys, KeyFileError, KeyKind, Purpose};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn issuer(path: &Path) -> FileKeys {
        let entropy = Arc::new(Entropy::system());
        FileKeys::open_or_create(path, None, Cost::CHEAP_FOR_TESTS, NOW, entropy).unwrap()
    }

    #[test]
    fn what_was_exported_opens_evidence_of_before_and_after_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.key");
        let keys = issuer(&folder.path().join("issuer.key"));
        let before = keys.hide(Purpose::Evidence, b"payment-1", b"the code");
        let key = keys.evidence_key();
        key.write_new(&path, None, Cost::CHEAP_FOR_TESTS, &Entropy::system()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for kind in [KeyKind::Sealing, KeyKind::Signing] {
            keys.rotate(kind, NOW).unwrap();
        }
        let after = keys.hide(Purpose::Evidence, b"payment-2", b"another");

        let key = EvidenceKey::read(&path, None).unwrap();
        assert_eq!(key.issuer_id(), keys.issuer_id());
        assert_eq!(key.open(b"payment-1", &before).unwrap(), b"the code");
        assert_eq!(key.open(b"payment-2", &after).unwrap(), b"another");
        assert_eq!(key.open(b"payment-2", &before), None);
        for purpose in [Purpose::Names, Purpose::Secrets] {
            assert_eq!(key.open(b"payer-1", &keys.hide(purpose, b"payer-1", b"Wei")), None);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN WALLET EVIDENCE SECRET-----"), "{text}");
    }

    #[test]
    fn the_file_is_never_overwritten_and_no_other_file_passes_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.key");
        let keys = issuer(&folder.path().join("issuer.key"));
        let key = keys.evidence_key();
        let passphrase = Passphrase::new(b"correct horse".to_vec()).unwrap();
        let write = || {
            let cost = Cost::CHEAP_FOR_TESTS;
            key.write_new(&path, Some(&passphrase), cost, &Entropy::system())
        };
        write().unwrap();
        let text = std::fs::read(&path).unwrap();
        assert!(matches!(write(), Err(KeyFileError::Io(..))));
        assert_eq!(std::fs::read(&path).unwrap(), text);
        let read = |passphrase| EvidenceKey::read(&path, passphrase).map(|_| ());
        assert!(matches!(read(None), Err(KeyFileError::NeedsPassphrase(_))));
        let wrong = Passphrase::new(b"wrong".to_vec()).unwrap();
        assert!(matches!(read(Some(&wrong)), Err(KeyFileError::Unusable(..))));
        read(Some(&passphrase)).unwrap();

        // One does not pass for the other.
        let issuers = folder.path().join("issuer.key");
        assert!(matches!(EvidenceKey::read(&issuers, None), Err(KeyFileError::Unusable(..))));
        let opened = FileKeys::open(&path, Some(passphrase), Arc::new(Entropy::system()));
        assert!(matches!(opened, Err(KeyFileError::Unusable(..))));
    }
}
