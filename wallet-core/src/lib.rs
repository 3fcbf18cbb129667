//! Payment codes, money and receipts of a QR-code wallet.

mod error;

pub use error::Error;
