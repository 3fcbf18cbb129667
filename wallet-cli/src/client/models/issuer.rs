//! The issuer's public keys.

use core::fmt;

use serde::Deserialize;
use wallet_core::code::{CodePrefix, IssuerProfile};
use wallet_core::{Error, IssuerId, Mode, SealingPublicKey, SigningPublicKey, Slot, Timestamp};

use crate::failure::{Exit, Failure};
use crate::times;

/// Who the issuer is and which keys it uses.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Issuer {
    #[serde(rename = "issuer_id")]
    pub(crate) id: String,
    pub(crate) server_time: String,
    pub(crate) currency: String,
    code_prefix: String,
    sealing_keys: Vec<SealingKey>,
    pub(crate) signing_keys: Vec<SigningKey>,
}

#[derive(Clone, Debug, Deserialize)]
struct SealingKey {
    slot: u8,
    public_key: String,
    created_at: String,
    retires_at: String,
    current: bool,
}

/// A key that signs receipts.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct SigningKey {
    id: String,
    pub(crate) public_key: String,
}

impl Issuer {
    /// The issuer's id.
    pub(crate) fn id(&self) -> Result<IssuerId, Failure> {
        IssuerId::from_hex(&self.id).map_err(unusable)
    }

    /// What a device needs to make codes.
    pub(crate) fn profile(&self, mode: Mode) -> Result<IssuerProfile, Failure> {
        let key = self.sealing_keys.iter().find(|key| key.current).ok_or_else(|| {
            Failure::new(Exit::Unexpected, "unexpected_answer", "the issuer has no current key")
        })?;
        Ok(IssuerProfile {
            id: self.id()?,
            mode,
            prefix: CodePrefix::parse(&self.code_prefix).map_err(unusable)?,
            slot: Slot::from_number(key.slot).map_err(unusable)?,
            sealing_key: SealingPublicKey::from_bytes(key_bytes(&key.public_key)?),
            sealing_key_retires_at: times::parse(&key.retires_at)?,
        })
    }

    /// The keys that receipts may be signed with.
    pub(crate) fn receipt_keys(&self) -> Result<Vec<SigningPublicKey>, Failure> {
        self.signing_keys
            .iter()
            .map(|key| SigningPublicKey::from_bytes(&key_bytes(&key.public_key)?).map_err(unusable))
            .collect()
    }

    /// The server's clock when it answered.
    pub(crate) fn time(&self) -> Result<Timestamp, Failure> {
        times::parse(&self.server_time)
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "issuer {}, {}, codes begin with {}",
            self.id, self.currency, self.code_prefix
        )?;
        for key in &self.sealing_keys {
            let current = if key.current { ", current" } else { "" };
            let SealingKey { slot, public_key, created_at, retires_at, .. } = key;
            writeln!(f, "sealing key in slot {slot}: {public_key}")?;
            writeln!(f, "  made {created_at}, retires {retires_at}{current}")?;
        }
        let keys = self.signing_keys.iter();
        let lines: Vec<_> =
            keys.map(|key| format!("signing key {}: {}", key.id, key.public_key)).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// The 32 bytes of a key in hexadecimal.
pub(crate) fn key_bytes(hex: &str) -> Result<[u8; 32], Failure> {
    // An issuer's id has the same form as a key.
    IssuerId::from_hex(hex).map(|id| *id.as_bytes()).map_err(unusable)
}

fn unusable(error: Error) -> Failure {
    Failure::core(Exit::Unexpected, error).hint("the issuer's keys are not usable")
}
