//! A charge, rule by rule, in order of precedence.

use wallet_core::Money;
use wallet_core::code::Freshness;
use wallet_core::receipt::{PaymentState, Record, RecordKind};

use super::Books;
use crate::domain::command::{AuthenticCode, Charge, Verdict};
use crate::domain::ids::AccountId;
use crate::domain::journal::books_hash;
use crate::domain::ledger::{AccountKind, Entry, Shard, Transfer};
use crate::domain::limits::Usage;
use crate::domain::outcome::{Answer, DeclineCode, Outcome, PaymentAnswer, Refusal, Rejection};
use crate::domain::plan::{Event, NewPayment, NewReference, Spending};
use crate::domain::snapshot::{Device, Merchant, Payer, TakenReference};

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
        TakenReference::Payment(fingerprint, payment) if *fingerprint == charge.fingerprint => {
            let answer = Answer::Payment(payment.clone());
            books.keep(&charge.key, charge.request_hash, &answer);
            Some(Outcome::Answered { answer, replayed: true })
        }
        TakenReference::Payment(..) => Some(Outcome::Refused(Refusal::ReferenceConflict)),
    }
}

/// Rules 3 to 6: the code is looked at, burned, and the payment decided.
fn present(books: &mut Books<'_>, charge: &Charge) -> Result<Answer, Refusal> {
    let (merchant, fees) = merchant(books, charge)?;
    let Verdict::Authentic(code) = &charge.verdict else {
        return Err(Refusal::InvalidCode);
    };
    let device = *books.rows.devices.get(&code.device).ok_or(Refusal::InvalidCode)?;
    let payer = *books.rows.payers.get(&code.payer).ok_or(Refusal::InvalidCode)?;
    if payer.mode != charge.key.mode {
        return Err(Refusal::InvalidCode);
    }
    match Freshness::of(code.mark.step, books.now) {
        Freshness::Ahead => return Err(Refusal::ClockSkew),
        Freshness::Expired => return Ok(reject(books, charge, Rejection::CodeExpired)),
        Freshness::Current => {}
    }
    if device.mark >= Some(code.mark) {
        return Ok(reject(books, charge, Rejection::CodeUsed));
    }
    // From here on the code is burned, whatever becomes of the payment.
    books.rows.devices.insert(code.device, Device { mark: Some(code.mark), ..device });
    books.plan.marks.push((code.device, code.mark));

    let fee = merchant.fee.fee(charge.amount.money());
    let movement = allow(books, charge, code, device, &payer).map(|allowed| {
        let transfer = move_money(books, charge, &merchant, &payer, (fees, fee));
        spend(books, code, charge.amount.money(), &allowed);
        transfer
    });
    Ok(record(books, charge, code, fee, movement))
}

/// The merchant and the account for its fees, if both can take this currency.
fn merchant(books: &Books<'_>, charge: &Charge) -> Result<(Merchant, AccountId), Refusal> {
    let (mode, currency) = (charge.key.mode, charge.amount.money().currency());
    let merchant = books
        .rows
        .merchants
        .get(&charge.reference.merchant)
        .filter(|merchant| merchant.active && merchant.mode == mode)
        .filter(|merchant| merchant.currency == currency);
    let fees = books.rows.own_accounts.get(&(AccountKind::Fees, mode, currency));
    merchant.copied().zip(fees.copied()).ok_or(Refusal::MerchantUnavailable)
}

/// What a payer will have spent, and will have left, once an allowed payment is made.
struct Allowed {
    usage: Usage,
    available: Money,
}

/// Whether the payer may pay this; the first rule broken names the decline.
fn allow(
    books: &Books<'_>,
    charge: &Charge,
    code: &AuthenticCode,
    device: Device,
    payer: &Payer,
) -> Result<Allowed, DeclineCode> {
    let amount = charge.amount.money();
    if device.revoked {
        return Err(DeclineCode::DeviceRevoked);
    }
    if !payer.active {
        return Err(DeclineCode::PayerUnavailable);
    }
    let currencies = [code.limit.currency(), payer.available.currency()];
    if currencies.iter().any(|currency| *currency != amount.currency()) {
        return Err(DeclineCode::CurrencyMismatch);
    }
    if amount.minor() > code.limit.minor() {
        return Err(DeclineCode::OverCodeLimit);
    }
    let nothing = Usage { spent: Money::zero(amount.currency()), count: 0 };
    let today = books.rows.usage.get(&code.payer).copied().unwrap_or(nothing);
    let usage = books.rules.limits.allow(amount, today).ok_or(DeclineCode::DeclinedByLimit)?;
    let available = payer.available.checked_sub(amount).ok().filter(|left| left.minor() >= 0);
    let available = available.ok_or(DeclineCode::InsufficientFunds)?;
    Ok(Allowed { usage, available })
}

/// The transfer: the payer pays the amount, the merchant gets it less the fee.
fn move_money(
    books: &Books<'_>,
    charge: &Charge,
    merchant: &Merchant,
    payer: &Payer,
    (fees, fee): (AccountId, Money),
) -> Transfer {
    let shard = books.rows.shard;
    let (minor, currency) = (charge.amount.money().minor(), charge.amount.money().currency());
    let entry = |account, shard, minor| {
        Entry::available(account, shard, Money::from_minor(minor, currency))
    };
    let mut entries = vec![
        entry(payer.account, Shard(0), -minor),
        entry(merchant.account, shard, minor - fee.minor()),
        entry(fees, shard, fee.minor()),
    ];
    entries.retain(|entry| entry.amount.minor() != 0);
    // Balanced by construction, and a positive amount leaves at least two entries. If not, the
    // books are not to be trusted with it: the batcher isolates the command.
    Transfer::new(charge.transfer, entries).unwrap_or_else(|error| panic!("{}: {error}", charge.id))
}

/// Writes the payment down, succeeded or declined.
fn record(
    books: &mut Books<'_>,
    charge: &Charge,
    code: &AuthenticCode,
    fee: Money,
    movement: Result<Transfer, DeclineCode>,
) -> Answer {
    let asked = charge.amount.money();
    let nothing = Money::zero(asked.currency());
    let (state, settled, fee) = match movement {
        Ok(_) => (PaymentState::Succeeded, asked, fee),
        Err(_) => (PaymentState::Declined, nothing, nothing),
    };
    let entries = movement.as_ref().map_or(&[][..], Transfer::entries);
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
    let answer = PaymentAnswer {
        id: charge.id,
        merchant: charge.reference.merchant,
        mode: charge.key.mode,
        record,
        fee,
        decline_code: movement.as_ref().err().copied(),
        reference: charge.reference.reference.clone(),
        code_source: charge.code_source,
        terminal: charge.terminal,
        description: charge.description.clone(),
        metadata: charge.metadata.clone(),
    };
    let transfer = movement.ok();
    books.plan.payments.push(NewPayment {
        answer: answer.clone(),
        payer: code.payer,
        device: code.device,
        mark: code.mark,
        code_limit: code.limit,
        limits: books.rules.limits,
        day: books.rows.today,
        transfer: transfer.as_ref().map(Transfer::id),
        evidence: code.evidence.clone(),
        event: books.plan.events.len(),
    });
    books.plan.transfers.extend(transfer);
    let merchant = Some(charge.reference.merchant);
    books.plan.events.push(Event { record, merchant, payer: code.payer });
    take_reference(books, charge, &answer);
    let answer = Answer::Payment(Box::new(answer));
    books.keep(&charge.key, charge.request_hash, &answer);
    answer
}

/// Counts an allowed payment against the payer's balance and day.
fn spend(books: &mut Books<'_>, code: &AuthenticCode, amount: Money, allowed: &Allowed) {
    books.rows.usage.insert(code.payer, allowed.usage);
    if let Some(payer) = books.rows.payers.get_mut(&code.payer) {
        payer.available = allowed.available;
    }
    books.plan.spending.push(Spending { payer: code.payer, day: books.rows.today, amount });
}

/// A declined payment takes its reference as well; a rejected code does not, so that the till
/// can scan again under the same one.
fn take_reference(books: &mut Books<'_>, charge: &Charge, answer: &PaymentAnswer) {
    let taken = TakenReference::Payment(charge.fingerprint, Box::new(answer.clone()));
    books.rows.references.insert(charge.reference.clone(), taken);
    books.plan.references.push(NewReference {
        reference: charge.reference.clone(),
        fingerprint: charge.fingerprint,
        payment: charge.id,
    });
}

/// Keeps the rejection of an authentic code under the idempotency key.
fn reject(books: &mut Books<'_>, charge: &Charge, rejection: Rejection) -> Answer {
    let answer = Answer::Rejected(rejection);
    books.keep(&charge.key, charge.request_hash, &answer);
    answer
}
