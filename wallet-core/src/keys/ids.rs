//! Names of keys: short, public, and safe to print.

use core::fmt;

use crate::Error;

const MALFORMED: Error =
    Error::new("invalid_id", "an id of this kind is hexadecimal digits of one length");

/// Declares a fixed-length identifier that is written as lower-case hexadecimal.
macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name([u8; $length]);

        impl $name {
            /// The id with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// Reads the hexadecimal form.
            ///
            /// # Errors
            /// `invalid_id` for another length or another character.
            pub fn from_hex(text: &str) -> Result<Self, Error> {
                let mut bytes = [0; $length];
                base16ct::lower::decode(text, &mut bytes)
                    .ok()
                    .filter(|read| read.len() == $length)
                    .ok_or(MALFORMED)?;
                Ok(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:x}", base16ct::HexDisplay(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

hex_id! {
    /// Which enrolled device signed: 8 random bytes that the issuer gives at enrolment.
    ///
    /// It travels only inside the sealed part of a code.
    DeviceKeyId, 8
}

hex_id! {
    /// A till: 16 random bytes, unique for the issuer, printed on the till as a QR code.
    TerminalId, 16
}

hex_id! {
    /// An issuer: SHA-256 of a fixed domain and its first root public key.
    ///
    /// It stays the same when keys rotate. See [`SigningPublicKey::root_issuer_id`](crate::SigningPublicKey::root_issuer_id).
    IssuerId, 32
}

hex_id! {
    /// Which issuer signing key made a receipt: the first 8 bytes of SHA-256 of the public key.
    SigningKeyId, 8
}

#[cfg(test)]
mod tests {
    use super::{DeviceKeyId, TerminalId};

    #[test]
    fn an_id_reads_back_from_its_hexadecimal_form() {
        let id = DeviceKeyId::from_bytes([1, 2, 3, 4, 5, 6, 7, 0xff]);
        assert_eq!(id.to_string(), "01020304050607ff");
        assert_eq!(DeviceKeyId::from_hex(&id.to_string()).unwrap(), id);
    }

    #[test]
    fn other_lengths_and_characters_are_no_id() {
        for text in ["", "01", "01020304050607f", "01020304050607FF", "0102030405060 ff"] {
            assert_eq!(DeviceKeyId::from_hex(text).unwrap_err().code(), "invalid_id", "{text}");
        }
        assert!(TerminalId::from_hex("01020304050607ff").is_err());
    }
}
