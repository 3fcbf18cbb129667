//! The issuer's keys in a file outside the database: made at first start, readable by its owner
//! only, encrypted when there is a passphrase.

mod contents;

pub(super) use contents::open_secret;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use hmac::Mac as _;
use wallet_core::code::{CodePrefix, OpenedCode, SealedCode};
use wallet_core::issuer::{IssuerDocument, IssuerStatement, StatedSealingKey, StatedSigningKey};
use wallet_core::keyfile::{self, Cost, Passphrase};
use wallet_core::merchant_code::MerchantCode;
use wallet_core::proof::{Checkpoint, SignedCheckpoint};
use wallet_core::receipt::{Receipt, Record};
use wallet_core::{
    Error, IssuerId, Mode, SealingKey, SealingKeys, SigningKey, SigningPublicKey, Timestamp,
};
use zeroize::Zeroizing;

use super::derived::{Derived, mac};
use super::pin::{self, PinHash, PinInput};
use super::vault::Vault;
use super::{
    EvidenceKey, HashPurpose, IssuerKeys, KeyKind, PublicKeys, PublicSealingKey, Purpose,
    WebhookKey, WebhookSignature,
};
use crate::entropy::Entropy;
use crate::private_file;

const KIND: &str = "issuer";
/// So that the file stays within what a key file may hold; a signing key is rotated once a year
/// or so, and old ones verify receipts for as long as anyone keeps them.
const SIGNING_KEYS_MAX: usize = 12;

/// How long before it signs a new signing key is made, so that tills and phones learn of it in
/// time, and no record is ever signed with two keys.
const SIGNING_KEY_LEAD_MILLIS: i64 = 60_000;

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
    /// There is no room for another key.
    #[error("no room for another key: {0}")]
    NoRoom(&'static str),
}

/// Keys that are kept in a file.
///
/// Locks, in this order: `rotating` for as long as a rotation takes, which derives a key from the
/// passphrase and waits for the disk; `state` only to copy, to use or to exchange what is in it.
pub struct FileKeys {
    path: PathBuf,
    passphrase: Option<Passphrase>,
    cost: Cost,
    entropy: Arc<Entropy>,
    issuer_id: IssuerId,
    rotating: Mutex<()>,
    state: RwLock<State>,
    /// Makes the replaced file last; another function in tests.
    sync: fn(&Self) -> io::Result<()>,
}

#[derive(Clone)]
struct State {
    sealing: SealingKeys,
    /// The first signing key, which names the issuer.
    root: SigningKey,
    /// The signing keys after it, oldest first.
    later: Vec<EffectiveKey>,
    evidence: Vault,
    names: Vault,
    /// From the names key.
    derived: Derived,
}

/// A signing key, and since when it signs.
#[derive(Clone)]
struct EffectiveKey {
    effective_at: Timestamp,
    key: SigningKey,
}

impl FileKeys {
    /// Reads the key file, or makes one with new keys if there is none.
    ///
    /// A file without encryption is encrypted as soon as there is a passphrase: whoever sets one
    /// means it.
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
        let (state, as_it_should_be) = match private_file::read(path) {
            Ok(bytes) => {
                let state = contents::decode(path, &bytes, passphrase.as_ref())?;
                let encrypted = keyfile::is_encrypted(&bytes).unwrap_or(false);
                (state, encrypted == passphrase.is_some())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (State::generate(now, &entropy), false)
            }
            Err(error) => return Err(KeyFileError::Io(path.to_owned(), error)),
        };
        let issuer_id = state.root.public_key().root_issuer_id();
        let keys = Self {
            path: path.to_owned(),
            passphrase,
            cost,
            entropy,
            issuer_id,
            rotating: Mutex::new(()),
            state: RwLock::new(state.clone()),
            sync: |keys| private_file::sync_folder(&keys.path),
        };
        if !as_it_should_be {
            keys.save(&state)?;
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
        let bytes =
            private_file::read(path).map_err(|error| KeyFileError::Io(path.to_owned(), error))?;
        let state = contents::decode(path, &bytes, passphrase.as_ref())?;
        Ok(Self {
            path: path.to_owned(),
            passphrase,
            cost: Cost::DEFAULT,
            entropy,
            issuer_id: state.root.public_key().root_issuer_id(),
            rotating: Mutex::new(()),
            state: RwLock::new(state),
            sync: |keys| private_file::sync_folder(&keys.path),
        })
    }

    /// The key that opens evidence, without the others.
    #[must_use]
    pub fn evidence_key(&self) -> EvidenceKey {
        EvidenceKey::new(self.issuer_id, self.state().evidence)
    }

    fn state(&self) -> State {
        // A panic while the lock was held leaves the last complete state behind.
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts a file with this state in the place of the old one.
    fn save(&self, state: &State) -> Result<(), KeyFileError> {
        let secret = state.encode(&self.path)?;
        let unusable = |error| KeyFileError::Unusable(self.path.clone(), error);
        let text = match &self.passphrase {
            Some(passphrase) => {
                let rng = &mut self.entropy.shared();
                keyfile::seal(passphrase, &secret, KIND, self.cost, rng).map(Zeroizing::new)
            }
            None => keyfile::seal_plain(&secret, KIND),
        }
        .map_err(unusable)?;
        private_file::replace(&self.path, text.as_bytes())
            .map_err(|error| KeyFileError::Io(self.path.clone(), error))?;
        (self.sync)(self).map_err(|error| KeyFileError::NotDurable(self.path.clone(), error))
    }
}

impl State {
    fn generate(now: Timestamp, entropy: &Entropy) -> Self {
        let names = Vault::new(entropy.bytes());
        Self {
            sealing: entropy.with(|rng| SealingKeys::generate(now, rng)),
            root: entropy.with(SigningKey::generate),
            later: Vec::new(),
            evidence: Vault::new(entropy.bytes()),
            derived: Derived::new(names.key()),
            names,
        }
    }

    /// The key that signs records of this moment: the newest that was in effect, so that signing
    /// a record again gives the same receipt whatever has been rotated since.
    fn signing_key_at(&self, decided_at: Timestamp) -> &SigningKey {
        let in_effect = self.later.iter().rev().find(|later| later.effective_at <= decided_at);
        in_effect.map_or(&self.root, |later| &later.key)
    }

    /// What the issuer says about its keys.
    fn statement(&self, prefix: CodePrefix, now: Timestamp) -> IssuerStatement {
        let current = self.sealing.current(now).map(SealingKey::slot);
        let sealing_keys = self.sealing.keys().iter().map(|key| StatedSealingKey {
            slot: key.slot(),
            key: key.public_key(),
            created_at: key.created_at(),
            retires_at: key.retires_at(),
            current: Some(key.slot()) == current,
        });
        let root = (Timestamp::from_unix_millis(0), &self.root);
        let later = self.later.iter().map(|later| (later.effective_at, &later.key));
        let signing_keys = std::iter::once(root)
            .chain(later)
            .map(|(effective_at, key)| StatedSigningKey { key: key.public_key(), effective_at });
        IssuerStatement {
            issued_at: now,
            prefix,
            sealing_keys: sealing_keys.collect(),
            signing_keys: signing_keys.collect(),
        }
    }

    fn vault(&self, purpose: Purpose) -> &Vault {
        match purpose {
            Purpose::Evidence => &self.evidence,
            Purpose::Names => &self.names,
            Purpose::Secrets => &self.derived.secrets,
        }
    }
}

impl FileKeys {
    /// The keys in the file now: another server that shares it may have added one, which must not
    /// be lost.
    fn state_of_file(&self) -> Result<State, KeyFileError> {
        match private_file::read(&self.path) {
            Ok(bytes) => contents::decode(&self.path, &bytes, self.passphrase.as_ref()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.state()),
            Err(error) => Err(KeyFileError::Io(self.path.clone(), error)),
        }
    }
}

impl IssuerKeys for FileKeys {
    fn issuer_id(&self) -> IssuerId {
        self.issuer_id
    }

    fn public(&self) -> PublicKeys {
        let state = self.state();
        let sealing = state.sealing.keys().iter().map(|key| PublicSealingKey {
            slot: key.slot(),
            key: key.public_key(),
            created_at: key.created_at(),
            retires_at: key.retires_at(),
        });
        PublicKeys {
            issuer_id: self.issuer_id,
            sealing: sealing.collect(),
            signing: std::iter::once(&state.root)
                .chain(state.later.iter().map(|later| &later.key))
                .map(SigningKey::public_key)
                .collect(),
        }
    }

    fn document(&self, prefix: CodePrefix, now: Timestamp) -> IssuerDocument {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        IssuerDocument::sign(state.statement(prefix, now), &state.root)
    }

    fn open(&self, code: &SealedCode, mode: Mode, now: Timestamp) -> Result<OpenedCode, Error> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        code.open(&state.sealing, &self.issuer_id, mode, now)
    }

    fn sign(&self, record: &Record) -> Receipt {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Receipt::sign(record, &self.issuer_id, state.signing_key_at(record.decided_at))
    }

    fn sign_merchant_code(&self, code: &MerchantCode, mode: Mode, now: Timestamp) -> String {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        code.sign(&self.issuer_id, mode, state.signing_key_at(now))
    }

    fn sign_checkpoint(&self, checkpoint: &Checkpoint, now: Timestamp) -> SignedCheckpoint {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        checkpoint.sign(state.signing_key_at(now))
    }

    fn hide(&self, purpose: Purpose, subject: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let nonce = self.entropy.bytes();
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.vault(purpose).hide(nonce, subject, plaintext)
    }

    fn reveal(&self, purpose: Purpose, subject: &[u8], hidden: &[u8]) -> Option<Vec<u8>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.vault(purpose).reveal(subject, hidden)
    }

    fn keyed_hash(&self, purpose: HashPurpose, text: &[u8]) -> [u8; 32] {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.derived.hash(purpose, text)
    }

    fn hash_pin(&self, input: PinInput<'_>) -> Option<PinHash> {
        // Not under the lock, for it takes long.
        let pepper =
            self.state.read().unwrap_or_else(PoisonError::into_inner).derived.pepper.clone();
        pin::hash(&pepper, input)
    }

    fn webhook_secret(&self, key: WebhookKey) -> Zeroizing<[u8; 32]> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.derived.webhook_secret(key)
    }

    fn webhook_public_key(&self, key: WebhookKey) -> SigningPublicKey {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.derived.webhook_signing_key(key).public_key()
    }

    fn sign_webhook(&self, key: WebhookKey, message: &[u8]) -> WebhookSignature {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let mac = mac(&state.derived.webhook_secret(key)).chain_update(message);
        WebhookSignature {
            hmac: mac.finalize().into_bytes().into(),
            ed25519: state.derived.webhook_signing_key(key).sign(message),
        }
    }

    fn rotate(&self, kind: KeyKind, now: Timestamp) -> Result<(), KeyFileError> {
        // Nobody but another rotation waits for this one. A panic in one leaves nothing half done.
        let _turn = self.rotating.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = self.state_of_file()?;
        match kind {
            KeyKind::Sealing => {
                let rotated = next.sealing.rotate(now, &mut self.entropy.shared());
                rotated.map_err(|_| KeyFileError::NoRoom("all eight slots are in use"))?;
            }
            KeyKind::Signing if next.later.len() + 1 >= SIGNING_KEYS_MAX => {
                return Err(KeyFileError::NoRoom("there are twelve signing keys"));
            }
            KeyKind::Signing => next.later.push(EffectiveKey {
                effective_at: now.plus_millis(SIGNING_KEY_LEAD_MILLIS),
                key: self.entropy.with(SigningKey::generate),
            }),
        }
        let saved = self.save(&next);
        // The keys in use are those of the file, even if the file may not last: a restart would
        // read these.
        if matches!(saved, Ok(()) | Err(KeyFileError::NotDurable(..))) {
            *self.state.write().unwrap_or_else(PoisonError::into_inner) = next;
        }
        saved
    }
}

#[cfg(test)]
mod tests;
