//! Payment codes, money and receipts of a QR-code wallet.

mod error;
#[cfg(feature = "qr")]
pub mod qr;

pub use error::Error;
