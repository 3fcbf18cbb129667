//! What the keys of the file do.

use std::sync::Arc;

use hmac::Mac as _;
use wallet_core::code::{CodePrefix, OpenedCode, SealedCode};
use wallet_core::issuer::IssuerDocument;
use wallet_core::merchant_code::MerchantCode;
use wallet_core::proof::{Checkpoint, SignedCheckpoint};
use wallet_core::receipt::{Receipt, Record};
use wallet_core::{Error, IssuerId, Mode, SigningKey, SigningPublicKey, Timestamp};
use zeroize::Zeroizing;

use super::state::EffectiveKey;
use super::{FileKeys, KeyFileError};
use crate::issuer::aws_lc;
use crate::issuer::derived::mac;
use crate::issuer::pin::{self, PinHash, PinInput};
use crate::issuer::{
    HashPurpose, IssuerKeys, KeyKind, PublicKeys, Purpose, WebhookKey, WebhookSignature,
};

/// So that the file stays within what a key file may hold; a signing key is rotated once a year
/// or so, and old ones verify receipts for as long as anyone keeps them.
const SIGNING_KEYS_MAX: usize = 12;

/// How long before it signs a new signing key is made, so that tills and phones learn of it in
/// time, and no record is ever signed with two keys.
const SIGNING_KEY_LEAD_MILLIS: i64 = 60_000;

impl IssuerKeys for FileKeys {
    fn issuer_id(&self) -> IssuerId {
        self.issuer_id
    }

    fn public(&self) -> Arc<PublicKeys> {
        Arc::clone(&self.in_use().public)
    }

    fn document(&self, prefix: CodePrefix, now: Timestamp) -> IssuerDocument {
        let state = &self.in_use().state;
        IssuerDocument::sign(state.statement(prefix, now), &state.root)
    }

    fn open(&self, code: &SealedCode, mode: Mode, now: Timestamp) -> Result<OpenedCode, Error> {
        let state = &self.in_use().state;
        match state.sealing.in_slot(code.slot(), now) {
            Some(key) => code.open_with(&self.issuer_id, mode, |sealed| aws_lc::open(key, sealed)),
            // Which is its error.
            None => code.open(&state.sealing, &self.issuer_id, mode, now),
        }
    }

    fn sign(&self, record: &Record) -> Receipt {
        self.in_use().signers.at(record.decided_at).sign(record, &self.issuer_id)
    }

    fn sign_merchant_code(&self, code: &MerchantCode, mode: Mode, now: Timestamp) -> String {
        let state = &self.in_use().state;
        code.sign(&self.issuer_id, mode, state.signing_key_at(now))
    }

    fn sign_checkpoint(&self, checkpoint: &Checkpoint, now: Timestamp) -> SignedCheckpoint {
        let state = &self.in_use().state;
        checkpoint.sign(state.signing_key_at(now))
    }

    fn hide(&self, purpose: Purpose, subject: &[u8], plaintext: &[u8]) -> Vec<u8> {
        let nonce = self.place.entropy.bytes();
        let state = &self.in_use().state;
        state.vault(purpose).hide(nonce, subject, plaintext)
    }

    fn reveal(&self, purpose: Purpose, subject: &[u8], hidden: &[u8]) -> Option<Vec<u8>> {
        let state = &self.in_use().state;
        state.vault(purpose).reveal(subject, hidden)
    }

    fn keyed_hash(&self, purpose: HashPurpose, text: &[u8]) -> [u8; 32] {
        let state = &self.in_use().state;
        state.derived.hash(purpose, text)
    }

    fn hash_pin(&self, input: PinInput<'_>) -> Option<PinHash> {
        // Not under the lock, for it takes long.
        let pepper = self.in_use().state.derived.pepper.clone();
        pin::hash(&pepper, input)
    }

    fn webhook_secret(&self, key: WebhookKey) -> Zeroizing<[u8; 32]> {
        let state = &self.in_use().state;
        state.derived.webhook_secret(key)
    }

    fn webhook_public_key(&self, key: WebhookKey) -> SigningPublicKey {
        let state = &self.in_use().state;
        state.derived.webhook_signing_key(key).public_key()
    }

    fn sign_webhook(&self, key: WebhookKey, message: &[u8]) -> WebhookSignature {
        let state = &self.in_use().state;
        let mac = mac(&state.derived.webhook_secret(key)).chain_update(message);
        WebhookSignature {
            hmac: mac.finalize().into_bytes().into(),
            ed25519: state.derived.webhook_signing_key(key).sign(message),
        }
    }

    fn rotate(&self, kind: KeyKind, now: Timestamp) -> Result<(), KeyFileError> {
        self.change(now, |next| match kind {
            KeyKind::Sealing => {
                let rotated = next.sealing.rotate(now, &mut self.place.entropy.shared());
                rotated.map(drop).map_err(|_| KeyFileError::NoRoom("all eight slots are in use"))
            }
            KeyKind::Signing if next.later.len() + 1 >= SIGNING_KEYS_MAX => {
                Err(KeyFileError::NoRoom("there are twelve signing keys"))
            }
            KeyKind::Signing => {
                next.later.push(EffectiveKey {
                    effective_at: now.plus_millis(SIGNING_KEY_LEAD_MILLIS),
                    key: self.place.entropy.with(SigningKey::generate),
                });
                Ok(())
            }
        })
    }
}
