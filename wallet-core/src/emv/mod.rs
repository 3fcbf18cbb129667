//! EMV QR codes that a merchant shows: EMVCo "QR Code Specification for Payment Systems,
//! Merchant-Presented Mode", version 1.1.
//!
//! A payload is text: data objects one after the other, each with an id of two digits, a length of
//! two digits and a value. Some values are templates, which hold data objects again.
//!
//! | id | what | value |
//! |---|---|---|
//! | 00 | payload format indicator, the first object | `01` |
//! | 01 | point of initiation | `11` static, `12` dynamic |
//! | 02–25 | merchant account of a card scheme | text |
//! | 26–51 | merchant account of any scheme | template with a globally unique identifier in 00 |
//! | 52 | merchant category code | 4 digits |
//! | 53 | currency, ISO 4217 | 3 digits |
//! | 54 | amount | digits and a point, at most 13 characters |
//! | 55–57 | tip: how, fixed, percentage | |
//! | 58 | country, ISO 3166-1 | 2 letters |
//! | 59, 60, 61 | merchant name, city, postal code | at most 25, 15, 10 characters |
//! | 62 | additional data | template |
//! | 63 | checksum, the last object | 4 hexadecimal digits |
//! | 64 | name and city in another language | template |
//! | 65–79 | reserved by EMVCo | text |
//! | 80–99 | for whoever has a globally unique identifier | template with it in 00 |
//!
//! **Lengths count characters** (Unicode scalar values), **the checksum counts bytes**: it is
//! CRC-16/CCITT-FALSE over the UTF-8 of everything up to and including `6304`.
//!
//! # What strict parsing asks for
//! All that EMVCo asks for, but one thing. EMVCo makes 52, 59 and 60 mandatory; a national scheme
//! with tens of millions of users (PromptPay) leaves all three out. So their absence is a
//! [finding](Payload::findings), not a refusal. Whoever wants EMVCo's rule to the letter refuses a
//! payload with findings. Checks stop where the specification leaves a matter to others: an
//! amount may have more decimals than its currency, currency and country need not exist, and what
//! a scheme puts into its own templates is its own affair.
//!
//! # What lenient parsing forgives
//! Values without characters, line breaks at the end, a checksum in lower-case letters, an amount
//! of zero, letters outside ASCII where only ASCII may stand, and texts that are too long for
//! their object: all of them seen in codes that people pay with. Each is a finding. It never
//! forgives a wrong checksum, or objects of which not every reader would see the same.

mod crc;
mod names;
mod object;
mod payload;
mod read;
mod rules;
#[cfg(test)]
mod tests;
mod violation;

pub(crate) use payload::with_checksum;

pub use names::{Scheme, describe, meaning};
pub use object::{DataObject, ObjectId, Value};
pub use payload::{Initiation, LocalLanguage, Payload, Strictness, Tip};
pub use violation::{Path, Rule, Violation};

/// The most characters of a payload: EMVCo's recommendation, with which a code is still read from
/// a sticker by cheap cameras.
pub const PAYLOAD_LENGTH_MAX: usize = 512;

/// The most characters of a value: what two digits can say.
pub const VALUE_LENGTH_MAX: usize = 99;
