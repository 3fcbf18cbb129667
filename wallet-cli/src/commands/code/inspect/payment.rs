//! What anyone may see in a payment code.

use core::fmt;

use serde::Serialize;
use wallet_core::Error;
use wallet_core::code::SealedCode;
use wallet_core::qr::{Medium, Qr};

/// The visible part of a kind 1 code.
#[derive(Serialize, Debug)]
pub(super) struct Inspection {
    prefix: String,
    version: u8,
    kind: u8,
    kind_name: &'static str,
    slot: u8,
    bytes: usize,
    digits: usize,
    qr_modules: usize,
    sealed_bytes: usize,
    random_bytes: usize,
}

/// The encapsulated key, which is as good as random to those who can't open it.
const ENCAPSULATED_BYTES: usize = 32;

pub(super) fn inspect(text: &str) -> Result<Inspection, Error> {
    let code = SealedCode::parse_any_prefix(text)?;
    let bytes = code.as_bytes().len();
    Ok(Inspection {
        prefix: text.chars().take(2).collect(),
        version: code.version(),
        kind: code.kind(),
        kind_name: "online",
        slot: code.slot().number(),
        bytes,
        digits: text.len(),
        qr_modules: Qr::new(text, Medium::Screen)?.side(),
        sealed_bytes: bytes - 1 - ENCAPSULATED_BYTES,
        random_bytes: ENCAPSULATED_BYTES,
    })
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { prefix, version, kind, kind_name, slot, bytes, digits, qr_modules, .. } = self;
        writeln!(f, "prefix   {prefix}: whose wallet it is")?;
        writeln!(f, "version  {version}")?;
        writeln!(f, "kind     {kind}, {kind_name}: the merchant's till must be online")?;
        writeln!(f, "slot     {slot}: which of the issuer's eight keys opens it")?;
        writeln!(
            f,
            "size     {digits} digits, {bytes} bytes, {qr_modules} × {qr_modules} modules on a screen"
        )?;
        writeln!(f, "random   {} bytes: a key used once", self.random_bytes)?;
        write!(
            f,
            "sealed   {} bytes: the device, the time, the limit, the terminal if it is bound to \
             one,\n         and the device's signature. Only the issuer can open them; two codes \
             of one\n         payer can't be told from codes of two.",
            self.sealed_bytes
        )
    }
}

#[cfg(test)]
mod tests {
    use super::inspect;

    #[test]
    fn the_visible_part_of_a_code_is_told_and_the_rest_counted() {
        let header: u128 = (1 << 5 | 1 << 3 | 5) << 88;
        let text = format!("70{header:029}{}", "0".repeat(290));
        let seen = inspect(&text).unwrap();
        assert_eq!((seen.prefix.as_str(), seen.version, seen.kind, seen.slot), ("70", 1, 1, 5));
        assert_eq!((seen.digits, seen.bytes, seen.qr_modules), (321, 132, 41));
        assert_eq!(1 + seen.random_bytes + seen.sealed_bytes, seen.bytes);
    }

    #[test]
    fn texts_that_are_no_code_are_refused_by_name() {
        for (text, code) in [
            (String::new(), "code_unknown_prefix"),
            ("https://example.com".to_owned(), "code_unknown_prefix"),
            ("70123".to_owned(), "code_wrong_length"),
            (format!("70{}", "9".repeat(319)), "code_not_canonical"),
            (format!("70{}", "0".repeat(319)), "code_unknown_version"),
        ] {
            assert_eq!(inspect(&text).unwrap_err().code(), code, "{text}");
        }
    }
}
