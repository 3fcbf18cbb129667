//! A payer pays a code that a merchant shows: an order, once, or a plate, again and again.
//!
//! The code's signature was verified before the queue, so what it stands for is in the books. Here
//! the rules are those of a [charge](super::charge), but for the code: no mark moves, and where a
//! charge would wait for the payer to confirm it, the payer, who is there, is asked for the PIN and
//! asks again. An attempt that is refused makes no payment, and its merchant hears nothing of it.

use wallet_core::receipt::{PaymentState, Record, RecordKind};
use wallet_core::{Money, PositiveMoney};

use super::Books;
use super::confirmation::{Standing, pin_reason};
use super::order::is_late;
use super::person::{self, Asking, NotDone};
use super::sale::{self, Seller};
use crate::domain::command::{Capture, MerchantCodeId, PayMerchantCode, ReferenceRef, Request};
use crate::domain::ids::OrderId;
use crate::domain::journal::books_hash;
use crate::domain::ledger::Transfer;
use crate::domain::limits::{Limits, Proof, Usage};
use crate::domain::outcome::{
    Answer, NotMoved, OrderAnswer, OrderState, Outcome, PaymentAnswer, Refusal,
};
use crate::domain::plan::{
    AnswerRef, EndedOrder, Event, Evidence, NewHolder, NewPayment, NewReference,
};
use crate::domain::snapshot::{KnownPlate, Payer, TakenReference};
use crate::domain::stage::Reached;

/// Decides one.
pub(super) fn pay(books: &mut Books<'_>, pay: &PayMerchantCode) -> Outcome {
    let asking = match person::asking(books, &pay.by) {
        Ok(asking) => asking,
        Err(outcome) => return outcome,
    };
    let paid = if asking.payer.active {
        payable(books, pay).and_then(|payable| {
            let spent = spend(books, pay, &asking, &payable)?;
            Ok(record(books, pay, &asking, payable, &spent))
        })
    } else {
        Err(NotMoved::PayerUnavailable.into())
    };
    let (answer, name) = match paid {
        Ok(answer) => {
            let name = AnswerRef::Payment(answer.id);
            (Answer::Payment(Box::new(answer)), name)
        }
        Err(NotDone::NotMoved(why)) => (Answer::NotMoved(why), AnswerRef::NotMoved(why)),
        Err(NotDone::Refused(refusal)) => return Outcome::Refused(refusal),
    };
    let Request { key, hash } = &pay.by.request;
    books.keep(key, *hash, &answer, name);
    Outcome::Answered { answer, replayed: false }
}

/// What may be paid: how much, to whom, and under which reference.
struct Payable {
    amount: Money,
    seller: Seller,
    reference: String,
    description: Option<String>,
    metadata: Option<String>,
}

fn payable(books: &Books<'_>, pay: &PayMerchantCode) -> Result<Payable, NotDone> {
    let (fixed, about) = match pay.code {
        MerchantCodeId::Order(id) => {
            let order = payable_order(books, pay, id)?;
            let OrderAnswer { amount, reference, description, metadata, .. } = order;
            (Some(amount), (reference, description, metadata))
        }
        MerchantCodeId::Plate(id) => {
            let plate = books.rows.merchant_codes.plates.get(&id);
            let plate = plate.filter(|plate| (plate.merchant, plate.mode) == owner(pay));
            let plate = plate.ok_or(Refusal::UnknownMerchantCode)?;
            if !plate.active {
                return Err(NotMoved::PlateClosed.into());
            }
            // Its payments are told apart by their own ids.
            (amount_of_plate(plate, pay)?, (pay.id.to_string(), None, None))
        }
    };
    let amount = amount(fixed, pay.amount)?;
    let seller = Seller::of(books, pay.merchant, pay.by.mode(), amount);
    let seller = seller.ok_or(NotMoved::MerchantUnavailable)?;
    let (reference, description, metadata) = about;
    Ok(Payable { amount, seller, reference, description, metadata })
}

/// Whose code it must be, in which mode.
fn owner(pay: &PayMerchantCode) -> (crate::domain::ids::MerchantId, wallet_core::Mode) {
    (pay.merchant, pay.by.mode())
}

fn payable_order(
    books: &Books<'_>,
    pay: &PayMerchantCode,
    id: OrderId,
) -> Result<OrderAnswer, NotDone> {
    let order = books.order(id).filter(|order| (order.merchant, order.mode) == owner(pay));
    let order = order.ok_or(Refusal::UnknownMerchantCode)?;
    match order.state {
        OrderState::Open if is_late(books, &order) => Err(NotMoved::OrderExpired.into()),
        OrderState::Open => Ok(order),
        OrderState::Paid(_) => Err(NotMoved::OrderPaid.into()),
        OrderState::Canceled => Err(NotMoved::OrderCanceled.into()),
        OrderState::Expired => Err(NotMoved::OrderExpired.into()),
    }
}

/// The amount of a plate; one without asks in its own currency for whatever the payer says.
fn amount_of_plate(
    plate: &KnownPlate,
    pay: &PayMerchantCode,
) -> Result<Option<PositiveMoney>, Refusal> {
    let other = |said: PositiveMoney| said.money().currency() != plate.currency;
    if plate.amount.is_none() && pay.amount.is_some_and(other) {
        return Err(Refusal::WrongAmount);
    }
    Ok(plate.amount)
}

/// What is paid: the amount of the code, or what the payer says; both only if they are one.
fn amount(fixed: Option<PositiveMoney>, said: Option<PositiveMoney>) -> Result<Money, Refusal> {
    match (fixed, said) {
        (None, None) => Err(Refusal::AmountMissing),
        (Some(fixed), Some(said)) if fixed != said => Err(Refusal::WrongAmount),
        (Some(amount), _) | (None, Some(amount)) => Ok(amount.money()),
    }
}

/// What leaves the wallet, and what that leaves.
struct Spent {
    available: Money,
    usage: Usage,
    limits: Limits,
    proof: Proof,
}

/// Whether the payer may pay this. What no PIN would change is said first, so that nobody types
/// one in vain.
fn spend(
    books: &Books<'_>,
    pay: &PayMerchantCode,
    asking: &Asking,
    payable: &Payable,
) -> Result<Spent, NotDone> {
    let Asking { payer, device } = asking;
    let amount = payable.amount;
    if payer.available.currency() != amount.currency() {
        return Err(NotMoved::CurrencyMismatch.into());
    }
    let rules = &books.rules.limits;
    let limits = rules.of_device(&payer.own_limits, device.is_new(books.now));
    let standing = Standing {
        new_device: device.is_new(books.now),
        suspected: payer.suspected_until.is_some_and(|until| books.now < until),
        usage: payer.usage,
        limits,
    };
    let needed = pin_reason(books.rules, &standing, amount).is_some();
    let with_pin = pay.with_pin || needed;
    let (proof, usage) = match pay.code {
        MerchantCodeId::Plate(_) => {
            (Proof::Static, rules.allow_static(&limits, amount, &payer.usage, with_pin))
        }
        MerchantCodeId::Order(_) => {
            let proof = if with_pin { Proof::Pin } else { Proof::Code };
            (proof, rules.allow(&limits, amount, &payer.usage, proof))
        }
    };
    let usage = usage.map_err(NotMoved::OverLimit)?;
    let available = person::take(payer, amount)?;
    if needed && !pay.with_pin {
        return Err(Refusal::PinRequired.into());
    }
    Ok(Spent { available, usage, limits, proof })
}

/// Moves the money, and writes the payment down.
fn record(
    books: &mut Books<'_>,
    pay: &PayMerchantCode,
    asking: &Asking,
    payable: Payable,
    spent: &Spent,
) -> PaymentAnswer {
    let Payable { amount, seller, .. } = payable;
    let payer = asking.payer;
    let transfer = sale::pay(books, pay.transfer, &seller, &payer, amount);
    // If the PIN was right just now, it is the payer.
    let suspected_until = payer.suspected_until.filter(|_| !pay.with_pin);
    let payer = Payer { suspected_until, ..payer };
    books.set_payer(pay.by.payer, &payer, spent.available, spent.usage);
    let answer = answer(books, pay, payable, &transfer);
    let merchant = Some(seller.id);
    let payer = Some(pay.by.payer);
    let event = books.event(Event { record: answer.record, notice: None, merchant, payer });
    if let MerchantCodeId::Order(id) = pay.code {
        books.end_order(id, EndedOrder { state: OrderState::Paid(pay.id), event });
    } else {
        take_reference(books, pay, &answer);
    }
    books.plan.payments.push(NewPayment {
        answer: answer.clone(),
        payer: pay.by.payer,
        device: pay.by.device,
        limits: spent.limits,
        proof: spent.proof,
        day: spent.usage.day,
        counted: amount.minor(),
        reason: None,
        over_limit: None,
        transfer: Some(transfer.id()),
        evidence: Evidence::Request { signed: pay.evidence.clone() },
        event,
    });
    books.plan.transfers.push(transfer);
    answer
}

/// The payment: it has succeeded.
fn answer(
    books: &Books<'_>,
    pay: &PayMerchantCode,
    payable: Payable,
    transfer: &Transfer,
) -> PaymentAnswer {
    let Payable { amount, seller, reference, description, metadata } = payable;
    let state: PaymentState = Reached::allowed(Capture::Automatic).state();
    let record = Record {
        mode: pay.by.mode(),
        kind: RecordKind::Payment,
        state,
        subject: *pay.id.as_bytes(),
        merchant: *seller.id.as_bytes(),
        decided_at: books.now,
        asked: amount,
        settled: amount,
        reference_hash: Record::reference_hash(&reference),
        books_hash: books_hash(transfer.entries(), &pay.evidence),
    };
    PaymentAnswer {
        id: pay.id,
        merchant: seller.id,
        mode: pay.by.mode(),
        created_at: books.now,
        expires_at: None,
        hold_expires_at: None,
        record,
        fee: seller.merchant.fee.fee(amount),
        decline_code: None,
        reference,
        capture: Capture::Automatic,
        code_source: pay.code.code_source(),
        merchant_code: Some(pay.code),
        terminal: None,
        description,
        metadata,
    }
}

/// A payment of a plate is found by its reference like every other. No charge is the same request.
fn take_reference(books: &mut Books<'_>, pay: &PayMerchantCode, answer: &PaymentAnswer) {
    let reference = ReferenceRef {
        merchant: answer.merchant,
        mode: answer.mode,
        reference: answer.reference.clone(),
    };
    let fingerprint = pay.by.request.hash;
    let first = Box::new(answer.clone());
    let taken = TakenReference::Payment { fingerprint, first, canceled: false };
    books.rows.references.insert(reference.clone(), taken);
    let holder = NewHolder::Payment(pay.id, fingerprint);
    books.plan.references.push(NewReference { reference, holder });
}
