//! A payment, and what became of it.

use super::super::command::{Charge, Reference};

/// How sure it is that it was the payer; the weaker first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Proof {
    Static,
    Code,
    Pin,
}

/// What a payment was when it was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum PaymentState {
    Declined(&'static str),
    Waiting,
    Authorized,
    Succeeded,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Authorized {
        until: i64,
    },
    Captured {
        amount: i64,
        fee: i64,
    },
    /// Nothing is held any more: declined, canceled or expired.
    Freed(&'static str),
    /// It went back as a whole; to suspense, if the payer could not have it.
    Reversed {
        suspended: bool,
    },
    Refunded {
        amount: i64,
        fee: i64,
        suspended: bool,
    },
}

#[derive(Clone, Debug)]
pub(in super::super) struct Payment {
    pub(in super::super) payer: usize,
    /// The phone whose code it was.
    pub(super) phone: usize,
    pub(in super::super) merchant: usize,
    pub(in super::super) amount: i64,
    pub(in super::super) reference: Reference,
    /// None if the payer scanned the merchant's code.
    pub(super) charge: Option<Charge>,
    pub(super) made_at: i64,
    /// The day on which it counts, as what, and whether as one without the PIN.
    pub(super) day: i64,
    pub(super) proof: Proof,
    pub(super) without_pin: bool,
    pub(super) manual: bool,
    pub(super) first: PaymentState,
    /// The fee, if it succeeded at once.
    pub(super) first_fee: i64,
    /// Until when it waits or is held, if it is.
    pub(super) until: i64,
    pub(super) steps: Vec<(i64, Step)>,
}

impl Payment {
    pub(in super::super) fn state(&self) -> &'static str {
        let first = match self.first {
            PaymentState::Declined(_) => "declined",
            PaymentState::Waiting => "requires_confirmation",
            PaymentState::Authorized => "authorized",
            PaymentState::Succeeded => "succeeded",
        };
        self.steps.iter().fold(first, |_, (_, step)| match *step {
            Step::Authorized { .. } => "authorized",
            Step::Captured { .. } => "succeeded",
            Step::Freed(state) => state,
            Step::Reversed { .. } => "canceled",
            Step::Refunded { .. } if self.refunded() == self.captured() => "refunded",
            Step::Refunded { .. } => "partially_refunded",
        })
    }

    /// What the merchant took, and its fee, as if nothing had gone back.
    fn taken(&self) -> (i64, i64) {
        let first = if self.first == PaymentState::Succeeded {
            (self.amount, self.first_fee)
        } else {
            (0, 0)
        };
        self.steps.iter().fold(first, |taken, (_, step)| match *step {
            Step::Captured { amount, fee } => (amount, fee),
            _ => taken,
        })
    }

    fn is_reversed(&self) -> bool {
        self.steps.iter().any(|(_, step)| matches!(step, Step::Reversed { .. }))
    }

    /// What became the merchant's.
    pub(in super::super) fn captured(&self) -> i64 {
        if self.is_reversed() { 0 } else { self.taken().0 }
    }

    pub(in super::super) fn fee(&self) -> i64 {
        if self.is_reversed() { 0 } else { self.taken().1 }
    }

    pub(in super::super) fn refunded(&self) -> i64 {
        self.refunds().map(|refund| refund.0).sum()
    }

    pub(super) fn fee_returned(&self) -> i64 {
        self.refunds().map(|refund| refund.1).sum()
    }

    pub(super) fn refunds(&self) -> impl Iterator<Item = (i64, i64, bool)> {
        self.steps.iter().filter_map(|(_, step)| match *step {
            Step::Refunded { amount, fee, suspended } => Some((amount, fee, suspended)),
            _ => None,
        })
    }

    /// What is set aside for it.
    pub(super) fn held(&self) -> i64 {
        let waits = matches!(self.state(), "requires_confirmation" | "authorized");
        if waits { self.amount } else { 0 }
    }

    /// What the payer is without, because of it.
    pub(super) fn cost(&self) -> i64 {
        let to_suspense = self.steps.iter().any(|it| it.1 == Step::Reversed { suspended: true });
        let back: i64 = self.refunds().filter(|refund| !refund.2).map(|refund| refund.0).sum();
        let gone = if to_suspense { self.taken().0 } else { self.captured() };
        self.held() + gone - back
    }

    /// What counts against the payer's limits on its day.
    pub(super) fn counts(&self) -> i64 {
        self.held() + self.captured()
    }

    /// When it reached the state that it is in, but for refunds.
    pub(super) fn decided_at(&self) -> i64 {
        self.steps.last().map_or(self.made_at, |step| step.0)
    }

    pub(super) fn held_until(&self) -> i64 {
        self.steps.iter().fold(self.until, |until, (_, step)| match *step {
            Step::Authorized { until } => until,
            _ => until,
        })
    }
}
