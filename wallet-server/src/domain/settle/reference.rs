//! A merchant undoes whatever stands under a reference: for a till that never got an answer and has
//! no id to ask about.
//!
//! | under the reference | so |
//! |---|---|
//! | nothing | it is taken for ever by a tombstone: a payment that is late on its way is refused |
//! | a tombstone | that is so already |
//! | an [order](super::order) that is open | it is closed |
//! | an order that was closed, or is too late | that is so already |
//! | an order that is paid | it goes with its payment as below |
//! | a payment that waits, is authorized, or succeeded a short while ago | it is [called off](super::resolve) |
//! | a payment that moved nothing, or all of whose money went back | that is so already |
//! | a payment that was refunded in part, or succeeded long ago | it stays |
//!
//! A payment is decided about under its payer's lock, so the command must name who that is. Whoever
//! made it looked before the transaction; if a payment has come in between, it looks again.

use wallet_core::receipt::PaymentState;

use super::Books;
use super::order::close as close_order;
use super::resolve::{cancel, close};
use crate::domain::command::{CancelReference, Request};
use crate::domain::ids::{OrderId, PaymentId};
use crate::domain::outcome::{Answer, OrderState, Outcome, PaymentAnswer, Refusal};
use crate::domain::plan::{AnswerRef, NewHolder, NewReference};
use crate::domain::snapshot::TakenReference;

/// Decides one.
pub(super) fn decide(books: &mut Books<'_>, command: &CancelReference) -> Outcome {
    if books.rows.revoked_keys.contains(&command.api_key) {
        return Outcome::Refused(Refusal::KeyRevoked);
    }
    let Request { key, hash } = &command.request;
    if let Some(outcome) = books.known_key(key, *hash) {
        return outcome;
    }
    match undo(books, command) {
        Ok(answer) => Outcome::Answered { answer, replayed: false },
        Err(refusal) => Outcome::Refused(refusal),
    }
}

fn undo(books: &mut Books<'_>, command: &CancelReference) -> Result<Answer, Refusal> {
    let reference = &command.reference;
    let payment = match books.rows.references.get(reference) {
        None => {
            books.rows.references.insert(reference.clone(), TakenReference::Tombstone);
            let (reference, holder) = (reference.clone(), NewHolder::Nothing);
            books.plan.references.push(NewReference { reference, holder });
            return Ok(canceled(books, &command.request));
        }
        Some(TakenReference::Tombstone) => return Ok(canceled(books, &command.request)),
        Some(TakenReference::Payment { first, .. }) => first.id,
        Some(&TakenReference::Order(id)) => match undo_order(books, command, id)? {
            Some(payment) => payment,
            None => return Ok(canceled(books, &command.request)),
        },
    };
    if command.holder.is_none_or(|holder| holder.0 != payment) {
        return Err(Refusal::ReferenceMoved);
    }
    let payment = books.open_payment(payment).ok_or(Refusal::ReferenceMoved)?;
    match payment.answer.record.state {
        PaymentState::RequiresConfirmation | PaymentState::Authorized | PaymentState::Succeeded => {
            let step = cancel(books, &payment.answer)?;
            close(books, command.transfer, payment, step, Some(&command.request))
        }
        PaymentState::Declined
        | PaymentState::Canceled
        | PaymentState::Expired
        | PaymentState::Refunded => Ok(ended(books, &command.request, payment.answer)),
        PaymentState::PartiallyRefunded => Err(Refusal::PaymentClosed),
    }
}

/// Sees to it that nobody pays an order any more; if somebody has, says which payment did.
fn undo_order(
    books: &mut Books<'_>,
    command: &CancelReference,
    id: OrderId,
) -> Result<Option<PaymentId>, Refusal> {
    let order = books.order(id).filter(|_| command.order == Some(id));
    let order = order.ok_or(Refusal::ReferenceMoved)?;
    match order.state {
        OrderState::Open => {
            close_order(books, order);
            Ok(None)
        }
        OrderState::Canceled | OrderState::Expired => Ok(None),
        OrderState::Paid(payment) => Ok(Some(payment)),
    }
}

/// It has come to its end without this; the key stands for that from now on.
fn ended(books: &mut Books<'_>, Request { key, hash }: &Request, payment: PaymentAnswer) -> Answer {
    let name = AnswerRef::EndedPayment(payment.id);
    let answer = Answer::Payment(Box::new(payment));
    books.keep(key, *hash, &answer, name);
    answer
}

/// Nothing stands under the reference, and nothing ever will.
fn canceled(books: &mut Books<'_>, Request { key, hash }: &Request) -> Answer {
    let answer = Answer::ReferenceCanceled;
    books.keep(key, *hash, &answer, AnswerRef::ReferenceCanceled);
    answer
}
