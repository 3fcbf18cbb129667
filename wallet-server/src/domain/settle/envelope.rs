//! A red envelope: a payer's money, held in shares that others claim.
//!
//! | who | finds | leaves | the money |
//! |---|---|---|---|
//! | the sender | – | `authorized` | all of it is held, and counts against the sender's limits |
//! | a claimant, in time | `authorized` | the same; `succeeded` with the last share | a share goes from there to the claimant |
//! | the time is over | `authorized` | `expired` | what nobody claimed is free again, and does not count any more |
//! | anybody | another state | the same | does not move |
//!
//! The shares were drawn when it was made and are claimed in their order, each payer once. The
//! sender claims none: whoever wants money back waits for the end. Whoever decides about an
//! envelope holds its sender's lock.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use super::give_back::negative;
use super::person::{self, Asking, Done, NotDone, Subject};
use super::resolve::{balanced, held, release};
use crate::domain::command::{ClaimShare, EndEnvelope, EnvelopeFor, MakeEnvelope};
use crate::domain::ids::EnvelopeId;
use crate::domain::journal::moved_hash;
use crate::domain::ledger::{Entry, Shard, Transfer};
use crate::domain::limits::{Proof, Usage};
use crate::domain::outcome::{Answer, MovementAnswer, NotMoved, Outcome, Refusal};
use crate::domain::plan::{EnvelopeChange, NewClaim, NewEnvelope};
use crate::domain::snapshot::{OpenEnvelope, Payer, Share};

/// Decides about a new envelope.
pub(super) fn make(books: &mut Books<'_>, make: &MakeEnvelope) -> Outcome {
    person::decide(books, &make.by, |books, asking| fill(books, make, &asking))
}

fn fill(books: &mut Books<'_>, make: &MakeEnvelope, asking: &Asking) -> Result<Done, NotDone> {
    let (amount, payer) = (make.amount.money(), asking.payer);
    // They are drawn for this amount. If not, the books are not to be trusted with it.
    assert_eq!(make.shares.total(), amount.minor(), "{}", make.id);
    may_get(books, make, &payer)?;
    if payer.available.currency() != amount.currency() {
        return Err(NotMoved::CurrencyMismatch.into());
    }
    let (available, usage) = person::spend(books, asking, amount)?;
    let transfer = person::hold(make.transfer, &payer, amount);
    books.set_payer(make.by.payer, &payer, available, usage);
    let subject = Subject {
        kind: RecordKind::Envelope,
        id: *make.id.as_bytes(),
        state: PaymentState::Authorized,
        asked: amount,
        settled: Money::zero(amount.currency()),
    };
    let record = person::record(books, &payer, subject, &transfer);
    let event = books.tell(record, make.by.payer);
    books.plan.people.envelopes.push(NewEnvelope {
        id: make.id,
        record,
        payer: make.by.payer,
        payee: make.to.payee(),
        token_hash: make.token_hash,
        shares: make.shares.clone(),
        split: make.split,
        greeting: make.greeting.clone(),
        day: usage.day,
        transfer: transfer.id(),
        event,
        expires_at: make.expires_at,
    });
    books.plan.transfers.push(transfer);
    Ok(Done { record, event, share: None })
}

/// Whether the one whom it is for, if there is one, may have it.
fn may_get(books: &Books<'_>, make: &MakeEnvelope, payer: &Payer) -> Result<(), NotMoved> {
    let payee_id = match make.to {
        EnvelopeFor::Anybody => return Ok(()),
        EnvelopeFor::Unknown => return Err(NotMoved::UnknownRecipient),
        EnvelopeFor::One(payee) => payee,
    };
    if payee_id == make.by.payer {
        return Err(NotMoved::SamePayer);
    }
    let payee = books.rows.payers.get(&payee_id).filter(|payee| payee.mode == payer.mode);
    if payee.ok_or(NotMoved::UnknownRecipient)?.active {
        Ok(())
    } else {
        Err(NotMoved::RecipientUnavailable)
    }
}

/// Decides about a claim.
pub(super) fn claim(books: &mut Books<'_>, claim: &ClaimShare) -> Outcome {
    person::decide(books, &claim.by, |books, asking| take_share(books, claim, &asking.payer))
}

/// The envelope, its sender and the next share, if this payer may claim it.
fn next_share(
    books: &Books<'_>,
    claim: &ClaimShare,
    payer: &Payer,
) -> Result<(Payer, usize, Share), NotDone> {
    let envelope = books.rows.people.envelopes.get(&claim.envelope);
    let own_or_for_anybody = |envelope: &&OpenEnvelope| {
        envelope.payer == claim.sender
            && envelope.record.mode == payer.mode
            && (claim.by.payer == claim.sender
                || envelope.payee.is_none_or(|payee| payee == claim.by.payer))
    };
    let envelope = envelope.filter(own_or_for_anybody).ok_or(Refusal::UnknownEnvelope)?;
    let sender = *books.rows.payers.get(&claim.sender).ok_or(Refusal::UnknownEnvelope)?;
    if claim.by.payer == claim.sender {
        return Err(NotMoved::OwnEnvelope.into());
    }
    if envelope.shares.iter().any(|share| share.claimant == Some(claim.by.payer)) {
        return Err(NotMoved::EnvelopeClaimed.into());
    }
    let next = envelope.shares.iter().position(|share| share.claimant.is_none());
    let next = next.ok_or(NotMoved::EnvelopeEmpty)?;
    if envelope.record.state != PaymentState::Authorized || envelope.expires_at <= books.now {
        return Err(NotMoved::EnvelopeExpired.into());
    }
    if !sender.active {
        return Err(NotMoved::SenderUnavailable.into());
    }
    if payer.available.currency() != envelope.record.asked.currency() {
        return Err(NotMoved::CurrencyMismatch.into());
    }
    let share = envelope.shares.get(next).ok_or(NotMoved::EnvelopeEmpty)?;
    Ok((sender, next, *share))
}

fn take_share(books: &mut Books<'_>, claim: &ClaimShare, payer: &Payer) -> Result<Done, NotDone> {
    let (sender, index, share) = next_share(books, claim, payer)?;
    let amount = Money::from_minor(share.amount, payer.available.currency());
    let number = u16::try_from(index + 1).map_err(|_| NotMoved::EnvelopeEmpty)?;
    books.credit(claim.by.payer, amount)?;
    let entries =
        vec![held(&sender, negative(amount)), Entry::available(payer.account, Shard(0), amount)];
    let transfer = balanced(claim.transfer, entries);
    let subject = Subject {
        kind: RecordKind::EnvelopeClaim,
        id: *claim.id.as_bytes(),
        state: PaymentState::Succeeded,
        asked: amount,
        settled: amount,
    };
    let record = person::record(books, payer, subject, &transfer);
    let event = books.tell(record, claim.by.payer);
    books.tell(record, claim.sender);
    books.plan.people.claims.push(NewClaim {
        id: claim.id,
        envelope: claim.envelope,
        share: number,
        payer: claim.by.payer,
        transfer: transfer.id(),
        event,
        claimed_at: books.now,
    });
    books.plan.transfers.push(transfer);
    if let Some(envelope) = books.rows.people.envelopes.get_mut(&claim.envelope)
        && let Some(share) = envelope.shares.get_mut(index)
    {
        share.claimant = Some(claim.by.payer);
    }
    count(books, claim.envelope);
    Ok(Done { record, event, share: Some(number) })
}

/// Writes down how much of an envelope is claimed; with the last share, that it has come to its
/// end.
fn count(books: &mut Books<'_>, id: EnvelopeId) {
    let Some(envelope) = books.rows.people.envelopes.get(&id).cloned() else { return };
    let (claimed, amount_claimed) = claimed(&envelope);
    let full = usize::from(claimed) == envelope.shares.len();
    let asked = envelope.record.asked;
    let mut change = EnvelopeChange {
        claimed,
        amount_claimed,
        state: PaymentState::Authorized,
        counted: asked.minor(),
        closing_transfer: None,
        event: None,
    };
    if full {
        change.state = PaymentState::Succeeded;
        let done = ended(books, id, &envelope, PaymentState::Succeeded, None);
        change.event = Some(done.event);
    }
    books.plan.people.changed_envelopes.insert(id, change);
}

/// Tells the sender that an envelope has come to its end.
fn ended(
    books: &mut Books<'_>,
    id: EnvelopeId,
    envelope: &OpenEnvelope,
    state: PaymentState,
    transfer: Option<&Transfer>,
) -> Done {
    let asked = envelope.record.asked;
    let record = Record {
        state,
        decided_at: books.now,
        settled: Money::from_minor(claimed(envelope).1, asked.currency()),
        books_hash: moved_hash(transfer),
        ..envelope.record
    };
    if let Some(envelope) = books.rows.people.envelopes.get_mut(&id) {
        envelope.record = record;
    }
    Done { record, event: books.tell(record, envelope.payer), share: None }
}

/// How many shares are claimed, and what they come to.
fn claimed(envelope: &OpenEnvelope) -> (u16, i64) {
    let taken = envelope.shares.iter().filter(|share| share.claimant.is_some());
    let (count, sum) = taken.fold((0_u16, 0_i64), |(count, sum), share| {
        (count.saturating_add(1), sum.saturating_add(share.amount))
    });
    (count, sum)
}

/// Gives back what nobody has claimed in time.
pub(super) fn end(books: &mut Books<'_>, end: &EndEnvelope) -> Outcome {
    let answer = books.rows.people.envelopes.get(&end.envelope).cloned();
    let Some(envelope) = answer.filter(|envelope| envelope.payer == end.payer) else {
        return Outcome::Refused(Refusal::UnknownEnvelope);
    };
    let Some(&payer) = books.rows.payers.get(&end.payer) else {
        return Outcome::Refused(Refusal::UnknownPayer);
    };
    // Not yet, if another clock is ahead of this one.
    let late = envelope.expires_at <= books.now;
    if envelope.record.state != PaymentState::Authorized || !late {
        return Outcome::Refused(Refusal::PaymentClosed);
    }
    let (count, sum) = claimed(&envelope);
    let asked = envelope.record.asked;
    let rest = Money::from_minor(asked.minor() - sum, asked.currency());
    let transfer = release(end.transfer, &payer, rest);
    let usage = payer.usage.on(books.rows.today);
    let usage = Usage::releasing(usage, rest.minor(), Proof::Pin, envelope.day);
    let available = payer.available.checked_add(rest).unwrap_or(payer.available);
    books.set_payer(end.payer, &payer, available, usage);
    let state = PaymentState::Expired;
    let Done { record, event, .. } = ended(books, end.envelope, &envelope, state, Some(&transfer));
    let change = EnvelopeChange {
        claimed: count,
        amount_claimed: sum,
        state,
        counted: sum,
        closing_transfer: Some(transfer.id()),
        event: Some(event),
    };
    books.plan.people.changed_envelopes.insert(end.envelope, change);
    books.plan.transfers.push(transfer);
    let answer = MovementAnswer { record, share: None, shown: Vec::new() };
    Outcome::Answered { answer: Answer::Movement(Box::new(answer)), replayed: false }
}
