//! A signed request that is kept, so that anybody with the device's public key can check later what
//! its payer asked for.

use ed25519_dalek::{Signature, VerifyingKey};

use super::verify::UnverifiedSignature;
use super::{CONTENT_DIGEST, INCOMPLETE, INVALID, verify_content_digest};
use crate::Error;

/// The only version there is.
const VERSION: u8 = 1;
const SIGNATURE_LENGTH: usize = 64;

const MALFORMED: Error =
    Error::new("invalid_evidence", "these are not the bytes of a version 1 signed request");

/// The most bytes of the text that was signed: more than six components and their names need, and
/// little enough to be kept with every payment.
pub const EVIDENCE_BASE_BYTES_MAX: usize = 4 * 1024;

/// The most bytes of the body.
pub const EVIDENCE_BODY_BYTES_MAX: usize = 4 * 1024;

/// What a device signed, with its signature: proof of a request long after it was made.
///
/// The signature base (RFC 9421, section 2.5) holds the method, the name of the server, the path,
/// the digest of the body (RFC 9530) and the idempotency key, and what the signature says about
/// itself: the time, the device's key id, the nonce. The body says what was asked for.
///
/// | offset | length | field |
/// |---|---|---|
/// | 0 | 1 | version, 1 |
/// | 1 | 2 | length of the signature base, big-endian: 1 to 4,096 |
/// | 3 | b | the signature base, ASCII |
/// | 3 + b | 64 | the Ed25519 signature (RFC 8032) over the signature base |
/// | 67 + b | 0 to 4,096 | the body as it was sent |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedEvidence {
    base: String,
    signature: [u8; SIGNATURE_LENGTH],
    body: Vec<u8>,
}

impl UnverifiedSignature {
    /// What is to be kept of the request, once it is verified; none if it is longer than anybody's
    /// who means well.
    #[must_use]
    pub fn evidence(&self, body: &[u8]) -> Option<SignedEvidence> {
        let (base, signature) = self.signed();
        if base.len() > EVIDENCE_BASE_BYTES_MAX || body.len() > EVIDENCE_BODY_BYTES_MAX {
            return None;
        }
        Some(SignedEvidence { base: base.to_owned(), signature, body: body.to_vec() })
    }
}

impl SignedEvidence {
    /// The bytes, as they are kept.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Neither way to make one lets it be longer.
        let length = u16::try_from(self.base.len()).unwrap_or(0);
        let length = length.to_be_bytes();
        [&[VERSION], &length[..], self.base.as_bytes(), &self.signature, &self.body].concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, and nothing else.
    ///
    /// # Errors
    /// `invalid_evidence`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (&[version, high, low], rest) = bytes.split_first_chunk().ok_or(MALFORMED)?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if version != VERSION || !(1..=EVIDENCE_BASE_BYTES_MAX).contains(&length) {
            return Err(MALFORMED);
        }
        let (base, rest) = rest.split_at_checked(length).ok_or(MALFORMED)?;
        let (signature, body) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let base = std::str::from_utf8(base).map_err(|_| MALFORMED)?;
        if !base.is_ascii() || body.len() > EVIDENCE_BODY_BYTES_MAX {
            return Err(MALFORMED);
        }
        Ok(Self { base: base.to_owned(), signature: *signature, body: body.to_vec() })
    }

    /// Checks that the holder of this key signed this request, body included. When that was is
    /// in the request; whether it was in time was checked when it came.
    ///
    /// # Errors
    /// `signature_invalid`, also for a public key that is no or a weak point;
    /// `signature_incomplete` if the signature does not cover the body; `digest_mismatch` for
    /// another body.
    pub fn verify(&self, public_key: &[u8; 32]) -> Result<(), Error> {
        let public_key = VerifyingKey::from_bytes(public_key).map_err(|_| INVALID)?;
        let signature = Signature::from_bytes(&self.signature);
        public_key.verify_strict(self.base.as_bytes(), &signature).map_err(|_| INVALID)?;
        let digest = self.component(CONTENT_DIGEST).ok_or(INCOMPLETE)?;
        verify_content_digest(digest, &self.body)
    }

    /// The value of a covered component, such as `@path` or `idempotency-key`; of
    /// `@signature-params`, all that the signature says about itself.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&str> {
        let prefix = format!("\"{name}\": ");
        self.base.lines().find_map(|line| line.strip_prefix(prefix.as_str()))
    }

    /// The text that was signed.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}
