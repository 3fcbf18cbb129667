//! A payer gives money to another payer.
//!
//! It counts against the payer's limits as a payment with the PIN does. Both are locked, so that
//! two who pay each other at the same moment, at two servers, are settled one after the other.

use wallet_core::receipt::{PaymentState, RecordKind};

use super::Books;
use super::person::{self, Asking, Done, NotDone, Subject};
use crate::domain::command::PayerTransfer;
use crate::domain::outcome::{NotMoved, Outcome};
use crate::domain::plan::NewPayerTransfer;
use crate::domain::snapshot::Payer;

/// Decides one transfer.
pub(super) fn decide(books: &mut Books<'_>, transfer: &PayerTransfer) -> Outcome {
    person::decide(books, &transfer.by, |books, asking| give(books, transfer, &asking))
}

fn give(books: &mut Books<'_>, asked: &PayerTransfer, asking: &Asking) -> Result<Done, NotDone> {
    let amount = asked.amount.money();
    let payer = asking.payer;
    let payee_id = asked.payee.ok_or(NotMoved::UnknownRecipient)?;
    if payee_id == asked.by.payer {
        return Err(NotMoved::SamePayer.into());
    }
    let payee = recipient(books, asked, &payer)?;
    let (available, usage) = person::spend(books, asking, amount)?;

    let transfer = person::give(asked.transfer, &payer, &payee, amount);
    books.credit(payee_id, amount)?;
    books.set_payer(asked.by.payer, &payer, available, usage);
    let subject = Subject {
        kind: RecordKind::PayerTransfer,
        id: *asked.id.as_bytes(),
        state: PaymentState::Succeeded,
        asked: amount,
        settled: amount,
    };
    let record = person::record(books, &payer, subject, &transfer);
    let event = books.tell(record, asked.by.payer);
    books.tell(record, payee_id);
    books.plan.people.transfers.push(NewPayerTransfer {
        id: asked.id,
        record,
        payer: asked.by.payer,
        payee: payee_id,
        note: asked.note.clone(),
        day: usage.day,
        transfer: transfer.id(),
        event,
    });
    books.plan.transfers.push(transfer);
    Ok(Done { record, event, share: None })
}

/// Who gets it, if they can take it.
fn recipient(books: &Books<'_>, asked: &PayerTransfer, payer: &Payer) -> Result<Payer, NotMoved> {
    let payee = asked.payee.and_then(|id| books.rows.payers.get(&id));
    let payee = payee.filter(|payee| payee.mode == payer.mode).ok_or(NotMoved::UnknownRecipient)?;
    if !payee.active {
        return Err(NotMoved::RecipientUnavailable);
    }
    let currency = asked.amount.money().currency();
    let currencies = [payer.available.currency(), payee.available.currency()];
    if currencies.iter().any(|other| *other != currency) {
        return Err(NotMoved::CurrencyMismatch);
    }
    Ok(*payee)
}
