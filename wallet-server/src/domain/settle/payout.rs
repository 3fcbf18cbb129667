//! A merchant has money paid out, through the operator.
//!
//! | who | finds | leaves | the money |
//! |---|---|---|---|
//! | the merchant asks, or the operator on its behalf | – | `authorized` | is held |
//! | the merchant calls it off | `authorized`, in no batch | `canceled` | is free again |
//! | the operator returns it | `authorized` | `canceled` | is free again |
//! | the operator has paid | `authorized` | `succeeded` | goes from the merchant to the bank account, which it has left |
//! | the operator returns it: the bank sent it back | `succeeded` | `canceled` | goes from the bank account to the merchant |
//! | anybody | another state | the same | does not move |
//!
//! What a merchant has must never be less than nothing, over all shards of its account together;
//! so whoever decides about one of its payouts holds them all, as for money that it gives back. What
//! is held is counted in the shard of the process that decides: in one of them it may be less than
//! nothing, in all of them together it is what the merchant's open payouts come to.
//!
//! A closed merchant takes no payments, and has its money paid out like any other.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use super::give_back::{NotGivenBack, negative};
use super::person::{self, Done, NotDone};
use super::resolve::balanced;
use crate::domain::command::{FinishPayout, PayoutAsker, PayoutEnd, Request, RequestPayout};
use crate::domain::ids::PayoutId;
use crate::domain::journal::moved_hash;
use crate::domain::ledger::{AccountKind, Bucket, Entry, Shard, Transfer};
use crate::domain::outcome::{NotMoved, Outcome, Refusal};
use crate::domain::payout::{PayoutStage, ReachedPayout};
use crate::domain::plan::{Event, NewPayout, PayoutChange};
use crate::domain::snapshot::{KnownPayout, Merchant};

/// What may be paid out.
#[derive(Clone, Copy, Debug)]
pub struct PayoutRules {
    /// The least that a payout may be.
    pub least: Money,
}

/// Decides what a merchant asks for.
pub(super) fn ask(books: &mut Books<'_>, ask: &RequestPayout) -> Outcome {
    if ask.api_key().is_some_and(|key| books.rows.revoked_keys.contains(&key)) {
        return Outcome::Refused(Refusal::KeyRevoked);
    }
    let Request { key, hash } = &ask.request;
    if let Some(outcome) = books.known_key(key, *hash) {
        return outcome;
    }
    let done = set_aside(books, ask);
    person::finish(books, &ask.request, done, &[])
}

fn set_aside(books: &mut Books<'_>, ask: &RequestPayout) -> Result<Done, NotDone> {
    let merchant = books.rows.merchants.get(&ask.merchant).copied();
    let merchant = merchant.filter(|merchant| merchant.mode == ask.request.key.mode);
    let merchant = merchant.ok_or(Refusal::UnknownMerchant)?;
    let destination = ask.destination.clone().ok_or(NotMoved::PayoutDestinationMissing)?;
    let amount = how_much(books, ask, &merchant)?;
    books.merchant_gives(ask.merchant, amount).map_err(|why| match why {
        NotGivenBack::BalanceInsufficient => NotDone::from(NotMoved::BalanceInsufficient),
        NotGivenBack::TooLarge => Refusal::TooLarge.into(),
    })?;
    let shard = books.rows.shard;
    let entries = vec![
        Entry::available(merchant.account, shard, negative(amount)),
        held(&merchant, shard, amount),
    ];
    let transfer = balanced(ask.transfer, entries);
    let record = Record {
        mode: merchant.mode,
        kind: RecordKind::Payout,
        state: ReachedPayout::asked().state(),
        subject: *ask.id.as_bytes(),
        merchant: *ask.merchant.as_bytes(),
        decided_at: books.now,
        asked: amount,
        settled: Money::zero(amount.currency()),
        reference_hash: [0; 32],
        books_hash: moved_hash(Some(&transfer)),
    };
    let told = Event { record, notice: None, merchant: Some(ask.merchant), payer: None };
    let event = books.event(told);
    books.plan.payouts.requested.push(NewPayout {
        id: ask.id,
        merchant: ask.merchant,
        record,
        destination,
        description: ask.description.clone(),
        metadata: ask.metadata.clone(),
        transfer: transfer.id(),
        event,
    });
    books.plan.transfers.push(transfer);
    Ok(Done { record, event, share: None })
}

/// What is to be paid out; the first rule broken says why nothing is.
fn how_much(
    books: &Books<'_>,
    ask: &RequestPayout,
    merchant: &Merchant,
) -> Result<Money, NotMoved> {
    let available = books.rows.merchant_balances.get(&ask.merchant);
    let available = available.copied().unwrap_or(Money::zero(merchant.currency));
    let amount = ask.amount.map_or(available, wallet_core::PositiveMoney::money);
    if amount.currency() != merchant.currency {
        return Err(NotMoved::CurrencyMismatch);
    }
    if amount.minor() <= 0 {
        return Err(NotMoved::BalanceInsufficient);
    }
    let least = books.rules.payouts.least;
    // The rule is in the issuer's currency, and says nothing about others.
    let is_small = amount.currency() == least.currency() && amount.minor() < least.minor();
    // The operator decides what is worth a transfer: a merchant that is closed earns no more.
    if is_small && ask.by != PayoutAsker::Operator {
        return Err(NotMoved::PayoutTooSmall(least));
    }
    Ok(amount)
}

/// Decides what becomes of a payout.
pub(super) fn finish(books: &mut Books<'_>, finish: &FinishPayout) -> Outcome {
    if finish.api_key().is_some_and(|key| books.rows.revoked_keys.contains(&key)) {
        return Outcome::Refused(Refusal::KeyRevoked);
    }
    let Request { key, hash } = &finish.request;
    if let Some(outcome) = books.known_key(key, *hash) {
        return outcome;
    }
    let done = end(books, finish).map_err(NotDone::Refused);
    person::finish(books, &finish.request, done, &[])
}

/// Which money moves: what was held, or what was paid and came back.
#[derive(Clone, Copy)]
enum Source {
    Held,
    Bank,
}

fn end(books: &mut Books<'_>, finish: &FinishPayout) -> Result<Done, Refusal> {
    let mode = finish.request.key.mode;
    let known = books.rows.payouts.open.get(&finish.id).copied();
    let known = known.filter(|it| it.merchant == finish.merchant && it.record.mode == mode);
    let KnownPayout { record: before, batched, .. } = known.ok_or(Refusal::UnknownPayout)?;
    let (reached, from) = reach(&finish.end, PayoutStage::of(before.state, batched))?;
    let transfer = transfer(books, finish, before.asked, from)?;
    let external_reference = match &finish.end {
        PayoutEnd::Paid { external_reference } => {
            if !books.rows.payouts.paid_references.insert((mode, external_reference.clone())) {
                return Err(Refusal::ReferenceConflict);
            }
            Some(external_reference.clone())
        }
        PayoutEnd::Canceled { .. } | PayoutEnd::Returned { .. } => None,
    };
    if reached.state() == PaymentState::Canceled {
        books.merchant_gets(finish.merchant, before.asked, Money::zero(before.asked.currency()));
    }
    let paid = reached.state() == PaymentState::Succeeded;
    let reference_hash = external_reference.as_deref().map(Record::reference_hash);
    let record = Record {
        state: reached.state(),
        decided_at: books.now,
        settled: if paid { before.asked } else { Money::zero(before.asked.currency()) },
        reference_hash: reference_hash.unwrap_or(before.reference_hash),
        books_hash: moved_hash(Some(&transfer)),
        ..before
    };
    if let Some(known) = books.rows.payouts.open.get_mut(&finish.id) {
        known.record = record;
    }
    let told = Event { record, notice: None, merchant: Some(finish.merchant), payer: None };
    let event = books.event(told);
    let return_reason = match &finish.end {
        PayoutEnd::Returned { reason, .. } => Some(reason.clone()),
        PayoutEnd::Canceled { .. } | PayoutEnd::Paid { .. } => None,
    };
    let (closing, reversal) = match from {
        Source::Held => (Some(transfer.id()), None),
        Source::Bank => (None, Some(transfer.id())),
    };
    let paid_at = paid.then_some(books.now);
    let change = PayoutChange {
        record,
        external_reference,
        paid_at,
        return_reason,
        closing,
        reversal,
        event,
    };
    books.change_payout(finish.id, change);
    books.plan.transfers.push(transfer);
    Ok(Done { record, event, share: None })
}

/// Where a payout gets to, and which money moves for that.
fn reach(end: &PayoutEnd, stage: PayoutStage) -> Result<(ReachedPayout, Source), Refusal> {
    match (end, stage) {
        (_, PayoutStage::Ended)
        | (
            PayoutEnd::Canceled { .. }
            | PayoutEnd::Paid { .. }
            | PayoutEnd::Returned { include_paid: false, .. },
            PayoutStage::Paid(_),
        ) => Err(Refusal::PayoutClosed),
        (PayoutEnd::Canceled { .. }, PayoutStage::Open(open)) => Ok((open.cancel(), Source::Held)),
        (PayoutEnd::Canceled { .. }, PayoutStage::Batched(_)) => Err(Refusal::PayoutBatched),
        (PayoutEnd::Paid { .. }, PayoutStage::Open(open)) => Ok((open.pay(), Source::Held)),
        (PayoutEnd::Paid { .. }, PayoutStage::Batched(batched)) => {
            Ok((batched.pay(), Source::Held))
        }
        (PayoutEnd::Returned { .. }, PayoutStage::Open(open)) => {
            Ok((open.give_back(), Source::Held))
        }
        (PayoutEnd::Returned { .. }, PayoutStage::Batched(batched)) => {
            Ok((batched.give_back(), Source::Held))
        }
        (PayoutEnd::Returned { include_paid: true, .. }, PayoutStage::Paid(paid)) => {
            Ok((paid.give_back(), Source::Bank))
        }
    }
}

/// What was held leaves the bank account or is free again; or what had left it comes back.
fn transfer(
    books: &Books<'_>,
    finish: &FinishPayout,
    amount: Money,
    from: Source,
) -> Result<Transfer, Refusal> {
    let merchant = books.rows.merchants.get(&finish.merchant).ok_or(Refusal::UnknownMerchant)?;
    let bank = (AccountKind::Bank, merchant.mode, amount.currency());
    let bank = *books.rows.own_accounts.get(&bank).ok_or(Refusal::WrongCurrency)?;
    let shard = books.rows.shard;
    let free = Entry::available(merchant.account, shard, amount);
    let entries = match (from, &finish.end) {
        (Source::Bank, _) => vec![Entry::available(bank, shard, negative(amount)), free],
        (Source::Held, PayoutEnd::Paid { .. }) => {
            vec![held(merchant, shard, negative(amount)), Entry::available(bank, shard, amount)]
        }
        (Source::Held, PayoutEnd::Canceled { .. } | PayoutEnd::Returned { .. }) => {
            vec![held(merchant, shard, negative(amount)), free]
        }
    };
    Ok(balanced(finish.transfer, entries))
}

/// An entry that sets money of a merchant aside, or takes it from there.
fn held(merchant: &Merchant, shard: Shard, amount: Money) -> Entry {
    Entry { account: merchant.account, shard, bucket: Bucket::Held, amount }
}

impl Books<'_> {
    /// Writes down what becomes of a payout, after what the batch has made of it before.
    fn change_payout(&mut self, id: PayoutId, change: PayoutChange) {
        let changes = &mut self.plan.payouts.changed;
        let change = match changes.remove(&id) {
            Some(before) => change.after(before),
            None => change,
        };
        changes.insert(id, change);
    }
}
