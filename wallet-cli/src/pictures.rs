//! Payment codes in pictures.

use std::io::Read as _;
use std::path::Path;

use wallet_core::code::SealedCode;
use wallet_core::scan;

use crate::failure::{Exit, Failure};
use crate::wallet_file::replace_file;

/// The largest file that is looked at: photographs of phones have some ten megabytes.
const PICTURE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The texts of all QR codes in a picture; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let bytes = bytes(path).map_err(|error| Failure::file(path, &error))?;
    scan::read_picture(&bytes).map_err(|error| Failure::core(Exit::Refused, error))
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(PICTURE_BYTES_MAX).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(PICTURE_BYTES_MAX).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Draws into a file: whoever reads it sees the old picture or the new one, never a part.
///
/// Only the owner may read it, since whoever does can charge the code.
pub(crate) fn write(path: &Path, picture: &[u8]) -> Result<(), Failure> {
    let is_device = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    let written =
        if is_device { std::fs::write(path, picture) } else { replace_file(path, picture) };
    written.map_err(|error| Failure::file(path, &error))
}

/// The one payment code in a picture.
pub(crate) fn read_payment_code(path: &Path) -> Result<String, Failure> {
    only_payment_code(read(path)?)
}

/// Two codes in view are refused: a till must not choose who pays.
fn only_payment_code(texts: Vec<String>) -> Result<String, Failure> {
    let mut codes = texts.into_iter().filter(|text| SealedCode::parse_any_prefix(text).is_ok());
    match (codes.next(), codes.next()) {
        (Some(code), None) => Ok(code),
        (None, _) => Err(Failure::new(
            Exit::Refused,
            "no_payment_code",
            "the picture holds a QR code, but no payment code",
        )),
        (Some(_), Some(_)) => Err(Failure::new(
            Exit::Refused,
            "several_payment_codes",
            "the picture holds several payment codes; show one",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::only_payment_code;

    /// Digits of the right length whose first chunk says version 1, kind 1, slot `slot`.
    fn code(slot: u128) -> String {
        let header: u128 = (1 << 5 | 1 << 3 | slot) << 88;
        format!("70{header:029}{}", "0".repeat(290))
    }

    #[test]
    fn a_picture_must_show_one_payment_code_among_whatever_else() {
        let other = || "https://example.com".to_owned();
        assert_eq!(only_payment_code(vec![other(), code(0)]).unwrap(), code(0));
        let error = only_payment_code(vec![other()]).unwrap_err();
        assert_eq!(error.code(), "no_payment_code");
        let error = only_payment_code(vec![code(0), code(1)]).unwrap_err();
        assert_eq!(error.code(), "several_payment_codes");
    }
}
