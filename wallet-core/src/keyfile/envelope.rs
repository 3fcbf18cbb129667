//! The text around the bytes: PEM, in exactly one form.

use pem_rfc7468::LineEnding;
use zeroize::Zeroizing;

use super::{FILE_BYTES_MAX, MALFORMED, WRONG_KIND};
use crate::Error;

/// The longest kind in letters; it stands in the label.
const KIND_LETTERS_MAX: usize = 16;

/// A key file taken apart, its bytes not yet understood.
pub(super) struct Envelope {
    pub(super) label: String,
    pub(super) encrypted: bool,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Envelope {
    /// Reads a key file of any kind.
    pub(super) fn read(file: &[u8]) -> Result<Self, Error> {
        let text = normalised(file)?;
        // The decoded bytes are fewer than the text's, so the buffer never grows and leaves no
        // copy of a secret behind.
        let mut buffer = Zeroizing::new(vec![0; text.len()]);
        let (label, body) =
            pem_rfc7468::decode(text.as_bytes(), &mut buffer).map_err(|_| MALFORMED)?;
        let encrypted = label.starts_with("ENCRYPTED ");
        let kind = label.strip_prefix("ENCRYPTED ").unwrap_or(label);
        let kind = kind.strip_prefix("WALLET ").and_then(|rest| rest.strip_suffix(" SECRET"));
        let kind = kind.ok_or(MALFORMED)?.to_ascii_lowercase();
        let label = self::label(&kind, encrypted).map_err(|_| MALFORMED)?;
        // PEM readers allow a preamble, blanks and odd line lengths; this format doesn't.
        if *Zeroizing::new(write(&label, body)?) != *text {
            return Err(MALFORMED);
        }
        Ok(Self { label, encrypted, body: Zeroizing::new(body.to_vec()) })
    }

    /// Reads a key file of one kind.
    pub(super) fn read_kind(file: &[u8], kind: &str) -> Result<Self, Error> {
        let envelope = Self::read(file)?;
        if envelope.label == label(kind, envelope.encrypted)? {
            Ok(envelope)
        } else {
            Err(WRONG_KIND)
        }
    }
}

/// The PEM label of a kind, which is 1–16 lower-case letters.
pub(super) fn label(kind: &str, encrypted: bool) -> Result<String, Error> {
    let letters = kind.bytes().all(|byte| byte.is_ascii_lowercase());
    if !letters || !(1..=KIND_LETTERS_MAX).contains(&kind.len()) {
        return Err(WRONG_KIND);
    }
    let prefix = if encrypted { "ENCRYPTED " } else { "" };
    Ok(format!("{prefix}WALLET {} SECRET", kind.to_ascii_uppercase()))
}

/// The one text for a label and bytes; for an unencrypted file, the caller wipes it.
pub(super) fn write(label: &str, body: &[u8]) -> Result<String, Error> {
    pem_rfc7468::encode_string(label, LineEnding::LF, body).map_err(|_| MALFORMED)
}

/// The text with LF line ends and a last one: editors and mail change these, and nothing else.
fn normalised(file: &[u8]) -> Result<Zeroizing<String>, Error> {
    if file.len() > FILE_BYTES_MAX {
        return Err(MALFORMED);
    }
    let text = std::str::from_utf8(file).map_err(|_| MALFORMED)?;
    let mut normal = Zeroizing::new(String::with_capacity(file.len() + 1));
    for line in text.lines() {
        normal.push_str(line);
        normal.push('\n');
    }
    Ok(normal)
}
