//! Signed HTTP requests: HTTP Message Signatures (RFC 9421) with Ed25519, and Content-Digest
//! (RFC 9530).
//!
//! A payer's device has no bearer token that could leak: it signs each request with its key.
//! This module holds both ends and neither clock, randomness nor an HTTP library, so a phone and
//! the server share it whatever they speak HTTP with.
//!
//! # The profile
//!
//! [`sign_request`] writes, and [`parse_signed`] accepts, exactly one form:
//!
//! | what | value |
//! |---|---|
//! | label | `wallet`, the only member of `Signature-Input` and of `Signature` |
//! | components | `@method`, `@authority`, `@path`, `@query`; `content-digest` on POST, PUT and PATCH and wherever there is a body or the field itself; `idempotency-key` where that field is present; more are allowed, none twice, none with parameters |
//! | parameters | `created`, `keyid`, `nonce`, `alg="ed25519"`, `tag="wallet-device"`: all of them, no others, in any order |
//! | form | both fields in the canonical form of RFC 9651, so one signature has one text |
//!
//! ```text
//! content-digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:
//! signature-input: wallet=("@method" "@authority" "@path" "@query" "content-digest");created=…;
//!     keyid="dev_1";nonce="…";alg="ed25519";tag="wallet-device"
//! signature: wallet=:…:
//! ```
//!
//! # What the server does
//!
//! | step | refusals |
//! |---|---|
//! | [`parse_signed`] | `signature_missing`, `signature_malformed`, `signature_incomplete` |
//! | look up the device key named by [`UnverifiedSignature::keyid`] | the caller's |
//! | [`UnverifiedSignature::verify`] | `signature_expired`, `signature_from_future`, `signature_invalid`, `signature_incomplete`, `digest_mismatch` |
//! | remember (keyid, nonce) until `created` + [`SKEW_SECONDS_MAX`] and refuse it a second time, on requests that change something | the caller's |
//!
//! **Replay is the caller's business**: this module keeps no state, so a request verifies as often
//! as it is shown until it is too old. The nonce is unguessable and signed; only the caller can
//! know whether it was seen.
//!
//! **Proof for later**: [`UnverifiedSignature::evidence`] keeps what was signed, and
//! [`SignedEvidence::verify`] checks it again whenever somebody asks. Whatever a request carries that
//! nobody may read later must not be in its body, nor be guessable from the digest of its body.
//!
//! Below the profile, [`signature_base`] builds the bytes of any signature over the components it
//! knows, which is how the RFC's own examples are checked.

mod base;
mod component;
mod digest;
mod evidence;
mod parts;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

pub use base::{SignatureParams, signature_base};
pub use component::{Component, FieldName};
pub use digest::{content_digest, verify_content_digest};
pub use evidence::{EVIDENCE_BASE_BYTES_MAX, EVIDENCE_BODY_BYTES_MAX, SignedEvidence};
pub use parts::RequestParts;
pub use sign::{RequestSigner, SignedHeaders, sign_request};
pub use verify::{UnverifiedSignature, VerifiedRequest, parse_signed};

use crate::Error;

/// How far `created` may lie from the server's clock, either way, in seconds.
///
/// Phones set by the network are right within a few seconds; the rest is for slow connections.
/// Twice this is also how long a nonce has to be remembered, which is what keeps it short.
pub const SKEW_SECONDS_MAX: u64 = 60;

/// The fewest characters of a nonce: 16 of base64url are 96 random bits, which never repeat.
pub const NONCE_CHARS_MIN: usize = 16;

/// The most characters of a nonce: whoever remembers nonces must know how long they get.
pub const NONCE_CHARS_MAX: usize = 64;

/// The most characters of a key id; ours have about 30.
pub const KEYID_CHARS_MAX: usize = 128;

/// The most components one signature covers; the profile asks for six.
pub const COMPONENTS_MAX: usize = 16;

/// The most bytes of one component's value: what common servers allow one header or target.
pub const COMPONENT_BYTES_MAX: usize = 8 * 1024;

/// The most bytes of `Signature-Input`: 16 components with long names and all parameters fit.
pub const SIGNATURE_INPUT_BYTES_MAX: usize = 2 * 1024;

/// The `alg` of the profile, as registered by RFC 9421 §6.2.
const ALGORITHM: &str = "ed25519";

/// The `tag` of the profile: a signature made for another purpose with the same key is no request.
const TAG: &str = "wallet-device";

/// The label of the profile's signature; it carries no meaning and is not signed (RFC 9421 §4).
const LABEL: &str = "wallet";

/// Components that each signature of the profile covers: without `@query` or `@authority`, one
/// request could be turned into another.
const ALWAYS_COVERED: [&str; 4] = ["@method", "@authority", "@path", "@query"];

const CONTENT_DIGEST: &str = "content-digest";
const IDEMPOTENCY_KEY: &str = "idempotency-key";
const SIGNATURE: &str = "signature";
const SIGNATURE_INPUT: &str = "signature-input";

const MISSING: Error =
    Error::new("signature_missing", "the request has no Signature-Input and Signature");
const MALFORMED: Error = Error::new(
    "signature_malformed",
    "a signature field, or a part of the request it covers, is not in the accepted form",
);
const INVALID: Error =
    Error::new("signature_invalid", "the signature is not this key's over this request");
const EXPIRED: Error = Error::new("signature_expired", "the signature was created too long ago");
const FROM_FUTURE: Error =
    Error::new("signature_from_future", "the signature was created after the server's time");
const INCOMPLETE: Error =
    Error::new("signature_incomplete", "the signature leaves out a required component");
const DIGEST_MISMATCH: Error =
    Error::new("digest_mismatch", "Content-Digest does not match the body");

/// The components that a signature of the profile over this request has to cover, in our order.
fn required_components(parts: &RequestParts) -> Vec<&'static str> {
    let mut required = ALWAYS_COVERED.to_vec();
    if parts.method_has_content() || parts.has_field(CONTENT_DIGEST) {
        required.push(CONTENT_DIGEST);
    }
    if parts.has_field(IDEMPOTENCY_KEY) {
        required.push(IDEMPOTENCY_KEY);
    }
    required
}

/// Whether a nonce has an accepted length and only letters, digits, `-` and `_` (base64url).
fn is_nonce(text: &str) -> bool {
    (NONCE_CHARS_MIN..=NONCE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether a key id has an accepted length and only visible ASCII without quote and backslash.
fn is_keyid(text: &str) -> bool {
    (1..=KEYID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
}
