//! A charge, rule by rule, in order of precedence.

mod record;

use wallet_core::Money;
use wallet_core::code::Freshness;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use self::record::{Decided, Declined, record, reject};
use super::sale::{self, Seller};
use super::{Books, confirmation, person};
use crate::domain::command::{AuthenticCode, Capture, Charge, Verdict};
use crate::domain::journal::books_hash;
use crate::domain::limits::{Limits, Proof, Usage};
use crate::domain::outcome::{
    Answer, ConfirmationReason, DeclineCode, Outcome, Refusal, Rejection,
};
use crate::domain::plan::{AnswerRef, Event};
use crate::domain::snapshot::{Device, Payer, Presented, PresentedAt, TakenReference};

/// Decides one charge.
pub(super) fn decide(books: &mut Books<'_>, charge: &Charge) -> Outcome {
    match known(books, charge) {
        Some(outcome) => outcome,
        None => match present(books, charge) {
            Ok(answer) => Outcome::Answered { answer, replayed: false },
            Err(refusal) => Outcome::Refused(refusal),
        },
    }
}

/// Rules 1 and 2: what was answered before is answered again.
fn known(books: &mut Books<'_>, charge: &Charge) -> Option<Outcome> {
    if books.rows.revoked_keys.contains(&charge.api_key) {
        return Some(Outcome::Refused(Refusal::KeyRevoked));
    }
    if let Some(outcome) = books.known_key(&charge.key, charge.request_hash) {
        return Some(outcome);
    }
    match books.rows.references.get(&charge.reference)? {
        TakenReference::Tombstone => Some(Outcome::Refused(Refusal::ReferenceCanceled)),
        TakenReference::Payment { fingerprint, first, canceled }
            if *fingerprint == charge.fingerprint =>
        {
            if *canceled {
                // A new request for what was called off must not hear of the first success.
                return Some(Outcome::Refused(Refusal::ReferenceCanceled));
            }
            let answer = Answer::Payment(first.clone());
            let name = AnswerRef::Payment(first.id);
            books.keep(&charge.key, charge.request_hash, &answer, name);
            Some(Outcome::Answered { answer, replayed: true })
        }
        TakenReference::Payment { .. } | TakenReference::Order(_) => {
            Some(Outcome::Refused(Refusal::ReferenceConflict))
        }
    }
}

/// Rules 3 to 6: the code is looked at, burned, and the payment decided.
fn present(books: &mut Books<'_>, charge: &Charge) -> Result<Answer, Refusal> {
    let (mode, asked) = (charge.key.mode, charge.amount.money());
    let seller = Seller::of(books, charge.reference.merchant, mode, asked);
    let seller = seller.ok_or(Refusal::MerchantUnavailable)?;
    let Verdict::Authentic(code) = &charge.verdict else {
        return Err(Refusal::InvalidCode);
    };
    let device = *books.rows.devices.get(&code.device).ok_or(Refusal::InvalidCode)?;
    let mut payer = *books.rows.payers.get(&code.payer).ok_or(Refusal::InvalidCode)?;
    payer.usage = payer.usage.on(books.rows.today);
    if payer.mode != charge.key.mode {
        return Err(Refusal::InvalidCode);
    }
    match Freshness::of(code.mark.step, books.now) {
        Freshness::Ahead => return Err(Refusal::ClockSkew),
        Freshness::Expired => return Ok(reject(books, charge, Rejection::CodeExpired)),
        Freshness::Current => {}
    }
    if let Some(last) = device.presented.filter(|last| last.mark >= code.mark) {
        suspect(books, charge, code, &payer, last);
        return Ok(reject(books, charge, Rejection::CodeUsed));
    }
    // From here on the code is burned, whatever becomes of the payment.
    let allowed = allow(books, charge, code, &device, &payer);
    burn(books, charge, code, device, allowed.is_ok());
    let decision = allowed.map(|allowed| {
        let transfer = match (allowed.reason, charge.capture) {
            (None, Capture::Automatic) => sale::pay(books, charge.transfer, &seller, &payer, asked),
            (None, Capture::Manual) | (Some(_), _) => person::hold(charge.transfer, &payer, asked),
        };
        books.set_payer(code.payer, &payer, allowed.available, allowed.usage);
        Decided { transfer, proof: allowed.proof, reason: allowed.reason }
    });
    let fee = seller.merchant.fee.fee(asked);
    let limits = limits(books, &device, &payer);
    Ok(record(books, charge, (code, limits, payer.usage.day), fee, decision))
}

/// A code that was shown at another till before: somebody has copied it. Only the very code of the
/// mark proves that; below it a payer may have shown an older one.
fn suspect(
    books: &mut Books<'_>,
    charge: &Charge,
    code: &AuthenticCode,
    payer: &Payer,
    last: Presented,
) {
    let elsewhere = |at: PresentedAt| {
        (at.merchant, at.terminal) != (charge.reference.merchant, charge.terminal)
    };
    if last.mark != code.mark || !last.at.is_some_and(elsewhere) {
        return;
    }
    let until = books.now.plus_millis(books.rules.confirmation.suspected_millis);
    books.update_payer(code.payer, Payer { suspected_until: Some(until), ..*payer });
    let asked = charge.amount.money();
    let record = Record {
        mode: charge.key.mode,
        kind: RecordKind::Notice,
        state: PaymentState::Declined,
        subject: *charge.id.as_bytes(),
        merchant: *charge.reference.merchant.as_bytes(),
        decided_at: books.now,
        asked,
        settled: Money::zero(asked.currency()),
        reference_hash: [0; 32],
        books_hash: books_hash(&[], &code.evidence),
    };
    let merchant = Some(charge.reference.merchant);
    let notice = Some("code.reused");
    books.plan.events.push(Event { record, notice, merchant, payer: Some(code.payer) });
}

/// Moves the mark, and remembers where the code was presented.
fn burn(books: &mut Books<'_>, charge: &Charge, code: &AuthenticCode, device: Device, paid: bool) {
    let at = PresentedAt {
        merchant: charge.reference.merchant,
        terminal: charge.terminal,
        time: books.now,
        paid: paid.then_some(charge.amount.money().minor()),
    };
    let presented = Presented { mark: code.mark, at: Some(at) };
    books.rows.devices.insert(code.device, Device { presented: Some(presented), ..device });
    books.plan.marks.push((code.device, presented));
}

/// What holds for this payer with this device.
fn limits(books: &Books<'_>, device: &Device, payer: &Payer) -> Limits {
    books.rules.limits.of_device(&payer.own_limits, device.is_new(books.now))
}

/// What a payer will have spent, and will have left, once an allowed payment is made.
struct Allowed {
    usage: Usage,
    available: Money,
    proof: Proof,
    /// Why the payer must confirm it first.
    reason: Option<ConfirmationReason>,
}

/// Whether the payer may pay this; the first rule broken names the decline.
fn allow(
    books: &Books<'_>,
    charge: &Charge,
    code: &AuthenticCode,
    device: &Device,
    payer: &Payer,
) -> Result<Allowed, Declined> {
    let amount = charge.amount.money();
    if device.revoked {
        return Err(DeclineCode::DeviceRevoked.into());
    }
    if !payer.active {
        return Err(DeclineCode::PayerUnavailable.into());
    }
    let currencies = [code.limit.currency(), payer.available.currency()];
    if currencies.iter().any(|currency| *currency != amount.currency()) {
        return Err(DeclineCode::CurrencyMismatch.into());
    }
    if amount.minor() > code.limit.minor() {
        return Err(DeclineCode::OverCodeLimit.into());
    }
    let limits = limits(books, device, payer);
    let reason = confirmation::reason(books, charge, device, payer, &limits);
    let proof = if reason.is_some() { Proof::Pin } else { Proof::Code };
    let usage = books.rules.limits.allow(&limits, amount, &payer.usage, proof);
    let usage = usage
        .map_err(|over| Declined { code: DeclineCode::DeclinedByLimit, over_limit: Some(over) })?;
    let available = payer.available.checked_sub(amount).ok().filter(|left| left.minor() >= 0);
    let available = available.ok_or(DeclineCode::InsufficientFunds)?;
    Ok(Allowed { usage, available, proof, reason })
}
