//! What is common to everything that payers ask for (and to what merchants give back): who asks, what was answered before, what may
//! leave the wallet, and how it is written down.
//!
//! A refusal that a later request could turn into a movement is kept under the idempotency key as
//! well. A repeat that is late on its way then finds it, and moves nothing.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use super::give_back::negative;
use super::resolve::{balanced, held};
use crate::domain::command::{PayerRequest, Request};
use crate::domain::ids::{PayerId, TransferId};
use crate::domain::journal::moved_hash;
use crate::domain::ledger::{Entry, Shard, Transfer};
use crate::domain::limits::{Proof, Usage};
use crate::domain::outcome::{Answer, MovementAnswer, NotMoved, Outcome, Refusal};
use crate::domain::plan::{AnswerRef, Event};
use crate::domain::snapshot::{Device, Payer};

/// Why nothing was done.
#[derive(Clone, Copy)]
pub(super) enum NotDone {
    /// Kept under the key.
    NotMoved(NotMoved),
    /// Leaves no trace.
    Refused(Refusal),
}

impl From<NotMoved> for NotDone {
    fn from(not_moved: NotMoved) -> Self {
        Self::NotMoved(not_moved)
    }
}

impl From<Refusal> for NotDone {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// What was done: the record, and the position of its event in the plan.
#[derive(Clone, Copy)]
pub(super) struct Done {
    pub(super) record: Record,
    pub(super) event: usize,
    pub(super) share: Option<u16>,
}

/// Who asks, as they stand.
pub(super) struct Asking {
    pub(super) payer: Payer,
    pub(super) device: Device,
}

/// Decides what a payer asks for, unless that was decided before.
pub(super) fn decide(
    books: &mut Books<'_>,
    by: &PayerRequest,
    act: impl FnOnce(&mut Books<'_>, Asking) -> Result<Done, NotDone>,
) -> Outcome {
    let asking = match asking(books, by) {
        Ok(asking) => asking,
        Err(outcome) => return outcome,
    };
    let done = if asking.payer.active {
        act(books, asking)
    } else {
        Err(NotMoved::PayerUnavailable.into())
    };
    finish(books, &by.request, done, &by.shown)
}

/// Who asks, unless that device may not, or what it asks was decided before.
pub(super) fn asking(books: &Books<'_>, by: &PayerRequest) -> Result<Asking, Outcome> {
    let device = books.rows.devices.get(&by.device).copied().filter(|device| !device.revoked);
    let payer = books.rows.payers.get(&by.payer).filter(|payer| payer.mode == by.mode());
    let Some((device, payer)) = device.zip(payer.copied()) else {
        return Err(Outcome::Refused(Refusal::DeviceRevoked));
    };
    let Request { key, hash } = &by.request;
    if let Some(outcome) = books.known_key(key, *hash) {
        return Err(outcome);
    }
    let payer = Payer { usage: payer.usage.on(books.rows.today), ..payer };
    Ok(Asking { payer, device })
}

/// Answers a request, and keeps the answer.
pub(super) fn finish(
    books: &mut Books<'_>,
    Request { key, hash }: &Request,
    done: Result<Done, NotDone>,
    shown: &[u8],
) -> Outcome {
    let (answer, name) = match done {
        Ok(Done { record, event, share }) => {
            let Record { kind, subject, .. } = record;
            let shown = shown.to_vec();
            let name = AnswerRef::Movement { kind, subject, event, shown: shown.clone() };
            (Answer::Movement(Box::new(MovementAnswer { record, share, shown })), name)
        }
        Err(NotDone::NotMoved(why)) => (Answer::NotMoved(why), AnswerRef::NotMoved(why)),
        Err(NotDone::Refused(refusal)) => return Outcome::Refused(refusal),
    };
    books.keep(key, *hash, &answer, name);
    Outcome::Answered { answer, replayed: false }
}

/// What a payer has left, and has spent, when an amount leaves the wallet for somebody else.
pub(super) fn spend(
    books: &Books<'_>,
    Asking { payer, device }: &Asking,
    amount: Money,
) -> Result<(Money, Usage), NotMoved> {
    let limits = books.rules.limits.of_device(&payer.own_limits, device.is_new(books.now));
    let usage = books.rules.limits.allow(&limits, amount, &payer.usage, Proof::Pin);
    let usage = usage.map_err(NotMoved::OverLimit)?;
    Ok((take(payer, amount)?, usage))
}

/// What a payer has left without an amount in the same currency.
pub(super) fn take(payer: &Payer, amount: Money) -> Result<Money, NotMoved> {
    let left = payer.available.checked_sub(amount).ok().filter(|left| left.minor() >= 0);
    left.ok_or(NotMoved::InsufficientFunds)
}

impl Books<'_> {
    /// Adds to what a payer has, who is there.
    pub(super) fn credit(&mut self, id: PayerId, amount: Money) -> Result<(), Refusal> {
        let payer = self.rows.payers.get_mut(&id).ok_or(Refusal::UnknownPayer)?;
        let available = payer.available.checked_add(amount).map_err(|_| Refusal::TooLarge)?;
        payer.available = available;
        Ok(())
    }

    /// Writes an event for one payer, and says where.
    pub(super) fn tell(&mut self, record: Record, payer: PayerId) -> usize {
        self.event(Event { record, notice: None, merchant: None, payer: Some(payer) })
    }
}

/// From what one payer has, to what another one has.
pub(super) fn give(id: TransferId, payer: &Payer, payee: &Payer, amount: Money) -> Transfer {
    let entries = vec![
        Entry::available(payer.account, Shard(0), negative(amount)),
        Entry::available(payee.account, Shard(0), amount),
    ];
    balanced(id, entries)
}

/// Sets money aside.
pub(super) fn hold(id: TransferId, payer: &Payer, amount: Money) -> Transfer {
    let taken = Entry::available(payer.account, Shard(0), negative(amount));
    balanced(id, vec![taken, held(payer, amount)])
}

/// What a decision is about.
#[derive(Clone, Copy)]
pub(super) struct Subject {
    pub(super) kind: RecordKind,
    pub(super) id: [u8; 16],
    pub(super) state: PaymentState,
    pub(super) asked: Money,
    pub(super) settled: Money,
}

/// The record of a decision.
pub(super) fn record(
    books: &Books<'_>,
    payer: &Payer,
    subject: Subject,
    transfer: &Transfer,
) -> Record {
    Record {
        mode: payer.mode,
        kind: subject.kind,
        state: subject.state,
        subject: subject.id,
        merchant: [0; 16],
        decided_at: books.now,
        asked: subject.asked,
        settled: subject.settled,
        reference_hash: [0; 32],
        books_hash: moved_hash(Some(transfer)),
    }
}
