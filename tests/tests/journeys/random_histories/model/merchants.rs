//! Top-ups, payouts, and money that waits for its owner.

use super::super::command::PayoutEnd;
use super::super::rules::{self, text};
use super::objects::{Payout, PayoutState, TopUp};
use super::{Decision, Model, again, done, kept, refused};

impl Model {
    pub(super) fn top_up(&mut self, payer: usize, amount: i64, external: usize) -> Decision {
        let credited = done(vec![("/amount", text(amount))]);
        if let Some(known) = self.top_ups.iter().find(|it| it.external == external) {
            return if (known.payer, known.amount) == (payer, amount) {
                Ok(again(&credited))
            } else {
                Err(refused("reference_conflict"))
            };
        }
        if self.is_frozen(payer) {
            return Err(refused("payer_unavailable"));
        }
        self.top_ups.push(TopUp { payer, amount, external });
        Ok(credited)
    }

    pub(super) fn ask_payout(
        &mut self,
        merchant: usize,
        by_operator: bool,
        amount: Option<i64>,
    ) -> Decision {
        if !rules::WITH_ACCOUNT[merchant] {
            return Err(kept("payout_destination_missing"));
        }
        let earned = self.earned(merchant);
        let amount = amount.unwrap_or(earned);
        if amount <= 0 {
            return Err(kept("balance_insufficient"));
        }
        if amount < rules::LEAST_PAYOUT && !by_operator {
            return Err(kept("payout_too_small"));
        }
        if amount > earned {
            return Err(kept("balance_insufficient"));
        }
        let state = PayoutState::Waiting;
        self.payouts.push(Payout { merchant, amount, batched: false, state, external: None });
        Ok(done(vec![("/state", "authorized".to_owned()), ("/amount", text(amount))]))
    }

    pub(super) fn end_payout(&mut self, payout: usize, end: PayoutEnd) -> Decision {
        let it = self.payouts[payout];
        let state = match (end, it.state) {
            (_, PayoutState::Canceled)
            | (PayoutEnd::CanceledBy(_) | PayoutEnd::Paid(_), PayoutState::Paid) => {
                return Err(refused("payout_closed"));
            }
            (PayoutEnd::CanceledBy(_), PayoutState::Waiting) if it.batched => {
                return Err(refused("payout_batched"));
            }
            (PayoutEnd::Paid(external), PayoutState::Waiting) => {
                if self.payouts.iter().any(|it| it.external == Some(external)) {
                    return Err(refused("reference_conflict"));
                }
                self.payouts[payout].external = Some(external);
                PayoutState::Paid
            }
            (PayoutEnd::CanceledBy(_), PayoutState::Waiting) | (PayoutEnd::Returned, _) => {
                PayoutState::Canceled
            }
        };
        self.payouts[payout].state = state;
        let it = &self.payouts[payout];
        Ok(done(vec![("/state", it.state().to_owned()), ("/amount", text(it.amount))]))
    }

    pub(super) fn end_suspense(&mut self, suspense: usize, paid: Option<usize>) -> Decision {
        let it = self.suspense[suspense];
        if it.end.is_some() {
            return Err(refused("suspense_closed"));
        }
        if paid.is_some() && self.suspense.iter().any(|it| it.end == Some(paid)) {
            return Err(refused("reference_conflict"));
        }
        if paid.is_none() && self.is_frozen(it.payer) {
            return Err(refused("payer_unavailable"));
        }
        self.suspense[suspense].end = Some(paid);
        let it = &self.suspense[suspense];
        Ok(done(vec![("/state", it.state().to_owned()), ("/amount", text(it.amount))]))
    }
}
