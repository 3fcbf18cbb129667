//! The bytes of a kind 1 code, and the messages that are signed and sealed.
//!
//! | offset | length | field |
//! |---|---|---|
//! | 0 | 1 | header: version (3 bits), kind (2), issuer key slot (3) |
//! | 1 | 32 | HPKE encapsulated key |
//! | 33 | 19 + 64 | sealed: claims, then the device's signature |
//! | 116 | 16 | tag |
//!
//! All integers are big-endian; the first-named field of a byte sits in the highest bits.

use crate::keys::{DeviceKeyId, IssuerId, Slot, TerminalId};
use crate::{Currency, Error, Mode, Money, Step};

/// The version of the layout.
pub(crate) const VERSION: u8 = 1;
/// The number of the online kind.
pub(crate) const KIND_ONLINE: u8 = 1;

pub(crate) const CLAIMS_LENGTH: usize = 19;
pub(crate) const SIGNATURE_LENGTH: usize = 64;
pub(crate) const KEY_LENGTH: usize = 32;
pub(crate) const SEALED_LENGTH: usize = CLAIMS_LENGTH + SIGNATURE_LENGTH;
pub(crate) const TAG_LENGTH: usize = 16;
/// The length of a whole kind 1 code.
pub(crate) const CODE_LENGTH: usize = 1 + KEY_LENGTH + SEALED_LENGTH + TAG_LENGTH;

const UNKNOWN_VERSION: Error =
    Error::new("code_unknown_version", "this release reads version 1 of payment codes");
const UNKNOWN_KIND: Error =
    Error::new("code_unknown_kind", "the kind in the header is not the one of this length");
const ZERO_LIMIT: Error = Error::new("code_zero_limit", "a code whose limit is 0 allows nothing");
const RESERVED_FLAG: Error =
    Error::new("code_reserved_flag", "a flag is set that this version does not define");
const LIMIT_OUT_OF_RANGE: Error =
    Error::new("invalid_limit", "a code's limit is 1 to 4294967295 minor units");

/// The first byte of a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) version: u8,
    pub(crate) kind: u8,
    pub(crate) slot: Slot,
}

impl Header {
    pub(crate) fn online(slot: Slot) -> Self {
        Self { version: VERSION, kind: KIND_ONLINE, slot }
    }

    pub(crate) fn to_byte(self) -> u8 {
        (self.version << 5) | (self.kind << 3) | self.slot.number()
    }

    pub(crate) fn from_byte(byte: u8) -> Result<Self, Error> {
        let slot = Slot::from_number(byte & 0b111)?;
        Ok(Self { version: byte >> 5, kind: (byte >> 3) & 0b11, slot })
    }

    /// Refuses what is not an online code of this version.
    pub(crate) fn expect_online(self) -> Result<Self, Error> {
        if self.version != VERSION {
            return Err(UNKNOWN_VERSION);
        }
        if self.kind == KIND_ONLINE { Ok(self) } else { Err(UNKNOWN_KIND) }
    }
}

/// A position in a device's sequence of codes: it only rises, and each code has its own.
///
/// Ordered by step, then by sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Mark {
    /// The half minute of the code.
    pub step: Step,
    /// Counts the codes of one device within a step.
    pub seq: u8,
}

/// What a code says, once opened: 19 bytes.
///
/// | offset | length | field |
/// |---|---|---|
/// | 0 | 8 | device key id |
/// | 8 | 4 | step |
/// | 12 | 4 | limit in minor units, not 0 |
/// | 16 | 2 | ISO 4217 numeric code of the currency (10 bits), flags (6) |
/// | 18 | 1 | seq |
///
/// Flags, from the lowest bit: 0 bound to a terminal, 1 payer verified by the device; the others
/// are 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claims {
    /// The key that signed.
    pub device: DeviceKeyId,
    /// The position in the device's sequence of codes.
    pub mark: Mark,
    /// The most that may be charged; more than 0.
    pub limit: CodeLimit,
    /// Whether the code works at one terminal only.
    pub terminal_bound: bool,
    /// Whether the device made sure that its owner holds it (fingerprint, face, device PIN).
    pub payer_verified: bool,
}

const FLAG_TERMINAL_BOUND: u16 = 1;
const FLAG_PAYER_VERIFIED: u16 = 1 << 1;
const FLAGS: u16 = 0b11_1111;

impl Claims {
    pub(crate) fn to_bytes(self) -> [u8; CLAIMS_LENGTH] {
        let mut flags = 0;
        if self.terminal_bound {
            flags |= FLAG_TERMINAL_BOUND;
        }
        if self.payer_verified {
            flags |= FLAG_PAYER_VERIFIED;
        }
        let mut bytes = [0; CLAIMS_LENGTH];
        bytes[..8].copy_from_slice(self.device.as_bytes());
        bytes[8..12].copy_from_slice(&self.mark.step.number().to_be_bytes());
        bytes[12..16].copy_from_slice(&self.limit.minor.to_be_bytes());
        let currency = self.limit.currency.numeric();
        bytes[16..18].copy_from_slice(&((currency << 6) | flags).to_be_bytes());
        bytes[18] = self.mark.seq;
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8; CLAIMS_LENGTH]) -> Result<Self, Error> {
        let [d0, d1, d2, d3, d4, d5, d6, d7, s0, s1, s2, s3, l0, l1, l2, l3, c0, c1, seq] = *bytes;
        let packed = u16::from_be_bytes([c0, c1]);
        let flags = packed & FLAGS;
        if flags & !(FLAG_TERMINAL_BOUND | FLAG_PAYER_VERIFIED) != 0 {
            return Err(RESERVED_FLAG);
        }
        let currency = Currency::from_numeric(packed >> 6)?;
        let minor = u32::from_be_bytes([l0, l1, l2, l3]);
        if minor == 0 {
            return Err(ZERO_LIMIT);
        }
        let step = Step::from_number(u32::from_be_bytes([s0, s1, s2, s3]));
        Ok(Self {
            device: DeviceKeyId::from_bytes([d0, d1, d2, d3, d4, d5, d6, d7]),
            mark: Mark { step, seq },
            limit: CodeLimit { minor, currency },
            terminal_bound: flags & FLAG_TERMINAL_BOUND != 0,
            payer_verified: flags & FLAG_PAYER_VERIFIED != 0,
        })
    }
}

/// The most that a code lets a merchant charge: 1 to 4,294,967,295 minor units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodeLimit {
    minor: u32,
    currency: Currency,
}

impl CodeLimit {
    /// A limit of this much money.
    ///
    /// # Errors
    /// `invalid_limit` for nothing, less than nothing, or more than fits in 32 bits.
    pub fn new(limit: Money) -> Result<Self, Error> {
        match u32::try_from(limit.minor()) {
            Ok(minor) if minor > 0 => Ok(Self { minor, currency: limit.currency() }),
            _ => Err(LIMIT_OUT_OF_RANGE),
        }
    }

    /// The limit as an amount.
    #[must_use]
    pub fn money(self) -> Money {
        Money::from_minor(i64::from(self.minor), self.currency)
    }
}

/// What ties a message to this kind, version and mode: `wallet-code/1/online/live` and a NUL.
pub(crate) fn domain(mode: Mode) -> &'static [u8] {
    match mode {
        Mode::Live => b"wallet-code/1/online/live\0",
        Mode::Test => b"wallet-code/1/online/test\0",
    }
}

/// The HPKE info: the domain and the issuer id.
pub(crate) fn info(mode: Mode, issuer: &IssuerId) -> Vec<u8> {
    [domain(mode), issuer.as_bytes()].concat()
}

/// What the device signs: domain ‖ header ‖ issuer id ‖ encapsulated key ‖ claims ‖ length of
/// the terminal id (2 bytes, 16 or 0) ‖ terminal id.
///
/// Issuer and terminal are implied rather than carried, so bound and unbound codes look alike.
pub(crate) fn signed_message(
    mode: Mode,
    header: u8,
    issuer: &IssuerId,
    encapsulated: &[u8; KEY_LENGTH],
    claims: &[u8; CLAIMS_LENGTH],
    terminal: Option<&TerminalId>,
) -> Vec<u8> {
    let terminal: &[u8] = terminal.map_or(&[], |id| id.as_bytes());
    let length: [u8; 2] = if terminal.is_empty() { [0, 0] } else { [0, 16] };
    [domain(mode), &[header], issuer.as_bytes(), encapsulated, claims, &length, terminal].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{CODE_LENGTH, Claims, CodeLimit, Header};
    use crate::code::digits::digits_for;
    use crate::{Currency, Money};

    #[test]
    fn a_code_is_132_bytes_and_319_digits() {
        assert_eq!(CODE_LENGTH, 132);
        assert_eq!(digits_for(CODE_LENGTH), 319);
    }

    #[test]
    fn every_header_byte_reads_back() {
        for byte in 0..=u8::MAX {
            assert_eq!(Header::from_byte(byte).unwrap().to_byte(), byte);
        }
    }

    proptest! {
        #[test]
        fn claims_that_parse_are_the_claims_that_were_written(bytes in prop::array::uniform19(0_u8..)) {
            if let Ok(claims) = Claims::from_bytes(&bytes) {
                prop_assert_eq!(claims.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn a_limit_of_nothing_or_of_more_than_32_bits_is_refused() {
        let yuan = Currency::from_code("CNY").unwrap();
        for minor in [i64::MIN, -1, 0, i64::from(u32::MAX) + 1, i64::MAX] {
            let error = CodeLimit::new(Money::from_minor(minor, yuan)).unwrap_err();
            assert_eq!(error.code(), "invalid_limit", "{minor}");
        }
        for minor in [1, i64::from(u32::MAX)] {
            let money = Money::from_minor(minor, yuan);
            assert_eq!(CodeLimit::new(money).unwrap().money(), money);
        }
    }
}
