//! Writing down what was decided about a charge.

use wallet_core::Money;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use crate::domain::command::{AuthenticCode, Capture, Charge};
use crate::domain::journal::books_hash;
use crate::domain::ledger::Transfer;
use crate::domain::limits::{Day, Limits, OverLimit, Proof};
use crate::domain::outcome::{Answer, ConfirmationReason, DeclineCode, PaymentAnswer, Rejection};
use crate::domain::plan::{AnswerRef, Event, Evidence, NewHolder, NewPayment, NewReference};
use crate::domain::settle::Books;
use crate::domain::snapshot::TakenReference;
use crate::domain::stage::Reached;

/// Why a payment is declined.
pub(super) struct Declined {
    pub(super) code: DeclineCode,
    pub(super) over_limit: Option<OverLimit>,
}

impl From<DeclineCode> for Declined {
    fn from(code: DeclineCode) -> Self {
        Self { code, over_limit: None }
    }
}

/// What was decided about an allowed payment.
pub(super) struct Decided {
    pub(super) transfer: Transfer,
    pub(super) proof: Proof,
    pub(super) reason: Option<ConfirmationReason>,
}

impl Decided {
    fn reached(&self, capture: Capture) -> Reached {
        if self.reason.is_some() { Reached::waiting() } else { Reached::allowed(capture) }
    }
}

/// Writes the payment down: succeeded, declined, or waiting for its payer or its merchant.
pub(super) fn record(
    books: &mut Books<'_>,
    charge: &Charge,
    (code, limits, day): (&AuthenticCode, Limits, Day),
    fee: Money,
    decision: Result<Decided, Declined>,
) -> Answer {
    let asked = charge.amount.money();
    let nothing = Money::zero(asked.currency());
    let reached = |decided: &Decided| decided.reached(charge.capture);
    let state = decision.as_ref().map_or_else(|_| Reached::declined(), reached).state();
    let (settled, fee) =
        if state == PaymentState::Succeeded { (asked, fee) } else { (nothing, nothing) };
    let entries = decision.as_ref().map_or(&[][..], |decided| decided.transfer.entries());
    let record = Record {
        mode: charge.key.mode,
        kind: RecordKind::Payment,
        state,
        subject: *charge.id.as_bytes(),
        merchant: *charge.reference.merchant.as_bytes(),
        decided_at: books.now,
        asked,
        settled,
        reference_hash: Record::reference_hash(&charge.reference.reference),
        books_hash: books_hash(entries, &code.evidence),
    };
    let wait = books.rules.confirmation.wait_millis;
    let answer = PaymentAnswer {
        id: charge.id,
        merchant: charge.reference.merchant,
        mode: charge.key.mode,
        created_at: books.now,
        expires_at: (state == PaymentState::RequiresConfirmation)
            .then(|| books.now.plus_millis(wait)),
        hold_expires_at: (state == PaymentState::Authorized).then(|| books.hold_expires_at()),
        record,
        fee,
        decline_code: decision.as_ref().err().map(|declined| declined.code),
        reference: charge.reference.reference.clone(),
        capture: charge.capture,
        code_source: charge.code_source,
        merchant_code: None,
        terminal: charge.terminal,
        description: charge.description.clone(),
        metadata: charge.metadata.clone(),
    };
    let over_limit = decision.as_ref().err().and_then(|declined| declined.over_limit);
    let decided = decision.ok();
    books.plan.payments.push(NewPayment {
        answer: answer.clone(),
        payer: code.payer,
        device: code.device,
        limits,
        proof: decided.as_ref().map_or(Proof::Code, |decided| decided.proof),
        day,
        counted: if decided.is_some() { asked.minor() } else { 0 },
        reason: decided.as_ref().and_then(|decided| decided.reason),
        over_limit,
        transfer: decided.as_ref().map(|decided| decided.transfer.id()),
        evidence: Evidence::Code {
            mark: code.mark,
            limit: code.limit,
            opened: code.evidence.clone(),
        },
        event: books.plan.events.len(),
    });
    books.plan.transfers.extend(decided.map(|decided| decided.transfer));
    let merchant = Some(charge.reference.merchant);
    books.plan.events.push(Event { record, notice: None, merchant, payer: Some(code.payer) });
    take_reference(books, charge, &answer);
    let name = AnswerRef::Payment(answer.id);
    let answer = Answer::Payment(Box::new(answer));
    books.keep(&charge.key, charge.request_hash, &answer, name);
    answer
}

/// A declined payment takes its reference as well; a rejected code does not, so that the till
/// can scan again under the same one.
fn take_reference(books: &mut Books<'_>, charge: &Charge, answer: &PaymentAnswer) {
    let taken = TakenReference::Payment {
        fingerprint: charge.fingerprint,
        first: Box::new(answer.clone()),
        canceled: false,
    };
    books.rows.references.insert(charge.reference.clone(), taken);
    books.plan.references.push(NewReference {
        reference: charge.reference.clone(),
        holder: NewHolder::Payment(charge.id, charge.fingerprint),
    });
}

/// Keeps the rejection of an authentic code under the idempotency key.
pub(super) fn reject(books: &mut Books<'_>, charge: &Charge, rejection: Rejection) -> Answer {
    let answer = Answer::Rejected(rejection);
    let name = AnswerRef::Rejected(rejection);
    books.keep(&charge.key, charge.request_hash, &answer, name);
    answer
}
