//! What is to be written about payouts.

use std::collections::BTreeMap;

use wallet_core::Timestamp;
use wallet_core::receipt::Record;

use crate::domain::ids::{MerchantId, PayoutId, TransferId};

/// Money that merchants have paid out to their bank accounts.
#[derive(Default, Debug)]
pub struct PayoutChanges {
    /// New ones.
    pub requested: Vec<NewPayout>,
    /// Those that went on or back, each once.
    pub changed: BTreeMap<PayoutId, PayoutChange>,
}

/// A payout to be written.
#[derive(Debug)]
pub struct NewPayout {
    /// Its id.
    pub id: PayoutId,
    /// Whose money it is.
    pub merchant: MerchantId,
    /// What the journal says.
    pub record: Record,
    /// Where to, encrypted.
    pub destination: Vec<u8>,
    /// For the merchant to read.
    pub description: Option<String>,
    /// The merchant's own data, as JSON.
    pub metadata: Option<String>,
    /// The movement that set it aside.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`](super::Plan::events).
    pub event: usize,
}

/// A payout as it is from now on. Several commands of a batch may change one; the last one counts,
/// and what moved before is kept.
#[derive(Clone, Debug)]
pub struct PayoutChange {
    /// What the journal says.
    pub record: Record,
    /// The bank's reference, once it is paid.
    pub external_reference: Option<String>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// Why the merchant has the money again, if it has and the operator says so.
    pub return_reason: Option<String>,
    /// The movement of what was set aside, if it moved.
    pub closing: Option<TransferId>,
    /// The movement of what was paid and came back.
    pub reversal: Option<TransferId>,
    /// The position of its last event in [`Plan::events`](super::Plan::events).
    pub event: usize,
}

impl PayoutChange {
    /// This change after an earlier one of the same batch.
    #[must_use]
    pub fn after(self, before: Self) -> Self {
        Self {
            external_reference: self.external_reference.or(before.external_reference),
            paid_at: self.paid_at.or(before.paid_at),
            closing: self.closing.or(before.closing),
            ..self
        }
    }
}
