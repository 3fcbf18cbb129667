//! What becomes of payments.

use super::super::command::Reference;
use super::super::rules::{self, text};
use super::charge::says;
use super::objects::{OrderState, Suspense};
use super::payment::Step;
use super::{Decision, Expected, Model, done, kept, refused};

impl Model {
    fn step(&mut self, payment: usize, now: i64, step: Step) {
        self.payments[payment].steps.push((now, step));
    }

    fn is_of(&self, payment: usize, phone: usize) -> Result<(), Expected> {
        if self.payments[payment].state() != "requires_confirmation" {
            return Err(refused("payment_closed"));
        }
        if self.payments[payment].phone != phone {
            return Err(refused("other_device"));
        }
        Ok(())
    }

    pub(super) fn confirm(&mut self, phone: usize, payment: usize, now: i64) -> Decision {
        self.is_of(payment, phone)?;
        let it = &self.payments[payment];
        let (payer, merchant, amount) = (it.payer, it.merchant, it.amount);
        if self.is_frozen(payer) {
            return Err(refused("payer_unavailable"));
        }
        if it.manual {
            self.step(payment, now, Step::Authorized { until: now + rules::HOLD });
        } else {
            let fee = self.fee(merchant, amount);
            self.step(payment, now, Step::Captured { amount, fee });
            self.open_day(payer, now);
        }
        self.suspicions.push((payer, None));
        Ok(self.decided(payment))
    }

    pub(super) fn refuse(&mut self, phone: usize, payment: usize, now: i64) -> Decision {
        self.is_of(payment, phone)?;
        self.free(payment, now, "declined");
        Ok(self.decided(payment))
    }

    /// A payment as its payer sees it.
    fn decided(&self, payment: usize) -> Expected {
        let it = &self.payments[payment];
        done(vec![("/state", it.state().to_owned()), ("/amount", text(it.amount))])
    }

    fn free(&mut self, payment: usize, now: i64, state: &'static str) {
        self.step(payment, now, Step::Freed(state));
        self.open_day(self.payments[payment].payer, now);
    }

    pub(super) fn capture(&mut self, payment: usize, amount: Option<i64>, now: i64) -> Decision {
        let it = &self.payments[payment];
        let (payer, merchant, held) = (it.payer, it.merchant, it.amount);
        match it.state() {
            "authorized" => {}
            "requires_confirmation" => return Err(refused("payment_waiting")),
            _ => return Err(refused("payment_closed")),
        }
        let amount = amount.unwrap_or(held);
        if amount > held {
            return Err(refused("amount_too_large"));
        }
        let fee = self.fee(merchant, amount);
        self.step(payment, now, Step::Captured { amount, fee });
        self.open_day(payer, now);
        Ok(done(says(&self.payments[payment])))
    }

    pub(super) fn cancel(&mut self, payment: usize, now: i64) -> Decision {
        let it = &self.payments[payment];
        let (payer, merchant) = (it.payer, it.merchant);
        match it.state() {
            "requires_confirmation" | "authorized" => self.free(payment, now, "canceled"),
            "succeeded" if it.decided_at() + rules::CANCEL < now => {
                return Err(refused("cancel_too_late"));
            }
            "succeeded" => {
                let amount = it.captured();
                if self.earned(merchant) < amount - it.fee() {
                    return Err(refused("balance_insufficient"));
                }
                let suspended = self.is_frozen(payer);
                self.step(payment, now, Step::Reversed { suspended });
                self.suspend(payer, amount, suspended);
                self.open_day(payer, now);
            }
            _ => return Err(refused("payment_closed")),
        }
        Ok(done(says(&self.payments[payment])))
    }

    /// Sets apart what its owner cannot have.
    fn suspend(&mut self, payer: usize, amount: i64, suspended: bool) {
        if suspended {
            self.suspense.push(Suspense { payer, amount, end: None });
        }
    }

    pub(super) fn cancel_reference(
        &mut self,
        merchant: usize,
        reference: Reference,
        now: i64,
    ) -> Decision {
        let nothing = || done(vec![("/payment", String::new())]);
        let Some(payment) = self.payment_under(merchant, reference) else {
            match self.order_under(merchant, reference) {
                Some(order) if self.orders[order].state == OrderState::Open => {
                    self.orders[order].state = OrderState::Canceled;
                }
                Some(_) => {}
                None => self.buried.push((merchant, reference)),
            }
            return Ok(nothing());
        };
        let under = |says: Vec<(&'static str, String)>| {
            done(says.into_iter().map(|(at, says)| (of_payment(at), says)).collect())
        };
        match self.payments[payment].state() {
            "declined" | "canceled" | "expired" | "refunded" => {
                let mut says = says(&self.payments[payment]);
                // What was answered stays so, and an answer is not told of refunds.
                says.retain(|(at, _)| *at != "/amount_refunded");
                Ok(under(says))
            }
            _ => self.cancel(payment, now).map(|expected| under(expected.says)),
        }
    }

    pub(super) fn refund(&mut self, payment: usize, amount: Option<i64>, now: i64) -> Decision {
        let it = &self.payments[payment];
        let (payer, merchant, captured) = (it.payer, it.merchant, it.captured());
        let left = captured - it.refunded();
        let amount = amount.unwrap_or(left);
        if !matches!(it.state(), "succeeded" | "partially_refunded" | "refunded") {
            return Err(refused("payment_not_refundable"));
        }
        if it.made_at + rules::REFUND < now {
            return Err(kept("refund_too_late"));
        }
        if it.refunds().count() >= rules::REFUNDS {
            return Err(kept("too_many_refunds"));
        }
        if amount > left || left == 0 {
            let says = vec![("/remaining", text(left))];
            return Err(Expected { says, ..kept("refund_exceeds_payment") });
        }
        // All of the fee is back with the last part, however it was divided.
        let fee = it.fee() * (it.refunded() + amount) / captured - it.fee_returned();
        if self.earned(merchant) < amount - fee {
            return Err(kept("balance_insufficient"));
        }
        let suspended = self.is_frozen(payer);
        self.step(payment, now, Step::Refunded { amount, fee, suspended });
        self.suspend(payer, amount, suspended);
        Ok(done(vec![
            ("/state", "succeeded".to_owned()),
            ("/amount", text(amount)),
            ("/fee_returned", text(fee)),
        ]))
    }

    pub(super) fn expire_payments(&mut self, now: i64) -> bool {
        let late = |it: &super::Payment| it.held() > 0 && it.held_until() <= now;
        let late: Vec<_> = (0..self.payments.len()).filter(|n| late(&self.payments[*n])).collect();
        for payment in &late {
            self.free(*payment, now, "expired");
        }
        !late.is_empty()
    }
}

/// Where a payment's field stands in what is said about its reference.
fn of_payment(at: &'static str) -> &'static str {
    match at {
        "/state" => "/payment/state",
        "/amount" => "/payment/amount",
        "/amount_settled" => "/payment/amount_settled",
        "/amount_refunded" => "/payment/amount_refunded",
        "/fee" => "/payment/fee",
        other => panic!("{other} is no field of a payment"),
    }
}
