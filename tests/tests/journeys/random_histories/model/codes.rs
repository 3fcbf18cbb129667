//! Orders and plates, and those who pay them.

use super::super::command::{OWNERS, Reference, Shown};
use super::super::rules::text;
use super::objects::{Order, OrderState, Plate};
use super::payment::{Payment, PaymentState, Proof};
use super::sums::Spends;
use super::{Decision, Expected, Model, done, kept, refused};

impl Model {
    pub(in super::super) fn make_plate(&mut self, merchant: usize, amount: Option<i64>) {
        self.plates.push(Plate { merchant, amount });
    }

    pub(super) fn make_order(
        &mut self,
        merchant: usize,
        amount: i64,
        reference: Reference,
        until: i64,
    ) -> Decision {
        if self.buried.contains(&(merchant, reference)) {
            return Err(refused("reference_canceled"));
        }
        let taken = self.payment_under(merchant, reference).is_some()
            || self.order_under(merchant, reference).is_some();
        if taken {
            return Err(refused("reference_conflict"));
        }
        let order = Order { merchant, amount, reference, until, state: OrderState::Open };
        self.orders.push(order);
        Ok(order_says(&order))
    }

    pub(super) fn close_order(&mut self, merchant: usize, order: usize) -> Decision {
        let it = &mut self.orders[order];
        if it.merchant != merchant {
            return Err(refused("not_found"));
        }
        match it.state {
            OrderState::Paid(_) => return Err(refused("order_paid")),
            OrderState::Open => it.state = OrderState::Canceled,
            OrderState::Canceled | OrderState::Expired => {}
        }
        Ok(order_says(it))
    }

    pub(super) fn expire_orders(&mut self, now: i64) -> bool {
        let late = |it: &&mut Order| it.state == OrderState::Open && it.until <= now;
        let late = self.orders.iter_mut().filter(late);
        late.map(|it| it.state = OrderState::Expired).count() > 0
    }

    pub(super) fn pay_code(
        &mut self,
        phone: usize,
        code: Shown,
        said: Option<i64>,
        pin: bool,
        now: i64,
    ) -> Decision {
        let payer = OWNERS[phone];
        if self.is_frozen(payer) {
            return Err(kept("payer_unavailable"));
        }
        let amount = self.amount_of(code, said)?;
        let needed = self.needs_pin(payer, amount, now);
        let shown = if pin || needed { Proof::Pin } else { Proof::Code };
        let counted = if matches!(code, Shown::Plate(_)) { Proof::Static } else { shown };
        self.within_limits(payer, now, Spends { amount, counted, shown })?;
        if amount > self.available(payer) {
            return Err(kept("insufficient_funds"));
        }
        if needed && !pin {
            return Err(refused("pin_required"));
        }
        if pin {
            self.suspicions.push((payer, None));
        }
        let number = self.payments.len();
        let (merchant, reference) = match code {
            Shown::Order(order) => {
                let order = &mut self.orders[order];
                order.state = OrderState::Paid(number);
                (order.merchant, order.reference)
            }
            Shown::Plate(plate) => (self.plates[plate].merchant, Reference::OfPayment(number)),
        };
        let day = self.open_day(payer, now);
        self.payments.push(Payment {
            payer,
            phone,
            merchant,
            amount,
            reference,
            charge: None,
            made_at: now,
            day,
            proof: counted,
            without_pin: shown != Proof::Pin,
            manual: false,
            first: PaymentState::Succeeded,
            first_fee: self.fee(merchant, amount),
            until: now,
            steps: Vec::new(),
        });
        Ok(done(vec![("/state", "succeeded".to_owned()), ("/amount", text(amount))]))
    }

    /// What is paid: the code says it, or the payer.
    fn amount_of(&self, code: Shown, said: Option<i64>) -> Result<i64, Expected> {
        let fixed = match code {
            Shown::Order(order) => {
                let order = &self.orders[order];
                match order.state {
                    OrderState::Open => Some(order.amount),
                    OrderState::Paid(_) => return Err(kept("order_paid")),
                    OrderState::Canceled => return Err(kept("order_canceled")),
                    OrderState::Expired => return Err(kept("order_expired")),
                }
            }
            Shown::Plate(plate) => self.plates[plate].amount,
        };
        match (fixed, said) {
            (None, None) => Err(refused("amount_missing")),
            (Some(fixed), Some(said)) if fixed != said => Err(refused("wrong_amount")),
            (Some(amount), _) | (None, Some(amount)) => Ok(amount),
        }
    }
}

fn order_says(order: &Order) -> Expected {
    done(vec![("/state", order.state().to_owned()), ("/amount", text(order.amount))])
}
