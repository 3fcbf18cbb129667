//! What is to be written about money that concerns no merchant.

use std::collections::BTreeMap;

use wallet_core::receipt::Record;

use super::{EnvelopeChange, NewClaim, NewEnvelope};
use crate::domain::ids::{EnvelopeId, PayerId, PayerTransferId, TransferId, WithdrawalId};
use crate::domain::limits::Day;

/// Money between payers, and money that payers take out.
#[derive(Default, Debug)]
pub struct PeopleChanges {
    /// New transfers from payer to payer.
    pub transfers: Vec<NewPayerTransfer>,
    /// New withdrawals.
    pub withdrawals: Vec<NewWithdrawal>,
    /// Withdrawals that have come to their end.
    pub finished: Vec<FinishedWithdrawal>,
    /// New red envelopes.
    pub envelopes: Vec<NewEnvelope>,
    /// Shares of them that were claimed.
    pub claims: Vec<NewClaim>,
    /// What that, or the time, leaves of envelopes.
    pub changed_envelopes: BTreeMap<EnvelopeId, EnvelopeChange>,
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

/// A withdrawal to be written.
#[derive(Debug)]
pub struct NewWithdrawal {
    /// Its id.
    pub id: WithdrawalId,
    /// What the journal says.
    pub record: Record,
    /// Whose money it is.
    pub payer: PayerId,
    /// Where to, encrypted.
    pub destination: Vec<u8>,
    /// The movement that set it aside.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`](super::Plan::events).
    pub event: usize,
}

/// A withdrawal that has come to its end.
#[derive(Debug)]
pub struct FinishedWithdrawal {
    /// Its id.
    pub id: WithdrawalId,
    /// What the journal says.
    pub record: Record,
    /// The bank's reference, if it was paid.
    pub external_reference: Option<String>,
    /// The movement of what was set aside.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`](super::Plan::events).
    pub event: usize,
}
