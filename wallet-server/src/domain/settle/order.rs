//! Orders: what a merchant asks to be paid, once, by whoever scans its code.
//!
//! | who | finds | leaves |
//! |---|---|---|
//! | the merchant makes it | nothing under its reference | `open`, and the reference is taken for ever |
//! | a payer [pays](super::merchant_code) | `open`, in time | `paid`, with a payment |
//! | the merchant closes it, by its id or its reference | `open`, in time | `canceled` |
//! | the same | `canceled`, `expired` | the same |
//! | the time, or the merchant after it | `open`, too late | `expired` |
//!
//! Nothing leads out of `paid`: what becomes of the payment is the payment's own. Whoever decides
//! about an order holds its row, so that of two one wins, and the other finds its state.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use super::sale::Seller;
use crate::domain::command::{EndOrder, MakeOrder, OrderEnd, Request};
use crate::domain::ids::OrderId;
use crate::domain::journal::books_hash;
use crate::domain::outcome::{Answer, OrderAnswer, OrderState, Outcome, Refusal};
use crate::domain::plan::{AnswerRef, EndedOrder, Event, NewHolder, NewReference};
use crate::domain::snapshot::TakenReference;

/// Decides about a new order.
pub(super) fn make(books: &mut Books<'_>, make: &MakeOrder) -> Outcome {
    if books.rows.revoked_keys.contains(&make.api_key) {
        return Outcome::Refused(Refusal::KeyRevoked);
    }
    let Request { key, hash } = &make.request;
    if let Some(outcome) = books.known_key(key, *hash) {
        return outcome;
    }
    match books.rows.references.get(&make.reference) {
        Some(TakenReference::Tombstone) => return Outcome::Refused(Refusal::ReferenceCanceled),
        Some(TakenReference::Payment { .. } | TakenReference::Order(_)) => {
            return Outcome::Refused(Refusal::ReferenceConflict);
        }
        None => {}
    }
    let asked = make.amount.money();
    if Seller::of(books, make.reference.merchant, key.mode, asked).is_none() {
        return Outcome::Refused(Refusal::MerchantUnavailable);
    }
    let order = OrderAnswer {
        id: make.id,
        merchant: make.reference.merchant,
        mode: key.mode,
        state: OrderState::Open,
        amount: make.amount,
        reference: make.reference.reference.clone(),
        description: make.description.clone(),
        metadata: make.metadata.clone(),
        payload: make.payload.clone(),
        created_at: books.now,
        expires_at: make.expires_at,
    };
    let reference = make.reference.clone();
    books.rows.references.insert(reference.clone(), TakenReference::Order(make.id));
    books.plan.references.push(NewReference { reference, holder: NewHolder::Order(make.id) });
    books.rows.merchant_codes.orders.insert(make.id, order.clone());
    books.plan.merchant_codes.orders.push(order.clone());
    let answer = Answer::Order(Box::new(order));
    books.keep(key, *hash, &answer, AnswerRef::Order(make.id));
    Outcome::Answered { answer, replayed: false }
}

/// Decides about the end of an order.
pub(super) fn end(books: &mut Books<'_>, end: &EndOrder) -> Outcome {
    if end.api_key().is_some_and(|key| books.rows.revoked_keys.contains(&key)) {
        return Outcome::Refused(Refusal::KeyRevoked);
    }
    if let Some(Request { key, hash }) = end.request()
        && let Some(outcome) = books.known_key(key, *hash)
    {
        return outcome;
    }
    let order = books.order(end.order).filter(|order| order.merchant == end.merchant);
    let Some(order) = order else { return Outcome::Refused(Refusal::UnknownOrder) };
    let order = match &end.by {
        OrderEnd::Merchant { request, .. } if request.key.mode != order.mode => {
            return Outcome::Refused(Refusal::UnknownOrder);
        }
        OrderEnd::Merchant { .. } => match order.state {
            OrderState::Open => close(books, order),
            OrderState::Canceled | OrderState::Expired => order,
            OrderState::Paid(_) => return Outcome::Refused(Refusal::OrderPaid),
        },
        OrderEnd::Time => match order.state {
            OrderState::Open if is_late(books, &order) => close(books, order),
            // Of those that are open, because another clock is ahead of this one.
            OrderState::Open | OrderState::Paid(_) | OrderState::Canceled | OrderState::Expired => {
                return Outcome::Refused(Refusal::OrderEnded);
            }
        },
    };
    let answer = Answer::Order(Box::new(order));
    if let Some(Request { key, hash }) = end.request() {
        books.keep(key, *hash, &answer, AnswerRef::EndedOrder(end.order));
    }
    Outcome::Answered { answer, replayed: false }
}

/// Ends an open order that nobody has paid: expired if its time is over, otherwise canceled.
pub(super) fn close(books: &mut Books<'_>, order: OrderAnswer) -> OrderAnswer {
    let (state, recorded) = if is_late(books, &order) {
        (OrderState::Expired, PaymentState::Expired)
    } else {
        (OrderState::Canceled, PaymentState::Canceled)
    };
    let asked = order.amount.money();
    let record = Record {
        mode: order.mode,
        kind: RecordKind::Order,
        state: recorded,
        subject: *order.id.as_bytes(),
        merchant: *order.merchant.as_bytes(),
        decided_at: books.now,
        asked,
        settled: Money::zero(asked.currency()),
        reference_hash: Record::reference_hash(&order.reference),
        books_hash: books_hash(&[], &[]),
    };
    let merchant = Some(order.merchant);
    let event = books.event(Event { record, notice: None, merchant, payer: None });
    books.end_order(order.id, EndedOrder { state, event });
    OrderAnswer { state, ..order }
}

/// Whether its time is over.
pub(super) fn is_late(books: &Books<'_>, order: &OrderAnswer) -> bool {
    order.expires_at <= books.now
}

impl Books<'_> {
    /// An order as it is now.
    pub(super) fn order(&self, id: OrderId) -> Option<OrderAnswer> {
        self.rows.merchant_codes.orders.get(&id).cloned()
    }

    /// Writes down how an order ends.
    pub(super) fn end_order(&mut self, id: OrderId, ended: EndedOrder) {
        if let Some(order) = self.rows.merchant_codes.orders.get_mut(&id) {
            order.state = ended.state;
        }
        self.plan.merchant_codes.ended.insert(id, ended);
    }
}
