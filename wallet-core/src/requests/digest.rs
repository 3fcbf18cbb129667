//! `Content-Digest` (RFC 9530): what ties a body to a signature that covers only headers.

use sfv::{BareItem, Dictionary, ItemSerializer, ListEntry, Parser};
use sha2::{Digest, Sha256, Sha512};

use super::{COMPONENT_BYTES_MAX, DIGEST_MISMATCH, MALFORMED};
use crate::Error;

const SHA_256: &str = "sha-256";
const SHA_512: &str = "sha-512";

/// The value of `Content-Digest` for a body: its SHA-256, as a structured dictionary.
///
/// ```
/// use wallet_core::requests::content_digest;
/// let header = content_digest(br#"{"hello": "world"}"#);
/// assert_eq!(header, "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
/// ```
#[must_use]
pub fn content_digest(body: &[u8]) -> String {
    let digest = ItemSerializer::new().bare_item(Sha256::digest(body).as_slice()).finish();
    format!("{SHA_256}={digest}")
}

/// Checks a body against its `Content-Digest`.
///
/// `sha-256` and `sha-512` are known; each one present must match and at least one must be
/// present. Other algorithms are passed over, as RFC 9530 §2 allows: they may be broken ones.
///
/// # Errors
/// `digest_mismatch`; `signature_malformed` if the value isn't a dictionary of byte sequences.
pub fn verify_content_digest(header: &str, body: &[u8]) -> Result<(), Error> {
    if header.len() > COMPONENT_BYTES_MAX {
        return Err(MALFORMED);
    }
    let digests: Dictionary = Parser::new(header).parse().map_err(|_| MALFORMED)?;
    let mut known = false;
    for (algorithm, entry) in &digests {
        let ListEntry::Item(sfv::Item { bare_item: BareItem::ByteSequence(claimed), .. }) = entry
        else {
            return Err(MALFORMED);
        };
        let matches = match algorithm.as_str() {
            SHA_256 => claimed == Sha256::digest(body).as_slice(),
            SHA_512 => claimed == Sha512::digest(body).as_slice(),
            _ => continue,
        };
        if !matches {
            return Err(DIGEST_MISMATCH);
        }
        known = true;
    }
    if known { Ok(()) } else { Err(DIGEST_MISMATCH) }
}
