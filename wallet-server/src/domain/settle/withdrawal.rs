//! A payer takes money out, through the operator.
//!
//! | who | finds | leaves | the money |
//! |---|---|---|---|
//! | the payer asks | – | `authorized` | is held |
//! | the operator has paid | `authorized` | `succeeded` | goes from the payer to the bank account, which it has left |
//! | the operator returns it | `authorized` | `canceled` | is free again |
//! | the operator | another state | the same | does not move |
//!
//! It counts against no limit: it is the payer's own money, on its way to the payer. That it is the
//! payer who says where to is not sure enough on a new device, which takes nothing out.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use super::give_back::negative;
use super::person::{self, Asking, Done, NotDone, Subject};
use super::resolve::{balanced, held, release};
use crate::domain::command::{FinishWithdrawal, Request, Withdraw, WithdrawalEnd};
use crate::domain::journal::moved_hash;
use crate::domain::ledger::{AccountKind, Entry, Transfer};
use crate::domain::limits::{LimitName, OverLimit};
use crate::domain::outcome::{NotMoved, Outcome, Refusal};
use crate::domain::plan::{FinishedWithdrawal, NewWithdrawal};
use crate::domain::snapshot::{OpenWithdrawal, Payer};

/// Decides what a payer asks for.
pub(super) fn decide(books: &mut Books<'_>, withdraw: &Withdraw) -> Outcome {
    person::decide(books, &withdraw.by, |books, asking| set_aside(books, withdraw, &asking))
}

fn set_aside(
    books: &mut Books<'_>,
    withdraw: &Withdraw,
    Asking { payer, device }: &Asking,
) -> Result<Done, NotDone> {
    let amount = withdraw.amount.money();
    if payer.available.currency() != amount.currency() {
        return Err(NotMoved::CurrencyMismatch.into());
    }
    if device.is_new(books.now) {
        let left = Money::zero(amount.currency());
        return Err(NotMoved::OverLimit(OverLimit { limit: LimitName::Payment, left }).into());
    }
    let available = person::take(payer, amount)?;
    let transfer = person::hold(withdraw.transfer, payer, amount);
    books.set_payer(withdraw.by.payer, payer, available, payer.usage);
    let subject = Subject {
        kind: RecordKind::Withdrawal,
        id: *withdraw.id.as_bytes(),
        state: PaymentState::Authorized,
        asked: amount,
        settled: Money::zero(amount.currency()),
    };
    let record = person::record(books, payer, subject, &transfer);
    let event = books.tell(record, withdraw.by.payer);
    books.plan.people.withdrawals.push(NewWithdrawal {
        id: withdraw.id,
        record,
        payer: withdraw.by.payer,
        destination: withdraw.destination.clone(),
        transfer: transfer.id(),
        event,
    });
    books.plan.transfers.push(transfer);
    Ok(Done { record, event, share: None })
}

/// Decides what the operator says.
pub(super) fn finish(books: &mut Books<'_>, finish: &FinishWithdrawal) -> Outcome {
    let Request { key, hash } = &finish.request;
    if let Some(outcome) = books.known_key(key, *hash) {
        return outcome;
    }
    let done = end(books, finish).map_err(NotDone::Refused);
    person::finish(books, &finish.request, done, &finish.shown)
}

fn end(books: &mut Books<'_>, finish: &FinishWithdrawal) -> Result<Done, Refusal> {
    let mode = finish.request.key.mode;
    let open = books.rows.people.withdrawals.get(&finish.id).copied();
    let open = open.filter(|open| open.payer == finish.payer && open.record.mode == mode);
    let OpenWithdrawal { record: before, .. } = open.ok_or(Refusal::UnknownWithdrawal)?;
    if before.state != PaymentState::Authorized {
        return Err(Refusal::WithdrawalClosed);
    }
    let payer = *books.rows.payers.get(&finish.payer).ok_or(Refusal::UnknownPayer)?;
    let amount = before.asked;
    let (state, transfer, external_reference) = match &finish.end {
        WithdrawalEnd::Paid { external_reference } => {
            let reference = (mode, external_reference.clone());
            if !books.rows.people.paid_references.insert(reference) {
                return Err(Refusal::ReferenceConflict);
            }
            let transfer = pay_out(books, finish, &payer, amount)?;
            (PaymentState::Succeeded, transfer, Some(external_reference.clone()))
        }
        WithdrawalEnd::Returned => {
            books.credit(finish.payer, amount)?;
            (PaymentState::Canceled, release(finish.transfer, &payer, amount), None)
        }
    };
    let paid = state == PaymentState::Succeeded;
    let reference_hash = external_reference.as_deref().map(Record::reference_hash);
    let record = Record {
        state,
        decided_at: books.now,
        settled: if paid { amount } else { Money::zero(amount.currency()) },
        reference_hash: reference_hash.unwrap_or_default(),
        books_hash: moved_hash(Some(&transfer)),
        ..before
    };
    if let Some(open) = books.rows.people.withdrawals.get_mut(&finish.id) {
        open.record = record;
    }
    let event = books.tell(record, finish.payer);
    books.plan.people.finished.push(FinishedWithdrawal {
        id: finish.id,
        record,
        external_reference,
        transfer: transfer.id(),
        event,
    });
    books.plan.transfers.push(transfer);
    Ok(Done { record, event, share: None })
}

/// What was held leaves the bank account.
fn pay_out(
    books: &Books<'_>,
    finish: &FinishWithdrawal,
    payer: &Payer,
    amount: Money,
) -> Result<Transfer, Refusal> {
    let bank = (AccountKind::Bank, payer.mode, amount.currency());
    let bank = books.rows.own_accounts.get(&bank).ok_or(Refusal::WrongCurrency)?;
    let entries =
        vec![held(payer, negative(amount)), Entry::available(*bank, books.rows.shard, amount)];
    Ok(balanced(finish.transfer, entries))
}
