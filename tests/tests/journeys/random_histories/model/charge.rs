//! Charges of payers' codes.

use super::super::command::{Charge, OWNERS, Reference};
use super::super::rules::{self, text};
use super::objects::{Burned, Code};
use super::payment::{Payment, PaymentState, Proof};
use super::sums::Spends;
use super::{Decision, Expected, Model, again, done, kept, refused};

/// How long a code is for.
const STEP: i64 = 30_000;

impl Model {
    pub(super) fn charge(&mut self, charge: &Charge, now: i64) -> Decision {
        self.reference_for(charge)?;
        let code = self.codes[charge.code];
        let payer = OWNERS[code.phone];
        let steps_old = now.div_euclid(STEP) - code.mark.0;
        if steps_old < -1 {
            return Err(refused("clock_skew"));
        }
        if steps_old > 1 {
            return Err(kept("code_expired"));
        }
        let last = self.last_burned(code.phone);
        if let Some(last) = last
            && self.codes[last.code].mark >= code.mark
        {
            let elsewhere = (last.merchant, last.terminal) != (charge.merchant, charge.terminal);
            if self.codes[last.code].mark == code.mark && elsewhere {
                self.suspicions.push((payer, Some(now + rules::SUSPECTED)));
                self.open_day(payer, now);
            }
            return Err(kept("code_used"));
        }
        let must_confirm = self.must_confirm(charge, payer, last, now);
        let decline = self.decline(charge, code, must_confirm, now).err();
        self.burned.push(Burned {
            code: charge.code,
            at: now,
            merchant: charge.merchant,
            terminal: charge.terminal,
            paid: decline.is_none().then_some(charge.amount),
        });
        Ok(self.pay_with_code(charge, decline, must_confirm, now))
    }

    /// What stands under the reference already, if anything does.
    fn reference_for(&mut self, charge: &Charge) -> Result<(), Expected> {
        let (merchant, reference) = (charge.merchant, charge.reference);
        if self.buried.contains(&(merchant, reference)) {
            return Err(refused("reference_canceled"));
        }
        let Some(payment) = self.payment_under(merchant, reference) else {
            return if self.order_under(merchant, reference).is_some() {
                Err(refused("reference_conflict"))
            } else {
                Ok(())
            };
        };
        let payment = &self.payments[payment];
        let same = |first: &Charge| (first.code, first.amount) == (charge.code, charge.amount);
        Err(if !payment.charge.as_ref().is_some_and(same) {
            refused("reference_conflict")
        } else if payment.state() == "canceled" {
            refused("reference_canceled")
        } else {
            again(&first_answer(payment))
        })
    }

    pub(super) fn payment_under(&self, merchant: usize, reference: Reference) -> Option<usize> {
        let wanted = |it: &Payment| (it.merchant, it.reference) == (merchant, reference);
        self.payments.iter().position(wanted)
    }

    pub(super) fn order_under(&self, merchant: usize, reference: Reference) -> Option<usize> {
        let wanted = |it: &super::Order| (it.merchant, it.reference) == (merchant, reference);
        self.orders.iter().position(wanted)
    }

    fn last_burned(&self, phone: usize) -> Option<Burned> {
        self.burned.iter().rev().find(|it| self.codes[it.code].phone == phone).copied()
    }

    fn must_confirm(&self, charge: &Charge, payer: usize, last: Option<Burned>, now: i64) -> bool {
        let same_amount = |last: Burned| {
            last.merchant == charge.merchant
                && last.paid == Some(charge.amount)
                && now < last.at + rules::SAME_AMOUNT
        };
        charge.typed || last.is_some_and(same_amount) || self.needs_pin(payer, charge.amount, now)
    }

    /// Whether a payer types the PIN for this amount, whatever brought it about.
    pub(super) fn needs_pin(&self, payer: usize, amount: i64, now: i64) -> bool {
        let day = self.day_of(payer, now);
        self.is_suspected(payer, now)
            || amount > rules::WITHOUT_PIN
            || self.without_pin(payer, day) >= rules::WITHOUT_PIN_COUNT
            || self.spent(payer, day, Proof::Code) + amount > rules::DAY_CODE
    }

    fn decline(
        &self,
        charge: &Charge,
        code: Code,
        must_confirm: bool,
        now: i64,
    ) -> Result<(), &'static str> {
        let (payer, amount) = (OWNERS[code.phone], charge.amount);
        if self.is_frozen(payer) {
            return Err("payer_unavailable");
        }
        if amount > code.limit {
            return Err("over_code_limit");
        }
        let proof = if must_confirm { Proof::Pin } else { Proof::Code };
        let spends = Spends { amount, counted: proof, shown: proof };
        self.within_limits(payer, now, spends).map_err(|expected| expected.code)?;
        if amount > self.available(payer) { Err("insufficient_funds") } else { Ok(()) }
    }

    fn pay_with_code(
        &mut self,
        charge: &Charge,
        decline: Option<&'static str>,
        must_confirm: bool,
        now: i64,
    ) -> Expected {
        let phone = self.codes[charge.code].phone;
        let payer = OWNERS[phone];
        let (first, until) = match decline {
            Some(code) => (PaymentState::Declined(code), now),
            None if must_confirm => (PaymentState::Waiting, now + rules::WAIT),
            None if charge.manual => (PaymentState::Authorized, now + rules::HOLD),
            None => (PaymentState::Succeeded, now),
        };
        let day =
            if decline.is_none() { self.open_day(payer, now) } else { self.day_of(payer, now) };
        let succeeded = first == PaymentState::Succeeded;
        self.payments.push(Payment {
            payer,
            phone,
            merchant: charge.merchant,
            amount: charge.amount,
            reference: charge.reference,
            charge: Some(*charge),
            made_at: now,
            day,
            proof: if must_confirm { Proof::Pin } else { Proof::Code },
            without_pin: decline.is_none() && !must_confirm,
            manual: charge.manual,
            first,
            first_fee: if succeeded { self.fee(charge.merchant, charge.amount) } else { 0 },
            until,
            steps: Vec::new(),
        });
        first_answer(&self.payments[self.payments.len() - 1])
    }
}

/// What was answered when it was made.
fn first_answer(payment: &Payment) -> Expected {
    let made = Payment { steps: Vec::new(), ..payment.clone() };
    if let PaymentState::Declined(code) = payment.first {
        let says = vec![
            ("/payment/state", "declined".to_owned()),
            ("/payment/amount", text(payment.amount)),
        ];
        return Expected { says, ..kept(code) };
    }
    done(says(&made))
}

/// A payment as its merchant sees it.
pub(super) fn says(payment: &Payment) -> Vec<(&'static str, String)> {
    vec![
        ("/state", payment.state().to_owned()),
        ("/amount", text(payment.amount)),
        ("/amount_settled", text(payment.captured())),
        ("/amount_refunded", "0.00".to_owned()),
        ("/fee", text(payment.fee())),
    ]
}
