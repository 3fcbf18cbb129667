//! The states of a payment, each as a type with the transitions that lead out of it.
//!
//! ```text
//!            ┌──────────────────────── charge ───────────────────────┐
//!            ▼                          ▼                  ▼         ▼
//!   requires_confirmation ─ confirm ─► authorized        succeeded  declined
//!            │        │ (manual)        │      │          ▲  │  │
//!            │        └──── confirm ────┼──────┼──────────┘  │  └── refund ─► partially_refunded ─┐
//!            │          (automatic)     │   capture ──────►──┘  │                  │      ▲       │
//!            ├─ refuse ─► declined      │                       │                  └─refund       │
//!            ├─ cancel ─► canceled ◄────┼─ cancel ◄── cancel ───┘                                 │
//!            └─ expire ─► expired  ◄────┴─ expire          refund of all that is left ─► refunded ◄┘
//! ```
//!
//! A transition consumes the stage it leads out of, and nothing but a transition gives a payment a
//! state: so one that is not in the picture cannot be written.

use wallet_core::receipt::PaymentState;

use super::command::Capture;

/// The state that a transition leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached(PaymentState);

impl Reached {
    /// The state, to be written down.
    #[must_use]
    pub fn state(self) -> PaymentState {
        self.0
    }

    /// A charge that a rule refuses.
    #[must_use]
    pub fn declined() -> Self {
        Self(PaymentState::Declined)
    }

    /// A charge that the payer must confirm first.
    #[must_use]
    pub fn waiting() -> Self {
        Self(PaymentState::RequiresConfirmation)
    }

    /// A charge that is allowed: the merchant has the money, or may capture it.
    #[must_use]
    pub fn allowed(capture: Capture) -> Self {
        match capture {
            Capture::Automatic => Self(PaymentState::Succeeded),
            Capture::Manual => Self(PaymentState::Authorized),
        }
    }
}

/// Where a payment stands, by what may become of it.
#[derive(Debug)]
pub enum Stage {
    /// It waits for its payer.
    Waiting(Waiting),
    /// Its money is held for the merchant.
    Authorized(Authorized),
    /// The merchant has the money, and nothing was given back.
    Captured(Captured),
    /// The merchant has what was not given back.
    PartlyRefunded(PartlyRefunded),
    /// Nothing becomes of it any more.
    Ended,
}

impl Stage {
    /// Where a payment in this state stands.
    #[must_use]
    pub fn of(state: PaymentState) -> Self {
        match state {
            PaymentState::RequiresConfirmation => Self::Waiting(Waiting(())),
            PaymentState::Authorized => Self::Authorized(Authorized(())),
            PaymentState::Succeeded => Self::Captured(Captured(())),
            PaymentState::PartiallyRefunded => Self::PartlyRefunded(PartlyRefunded(())),
            PaymentState::Declined
            | PaymentState::Canceled
            | PaymentState::Expired
            | PaymentState::Refunded => Self::Ended,
        }
    }
}

/// It waits for its payer.
#[derive(Debug)]
pub struct Waiting(());

impl Waiting {
    /// The payer says yes: as if the charge had been allowed at once.
    #[must_use]
    pub fn confirm(self, capture: Capture) -> Reached {
        Reached::allowed(capture)
    }

    /// The payer says no.
    #[must_use]
    pub fn refuse(self) -> Reached {
        Reached(PaymentState::Declined)
    }

    /// The merchant calls it off.
    #[must_use]
    pub fn cancel(self) -> Reached {
        Reached(PaymentState::Canceled)
    }

    /// Nobody acted in time.
    #[must_use]
    pub fn expire(self) -> Reached {
        Reached(PaymentState::Expired)
    }
}

/// Its money is held for the merchant.
#[derive(Debug)]
pub struct Authorized(());

impl Authorized {
    /// The merchant takes all of it, or a part.
    #[must_use]
    pub fn capture(self) -> Reached {
        Reached(PaymentState::Succeeded)
    }

    /// The merchant calls it off.
    #[must_use]
    pub fn cancel(self) -> Reached {
        Reached(PaymentState::Canceled)
    }

    /// The merchant did not take it in time.
    #[must_use]
    pub fn expire(self) -> Reached {
        Reached(PaymentState::Expired)
    }
}

/// The merchant has the money, and nothing was given back.
#[derive(Debug)]
pub struct Captured(());

impl Captured {
    /// The merchant calls it off: all of it goes back.
    #[must_use]
    pub fn cancel(self) -> Reached {
        Reached(PaymentState::Canceled)
    }

    /// The merchant gives some back.
    #[must_use]
    pub fn refund(self, left: Left) -> Reached {
        refund(left)
    }
}

/// The merchant has what was not given back.
#[derive(Debug)]
pub struct PartlyRefunded(());

impl PartlyRefunded {
    /// The merchant gives more of it back.
    #[must_use]
    pub fn refund(self, left: Left) -> Reached {
        refund(left)
    }
}

/// What a refund leaves of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// Some.
    Some,
    /// Nothing.
    Nothing,
}

fn refund(left: Left) -> Reached {
    match left {
        Left::Some => Reached(PaymentState::PartiallyRefunded),
        Left::Nothing => Reached(PaymentState::Refunded),
    }
}
