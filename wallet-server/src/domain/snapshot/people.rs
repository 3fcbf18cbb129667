//! What is known about money that concerns no merchant.

use std::collections::{HashMap, HashSet};

use wallet_core::receipt::Record;
use wallet_core::{Mode, Timestamp};

use crate::domain::ids::{EnvelopeId, PayerId, WithdrawalId};
use crate::domain::limits::Day;

/// What commands name of it.
#[derive(Clone, Default, Debug)]
pub struct People {
    /// Withdrawals that are to come to their end.
    pub withdrawals: HashMap<WithdrawalId, OpenWithdrawal>,
    /// Those of the bank's references that stand for a withdrawal already.
    pub paid_references: HashSet<(Mode, String)>,
    /// Red envelopes.
    pub envelopes: HashMap<EnvelopeId, OpenEnvelope>,
}

/// A red envelope.
#[derive(Clone, Debug)]
pub struct OpenEnvelope {
    /// Whose money it is.
    pub payer: PayerId,
    /// The only one who may claim, if there is one.
    pub payee: Option<PayerId>,
    /// What the journal said last.
    pub record: Record,
    /// Its shares, in the order in which they are claimed.
    pub shares: Vec<Share>,
    /// Until when it can be claimed.
    pub expires_at: Timestamp,
    /// The day on which it counted.
    pub day: Day,
}

/// A share of an envelope.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// How much, in minor units.
    pub amount: i64,
    /// Who has claimed it.
    pub claimant: Option<PayerId>,
}

/// A withdrawal that may still come to its end.
#[derive(Clone, Copy, Debug)]
pub struct OpenWithdrawal {
    /// Whose money it is.
    pub payer: PayerId,
    /// What the journal said last.
    pub record: Record,
}
