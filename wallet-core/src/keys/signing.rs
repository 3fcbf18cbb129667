//! The issuer's signing key: it signs receipts, and its first one names the issuer.

use core::fmt;

use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey as Ed25519Key;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{DevicePublicKey, IssuerId, SigningKeyId};
use crate::Error;

/// What the issuer id hashes before the root public key.
const ISSUER_DOMAIN: &[u8] = b"wallet-issuer/1\0";

/// The issuer's secret Ed25519 key. Wiped from memory when dropped; never printed.
#[derive(Clone)]
pub struct SigningKey(Ed25519Key);

impl SigningKey {
    /// A new key.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(Ed25519Key::generate(rng))
    }

    /// The key with this 32-byte seed (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Ed25519Key::from_bytes(seed))
    }

    /// The seed, to be kept encrypted.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half, which tills and phones know.
    #[must_use]
    pub fn public_key(&self) -> SigningPublicKey {
        SigningPublicKey(DevicePublicKey::of(&self.0))
    }

    /// Signs a message. The message must begin with a domain that no other use has.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(secret)")
    }
}

/// The issuer's public signing key.
// The checks are those of a device's key, made once: they cost more than a verification.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SigningPublicKey(DevicePublicKey);

impl SigningPublicKey {
    /// The key with these bytes, checked like a device's.
    ///
    /// # Errors
    /// `weak_public_key`.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        DevicePublicKey::from_bytes(bytes).map(Self)
    }

    /// The 32 bytes of the compressed point.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// The short name that receipts carry: the first 8 bytes of SHA-256 of the key.
    #[must_use]
    pub fn id(&self) -> SigningKeyId {
        let hash = Sha256::digest(self.as_bytes());
        let mut id = [0; 8];
        id.copy_from_slice(&hash[..8]);
        SigningKeyId::from_bytes(id)
    }

    /// The id of the issuer whose *first* signing key this is:
    /// SHA-256(`wallet-issuer/1` ‖ NUL ‖ the 32 bytes).
    #[must_use]
    pub fn root_issuer_id(&self) -> IssuerId {
        let hash =
            Sha256::new().chain_update(ISSUER_DOMAIN).chain_update(self.as_bytes()).finalize();
        IssuerId::from_bytes(hash.into())
    }

    /// Verifies a signature strictly.
    ///
    /// # Errors
    /// `invalid_signature`.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
        self.0.verify(message, signature)
    }
}

impl fmt::Debug for SigningPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningPublicKey({:x})", base16ct::HexDisplay(self.as_bytes()))
    }
}
