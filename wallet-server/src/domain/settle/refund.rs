//! A merchant gives money of a payment back, in part or all that is left.
//!
//! Together the refunds of a payment are never more than what was captured, and they take place one
//! after the other, under the payer's lock. A refusal that a later request could turn into a
//! movement is kept under the idempotency key.
//!
//! The fee that is returned is the difference of two shares, `fee × refunded ÷ captured` rounded
//! down, after this refund and before it. So it is never more than the fee, and all of the fee comes
//! back with the last part of the payment, however it was divided.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use super::give_back::{GivenBack, NotGivenBack, move_back};
use crate::domain::command::{Refund, Request};
use crate::domain::fee::fee_of_part;
use crate::domain::journal::moved_hash;
use crate::domain::ledger::Transfer;
use crate::domain::outcome::{Answer, NotMoved, Outcome, RefundAnswer, Refusal};
use crate::domain::plan::{AnswerRef, Event, NewRefund, PaymentChange, SuspenseSubject};
use crate::domain::settle::person::NotDone;
use crate::domain::snapshot::{OpenPayment, Refunded};
use crate::domain::stage::{Left, Reached, Stage};

/// Decides one refund.
pub(super) fn decide(books: &mut Books<'_>, refund: &Refund) -> Outcome {
    if books.rows.revoked_keys.contains(&refund.api_key) {
        return Outcome::Refused(Refusal::KeyRevoked);
    }
    let Request { key, hash } = &refund.request;
    if let Some(outcome) = books.known_key(key, *hash) {
        return outcome;
    }
    let (answer, name) = match give_back(books, refund) {
        Ok(answer) => (Answer::Refund(Box::new(answer)), AnswerRef::Refund(refund.id)),
        Err(NotDone::NotMoved(why)) => (Answer::NotMoved(why), AnswerRef::NotMoved(why)),
        Err(NotDone::Refused(refusal)) => return Outcome::Refused(refusal),
    };
    books.keep(key, *hash, &answer, name);
    Outcome::Answered { answer, replayed: false }
}

fn give_back(books: &mut Books<'_>, refund: &Refund) -> Result<RefundAnswer, NotDone> {
    let payment = books.open_payment(refund.payment).ok_or(Refusal::UnknownPayment)?;
    if (payment.payer, payment.answer.merchant) != (refund.payer, refund.merchant) {
        return Err(Refusal::UnknownPayment.into());
    }
    let (reached, back) = allow(books, refund, &payment)?;
    let parties =
        books.rows.payers.get(&refund.payer).zip(books.rows.merchants.get(&refund.merchant));
    // Both are there, or the payment would not be.
    let Some((&payer, &merchant)) = parties else { panic!("{} has lost a party", refund.payment) };
    let subject = SuspenseSubject::Refund(refund.id);
    let transfer = move_back(books, refund.transfer, &payment, (payer, merchant), back, subject);
    let transfer = transfer.map_err(|why| match why {
        NotGivenBack::BalanceInsufficient => NotDone::from(NotMoved::BalanceInsufficient),
        NotGivenBack::TooLarge => Refusal::TooLarge.into(),
    })?;
    Ok(record(books, refund, &payment, (reached, back), transfer))
}

/// How much goes back, and what that makes of the payment; the first rule broken says why nothing
/// does.
fn allow(
    books: &Books<'_>,
    refund: &Refund,
    payment: &OpenPayment,
) -> Result<(Reached, GivenBack), NotDone> {
    let rules = &books.rules.payments;
    let Record { state, settled, .. } = payment.answer.record;
    let left =
        Money::from_minor(settled.minor() - payment.refunded.amount.minor(), settled.currency());
    let amount = refund.amount.map_or(left, wallet_core::PositiveMoney::money);
    let stage = Stage::of(state);
    let captured = matches!(stage, Stage::Captured(_) | Stage::PartlyRefunded(_));
    // Of one that is refunded nothing is left, which the merchant hears as such.
    if !captured && state != PaymentState::Refunded {
        return Err(Refusal::NotRefundable.into());
    }
    if amount.currency() != settled.currency() {
        return Err(NotMoved::CurrencyMismatch.into());
    }
    if payment.answer.created_at.plus_millis(rules.refund_millis) < books.now {
        return Err(NotMoved::RefundTooLate.into());
    }
    if payment.refunded.count >= rules.refunds_max {
        return Err(NotMoved::TooManyRefunds.into());
    }
    if amount.minor() > left.minor() || left.minor() == 0 {
        return Err(NotMoved::RefundExceedsPayment(left).into());
    }
    let leaves = if amount == left { Left::Nothing } else { Left::Some };
    let reached = match stage {
        Stage::Captured(captured) => captured.refund(leaves),
        Stage::PartlyRefunded(partly) => partly.refund(leaves),
        Stage::Waiting(_) | Stage::Authorized(_) | Stage::Ended => {
            return Err(NotMoved::RefundExceedsPayment(left).into());
        }
    };
    let fee = if rules.fees_returned {
        let captured = payment.answer.record.settled;
        fee_of_part(payment.answer.fee, captured, payment.refunded.amount, amount)
    } else {
        Money::zero(amount.currency())
    };
    Ok((reached, GivenBack { amount, fee }))
}

fn record(
    books: &mut Books<'_>,
    refund: &Refund,
    payment: &OpenPayment,
    (reached, GivenBack { amount, fee }): (Reached, GivenBack),
    transfer: Transfer,
) -> RefundAnswer {
    let before = &payment.answer.record;
    let sum = |before: Money, more: Money| {
        Money::from_minor(before.minor() + more.minor(), more.currency())
    };
    let refunded = Refunded {
        amount: sum(payment.refunded.amount, amount),
        fee: sum(payment.refunded.fee, fee),
        count: payment.refunded.count + 1,
    };
    let books_hash = moved_hash(Some(&transfer));
    let of_payment =
        Record { state: reached.state(), decided_at: books.now, books_hash, ..*before };
    let of_refund = Record {
        kind: RecordKind::Refund,
        state: PaymentState::Succeeded,
        subject: *refund.id.as_bytes(),
        asked: amount,
        settled: amount,
        ..of_payment
    };
    let merchant = Some(refund.merchant);
    // The payer is told of the refund; what it makes of the payment is the merchant's business.
    let event = books.event(Event { record: of_payment, notice: None, merchant, payer: None });
    books.change_payment(refund.payment, PaymentChange::of(of_payment, refunded, event));
    if let Some(open) = books.rows.payments.get_mut(&refund.payment) {
        open.answer.record = of_payment;
        open.refunded = refunded;
    }
    let payer = Some(refund.payer);
    let event = books.event(Event { record: of_refund, notice: None, merchant, payer });
    let answer = RefundAnswer {
        id: refund.id,
        merchant: refund.merchant,
        payment: refund.payment,
        record: of_refund,
        fee_returned: fee,
        reason: refund.reason.clone(),
        metadata: refund.metadata.clone(),
    };
    books.plan.refunds.push(NewRefund {
        answer: answer.clone(),
        payer: refund.payer,
        transfer: transfer.id(),
        event,
    });
    books.plan.transfers.push(transfer);
    answer
}
