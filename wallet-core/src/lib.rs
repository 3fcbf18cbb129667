//! Payment codes, money and receipts of a QR-code wallet: what a payer's phone, a till and the
//! issuer's server share.
//!
//! The crate does no I/O and has no clock and no global randomness: time and randomness are
//! arguments. The public surface has owned types only, so that bindings stay easy.

pub mod code;
mod error;
#[cfg(feature = "keyfile")]
pub mod keyfile;
pub mod keys;
mod mode;
pub mod money;
#[cfg(feature = "qr")]
pub mod qr;
pub mod receipt;
#[cfg(feature = "requests")]
pub mod requests;
#[cfg(feature = "scan")]
pub mod scan;
mod time;

pub use error::Error;
pub use keys::{
    DeviceKey, DeviceKeyId, DevicePublicKey, IssuerId, SealingKey, SealingKeys, SealingPublicKey,
    SigningKey, SigningKeyId, SigningPublicKey, Slot, TerminalId,
};
pub use mode::Mode;
pub use money::{Currency, Money};
pub use time::{STEP_SECONDS, Step, Timestamp};
