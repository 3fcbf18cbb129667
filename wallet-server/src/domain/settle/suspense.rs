//! Money that came back for a payer who could not have it: the operator decides.
//!
//! | the operator | finds | the money |
//! |---|---|---|
//! | releases it | it waits, and its owner is active | is the payer's |
//! | has paid it out | it waits | leaves the bank account |
//! | either | it has gone | does not move |

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use super::give_back::negative;
use super::person::{self, Done, NotDone, Subject};
use super::resolve::balanced;
use crate::domain::command::{EndSuspense, Request, SuspenseEnd};
use crate::domain::ledger::{AccountKind, Entry, Shard};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::plan::EndedSuspense;
use crate::domain::snapshot::{OpenSuspense, Payer};

/// Decides what the operator says.
pub(super) fn decide(books: &mut Books<'_>, end: &EndSuspense) -> Outcome {
    let Request { key, hash } = &end.request;
    if let Some(outcome) = books.known_key(key, *hash) {
        return outcome;
    }
    let done = act(books, end).map_err(NotDone::Refused);
    person::finish(books, &end.request, done, &[])
}

fn act(books: &mut Books<'_>, end: &EndSuspense) -> Result<Done, Refusal> {
    let mode = end.request.key.mode;
    let open = books.rows.suspense.get(&end.id).copied();
    let open = open.filter(|open| open.payer == end.payer && open.mode == mode);
    let OpenSuspense { amount, ended, .. } = open.ok_or(Refusal::UnknownSuspense)?;
    if ended {
        return Err(Refusal::SuspenseClosed);
    }
    let payer = *books.rows.payers.get(&end.payer).ok_or(Refusal::UnknownPayer)?;
    let own = |kind| {
        let account = books.rows.own_accounts.get(&(kind, mode, amount.currency()));
        account.copied().ok_or(Refusal::WrongCurrency)
    };
    let (suspense, bank) = (own(AccountKind::Suspense)?, own(AccountKind::Bank)?);
    let shard = books.rows.shard;
    let (to, external_reference) = match &end.end {
        SuspenseEnd::Released => (release(books, end, payer, amount)?, None),
        SuspenseEnd::PaidOut { external_reference } => {
            let reference = (mode, external_reference.clone());
            if !books.rows.suspense_references.insert(reference) {
                return Err(Refusal::ReferenceConflict);
            }
            (Entry::available(bank, shard, amount), Some(external_reference.clone()))
        }
    };
    let transfer =
        balanced(end.transfer, vec![Entry::available(suspense, shard, negative(amount)), to]);
    if let Some(open) = books.rows.suspense.get_mut(&end.id) {
        open.ended = true;
    }
    let subject = Subject {
        kind: RecordKind::Suspense,
        id: *end.id.as_bytes(),
        state: PaymentState::Succeeded,
        asked: amount,
        settled: amount,
    };
    let record = person::record(books, &payer, subject, &transfer);
    let reference_hash = external_reference.as_deref().map(Record::reference_hash);
    let record = Record { reference_hash: reference_hash.unwrap_or_default(), ..record };
    let event = books.tell(record, end.payer);
    books.plan.ended_suspense.push(EndedSuspense {
        id: end.id,
        external_reference,
        transfer: transfer.id(),
        event,
    });
    books.plan.transfers.push(transfer);
    Ok(Done { record, event, share: None })
}

/// The payer has it.
fn release(
    books: &mut Books<'_>,
    end: &EndSuspense,
    payer: Payer,
    amount: Money,
) -> Result<Entry, Refusal> {
    if !payer.active {
        return Err(Refusal::PayerUnavailable);
    }
    books.credit(end.payer, amount)?;
    Ok(Entry::available(payer.account, Shard(0), amount))
}
