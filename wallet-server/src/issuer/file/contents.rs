//! What stands in the key file: its layout, read and written.

use std::path::Path;

use serde::{Deserialize, Serialize};
use wallet_core::keyfile::{self, Passphrase};
use wallet_core::{SealingKey, SealingKeys, SigningKey, Slot, Timestamp};
use zeroize::{Zeroize, Zeroizing};

use super::state::{EffectiveKey, State};
use super::{KIND, KeyFileError};
use crate::issuer::derived::Derived;
use crate::issuer::vault::Vault;

/// Reads a key file.
pub(super) fn decode(
    path: &Path,
    bytes: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<State, KeyFileError> {
    let secret = open_secret(path, bytes, passphrase, KIND)?;
    let contents: Contents =
        serde_json::from_slice(&secret).map_err(|_| KeyFileError::Contents(path.to_owned()))?;
    contents.state().ok_or(KeyFileError::Contents(path.to_owned()))
}

/// The secret in a key file of one kind, whether it is encrypted or not.
pub(in crate::issuer) fn open_secret(
    path: &Path,
    bytes: &[u8],
    passphrase: Option<&Passphrase>,
    kind: &str,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let unusable = |error| KeyFileError::Unusable(path.to_owned(), error);
    if keyfile::is_encrypted(bytes).map_err(unusable)? {
        let passphrase = passphrase.ok_or(KeyFileError::NeedsPassphrase(path.to_owned()))?;
        keyfile::open(passphrase, bytes, kind).map_err(unusable)
    } else {
        keyfile::open_plain(bytes, kind).map_err(unusable)
    }
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
        let names = Vault::new(from_hex(&self.names)?);
        Some(State {
            sealing: SealingKeys::from_keys(sealing.collect::<Option<_>>()?).ok()?,
            root: SigningKey::from_seed(&from_hex(&root.seed)?),
            later: later.collect::<Option<_>>()?,
            evidence: Vault::new(from_hex(&self.evidence)?),
            derived: Derived::new(names.key()),
            names,
        })
    }
}

impl State {
    /// The secret part of the file.
    pub(super) fn encode(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
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
}
