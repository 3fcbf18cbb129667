//! Signed notes (C2SP signed-note): a text, a blank line, and lines of signatures.

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::keys::{IssuerId, SigningKey, SigningPublicKey};

/// What every note of a journal begins with: the version of what follows, then the issuer's id.
/// It is the name of the key as well, and keeps checkpoints apart from all else that the key signs.
const ORIGIN_DOMAIN: &str = "wallet-journal/1/";
/// What a line of signature begins with: an em dash and a space.
const SIGNATURE_MARK: &str = "\u{2014} ";
/// Ed25519 in the registry of signed notes.
const ALGORITHM: u8 = 1;
/// The longest note that is read: a checkpoint with the signatures of a few witnesses.
pub(super) const NOTE_LENGTH_MAX: usize = 2048;
/// How many lines of signatures are looked at.
const SIGNATURES_MAX: usize = 16;

pub(super) const INVALID: Error =
    Error::new("invalid_checkpoint", "this text is not a checkpoint of a wallet's journal");
const UNKNOWN_KEY: Error =
    Error::new("checkpoint_unknown_key", "no key of the issuer signed this checkpoint");
const BAD_SIGNATURE: Error =
    Error::new("checkpoint_bad_signature", "the issuer did not sign this checkpoint");

/// The first line of an issuer's checkpoints.
pub(super) fn origin(issuer: &IssuerId) -> String {
    format!("{ORIGIN_DOMAIN}{issuer}")
}

/// The issuer whom an origin names.
pub(super) fn issuer_of(origin: &str) -> Result<IssuerId, Error> {
    let id = origin.strip_prefix(ORIGIN_DOMAIN).ok_or(INVALID)?;
    IssuerId::from_hex(id).map_err(|_| INVALID)
}

/// A signing key as other tools for signed notes take it: name, key id and key, with plus signs
/// between them.
#[must_use]
pub fn verifier_key(issuer: &IssuerId, key: &SigningPublicKey) -> String {
    let name = origin(issuer);
    let id = key_id(&name, key);
    let typed = [&[ALGORITHM][..], key.as_bytes()].concat();
    format!("{name}+{:x}+{}", base16ct::HexDisplay(&id), Base64::encode_string(&typed))
}

/// The first 4 bytes of SHA-256(name ‖ newline ‖ algorithm ‖ key).
fn key_id(name: &str, key: &SigningPublicKey) -> [u8; 4] {
    let hash = Sha256::new()
        .chain_update(name)
        .chain_update([b'\n', ALGORITHM])
        .chain_update(key.as_bytes())
        .finalize();
    let mut id = [0; 4];
    id.copy_from_slice(&hash[..4]);
    id
}

/// Signs a text, which ends with a newline.
pub(super) fn sign(name: &str, text: &str, key: &SigningKey) -> String {
    let signature = key.sign(text.as_bytes());
    let signed = [&key_id(name, &key.public_key())[..], &signature].concat();
    format!("{text}\n{SIGNATURE_MARK}{name} {}\n", Base64::encode_string(&signed))
}

/// A note in its parts; nothing is verified.
#[derive(Clone, Copy)]
pub(super) struct Note<'a> {
    /// What is signed: lines, each with its newline.
    pub(super) text: &'a str,
    signatures: &'a str,
}

impl<'a> Note<'a> {
    pub(super) fn split(note: &'a str) -> Result<Self, Error> {
        let in_bounds = note.len() <= NOTE_LENGTH_MAX && note.ends_with('\n');
        let printable = !note.chars().any(|c| c.is_control() && c != '\n');
        if !in_bounds || !printable {
            return Err(INVALID);
        }
        let at = note.rfind("\n\n").ok_or(INVALID)?;
        let (text, signatures) = (&note[..=at], &note[at + 2..]);
        let well_formed = |line: &str| {
            let parts = line.strip_prefix(SIGNATURE_MARK).and_then(|rest| rest.split_once(' '));
            parts.is_some_and(|(name, signature)| {
                !name.is_empty() && !signature.is_empty() && !signature.contains(' ')
            })
        };
        let count = signatures.lines().count();
        if count == 0 || count > SIGNATURES_MAX || !signatures.lines().all(well_formed) {
            return Err(INVALID);
        }
        Ok(Self { text, signatures })
    }

    /// Checks that one of the keys signed under this name. Signatures of others are passed over, as
    /// the format asks.
    pub(super) fn verify(self, name: &str, keys: &[SigningPublicKey]) -> Result<(), Error> {
        let mut refused = UNKNOWN_KEY;
        for line in self.signatures.lines() {
            let signature = line
                .strip_prefix(SIGNATURE_MARK)
                .and_then(|rest| rest.strip_prefix(name))
                .and_then(|rest| rest.strip_prefix(' '));
            let Some(signature) = signature else { continue };
            let bytes = Base64::decode_vec(signature).map_err(|_| INVALID)?;
            let (id, signature) = bytes.split_first_chunk::<4>().ok_or(INVALID)?;
            let Ok(signature) = signature.try_into() else { continue };
            for key in keys.iter().filter(|key| key_id(name, key) == *id) {
                if key.verify(self.text.as_bytes(), signature).is_ok() {
                    return Ok(());
                }
                refused = BAD_SIGNATURE;
            }
        }
        Err(refused)
    }
}
