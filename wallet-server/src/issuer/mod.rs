//! The issuer's secrets: what opens codes, signs receipts and hides names.
//!
//! They stand behind [`IssuerKeys`], so that a hardware security module can take the place of the
//! key file. Nothing outside this folder sees a secret.

mod aws_lc;
mod derived;
mod evidence;
mod file;
mod passphrase;
mod pin;
mod vault;
#[cfg(test)]
mod vectors;

use std::sync::Arc;

use wallet_core::code::{CodePrefix, OpenedCode, SealedCode};
use wallet_core::issuer::IssuerDocument;
use wallet_core::merchant_code::MerchantCode;
use wallet_core::proof::{Checkpoint, SignedCheckpoint};
use wallet_core::receipt::{Receipt, Record};
use wallet_core::{Error, IssuerId, Mode, SealingPublicKey, SigningPublicKey, Slot, Timestamp};
use zeroize::Zeroizing;

pub use evidence::EvidenceKey;
pub use file::{FileKeys, KeyFileError};
pub use passphrase::read_passphrase;
pub use pin::{PIN_SALT_LENGTH, PinCost, PinHash, PinInput};

/// What the issuer's keys can do.
///
/// Implementations lock inside; every method may block for as long as the cryptography takes
/// (about 0.1 ms with keys in memory).
pub trait IssuerKeys: Send + Sync {
    /// Who the issuer is.
    fn issuer_id(&self) -> IssuerId;

    /// What everyone may know. It is kept ready: asking for it computes nothing.
    fn public(&self) -> Arc<PublicKeys>;

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

    /// The text of a code that a merchant shows, signed with the key in effect at `now`.
    fn sign_merchant_code(&self, code: &MerchantCode, mode: Mode, now: Timestamp) -> String;

    /// Signs a checkpoint of the journal with the key that is in effect.
    fn sign_checkpoint(&self, checkpoint: &Checkpoint, now: Timestamp) -> SignedCheckpoint;

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

    /// The secret of a webhook's HMAC, for its merchant, who is shown it once.
    fn webhook_secret(&self, key: WebhookKey) -> Zeroizing<[u8; 32]>;

    /// The public half of a webhook's Ed25519 key.
    fn webhook_public_key(&self, key: WebhookKey) -> SigningPublicKey;

    /// Signs what a webhook sends.
    fn sign_webhook(&self, key: WebhookKey, message: &[u8]) -> WebhookSignature;

    /// Makes a new key, which is the one in use from now on.
    ///
    /// # Errors
    /// [`KeyFileError`] when there is no room for it, it cannot be kept, or what is kept is not
    /// what is in use. Nothing changed then, except with [`KeyFileError::NotDurable`]: the new key is in use, but may be lost.
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

/// Which keys sign the webhooks of an endpoint. They follow from the issuer's keys and are kept
/// nowhere, so that whoever has the database alone forges no webhook.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WebhookKey {
    /// The bytes of the endpoint's id.
    pub endpoint: [u8; 16],
    /// How many there have been, this one included.
    pub number: u32,
}

/// The two signatures of Standard Webhooks 1.0.
#[derive(Clone, Copy, Debug)]
pub struct WebhookSignature {
    /// `v1`: HMAC-SHA-256, which the merchant could have made too.
    pub hmac: [u8; 32],
    /// `v1a`: Ed25519, which only the issuer can make.
    pub ed25519: [u8; 64],
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
