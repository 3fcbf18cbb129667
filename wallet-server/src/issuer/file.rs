//! The issuer's keys in a file outside the database: made at first start, readable by its owner
//! only, encrypted when there is a passphrase.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use wallet_core::code::{CodePrefix, OpenedCode, SealedCode};
use wallet_core::issuer::{IssuerDocument, IssuerStatement, StatedSealingKey, StatedSigningKey};
use wallet_core::keyfile::{self, Cost, Passphrase};
use wallet_core::receipt::{Receipt, Record};
use wallet_core::{Error, IssuerId, Mode, SealingKey, SealingKeys, SigningKey, Slot, Timestamp};
use zeroize::{Zeroize, Zeroizing};

use super::vault::Vault;
use super::{IssuerKeys, KeyKind, PublicKeys, PublicSealingKey, Purpose};
use crate::entropy::Entropy;

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
    #[error("{0}: the contents of the key file are not those of an issuer")]
    Contents(PathBuf),
    /// The file is encrypted and no passphrase was given.
    #[error("{0}: the key file is encrypted; give its passphrase")]
    NeedsPassphrase(PathBuf),
    /// There is no room for another key.
    #[error("no room for another key: {0}")]
    NoRoom(&'static str),
}

/// Keys that are kept in a file.
pub struct FileKeys {
    path: PathBuf,
    passphrase: Option<Passphrase>,
    cost: Cost,
    entropy: Arc<Entropy>,
    issuer_id: IssuerId,
    state: RwLock<State>,
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
        let (state, as_it_should_be) = match fs::read(path).map(Zeroizing::new) {
            Ok(bytes) => {
                let state = decode(path, &bytes, passphrase.as_ref())?;
                let encrypted = keyfile::is_encrypted(&bytes).unwrap_or(false);
                (state, encrypted == passphrase.is_some())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (State::generate(now, &entropy), false)
            }
            Err(error) => return Err(KeyFileError::Io(path.to_owned(), error)),
        };
        let issuer_id = state.root.public_key().root_issuer_id();
        let path = path.to_owned();
        let keys =
            Self { path, passphrase, cost, entropy, issuer_id, state: RwLock::new(state.clone()) };
        if !as_it_should_be {
            keys.save(&state)?;
        }
        Ok(keys)
    }

    fn state(&self) -> State {
        // A panic while the lock was held leaves the last complete state behind.
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes a new file beside the old one and puts it in its place, so that a crash leaves one
    /// of the two.
    fn save(&self, state: &State) -> Result<(), KeyFileError> {
        let secret = state.encode(&self.path)?;
        let unusable = |error| KeyFileError::Unusable(self.path.clone(), error);
        let text = match &self.passphrase {
            Some(passphrase) => self
                .entropy
                .with(|rng| keyfile::seal(passphrase, &secret, KIND, self.cost, rng))
                .map(Zeroizing::new),
            None => keyfile::seal_plain(&secret, KIND),
        }
        .map_err(unusable)?;
        let temporary = self.path.with_extension("new");
        write_private(&temporary, text.as_bytes())
            .and_then(|()| fs::rename(&temporary, &self.path))
            .and_then(|()| sync_parent(&self.path))
            .map_err(|error| KeyFileError::Io(self.path.clone(), error))
    }
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn decode(
    path: &Path,
    bytes: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<State, KeyFileError> {
    let unusable = |error| KeyFileError::Unusable(path.to_owned(), error);
    let secret = if keyfile::is_encrypted(bytes).map_err(unusable)? {
        let passphrase = passphrase.ok_or(KeyFileError::NeedsPassphrase(path.to_owned()))?;
        keyfile::open(passphrase, bytes, KIND).map_err(unusable)?
    } else {
        keyfile::open_plain(bytes, KIND).map_err(unusable)?
    };
    let contents: Contents =
        serde_json::from_slice(&secret).map_err(|_| KeyFileError::Contents(path.to_owned()))?;
    contents.state().ok_or(KeyFileError::Contents(path.to_owned()))
}

/// The secret part of the file, as JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    version: u8,
    sealing: Vec<SealingEntry>,
    signing: Vec<SigningEntry>,
    evidence: String,
    names: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealingEntry {
    slot: u8,
    created_at: i64,
    secret: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SigningEntry {
    effective_at: i64,
    seed: String,
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.sealing.iter_mut().for_each(|entry| entry.secret.zeroize());
        self.signing.iter_mut().for_each(|entry| entry.seed.zeroize());
        self.evidence.zeroize();
        self.names.zeroize();
    }
}

fn to_hex(bytes: &[u8; 32]) -> String {
    base16ct::lower::encode_string(bytes)
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let length = base16ct::lower::decode(text, &mut bytes).ok()?.len();
    (length == bytes.len()).then_some(bytes)
}

impl Contents {
    fn state(&self) -> Option<State> {
        if self.version != 1 {
            return None;
        }
        let sealing = self.sealing.iter().map(|entry| {
            let slot = Slot::from_number(entry.slot).ok()?;
            let created_at = Timestamp::from_unix_millis(entry.created_at);
            SealingKey::from_bytes(slot, created_at, &from_hex(&entry.secret)?).ok()
        });
        let (root, later) = self.signing.split_first()?;
        let later = later.iter().map(|entry| {
            let effective_at = Timestamp::from_unix_millis(entry.effective_at);
            let key = SigningKey::from_seed(&from_hex(&entry.seed)?);
            Some(EffectiveKey { effective_at, key })
        });
        Some(State {
            sealing: SealingKeys::from_keys(sealing.collect::<Option<_>>()?).ok()?,
            root: SigningKey::from_seed(&from_hex(&root.seed)?),
            later: later.collect::<Option<_>>()?,
            evidence: Vault::new(from_hex(&self.evidence)?),
            names: Vault::new(from_hex(&self.names)?),
        })
    }
}

impl State {
    fn generate(now: Timestamp, entropy: &Entropy) -> Self {
        Self {
            sealing: entropy.with(|rng| SealingKeys::generate(now, rng)),
            root: entropy.with(SigningKey::generate),
            later: Vec::new(),
            evidence: Vault::new(entropy.bytes()),
            names: Vault::new(entropy.bytes()),
        }
    }

    fn encode(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let contents = Contents {
            version: 1,
            sealing: self
                .sealing
                .keys()
                .iter()
                .map(|key| SealingEntry {
                    slot: key.slot().number(),
                    created_at: key.created_at().unix_millis(),
                    secret: to_hex(&key.secret_bytes()),
                })
                .collect(),
            signing: std::iter::once((0, &self.root))
                .chain(
                    self.later.iter().map(|later| (later.effective_at.unix_millis(), &later.key)),
                )
                .map(|(effective_at, key)| SigningEntry { effective_at, seed: to_hex(&key.seed()) })
                .collect(),
            evidence: to_hex(self.evidence.key()),
            names: to_hex(self.names.key()),
        };
        let json = serde_json::to_vec(&contents);
        json.map(Zeroizing::new).map_err(|_| KeyFileError::Contents(path.to_owned()))
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

    fn hide(&self, purpose: Purpose, subject: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let nonce = self.entropy.bytes();
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.vault(purpose).hide(nonce, subject, plaintext)
    }

    fn reveal(&self, purpose: Purpose, subject: &[u8], hidden: &[u8]) -> Option<Vec<u8>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.vault(purpose).reveal(subject, hidden)
    }

    fn rotate(&self, kind: KeyKind, now: Timestamp) -> Result<(), KeyFileError> {
        let mut current = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut next = current.clone();
        match kind {
            KeyKind::Sealing => {
                let rotated = self.entropy.with(|rng| next.sealing.rotate(now, rng));
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
        self.save(&next)?;
        *current = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
