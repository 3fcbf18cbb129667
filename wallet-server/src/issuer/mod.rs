//! The issuer's secrets: what opens codes, signs receipts and hides names.
//!
//! They stand behind [`IssuerKeys`], so that a hardware security module can take the place of the
//! key file. Nothing outside this folder sees a secret.

mod derived;
mod file;
mod pin;
mod vault;
#[cfg(test)]
mod vectors;

use wallet_core::code::{CodePrefix, OpenedCode, SealedCode};
use wallet_core::issuer::IssuerDocument;
use wallet_core::receipt::{Receipt, Record};
use wallet_core::{Error, IssuerId, Mode, SealingPublicKey, SigningPublicKey, Slot, Timestamp};

pub use file::{FileKeys, KeyFileError};
pub use pin::{PIN_SALT_LENGTH, PinCost, PinHash, PinInput};

/// What the issuer's keys can do.
///
/// Implementations lock inside; every method may block for as long as the cryptography takes
/// (about 0.1 ms with keys in memory).
pub trait IssuerKeys: Send + Sync {
    /// Who the issuer is.
    fn issuer_id(&self) -> IssuerId;

    /// What everyone may know.
    fn public(&self) -> PublicKeys;

    /// The public keys, certified with the root key.
    fn document(&self, prefix: CodePrefix, now: Timestamp) -> IssuerDocument;

    /// Opens a code that was sealed for a mode.
    ///
    /// # Errors
    /// As [`SealedCode::open`].
    fn open(&self, code: &SealedCode, mode: Mode, now: Timestamp) -> Result<OpenedCode, Error>;

    /// Signs a record with the key that was in effect when it was decided: signing it again,
    /// whenever that is, gives the same bytes.
    fn sign(&self, record: &Record) -> Receipt;

    /// Encrypts for the issuer itself. What was encrypted for one purpose and subject opens for
    /// no other.
    fn hide(&self, purpose: Purpose, subject: &[u8], plaintext: &[u8]) -> Vec<u8>;

    /// Decrypts what [`hide`](Self::hide) encrypted; `None` when it was altered.
    fn reveal(&self, purpose: Purpose, subject: &[u8], hidden: &[u8]) -> Option<Vec<u8>>;

    /// A hash that nobody can compute without the keys: to find what is kept hidden, or to know
    /// again what is not kept. Of one purpose it says nothing about another.
    fn keyed_hash(&self, purpose: HashPurpose, text: &[u8]) -> [u8; 32];

    /// Hashes a PIN with a secret pepper: six digits are guessed from a hash in a moment, but not
    /// from one that needs what is not in the database. Takes as long as its cost says; `None`
    /// when it cannot be computed.
    fn hash_pin(&self, input: PinInput<'_>) -> Option<PinHash>;

    /// Makes a new key, which is the one in use from now on.
    ///
    /// # Errors
    /// [`KeyFileError`] when there is no room for it or it cannot be kept. Nothing changed then,
    /// except with [`KeyFileError::NotDurable`]: the new key is in use, but may be lost.
    fn rotate(&self, kind: KeyKind, now: Timestamp) -> Result<(), KeyFileError>;
}

/// What something is encrypted for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Opened codes, kept with payments.
    Evidence,
    /// Names of people and of their devices.
    Names,
    /// What payers prove themselves with.
    Secrets,
}

/// What a keyed hash is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HashPurpose {
    /// Payers are found by their handles.
    Handles,
    /// Recovery codes are known again.
    RecoveryCodes,
    /// Envelopes are found by their tokens.
    EnvelopeTokens,
    /// Requests that name people or bank accounts are known again when they are repeated.
    Requests,
}

impl HashPurpose {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Handles => b"handles",
            Self::RecoveryCodes => b"recovery-codes",
            Self::EnvelopeTokens => b"envelope-tokens",
            Self::Requests => b"requests",
        }
    }
}

/// The kinds of key that rotate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyKind {
    /// What codes are sealed to.
    Sealing,
    /// What signs receipts.
    Signing,
}

/// The public halves.
#[derive(Clone, Debug)]
pub struct PublicKeys {
    /// Who the issuer is.
    pub issuer_id: IssuerId,
    /// Sealing keys, oldest first; the last one is current.
    pub sealing: Vec<PublicSealingKey>,
    /// Signing keys, oldest first; the last one is current.
    pub signing: Vec<SigningPublicKey>,
}

/// A sealing key as devices need it.
#[derive(Clone, Copy, Debug)]
pub struct PublicSealingKey {
    /// Its slot.
    pub slot: Slot,
    /// The public half.
    pub key: SealingPublicKey,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub retires_at: Timestamp,
}
