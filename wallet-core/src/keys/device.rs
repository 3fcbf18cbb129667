//! The key of a payer's device.

use core::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::Error;

const WEAK: Error = Error::new(
    "weak_public_key",
    "the public key is not a canonical point of the prime-order group",
);
const BAD_SIGNATURE: Error = Error::new("invalid_signature", "the signature does not verify");

/// The secret Ed25519 key (RFC 8032) with which a device signs its codes and requests.
///
/// Wiped from memory when dropped; never printed.
pub struct DeviceKey(SigningKey);

impl DeviceKey {
    /// A new key.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(SigningKey::generate(rng))
    }

    /// The key with this 32-byte seed (RFC 8032, section 5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, to be kept encrypted.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half, which the issuer enrols.
    #[must_use]
    pub fn public_key(&self) -> DevicePublicKey {
        DevicePublicKey::of(&self.0)
    }

    /// Signs a message. The message must begin with a domain that no other use has.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

#[cfg(feature = "requests")]
impl crate::requests::RequestSigner for DeviceKey {
    fn sign(&self, message: &[u8]) -> [u8; 64] {
        Self::sign(self, message)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceKey(secret)")
    }
}

/// A device's public key that has passed the checks of enrolment.
///
/// Having one means that it is safe to verify with: canonical encoding, not of small order, and
/// in the prime-order subgroup. The crate underneath checks none of this on its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DevicePublicKey(VerifyingKey);

impl DevicePublicKey {
    /// Checks a key that a device wants to enrol.
    ///
    /// # Errors
    /// `weak_public_key` for bytes that are no point of the curve, a non-canonical encoding, a
    /// point of small order, or a point with a component outside the prime-order subgroup. With
    /// such keys one signature can be valid for one verifier and invalid for another (Chalkias,
    /// Garillot, Nikolaenko: Taming the many EdDSAs, 2020).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        let point = CompressedEdwardsY(*bytes).decompress().ok_or(WEAK)?;
        if point.compress().as_bytes() != bytes
            || point.is_small_order()
            || !point.is_torsion_free()
        {
            return Err(WEAK);
        }
        VerifyingKey::from_bytes(bytes).map(Self).map_err(|_| WEAK)
    }

    /// A key that [`from_bytes`](Self::from_bytes) accepted before, read back from where only this
    /// program writes.
    ///
    /// Leaves out the check of the point's order, which costs as much as a signature. Never use it
    /// for bytes that came from outside.
    ///
    /// # Errors
    /// `weak_public_key`, for bytes that are no point at all.
    pub fn from_checked_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        VerifyingKey::from_bytes(bytes).map(Self).map_err(|_| WEAK)
    }

    /// The public half of a secret key, which is safe by construction.
    pub(super) fn of(secret: &SigningKey) -> Self {
        Self(secret.verifying_key())
    }

    /// The 32 bytes of the compressed point.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Verifies a signature, refusing every malleable form (S ≥ L, small-order R).
    ///
    /// # Errors
    /// `invalid_signature`.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), Error> {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).map_err(|_| BAD_SIGNATURE)
    }
}

impl fmt::Debug for DevicePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DevicePublicKey({:x})", base16ct::HexDisplay(self.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::{DeviceKey, DevicePublicKey};

    fn refused(bytes: &[u8; 32]) -> bool {
        DevicePublicKey::from_bytes(bytes).is_err_and(|error| error.code() == "weak_public_key")
    }

    #[test]
    fn points_of_small_order_are_refused_at_enrolment() {
        for point in EIGHT_TORSION {
            assert!(refused(point.compress().as_bytes()), "{point:?}");
        }
    }

    #[test]
    fn a_key_that_was_accepted_is_read_back_without_the_check() {
        let key = DeviceKey::generate(&mut ChaCha20Rng::seed_from_u64(9)).public_key();
        assert_eq!(DevicePublicKey::from_checked_bytes(key.as_bytes()).unwrap(), key);
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert!(DevicePublicKey::from_checked_bytes(&no_point).is_err());
    }

    #[test]
    fn points_with_a_torsion_component_are_refused_at_enrolment() {
        for torsion in &EIGHT_TORSION[1..] {
            assert!(refused((ED25519_BASEPOINT_POINT + torsion).compress().as_bytes()));
        }
        assert!(!refused(ED25519_BASEPOINT_POINT.compress().as_bytes()));
    }

    #[test]
    fn encodings_that_are_not_canonical_are_refused_at_enrolment() {
        // y = p + 1, which decodes to the same point as y = 1.
        let mut encoding = [0xff; 32];
        (encoding[0], encoding[31]) = (0xee, 0x7f);
        assert!(refused(&encoding));
        // The point (0, 1) with the sign bit set: "negative zero".
        let mut negative_zero = [0; 32];
        (negative_zero[0], negative_zero[31]) = (1, 0x80);
        assert!(refused(&negative_zero));
    }

    #[test]
    fn a_signature_with_s_above_the_group_order_is_refused() {
        let key = DeviceKey::generate(&mut ChaCha20Rng::seed_from_u64(1));
        let mut signature = key.sign(b"message");
        key.public_key().verify(b"message", &signature).unwrap();
        // S + L, with L = 2^252 + 27742317777372353535851937790883648493, little-endian.
        let order = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10_u8,
        ];
        let mut carry = 0_u16;
        for (byte, add) in signature[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
        let error = key.public_key().verify(b"message", &signature).unwrap_err();
        assert_eq!(error.code(), "invalid_signature");
    }

    #[test]
    fn debug_output_never_shows_the_secret() {
        let key = DeviceKey::from_seed(&[7; 32]);
        assert_eq!(format!("{key:?}"), "DeviceKey(secret)");
    }
}
