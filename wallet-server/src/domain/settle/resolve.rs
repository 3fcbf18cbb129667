//! What becomes of a payment after its charge.
//!
//! | who | finds | leaves | the money |
//! |---|---|---|---|
//! | the payer confirms | `requires_confirmation`, in time | `succeeded`, or `authorized` where the merchant captures | goes to the merchant, less the fee; or stays held |
//! | the payer refuses | `requires_confirmation` | `declined` | is free again |
//! | the merchant captures | `authorized`, in time | `succeeded` | goes to the merchant, less the fee; what is not captured is free again |
//! | the merchant cancels | `requires_confirmation`, `authorized` | `canceled` | is free again |
//! | the merchant cancels | `succeeded`, not too long ago | `canceled` | goes back as a whole, and so does the fee |
//! | the time is over | `requires_confirmation`, `authorized`, too late; in test mode whenever a test says so | `expired` | is free again |
//! | anybody | another state | the same | does not move |
//!
//! [`refund`](super::refund) leads from `succeeded` to `partially_refunded` and `refunded`. Nothing
//! leads out of `declined`, `canceled`, `expired` and `refunded`.
//!
//! The [stages](crate::domain::stage) say the same in types. All of them hold the payer's lock, so that one wins and the others find its state. Whoever decides
//! was told of the payment, so it was never made in the same batch.

use wallet_core::receipt::{PaymentState, Record};
use wallet_core::{Mode, Money, Timestamp};

use super::Books;
use super::give_back::negative;
use crate::domain::command::{Capture, ReferenceRef, Request, Resolve, Resolver};
use crate::domain::ids::{PaymentId, TransferId};
use crate::domain::journal::moved_hash;
use crate::domain::ledger::{AccountKind, Bucket, Entry, Shard, Transfer};
use crate::domain::limits::Usage;
use crate::domain::outcome::{Answer, DeclineCode, Outcome, PaymentAnswer, Refusal};
use crate::domain::plan::{AnswerRef, Event, PaymentChange};
use crate::domain::snapshot::{Merchant, OpenPayment, Payer, TakenReference};
use crate::domain::stage::{Reached, Stage};

/// What is to be done about a payment.
#[derive(Clone, Copy)]
pub(super) enum Step {
    /// The merchant gets this much of what is held, and the payer the rest.
    Capture(Reached, Money),
    /// It stays held, for the merchant to capture.
    Authorize(Reached),
    /// What is held is free again.
    Release(Reached),
    /// What the merchant got goes back as a whole.
    Reverse(Reached),
}

/// Decides one payment.
pub(super) fn decide(books: &mut Books<'_>, resolve: &Resolve) -> Outcome {
    if resolve.api_key().is_some_and(|key| books.rows.revoked_keys.contains(&key)) {
        return Outcome::Refused(Refusal::KeyRevoked);
    }
    if let Some(Request { key, hash }) = resolve.request()
        && let Some(outcome) = books.known_key(key, *hash)
    {
        return outcome;
    }
    let decided = open(books, resolve);
    let decided = decided.and_then(|(payment, step)| {
        close(books, resolve.transfer, payment, step, resolve.request())
    });
    match decided {
        Ok(answer) => Outcome::Answered { answer, replayed: false },
        Err(refusal) => Outcome::Refused(refusal),
    }
}

/// The payment, if it may be decided so, and what is to be done.
fn open(books: &Books<'_>, resolve: &Resolve) -> Result<(OpenPayment, Step), Refusal> {
    let payment = books.rows.payments.get(&resolve.payment).ok_or(Refusal::UnknownPayment)?;
    let owners = (payment.payer, payment.answer.merchant);
    if owners != (resolve.payer, resolve.merchant) {
        return Err(Refusal::UnknownPayment);
    }
    let step = match &resolve.by {
        Resolver::Payer { confirmed, .. } => by_payer(books, resolve, payment, *confirmed),
        Resolver::Merchant { .. } => cancel(books, &payment.answer),
        Resolver::Capture { amount, .. } => {
            let amount = amount.map(wallet_core::PositiveMoney::money);
            capture(books, &payment.answer, amount)
        }
        Resolver::Time => too_late(&payment.answer, books.now),
        Resolver::TimeOfTest { .. } if payment.answer.mode == Mode::Test => {
            too_late(&payment.answer, WHEN_ALL_IS_OVER)
        }
        Resolver::TimeOfTest { .. } => return Err(Refusal::UnknownPayment),
    };
    Ok((payment.clone(), step?))
}

fn by_payer(
    books: &Books<'_>,
    resolve: &Resolve,
    payment: &OpenPayment,
    confirmed: bool,
) -> Result<Step, Refusal> {
    let Resolver::Payer { device, .. } = &resolve.by else { return Err(Refusal::OtherDevice) };
    let PaymentAnswer { record, expires_at, capture, .. } = &payment.answer;
    let Stage::Waiting(waiting) = Stage::of(record.state) else {
        return Err(Refusal::PaymentClosed);
    };
    let known = books.rows.devices.get(device).filter(|known| !known.revoked);
    if *device != payment.device || known.is_none() {
        return Err(Refusal::OtherDevice);
    }
    if is_over(*expires_at, books.now) {
        return Err(Refusal::ConfirmationExpired);
    }
    if !confirmed {
        return Ok(Step::Release(waiting.refuse()));
    }
    if books.rows.payers.get(&resolve.payer).is_none_or(|payer| !payer.active) {
        return Err(Refusal::PayerUnavailable);
    }
    let confirmed = waiting.confirm(*capture);
    Ok(match capture {
        Capture::Automatic => Step::Capture(confirmed, record.asked),
        Capture::Manual => Step::Authorize(confirmed),
    })
}

/// What calling a payment off means, in the state that it is in.
pub(super) fn cancel(books: &Books<'_>, payment: &PaymentAnswer) -> Result<Step, Refusal> {
    match Stage::of(payment.record.state) {
        Stage::Waiting(waiting) => Ok(Step::Release(waiting.cancel())),
        Stage::Authorized(authorized) => Ok(Step::Release(authorized.cancel())),
        Stage::Captured(captured) => {
            let last = payment.record.decided_at.plus_millis(books.rules.payments.cancel_millis);
            if last < books.now {
                return Err(Refusal::CancelTooLate);
            }
            Ok(Step::Reverse(captured.cancel()))
        }
        Stage::PartlyRefunded(_) | Stage::Ended => Err(Refusal::PaymentClosed),
    }
}

fn capture(
    books: &Books<'_>,
    payment: &PaymentAnswer,
    amount: Option<Money>,
) -> Result<Step, Refusal> {
    let held = payment.record.asked;
    let authorized = match Stage::of(payment.record.state) {
        Stage::Authorized(authorized) => authorized,
        Stage::Waiting(_) => return Err(Refusal::PaymentWaiting),
        Stage::Captured(_) | Stage::PartlyRefunded(_) | Stage::Ended => {
            return Err(Refusal::PaymentClosed);
        }
    };
    if is_over(payment.hold_expires_at, books.now) {
        return Err(Refusal::HoldExpired);
    }
    let amount = amount.unwrap_or(held);
    if amount.currency() != held.currency() {
        return Err(Refusal::WrongCurrency);
    }
    if amount.minor() > held.minor() {
        return Err(Refusal::CaptureTooLarge);
    }
    Ok(Step::Capture(authorized.capture(), amount))
}

/// Later than everything: the time that a test has come for a payment.
const WHEN_ALL_IS_OVER: Timestamp = Timestamp::from_unix_millis(i64::MAX);

fn too_late(payment: &PaymentAnswer, now: Timestamp) -> Result<Step, Refusal> {
    match Stage::of(payment.record.state) {
        Stage::Waiting(waiting) if is_over(payment.expires_at, now) => {
            Ok(Step::Release(waiting.expire()))
        }
        Stage::Authorized(authorized) if is_over(payment.hold_expires_at, now) => {
            Ok(Step::Release(authorized.expire()))
        }
        // Of those that wait, because another clock is ahead of this one.
        Stage::Waiting(_)
        | Stage::Authorized(_)
        | Stage::Captured(_)
        | Stage::PartlyRefunded(_)
        | Stage::Ended => Err(Refusal::PaymentClosed),
    }
}

fn is_over(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| until <= now)
}

/// Moves the money, and writes down what became of the payment.
pub(super) fn close(
    books: &mut Books<'_>,
    transfer: TransferId,
    payment: OpenPayment,
    step: Step,
    request: Option<&Request>,
) -> Result<Answer, Refusal> {
    let OpenPayment { answer: before, payer, .. } = &payment;
    let parties = books.rows.payers.get(payer).zip(books.rows.merchants.get(&before.merchant));
    // Both are there, or the payment would not be.
    let Some((&payer, &merchant)) = parties else { panic!("{} has lost a party", before.id) };
    let done = match step {
        Step::Capture(reached, amount) => {
            take(books, transfer, &payment, (payer, merchant), (reached, amount))
        }
        Step::Authorize(reached) => {
            // The PIN was right: it is the payer.
            books.update_payer(payment.payer, Payer { suspected_until: None, ..payer });
            let hold_expires_at = Some(books.hold_expires_at());
            Done { hold_expires_at, ..Done::nothing(reached, before) }
        }
        Step::Release(reached) => free(books, transfer, &payment, payer, reached),
        Step::Reverse(reached) => {
            super::give_back::all(books, transfer, &payment, (payer, merchant), reached)?
        }
    };
    Ok(record(books, payment, done, request))
}

/// What was done about a payment.
pub(super) struct Done {
    pub(super) reached: Reached,
    pub(super) settled: Money,
    pub(super) fee: Money,
    /// Whether `settled` and `fee` are those of a capture, to be remembered.
    pub(super) captured: bool,
    pub(super) counted: Option<i64>,
    pub(super) closing: Option<Transfer>,
    pub(super) reversal: Option<Transfer>,
    pub(super) hold_expires_at: Option<Timestamp>,
}

impl Done {
    /// The state changes, and nothing moves.
    pub(super) fn nothing(reached: Reached, payment: &PaymentAnswer) -> Self {
        let zero = Money::zero(payment.record.asked.currency());
        Self {
            reached,
            settled: zero,
            fee: zero,
            captured: false,
            counted: None,
            closing: None,
            reversal: None,
            hold_expires_at: payment.hold_expires_at,
        }
    }
}

/// Part of what was held, or all, goes to the merchant, less the fee; the rest is free again.
fn take(
    books: &mut Books<'_>,
    id: TransferId,
    payment: &OpenPayment,
    (payer, merchant): (Payer, Merchant),
    (reached, amount): (Reached, Money),
) -> Done {
    let PaymentAnswer { record: Record { asked, state, .. }, merchant: merchant_id, .. } =
        payment.answer;
    let fee = merchant.fee.fee(amount);
    let shard = books.rows.shard;
    let fees = books.rows.own_accounts.get(&(AccountKind::Fees, payer.mode, amount.currency()));
    let minor = |minor| Money::from_minor(minor, amount.currency());
    let rest = minor(asked.minor() - amount.minor());
    let mut entries = vec![
        held(&payer, negative(asked)),
        Entry::available(merchant.account, shard, minor(amount.minor() - fee.minor())),
    ];
    entries.extend(fees.map(|fees| Entry::available(*fees, shard, fee)));
    entries.push(Entry::available(payer.account, Shard(0), rest));
    entries.retain(|entry| entry.amount.minor() != 0);
    let confirmed = state == PaymentState::RequiresConfirmation;
    // If the PIN was right just now, it is the payer.
    let suspected_until = payer.suspected_until.filter(|_| !confirmed);
    let payer = freed(books, Payer { suspected_until, ..payer }, payment, rest);
    books.update_payer(payment.payer, payer);
    books.merchant_gets(merchant_id, amount, fee);
    Done {
        settled: amount,
        fee,
        captured: true,
        counted: Some(amount.minor()),
        closing: Some(balanced(id, entries)),
        ..Done::nothing(reached, &payment.answer)
    }
}

/// What was held is free again.
fn free(
    books: &mut Books<'_>,
    id: TransferId,
    payment: &OpenPayment,
    payer: Payer,
    reached: Reached,
) -> Done {
    let asked = payment.answer.record.asked;
    let closing = Some(release(id, &payer, asked));
    let payer = freed(books, payer, payment, asked);
    books.update_payer(payment.payer, payer);
    Done { counted: Some(0), closing, ..Done::nothing(reached, &payment.answer) }
}

/// The payer, once some of what a payment held is free and does not count any more.
fn freed(books: &Books<'_>, payer: Payer, payment: &OpenPayment, amount: Money) -> Payer {
    let usage = payer.usage.on(books.rows.today);
    let usage = Usage::releasing(usage, amount.minor(), payment.proof, payment.day);
    let available = payer.available.checked_add(amount).unwrap_or(payer.available);
    Payer { available, usage, ..payer }
}

/// Writes it down, for the merchant, the payer and the books.
fn record(
    books: &mut Books<'_>,
    payment: OpenPayment,
    done: Done,
    request: Option<&Request>,
) -> Answer {
    let OpenPayment { answer: before, payer, .. } = payment;
    let transfer = done.closing.as_ref().or(done.reversal.as_ref());
    let record = Record {
        state: done.reached.state(),
        decided_at: books.now,
        settled: done.settled,
        books_hash: moved_hash(transfer),
        ..before.record
    };
    let decline_code =
        (record.state == PaymentState::Declined).then_some(DeclineCode::RefusedByPayer);
    let merchant = Some(before.merchant);
    let event = books.event(Event { record, notice: None, merchant, payer: Some(payer) });
    let change = PaymentChange {
        decline_code,
        fee: done.captured.then_some(done.fee),
        captured: done.captured.then_some(done.settled),
        counted: done.counted,
        closing: done.closing.as_ref().map(Transfer::id),
        reversal: done.reversal.as_ref().map(Transfer::id),
        hold_expires_at: done.hold_expires_at,
        ..PaymentChange::of(record, payment.refunded, event)
    };
    books.change_payment(before.id, change);
    books.plan.transfers.extend(done.closing.into_iter().chain(done.reversal));

    let hold_expires_at = done.hold_expires_at;
    let after = PaymentAnswer { record, fee: done.fee, decline_code, hold_expires_at, ..before };
    if let Some(open) = books.rows.payments.get_mut(&after.id) {
        open.answer = after.clone();
    }
    if record.state == PaymentState::Canceled {
        books.call_off(&after);
    }
    let name = AnswerRef::PaymentAt(after.id, event);
    let answer = Answer::Payment(Box::new(after));
    if let Some(Request { key, hash }) = request {
        books.keep(key, *hash, &answer, name);
    }
    answer
}

impl Books<'_> {
    /// Until when what is authorized now may be captured.
    pub(super) fn hold_expires_at(&self) -> Timestamp {
        self.now.plus_millis(self.rules.payments.hold_millis)
    }

    /// A charge of the same batch must hear that its reference was called off.
    fn call_off(&mut self, payment: &PaymentAnswer) {
        let reference = ReferenceRef {
            merchant: payment.merchant,
            mode: payment.mode,
            reference: payment.reference.clone(),
        };
        if let Some(TakenReference::Payment { canceled, .. }) =
            self.rows.references.get_mut(&reference)
        {
            *canceled = true;
        }
    }

    /// A payment as it is now.
    pub(super) fn open_payment(&self, id: PaymentId) -> Option<OpenPayment> {
        self.rows.payments.get(&id).cloned()
    }
}

/// What was held is free again.
pub(super) fn release(id: TransferId, payer: &Payer, amount: Money) -> Transfer {
    let free = Entry::available(payer.account, Shard(0), amount);
    balanced(id, vec![held(payer, negative(amount)), free])
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
