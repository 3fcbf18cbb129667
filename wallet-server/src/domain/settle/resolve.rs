//! A payment that waits for its payer is decided.
//!
//! | who | finds | leaves | the money that was held |
//! |---|---|---|---|
//! | the payer confirms | `requires_confirmation`, in time | `succeeded` | goes to the merchant, less the fee |
//! | the payer refuses | `requires_confirmation` | `declined` | is free again |
//! | the merchant cancels | `requires_confirmation` | `canceled` | is free again |
//! | the time is over | `requires_confirmation`, too late | `expired` | is free again |
//! | anybody | another state | the same | does not move |
//!
//! All of them hold the payer's lock, so that one wins and the others find its state. Whoever decides
//! was told of the payment, so it was never made in the same batch.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record};

use super::Books;
use crate::domain::command::{Request, Resolve, Resolver};
use crate::domain::ids::TransferId;
use crate::domain::journal::books_hash;
use crate::domain::ledger::{AccountKind, Bucket, Entry, Shard, Transfer};
use crate::domain::limits::Usage;
use crate::domain::outcome::{Answer, DeclineCode, Outcome, PaymentAnswer, Refusal};
use crate::domain::plan::{AnswerRef, Event, ResolvedPayment};
use crate::domain::snapshot::{Merchant, OpenPayment, Payer};

/// Decides one payment that waits.
pub(super) fn decide(books: &mut Books<'_>, resolve: &Resolve) -> Outcome {
    if let Resolver::Merchant { api_key, .. } = &resolve.by
        && books.rows.revoked_keys.contains(api_key)
    {
        return Outcome::Refused(Refusal::KeyRevoked);
    }
    if let Some(Request { key, hash }) = resolve.request()
        && let Some(outcome) = books.known_key(key, *hash)
    {
        return outcome;
    }
    match open(books, resolve) {
        Ok((payment, state)) => {
            let answer = close(books, resolve, payment, state);
            Outcome::Answered { answer, replayed: false }
        }
        Err(refusal) => Outcome::Refused(refusal),
    }
}

/// The payment, if it may be decided so, and the state that it gets.
fn open(books: &Books<'_>, resolve: &Resolve) -> Result<(OpenPayment, PaymentState), Refusal> {
    let payment = books.rows.payments.get(&resolve.payment).ok_or(Refusal::UnknownPayment)?;
    let owners = (payment.payer, payment.answer.merchant);
    if owners != (resolve.payer, resolve.merchant) {
        return Err(Refusal::UnknownPayment);
    }
    if payment.answer.record.state != PaymentState::RequiresConfirmation {
        return Err(Refusal::PaymentClosed);
    }
    let late = payment.answer.expires_at.is_none_or(|until| until <= books.now);
    let state = match &resolve.by {
        Resolver::Payer { device, confirmed, .. } => {
            let known = books.rows.devices.get(device).filter(|known| !known.revoked);
            let payer = books.rows.payers.get(&resolve.payer);
            if *device != payment.device || known.is_none() {
                return Err(Refusal::OtherDevice);
            }
            if late {
                return Err(Refusal::ConfirmationExpired);
            }
            if *confirmed && payer.is_none_or(|payer| !payer.active) {
                return Err(Refusal::PayerUnavailable);
            }
            if *confirmed { PaymentState::Succeeded } else { PaymentState::Declined }
        }
        Resolver::Merchant { .. } => PaymentState::Canceled,
        Resolver::Time if late => PaymentState::Expired,
        // Another clock is ahead of this one.
        Resolver::Time => return Err(Refusal::PaymentClosed),
    };
    Ok((payment.clone(), state))
}

/// Moves what was held, on to the merchant or back, and writes it down.
fn close(
    books: &mut Books<'_>,
    resolve: &Resolve,
    payment: OpenPayment,
    state: PaymentState,
) -> Answer {
    let OpenPayment { answer: before, payer: payer_id, proof, day, .. } = payment;
    let asked = before.record.asked;
    let succeeded = state == PaymentState::Succeeded;
    let parties = books.rows.payers.get(&payer_id).zip(books.rows.merchants.get(&before.merchant));
    // Both are there, or the payment would not be.
    let Some((&payer, &merchant)) = parties else { panic!("{} has lost a party", before.id) };

    let fee = if succeeded { merchant.fee.fee(asked) } else { Money::zero(asked.currency()) };
    let transfer = if succeeded {
        capture(books, resolve.transfer, (&payer, &merchant), asked, fee)
    } else {
        release(resolve.transfer, &payer, asked)
    };
    let payer = if succeeded {
        // The PIN was right: it is the payer.
        Payer { suspected_until: None, ..payer }
    } else {
        let usage = payer.usage.on(books.rows.today);
        let usage = Usage::releasing(usage, asked.minor(), proof, day);
        let available = payer.available.checked_add(asked).unwrap_or(payer.available);
        Payer { available, usage, ..payer }
    };
    books.update_payer(payer_id, payer);

    let record = Record {
        state,
        decided_at: books.now,
        settled: if succeeded { asked } else { Money::zero(asked.currency()) },
        books_hash: books_hash(transfer.entries(), &[]),
        ..before.record
    };
    let decline_code = (state == PaymentState::Declined).then_some(DeclineCode::RefusedByPayer);
    let event = books.plan.events.len();
    books.plan.resolved.push(ResolvedPayment {
        id: before.id,
        record,
        decline_code,
        fee,
        counted: if succeeded { asked.minor() } else { 0 },
        transfer: transfer.id(),
        event,
    });
    books.plan.transfers.push(transfer);
    let merchant = Some(before.merchant);
    books.plan.events.push(Event { record, notice: None, merchant, payer: payer_id });

    let after = PaymentAnswer { record, fee, decline_code, ..before };
    if let Some(open) = books.rows.payments.get_mut(&after.id) {
        open.answer = after.clone();
    }
    let name = AnswerRef::PaymentAt(after.id, event);
    let answer = Answer::Payment(Box::new(after));
    if let Some(Request { key, hash }) = resolve.request() {
        books.keep(key, *hash, &answer, name);
    }
    answer
}

/// What was held goes to the merchant, less the fee.
fn capture(
    books: &Books<'_>,
    id: TransferId,
    (payer, merchant): (&Payer, &Merchant),
    amount: Money,
    fee: Money,
) -> Transfer {
    let shard = books.rows.shard;
    let fees = books.rows.own_accounts.get(&(AccountKind::Fees, payer.mode, amount.currency()));
    let due = Money::from_minor(amount.minor() - fee.minor(), amount.currency());
    let mut entries = vec![
        held(payer, Money::from_minor(-amount.minor(), amount.currency())),
        Entry::available(merchant.account, shard, due),
    ];
    entries.extend(fees.map(|fees| Entry::available(*fees, shard, fee)));
    entries.retain(|entry| entry.amount.minor() != 0);
    balanced(id, entries)
}

/// What was held is free again.
pub(super) fn release(id: TransferId, payer: &Payer, amount: Money) -> Transfer {
    let back = Money::from_minor(-amount.minor(), amount.currency());
    balanced(id, vec![held(payer, back), Entry::available(payer.account, Shard(0), amount)])
}

/// An entry that sets money of a payer aside, or takes it from there.
pub(super) fn held(payer: &Payer, amount: Money) -> Entry {
    Entry { account: payer.account, shard: Shard(0), bucket: Bucket::Held, amount }
}

/// Balanced by construction. If not, the books are not to be trusted with it: the batcher isolates
/// the command.
pub(super) fn balanced(id: TransferId, entries: Vec<Entry>) -> Transfer {
    Transfer::new(id, entries).unwrap_or_else(|error| panic!("{id}: {error}"))
}
