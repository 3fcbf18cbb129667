//! A top-up: money that reached the bank account is credited to a payer, once.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use crate::domain::command::TopUp;
use crate::domain::journal::moved_hash;
use crate::domain::ledger::{AccountKind, Entry, Shard, Transfer};
use crate::domain::outcome::{Answer, Outcome, Refusal, TopUpAnswer};
use crate::domain::plan::{AnswerRef, Event, NewTopUp};

/// Decides one top-up.
pub(super) fn decide(books: &mut Books<'_>, top_up: &TopUp) -> Outcome {
    if let Some(outcome) = books.known_key(&top_up.key, top_up.request_hash) {
        return outcome;
    }
    let reference = (top_up.key.mode, top_up.external_reference.clone());
    if let Some(known) = books.rows.top_ups.get(&reference) {
        if known.payer != top_up.payer || known.record.asked != top_up.amount.money() {
            return Outcome::Refused(Refusal::ReferenceConflict);
        }
        let answer = known.clone();
        return Outcome::Answered { answer: keep(books, top_up, answer), replayed: true };
    }
    match credit(books, top_up) {
        Ok(answer) => {
            books.rows.top_ups.insert(reference, answer.clone());
            Outcome::Answered { answer: keep(books, top_up, answer), replayed: false }
        }
        Err(refusal) => Outcome::Refused(refusal),
    }
}

/// The most that one top-up may be, in minor units: ten trillion yuan. It keeps the sums over all
/// accounts far within 64 bits, so that a slip of the finger cannot spoil the books.
const TOP_UP_MINOR_MAX: i64 = 1_000_000_000_000_000;

fn credit(books: &mut Books<'_>, top_up: &TopUp) -> Result<TopUpAnswer, Refusal> {
    let (mode, amount) = (top_up.key.mode, top_up.amount.money());
    if amount.minor() > TOP_UP_MINOR_MAX {
        return Err(Refusal::TooLarge);
    }
    let payer = books
        .rows
        .payers
        .get_mut(&top_up.payer)
        .filter(|payer| payer.mode == mode)
        .ok_or(Refusal::UnknownPayer)?;
    if !payer.active {
        return Err(Refusal::PayerUnavailable);
    }
    if payer.available.currency() != amount.currency() {
        return Err(Refusal::WrongCurrency);
    }
    let available = payer.available.checked_add(amount).map_err(|_| Refusal::TooLarge)?;
    let bank = books
        .rows
        .own_accounts
        .get(&(AccountKind::Bank, mode, amount.currency()))
        .ok_or(Refusal::WrongCurrency)?;
    let shard = books.rows.shard;
    let entries = vec![
        Entry::available(*bank, shard, Money::from_minor(-amount.minor(), amount.currency())),
        Entry::available(payer.account, Shard(0), amount),
    ];
    let transfer = Transfer::new(top_up.transfer, entries).map_err(|_| Refusal::TooLarge)?;
    payer.available = available;
    let record = Record {
        mode,
        kind: RecordKind::TopUp,
        state: PaymentState::Succeeded,
        subject: *top_up.id.as_bytes(),
        merchant: [0; 16],
        decided_at: books.now,
        asked: amount,
        settled: amount,
        reference_hash: Record::reference_hash(&top_up.external_reference),
        books_hash: moved_hash(Some(&transfer)),
    };
    let answer = TopUpAnswer {
        id: top_up.id,
        payer: top_up.payer,
        record,
        external_reference: top_up.external_reference.clone(),
    };
    books.plan.top_ups.push(NewTopUp {
        answer: answer.clone(),
        transfer: transfer.id(),
        event: books.plan.events.len(),
    });
    books.plan.transfers.push(transfer);
    let payer = top_up.payer;
    books.plan.events.push(Event { record, notice: None, merchant: None, payer: Some(payer) });
    Ok(answer)
}

fn keep(books: &mut Books<'_>, top_up: &TopUp, answer: TopUpAnswer) -> Answer {
    let name = AnswerRef::TopUp(answer.id);
    let answer = Answer::TopUp(Box::new(answer));
    books.keep(&top_up.key, top_up.request_hash, &answer, name);
    answer
}
