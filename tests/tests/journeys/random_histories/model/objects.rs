//! What was made beside payments, and what became of it.

use super::super::command::Reference;

/// A code that a phone showed.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Code {
    pub(in super::super) phone: usize,
    /// The half minute that it is for, and which one of those it is.
    pub(in super::super) mark: (i64, u8),
    pub(in super::super) limit: i64,
}

/// Where a code was used up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burned {
    pub(super) code: usize,
    pub(super) at: i64,
    pub(super) merchant: usize,
    pub(super) terminal: Option<usize>,
    /// What was paid with it, if anything was.
    pub(super) paid: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct TopUp {
    pub(super) payer: usize,
    pub(super) amount: i64,
    pub(super) external: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Transfer {
    pub(super) payer: usize,
    pub(super) payee: usize,
    pub(super) amount: i64,
    pub(super) day: i64,
}

#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Withdrawal {
    pub(in super::super) payer: usize,
    pub(in super::super) amount: i64,
    /// The bank's reference, if it was paid; none if it was returned.
    #[expect(clippy::option_option, reason = "waiting, returned, or paid under a reference")]
    pub(super) end: Option<Option<usize>>,
}

impl Withdrawal {
    pub(in super::super) fn state(&self) -> &'static str {
        match self.end {
            None => "authorized",
            Some(Some(_)) => "succeeded",
            Some(None) => "canceled",
        }
    }
}

#[derive(Clone, Debug)]
pub(in super::super) struct Envelope {
    pub(in super::super) payer: usize,
    pub(super) to: Option<usize>,
    pub(in super::super) amount: i64,
    pub(super) shares: Vec<i64>,
    /// Who claimed the first ones, in their order.
    pub(in super::super) claimants: Vec<usize>,
    pub(super) day: i64,
    pub(super) until: i64,
    pub(super) expired: bool,
}

impl Envelope {
    pub(in super::super) fn state(&self) -> &'static str {
        if self.claimants.len() == self.shares.len() {
            "succeeded"
        } else if self.expired {
            "expired"
        } else {
            "authorized"
        }
    }

    pub(in super::super) fn claimed(&self) -> i64 {
        self.shares[..self.claimants.len()].iter().sum()
    }

    /// What a payer got of it.
    pub(super) fn got(&self, payer: usize) -> i64 {
        let shares = self.claimants.iter().zip(&self.shares);
        shares.filter(|(claimant, _)| **claimant == payer).map(|(_, share)| share).sum()
    }

    /// What its sender is without.
    pub(super) fn cost(&self) -> i64 {
        if self.expired { self.claimed() } else { self.amount }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in super::super) enum OrderState {
    Open,
    Paid(usize),
    Canceled,
    Expired,
}

#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Order {
    pub(in super::super) merchant: usize,
    pub(in super::super) amount: i64,
    pub(in super::super) reference: Reference,
    pub(super) until: i64,
    pub(in super::super) state: OrderState,
}

impl Order {
    pub(in super::super) fn state(&self) -> &'static str {
        match self.state {
            OrderState::Open => "open",
            OrderState::Paid(_) => "paid",
            OrderState::Canceled => "canceled",
            OrderState::Expired => "expired",
        }
    }
}

/// A printed code; without an amount it takes any.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Plate {
    pub(in super::super) merchant: usize,
    pub(in super::super) amount: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PayoutState {
    Waiting,
    Paid,
    Canceled,
}

#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Payout {
    pub(in super::super) merchant: usize,
    pub(in super::super) amount: i64,
    pub(in super::super) batched: bool,
    pub(super) state: PayoutState,
    /// The bank's reference, even if the money came back later.
    pub(super) external: Option<usize>,
}

impl Payout {
    pub(in super::super) fn state(&self) -> &'static str {
        match self.state {
            PayoutState::Waiting => "authorized",
            PayoutState::Paid => "succeeded",
            PayoutState::Canceled => "canceled",
        }
    }
}

/// Money whose owner could not have it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Suspense {
    pub(in super::super) payer: usize,
    pub(in super::super) amount: i64,
    /// The bank's reference if it was paid out; none if its owner has it after all.
    #[expect(clippy::option_option, reason = "waiting, returned, or paid under a reference")]
    pub(super) end: Option<Option<usize>>,
}

impl Suspense {
    pub(in super::super) fn state(&self) -> &'static str {
        match self.end {
            None => "open",
            Some(Some(_)) => "paid_out",
            Some(None) => "released",
        }
    }
}
