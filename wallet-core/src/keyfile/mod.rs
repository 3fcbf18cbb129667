//! A file for one small secret: a device's or an issuer's key, encrypted with a passphrase.
//!
//! Functions on bytes; reading and writing files, and asking for the passphrase, is the caller's.
//! Argon2id (RFC 9106) makes guessing expensive, ChaCha20-Poly1305 (RFC 8439) hides and seals.
//!
//! # Layout
//!
//! PEM (RFC 7468) in its strict form, 64 characters a line, so that a person who finds the file
//! sees what it is and a careless paste is noticed. The label names the kind of secret and whether
//! a passphrase protects it: `ENCRYPTED WALLET DEVICE SECRET` or `WALLET DEVICE SECRET`. Line ends
//! may be LF or CRLF and the last one may be missing; apart from that a secret has one text.
//!
//! Encrypted, integers big-endian:
//!
//! | offset | length | field |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 4 | Argon2id memory in KiB, 8 × lanes to [`MEMORY_KIB_MAX`] |
//! | 5 | 4 | Argon2id passes, 1 to [`PASSES_MAX`] |
//! | 9 | 4 | Argon2id lanes, 1 to [`LANES_MAX`] |
//! | 13 | 16 | salt |
//! | 29 | 12 | nonce |
//! | 41 | n + 16 | ciphertext and tag |
//!
//! The key is Argon2id version 0x13 of passphrase and salt, 32 bytes, without secret or associated
//! data. The AEAD's associated data is `label ‖ NUL ‖ bytes 0..41`: no field can be changed without
//! the passphrase, not even the kind.
//!
//! Unencrypted: version 1 (1 byte), SHA-256 of `label ‖ NUL ‖ version ‖ secret` (32 bytes), secret.
//! The digest finds damage; it stops nobody who means to change the file.
//!
//! # Refusals
//!
//! | code | when |
//! |---|---|
//! | `keyfile_malformed` | not this format, or a damaged unencrypted file |
//! | `keyfile_unsupported` | a later version, or a cost outside the bounds |
//! | `keyfile_wrong_kind` | a secret of another kind than asked for, or a kind that can't be written |
//! | `keyfile_wrong_protection` | encrypted where unencrypted was asked for, or the other way round |
//! | `keyfile_wrong_passphrase` | another passphrase, **or a file that somebody changed**: the two can't be told apart |
//! | `keyfile_bad_passphrase` | a passphrase that is empty or too long |
//! | `keyfile_no_memory` | the memory that the cost asks for isn't there |

mod envelope;
mod key;
#[cfg(test)]
mod tests;

pub use key::{Cost, LANES_MAX, MEMORY_KIB_MAX, PASSES_MAX, Passphrase};

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;
use envelope::{Envelope, label};

/// The longest secret, in bytes: keys, tokens and seeds, not documents.
pub const SECRET_BYTES_MAX: usize = 4 * 1024;

/// The longest file that is looked at, in bytes: the longest secret in base64 fits.
pub const FILE_BYTES_MAX: usize = 8 * 1024;

const VERSION: u8 = 1;
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const HEADER_BYTES: usize = 1 + 3 * 4 + SALT_BYTES + NONCE_BYTES;
const DIGEST_BYTES: usize = 32;

const MALFORMED: Error = Error::new("keyfile_malformed", "this is no intact key file");
const UNSUPPORTED: Error =
    Error::new("keyfile_unsupported", "the key file's version or cost is not supported");
const WRONG_KIND: Error =
    Error::new("keyfile_wrong_kind", "the key file holds another kind of secret");
const WRONG_PROTECTION: Error = Error::new(
    "keyfile_wrong_protection",
    "the key file is encrypted and should not be, or the other way round",
);
const WRONG_PASSPHRASE: Error =
    Error::new("keyfile_wrong_passphrase", "the passphrase is wrong, or the key file was changed");
const BAD_PASSPHRASE: Error =
    Error::new("keyfile_bad_passphrase", "the passphrase is empty or too long");
const NO_MEMORY: Error =
    Error::new("keyfile_no_memory", "there is not enough memory to check the passphrase");

/// Encrypts a secret; the text is to be written to a file that only its owner can read.
///
/// `kind` says what the secret is for, 1–16 lower-case letters: a file of one kind never opens as
/// another.
///
/// ```
/// use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// use wallet_core::keyfile::{Cost, Passphrase, is_encrypted, open, seal};
///
/// let mut rng = ChaCha20Rng::from_seed([1; 32]); // the system's generator outside of tests
/// let passphrase = Passphrase::new(b"correct horse".to_vec())?;
/// let file = seal(&passphrase, b"the secret", "device", Cost::CHEAP_FOR_TESTS, &mut rng)?;
///
/// assert!(file.starts_with("-----BEGIN ENCRYPTED WALLET DEVICE SECRET-----\n"));
/// assert!(is_encrypted(file.as_bytes())?);
/// assert_eq!(*open(&passphrase, file.as_bytes(), "device")?, b"the secret");
/// # Ok::<(), wallet_core::Error>(())
/// ```
///
/// # Errors
/// `keyfile_wrong_kind`, `keyfile_unsupported` (cost), `keyfile_malformed` (a secret longer than
/// [`SECRET_BYTES_MAX`]), `keyfile_no_memory`.
pub fn seal(
    passphrase: &Passphrase,
    secret: &[u8],
    kind: &str,
    cost: Cost,
    rng: &mut dyn CryptoRng,
) -> Result<String, Error> {
    let label = label(kind, true)?;
    check_length(secret)?;
    let mut random = [0; SALT_BYTES + NONCE_BYTES];
    rng.fill_bytes(&mut random);

    let mut body = vec![VERSION];
    for number in [cost.memory_kib, cost.passes, cost.lanes] {
        body.extend_from_slice(&number.to_be_bytes());
    }
    body.extend_from_slice(&random);
    let header = Header::read(&body)?;
    let payload = Payload { msg: secret, aad: &associated_data(&label, &body) };
    let ciphertext = header.cipher(passphrase)?.encrypt(&header.nonce.into(), payload);
    body.extend(ciphertext.map_err(|_| MALFORMED)?);
    envelope::write(&label, &body)
}

/// Decrypts a secret of this kind.
///
/// Takes as long as the cost in the file says, within the bounds; do it off async threads.
///
/// # Errors
/// See the module's table; a file without protection is refused, since whoever can replace the
/// file could otherwise put their own secret in its place.
pub fn open(passphrase: &Passphrase, file: &[u8], kind: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let envelope = Envelope::read_kind(file, kind)?;
    if !envelope.encrypted {
        return Err(WRONG_PROTECTION);
    }
    let header = Header::read(&envelope.body)?;
    let (head, ciphertext) = envelope.body.split_at_checked(HEADER_BYTES).ok_or(MALFORMED)?;
    if ciphertext.len() < TAG_BYTES {
        return Err(MALFORMED);
    }
    let payload = Payload { msg: ciphertext, aad: &associated_data(&envelope.label, head) };
    let secret = header.cipher(passphrase)?.decrypt(&header.nonce.into(), payload);
    secret.map(Zeroizing::new).map_err(|_| WRONG_PASSPHRASE)
}

/// Writes a secret without protection, for a server that starts without anybody to ask.
///
/// The file's permissions are then all that guards it.
///
/// ```
/// use wallet_core::keyfile::{is_encrypted, open_plain, seal_plain};
/// let file = seal_plain(b"the secret", "issuer")?;
/// assert!(!is_encrypted(file.as_bytes())?);
/// assert_eq!(*open_plain(file.as_bytes(), "issuer")?, b"the secret");
/// # Ok::<(), wallet_core::Error>(())
/// ```
pub fn seal_plain(secret: &[u8], kind: &str) -> Result<Zeroizing<String>, Error> {
    let label = label(kind, false)?;
    check_length(secret)?;
    let mut body = Zeroizing::new(Vec::with_capacity(1 + DIGEST_BYTES + secret.len()));
    body.push(VERSION);
    body.extend_from_slice(&plain_digest(&label, secret));
    body.extend_from_slice(secret);
    envelope::write(&label, &body).map(Zeroizing::new)
}

/// Reads a secret without protection.
///
/// # Errors
/// See the module's table; an encrypted file is `keyfile_wrong_protection`.
pub fn open_plain(file: &[u8], kind: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let envelope = Envelope::read_kind(file, kind)?;
    if envelope.encrypted {
        return Err(WRONG_PROTECTION);
    }
    let (version, rest) = envelope.body.split_first().ok_or(MALFORMED)?;
    if *version != VERSION {
        return Err(UNSUPPORTED);
    }
    let (digest, secret) = rest.split_at_checked(DIGEST_BYTES).ok_or(MALFORMED)?;
    if digest != plain_digest(&envelope.label, secret) {
        return Err(MALFORMED);
    }
    Ok(Zeroizing::new(secret.to_vec()))
}

/// Whether a key file, of whatever kind, needs a passphrase.
///
/// # Errors
/// `keyfile_malformed` for anything but a key file.
pub fn is_encrypted(file: &[u8]) -> Result<bool, Error> {
    Envelope::read(file).map(|envelope| envelope.encrypted)
}

/// What stands before the ciphertext.
struct Header {
    cost: Cost,
    salt: [u8; SALT_BYTES],
    nonce: [u8; NONCE_BYTES],
}

impl Header {
    fn read(body: &[u8]) -> Result<Self, Error> {
        let (version, rest) = body.split_first().ok_or(MALFORMED)?;
        if *version != VERSION {
            return Err(UNSUPPORTED);
        }
        let (memory_kib, rest) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let (passes, rest) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let (lanes, rest) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let (salt, rest) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let (nonce, _) = rest.split_first_chunk().ok_or(MALFORMED)?;
        let cost = Cost {
            memory_kib: u32::from_be_bytes(*memory_kib),
            passes: u32::from_be_bytes(*passes),
            lanes: u32::from_be_bytes(*lanes),
        };
        Ok(Self { cost, salt: *salt, nonce: *nonce })
    }

    fn cipher(&self, passphrase: &Passphrase) -> Result<ChaCha20Poly1305, Error> {
        let key = key::derive(passphrase, &self.salt, self.cost)?;
        ChaCha20Poly1305::new_from_slice(&*key).map_err(|_| MALFORMED)
    }
}

fn check_length(secret: &[u8]) -> Result<(), Error> {
    if secret.len() > SECRET_BYTES_MAX { Err(MALFORMED) } else { Ok(()) }
}

fn associated_data(label: &str, header: &[u8]) -> Vec<u8> {
    [label.as_bytes(), &[0], header].concat()
}

fn plain_digest(label: &str, secret: &[u8]) -> [u8; DIGEST_BYTES] {
    let digest = Sha256::new().chain_update(label).chain_update([0, VERSION]);
    digest.chain_update(secret).finalize().into()
}
