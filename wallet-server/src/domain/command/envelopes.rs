//! What payers do with red envelopes.

use wallet_core::{PositiveMoney, Timestamp};

use super::PayerRequest;
use crate::domain::ids::{ClaimId, EnvelopeId, PayerId, TransferId};
use crate::domain::shares::{Shares, Split};

/// Money that a payer sets aside for others to claim.
#[derive(Clone, Debug)]
pub struct MakeEnvelope {
    /// Who sends it.
    pub by: PayerRequest,
    /// Its id.
    pub id: EnvelopeId,
    /// The id of the movement that sets the money aside.
    pub transfer: TransferId,
    /// All of it.
    pub amount: PositiveMoney,
    /// What it is split into: drawn before, so that running it again draws nothing else.
    pub shares: Shares,
    /// How it was split.
    pub split: Split,
    /// Who may claim.
    pub to: EnvelopeFor,
    /// The hash of the token by which it is claimed.
    pub token_hash: [u8; 32],
    /// For those who claim to read, encrypted.
    pub greeting: Option<Vec<u8>>,
    /// Until when it can be claimed.
    pub expires_at: Timestamp,
}

/// Who may claim a share.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EnvelopeFor {
    /// Whoever has the token.
    Anybody,
    /// One payer, who needs the token as well.
    One(PayerId),
    /// Somebody who was not found.
    Unknown,
}

impl EnvelopeFor {
    /// The only one who may claim, if there is one.
    #[must_use]
    pub fn payee(self) -> Option<PayerId> {
        if let Self::One(payee) = self { Some(payee) } else { None }
    }
}

/// A payer claims the next share.
#[derive(Clone, Debug)]
pub struct ClaimShare {
    /// Who claims.
    pub by: PayerRequest,
    /// The id of the claim.
    pub id: ClaimId,
    /// The id of the movement.
    pub transfer: TransferId,
    /// The envelope.
    pub envelope: EnvelopeId,
    /// Whose money it is.
    pub sender: PayerId,
}

/// What nobody has claimed goes back.
#[derive(Clone, Debug)]
pub struct EndEnvelope {
    /// The envelope.
    pub envelope: EnvelopeId,
    /// Whose money it is.
    pub payer: PayerId,
    /// The id of the movement.
    pub transfer: TransferId,
}
