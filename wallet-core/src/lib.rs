//! Payment codes, money and receipts of a QR-code wallet.

mod error;
#[cfg(feature = "keyfile")]
pub mod keyfile;
#[cfg(feature = "requests")]
pub mod requests;

pub use error::Error;
