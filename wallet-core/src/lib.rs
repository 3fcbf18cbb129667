//! Payment codes, money and receipts of a QR-code wallet.

mod error;
#[cfg(feature = "qr")]
pub mod qr;
#[cfg(feature = "scan")]
pub mod scan;

pub use error::Error;
