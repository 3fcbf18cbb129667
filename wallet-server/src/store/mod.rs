//! The database: SQL, rows and constraint names, and no rules.
//!
//! [`settlement`](Settlement) is the path of a payment; the other modules read, or write what
//! moves no money.

mod accounts;
mod connection;
mod error;
mod events;
mod hex;
mod issuer;
mod merchants;
mod payers;
mod payments;
mod rows;
mod settlement;
mod sql;

pub use accounts::{Balance, LedgerLine};
pub use connection::Store;
pub use error::StoreError;
pub use events::{Cursor, PayerEvent};
pub use merchants::{ApiKey, Merchant, Terminal};
pub use payers::{Device, EnrolRefusal, Invitation, NewDevice, Payer};
pub use payments::Payment;
pub use settlement::Settlement;

#[cfg(test)]
mod tests;
