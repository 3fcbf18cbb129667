//! Payouts: what may become of one, and where it goes to.
//!
//! ```text
//!               ┌───────── return ◄────────────┬──────────┐
//!               ▼                              │          │
//!   ask ─► authorized ─ batch ─► authorized, in a batch   │
//!            │  │  │                  │                   │
//!            │  │  └──── pay ────►────┴─ pay ─► succeeded ┘
//!            │  └─ return ─► canceled              (the bank sent it back)
//!            └─ cancel, by the merchant ─► canceled
//! ```
//!
//! A transition consumes the stage it leads out of, and nothing but a transition gives a payout a
//! state. Once a payout is in a batch the bank may have been told of it, so its merchant cannot call
//! it off any more.

mod destination;

use wallet_core::receipt::PaymentState;

pub use destination::{PAYOUT_NAME_LENGTH_MAX, PayoutDestination};

/// The state that a transition leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReachedPayout(PaymentState);

impl ReachedPayout {
    /// The state, to be written down.
    #[must_use]
    pub fn state(self) -> PaymentState {
        self.0
    }

    /// A payout that a merchant asks for: its money is held.
    #[must_use]
    pub fn asked() -> Self {
        Self(PaymentState::Authorized)
    }
}

/// Where a payout stands, by what may become of it.
#[derive(Debug)]
pub enum PayoutStage {
    /// Its money is held, and the bank knows nothing of it.
    Open(OpenPayoutStage),
    /// Its money is held, and the bank may have been told.
    Batched(BatchedPayoutStage),
    /// The bank has paid it.
    Paid(PaidPayoutStage),
    /// The merchant has the money again.
    Ended,
}

impl PayoutStage {
    /// Where a payout in this state stands.
    #[must_use]
    pub fn of(state: PaymentState, batched: bool) -> Self {
        match state {
            PaymentState::Authorized if batched => Self::Batched(BatchedPayoutStage(())),
            PaymentState::Authorized => Self::Open(OpenPayoutStage(())),
            PaymentState::Succeeded => Self::Paid(PaidPayoutStage(())),
            PaymentState::Canceled
            | PaymentState::RequiresConfirmation
            | PaymentState::Declined
            | PaymentState::Expired
            | PaymentState::PartiallyRefunded
            | PaymentState::Refunded => Self::Ended,
        }
    }
}

/// Its money is held, and the bank knows nothing of it.
#[derive(Debug)]
pub struct OpenPayoutStage(());

impl OpenPayoutStage {
    /// The merchant calls it off.
    #[must_use]
    pub fn cancel(self) -> ReachedPayout {
        ReachedPayout(PaymentState::Canceled)
    }

    /// The bank has paid it.
    #[must_use]
    pub fn pay(self) -> ReachedPayout {
        ReachedPayout(PaymentState::Succeeded)
    }

    /// It cannot be paid.
    #[must_use]
    pub fn give_back(self) -> ReachedPayout {
        ReachedPayout(PaymentState::Canceled)
    }
}

/// Its money is held, and the bank may have been told.
#[derive(Debug)]
pub struct BatchedPayoutStage(());

impl BatchedPayoutStage {
    /// The bank has paid it.
    #[must_use]
    pub fn pay(self) -> ReachedPayout {
        ReachedPayout(PaymentState::Succeeded)
    }

    /// The bank cannot pay it.
    #[must_use]
    pub fn give_back(self) -> ReachedPayout {
        ReachedPayout(PaymentState::Canceled)
    }
}

/// The bank has paid it.
#[derive(Debug)]
pub struct PaidPayoutStage(());

impl PaidPayoutStage {
    /// The bank has sent the money back.
    #[must_use]
    pub fn give_back(self) -> ReachedPayout {
        ReachedPayout(PaymentState::Canceled)
    }
}
