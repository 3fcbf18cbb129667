//! The issuer's public keys.

use core::fmt;

use serde::Deserialize;
use wallet_core::code::IssuerProfile;
use wallet_core::issuer::IssuerDocument;
use wallet_core::{Error, IssuerId, Mode, Timestamp};

use crate::failure::{Exit, Failure};
use crate::times;

/// Who the issuer is and which keys it uses.
///
/// The fields are for people to read; a program believes the signed document only.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Issuer {
    #[serde(rename = "issuer_id")]
    id: String,
    server_time: String,
    currency: String,
    code_prefix: String,
    sealing_keys: Vec<SealingKey>,
    signing_keys: Vec<SigningKey>,
    #[serde(rename = "document")]
    pub(crate) document_text: String,
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
struct SigningKey {
    id: String,
    public_key: String,
}

impl Issuer {
    /// The issuer's document, verified: of the expected issuer, or, on first use, of the one that
    /// it names itself.
    pub(crate) fn document(&self, expected: Option<&IssuerId>) -> Result<IssuerDocument, Failure> {
        let document = IssuerDocument::parse(&self.document_text).map_err(unusable)?;
        let expected = expected.copied().unwrap_or_else(|| document.claimed_issuer_id());
        document.verify(&expected).map_err(|error| {
            Failure::core(Exit::Refused, error).hint(format!(
                "the server is not of issuer {expected}, or somebody stands between: send nothing"
            ))
        })
    }

    /// The server's clock when it answered.
    pub(crate) fn time(&self) -> Result<Timestamp, Failure> {
        times::parse(&self.server_time)
    }
}

/// What a device needs to make codes, from a verified document.
pub(crate) fn device_profile(
    document: &IssuerDocument,
    mode: Mode,
) -> Result<IssuerProfile, Failure> {
    let key = document.current_sealing_key().ok_or_else(|| {
        Failure::new(Exit::Unexpected, "unexpected_answer", "the issuer has no current key")
    })?;
    Ok(IssuerProfile {
        id: document.issuer_id(),
        mode,
        prefix: document.statement().prefix,
        slot: key.slot,
        sealing_key: key.key,
        sealing_key_retires_at: key.retires_at,
    })
}

/// Which issuer to expect.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Server")]
pub(crate) struct IssuerArgs {
    /// Accept this issuer and no other [default: whichever the server names]
    ///
    /// The 64 digits of its id, which you learnt from the issuer itself and not from this server:
    /// only then do a key and a receipt prove whose they are.
    #[arg(
        id = "issuer",
        long = "issuer",
        value_name = "HEX",
        env = "WALLET_ISSUER",
        hide_env_values = true,
        value_parser = IssuerId::from_hex
    )]
    pub(crate) id: Option<IssuerId>,
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

fn unusable(error: Error) -> Failure {
    Failure::core(Exit::Unexpected, error).hint("the server names no keys that can be believed")
}
