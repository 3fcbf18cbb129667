//! What is to be written about money that concerns no merchant.

use wallet_core::receipt::Record;

use crate::domain::ids::{PayerId, PayerTransferId, TransferId};
use crate::domain::limits::Day;

/// Money between payers, and money that payers take out.
#[derive(Default, Debug)]
pub struct PeopleChanges {
    /// New transfers from payer to payer.
    pub transfers: Vec<NewPayerTransfer>,
}

/// A transfer from payer to payer to be written.
#[derive(Debug)]
pub struct NewPayerTransfer {
    /// Its id.
    pub id: PayerTransferId,
    /// What the journal says.
    pub record: Record,
    /// Who gives.
    pub payer: PayerId,
    /// Who gets it.
    pub payee: PayerId,
    /// For the payee to read, encrypted.
    pub note: Option<Vec<u8>>,
    /// The day on which it counts.
    pub day: Day,
    /// The movement of money.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`](super::Plan::events).
    pub event: usize,
}
