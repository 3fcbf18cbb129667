//! What every payment computes with the issuer's keys, by AWS-LC: opening a code, signing a receipt.
//!
//! Both are standards, so whoever computes them comes to the same bytes: a test holds that. The
//! core does it in portable Rust, for phones; AWS-LC in machine code that was [proved
//! correct](https://github.com/awslabs/s2n-bignum), in half of the time
//! ([measured](../../../docs/performance.md#codes)).

use aws_lc_rs::signature::Ed25519KeyPair;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_CHACHA20_POLY1305 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey};
use wallet_core::code::SealedMessage;
use wallet_core::receipt::{Receipt, Record};
use wallet_core::{IssuerId, SealingKey, SigningKey, SigningKeyId};

/// Opens what was sealed to a key (HPKE, RFC 9180, base mode); nothing if it was not.
pub(super) fn open(key: &SealingKey, sealed: SealedMessage<'_>) -> Option<Vec<u8>> {
    let encapsulated = EncapsulatedSecret(sealed.encapsulated.to_vec());
    let secret = HpkePrivateKey::from(key.secret_bytes().to_vec());
    SUITE.open(&encapsulated, sealed.info, sealed.associated, sealed.ciphertext, &secret).ok()
}

/// A signing key that is ready to sign receipts.
pub(super) struct Signer {
    id: SigningKeyId,
    key: SigningKey,
    pair: Option<Ed25519KeyPair>,
}

impl Signer {
    pub(super) fn new(key: &SigningKey) -> Self {
        // A seed can be any 32 bytes; without memory for the pair the core signs.
        let pair = Ed25519KeyPair::from_seed_unchecked(key.seed().as_slice()).ok();
        Self { id: key.public_key().id(), key: key.clone(), pair }
    }

    /// Signs a record.
    pub(super) fn sign(&self, record: &Record, issuer: &IssuerId) -> Receipt {
        Receipt::sign_with(record, issuer, self.id, |message| {
            let pair = self.pair.as_ref();
            let signed = pair.and_then(|pair| pair.sign(message).as_ref().try_into().ok());
            signed.unwrap_or_else(|| self.key.sign(message))
        })
    }
}

#[cfg(test)]
mod tests;
