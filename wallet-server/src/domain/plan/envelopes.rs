//! What is to be written about red envelopes.

use wallet_core::Timestamp;
use wallet_core::receipt::{PaymentState, Record};

use crate::domain::ids::{ClaimId, EnvelopeId, PayerId, TransferId};
use crate::domain::limits::Day;
use crate::domain::shares::{Shares, Split};

/// A red envelope to be written.
#[derive(Debug)]
pub struct NewEnvelope {
    /// Its id.
    pub id: EnvelopeId,
    /// What the journal says.
    pub record: Record,
    /// Who sends it.
    pub payer: PayerId,
    /// The only one who may claim, if there is one.
    pub payee: Option<PayerId>,
    /// The hash of the token.
    pub token_hash: [u8; 32],
    /// What it is split into.
    pub shares: Shares,
    /// How it was split.
    pub split: Split,
    /// For those who claim to read, encrypted.
    pub greeting: Option<Vec<u8>>,
    /// The day on which it counts.
    pub day: Day,
    /// The movement that set the money aside.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`](super::Plan::events).
    pub event: usize,
    /// Until when it can be claimed.
    pub expires_at: Timestamp,
}

/// A share that was claimed.
#[derive(Debug)]
pub struct NewClaim {
    /// The id of the claim.
    pub id: ClaimId,
    /// The envelope.
    pub envelope: EnvelopeId,
    /// Which share, from 1.
    pub share: u16,
    /// Who claimed it.
    pub payer: PayerId,
    /// The movement.
    pub transfer: TransferId,
    /// The position of its event in [`Plan::events`](super::Plan::events).
    pub event: usize,
    /// When.
    pub claimed_at: Timestamp,
}

/// What is left of an envelope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EnvelopeChange {
    /// How many shares are claimed.
    pub claimed: u16,
    /// What they come to, in minor units.
    pub amount_claimed: i64,
    /// Its state.
    pub state: PaymentState,
    /// How much counts against the limits of its day.
    pub counted: i64,
    /// The movement of what went back.
    pub closing_transfer: Option<TransferId>,
    /// The position of the event that ended it, in [`Plan::events`](super::Plan::events).
    pub event: Option<usize>,
}
