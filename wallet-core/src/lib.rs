//! Payment codes, money and receipts of a QR-code wallet: what a payer's phone, a till and the
//! issuer's server share.
//!
//! The crate does no I/O and has no clock and no global randomness: time and randomness are
//! arguments. The public surface has owned types only, so that bindings stay easy.
//!
//! | module | for | feature |
//! |---|---|---|
//! | [`code`] | making, reading and verifying payment codes; rotation | – |
//! | [`issuer`] | the document in which an issuer certifies its keys | – |
//! | [`keys`] | keys of devices and of the issuer, and the checks at enrolment | – |
//! | [`money`] | currencies, checked amounts | – |
//! | [`receipt`] | what the issuer decided, signed | – |
//! | `emv` | QR codes that merchants show, of any scheme (EMVCo MPM) | `emv` |
//! | `merchant_code` | the codes of our own merchants, signed | `emv` |
//! | `proof` | that a receipt stands in the issuer's journal, and that the journal only grows | `proof` |
//! | `qr` | drawing QR codes as SVG, PNG and in a terminal | `qr` |
//! | `scan` | reading QR codes from pictures and camera frames | `scan` |
//! | `requests` | signed HTTP requests (RFC 9421) | `requests` |
//! | `keyfile` | an encrypted file for a small secret | `keyfile` |
//! | `totp` | one-time passwords (RFC 6238) | `totp` |
//! | `till` | a sale at a till that ends in a certain outcome | `till` |

pub mod code;
#[cfg(feature = "emv")]
pub mod emv;
mod error;
pub mod issuer;
#[cfg(feature = "keyfile")]
pub mod keyfile;
pub mod keys;
#[cfg(feature = "emv")]
pub mod merchant_code;
mod mode;
pub mod money;
#[cfg(feature = "proof")]
pub mod proof;
#[cfg(feature = "qr")]
pub mod qr;
pub mod receipt;
#[cfg(feature = "requests")]
pub mod requests;
#[cfg(feature = "scan")]
pub mod scan;
#[cfg(feature = "till")]
pub mod till;
mod time;
#[cfg(feature = "totp")]
pub mod totp;
#[cfg(test)]
mod vectors;

pub use error::Error;
pub use keys::{
    DeviceKey, DeviceKeyId, DevicePublicKey, IssuerId, SealingKey, SealingKeys, SealingPublicKey,
    SigningKey, SigningKeyId, SigningPublicKey, Slot, TerminalId,
};
pub use mode::Mode;
pub use money::{Currency, Money, PositiveMoney};
pub use time::{STEP_SECONDS, Step, Timestamp};
