//! Writing a plan: each kind of row in one statement, the batch's own row last.

use std::collections::BTreeMap;

use serde::Serialize;
use wallet_core::receipt::RECORD_LENGTH;
use wallet_core::{Money, Timestamp};

use crate::domain::ids::BatchId;
use crate::domain::journal::merkle_root;
use crate::domain::ledger::{Bucket, Entry, Transfer};
use crate::domain::limits::Day;
use crate::domain::outcome::DeclineCode;
use crate::domain::plan::{AnswerRef, NewKeptAnswer, NewPayment, Plan};
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::{Bytes, Hex};
use crate::store::rows::{KeyRow, ReferenceRow};
use crate::store::sql::{Sql, sql};

/// Writes everything that was decided.
pub(super) async fn plan(
    transaction: &mut Transaction,
    batch: BatchId,
    plan: &Plan,
    now: Timestamp,
    today: Day,
) -> Result<(), StoreError> {
    marks(transaction, plan).await?;
    spending(transaction, plan).await?;
    payments(transaction, batch, plan).await?;
    references(transaction, plan, now).await?;
    top_ups(transaction, batch, plan).await?;
    kept_answers(transaction, plan, today).await?;
    if plan.events.is_empty() {
        // Codes that were rejected: an answer to keep, but nothing that happened.
        return Ok(());
    }
    let entries: Vec<EntryRow> = entry_rows(batch, plan);
    transaction.write(&ENTRIES, &entries).await?;
    balances(transaction, plan).await?;
    events(transaction, batch, plan).await?;
    journal(transaction, batch, plan, now).await
}

const MARKS: Sql = sql!(input { key_id: blob, step: int, seq: int }
    "update devices set mark_step = i.step, mark_seq = i.seq from input i \
     where devices.key_id = i.key_id");

#[derive(Serialize)]
struct MarkRow {
    key_id: Hex<8>,
    step: u32,
    seq: u8,
}

async fn marks(transaction: &mut Transaction, plan: &Plan) -> Result<(), StoreError> {
    // Several codes of one device in a batch: only the last one counts, and it is the highest.
    let last: BTreeMap<_, _> = plan.marks.iter().copied().collect();
    let rows: Vec<MarkRow> = last
        .into_iter()
        .map(|(device, mark)| MarkRow {
            key_id: Hex(*device.as_bytes()),
            step: mark.step.number(),
            seq: mark.seq,
        })
        .collect();
    let moved = transaction.write(&MARKS, &rows).await?;
    expect_all(moved, rows.len(), "a device")
}

/// Every row that a statement names must have been there: it was loaded in this transaction.
fn expect_all(changed: u64, named: usize, what: &'static str) -> Result<(), StoreError> {
    if usize::try_from(changed) == Ok(named) { Ok(()) } else { Err(StoreError::Corrupt(what)) }
}

const SPENDING: Sql = sql!(input { payer: blob, day: int, currency: int, amount: int }
    "insert into daily_spending (payer, day, currency, proof, spent, count) \
     select payer, day, currency, 'code', sum(amount), count(*) from input where true \
     group by payer, day, currency \
     on conflict (payer, day, currency, proof) do update \
     set spent = daily_spending.spent + excluded.spent, \
         count = daily_spending.count + excluded.count");

#[derive(Serialize)]
struct SpendingRow {
    payer: Hex<16>,
    day: i32,
    currency: u16,
    amount: i64,
}

async fn spending(transaction: &mut Transaction, plan: &Plan) -> Result<(), StoreError> {
    let rows: Vec<SpendingRow> = plan
        .spending
        .iter()
        .map(|spending| SpendingRow {
            payer: Hex(*spending.payer.as_bytes()),
            day: spending.day.0,
            currency: spending.amount.currency().numeric(),
            amount: spending.amount.minor(),
        })
        .collect();
    transaction.write(&SPENDING, &rows).await?;
    Ok(())
}

const PAYMENTS: Sql = sql!(input { id: blob, mode: text, merchant: blob, reference: text,
        state: text, decline_code: text, currency: int, amount: int, amount_settled: int,
        settled_currency: int, fee: int, code_source: text, terminal: blob, description: text,
        metadata: text, payer: blob, device: blob, code_step: int, code_seq: int, code_limit: int,
        code_currency: int, limit_payment: int, limit_day: int, day: int, transfer: blob,
        evidence: blob, batch: blob, event: int, created_at: int }
    "insert into payments (id, mode, merchant, reference, state, decline_code, capture, currency, \
        amount, settled_currency, amount_settled, amount_refunded, fee, first_fee, code_source, \
        terminal, description, metadata, payer, device, code_step, code_seq, code_limit, \
        code_currency, evidence, limit_payment, limit_day, day, transfer, batch, event, \
        last_batch, last_event, created_at) \
     select id, mode, merchant, reference, state, decline_code, 'automatic', currency, \
        amount, settled_currency, amount_settled, 0, fee, fee, code_source, \
        terminal, description, metadata, payer, device, code_step, code_seq, code_limit, \
        code_currency, evidence, limit_payment, limit_day, day, transfer, batch, event, \
        batch, event, created_at from input");

#[derive(Serialize)]
struct PaymentRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    merchant: Hex<16>,
    reference: &'a str,
    state: &'static str,
    decline_code: Option<&'static str>,
    currency: u16,
    amount: i64,
    settled_currency: u16,
    amount_settled: i64,
    fee: i64,
    code_source: &'static str,
    terminal: Option<Hex<16>>,
    description: Option<&'a str>,
    metadata: Option<&'a str>,
    payer: Hex<16>,
    device: Hex<8>,
    code_step: u32,
    code_seq: u8,
    code_limit: i64,
    code_currency: u16,
    limit_payment: i64,
    limit_day: i64,
    day: i32,
    transfer: Option<Hex<16>>,
    evidence: Bytes,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
}

impl<'a> PaymentRow<'a> {
    fn new(batch: BatchId, payment: &'a NewPayment) -> Self {
        let answer = &payment.answer;
        let record = &answer.record;
        Self {
            id: Hex(*answer.id.as_bytes()),
            mode: answer.mode.as_str(),
            merchant: Hex(*answer.merchant.as_bytes()),
            reference: &answer.reference,
            state: record.state.as_str(),
            decline_code: answer.decline_code.map(DeclineCode::as_str),
            currency: record.asked.currency().numeric(),
            amount: record.asked.minor(),
            settled_currency: record.settled.currency().numeric(),
            amount_settled: record.settled.minor(),
            fee: answer.fee.minor(),
            code_source: answer.code_source.as_str(),
            terminal: answer.terminal.map(|id| Hex(*id.as_bytes())),
            description: answer.description.as_deref(),
            metadata: answer.metadata.as_deref(),
            payer: Hex(*payment.payer.as_bytes()),
            device: Hex(*payment.device.as_bytes()),
            code_step: payment.mark.step.number(),
            code_seq: payment.mark.seq,
            code_limit: payment.code_limit.minor(),
            code_currency: payment.code_limit.currency().numeric(),
            limit_payment: payment.limits.payment.minor(),
            limit_day: payment.limits.day.minor(),
            day: payment.day.0,
            transfer: payment.transfer.map(|id| Hex(*id.as_bytes())),
            evidence: Bytes(payment.evidence.clone()),
            batch: Hex(*batch.as_bytes()),
            event: payment.event,
            created_at: record.decided_at.unix_millis(),
        }
    }
}

async fn payments(
    transaction: &mut Transaction,
    batch: BatchId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let rows: Vec<_> =
        plan.payments.iter().map(|payment| PaymentRow::new(batch, payment)).collect();
    transaction.write(&PAYMENTS, &rows).await?;
    Ok(())
}

const REFERENCES: Sql = sql!(input { merchant: blob, mode: text, reference: text,
        fingerprint: blob, payment: blob, created_at: int }
    "insert into payment_references (merchant, mode, reference, fingerprint, payment, created_at) \
     select merchant, mode, reference, fingerprint, payment, created_at from input");

#[derive(Serialize)]
struct NewReferenceRow<'a> {
    #[serde(flatten)]
    reference: ReferenceRow<'a>,
    fingerprint: Hex<32>,
    payment: Hex<16>,
    created_at: i64,
}

async fn references(
    transaction: &mut Transaction,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<NewReferenceRow<'_>> = plan
        .references
        .iter()
        .map(|new| NewReferenceRow {
            reference: ReferenceRow::new(&new.reference),
            fingerprint: Hex(new.fingerprint),
            payment: Hex(*new.payment.as_bytes()),
            created_at: now.unix_millis(),
        })
        .collect();
    transaction.write(&REFERENCES, &rows).await?;
    Ok(())
}

const TOP_UPS: Sql = sql!(input { id: blob, mode: text, payer: blob, external_reference: text,
        currency: int, amount: int, transfer: blob, batch: blob, event: int, created_at: int }
    "insert into top_ups (id, mode, payer, external_reference, currency, amount, transfer, batch, \
        event, created_at) \
     select id, mode, payer, external_reference, currency, amount, transfer, batch, \
        event, created_at from input");

#[derive(Serialize)]
struct TopUpRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    payer: Hex<16>,
    external_reference: &'a str,
    currency: u16,
    amount: i64,
    transfer: Hex<16>,
    batch: Hex<16>,
    event: usize,
    created_at: i64,
}

async fn top_ups(
    transaction: &mut Transaction,
    batch: BatchId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let rows: Vec<TopUpRow<'_>> = plan
        .top_ups
        .iter()
        .map(|new| TopUpRow {
            id: Hex(*new.answer.id.as_bytes()),
            mode: new.answer.record.mode.as_str(),
            payer: Hex(*new.answer.payer.as_bytes()),
            external_reference: &new.answer.external_reference,
            currency: new.answer.record.asked.currency().numeric(),
            amount: new.answer.record.asked.minor(),
            transfer: Hex(*new.transfer.as_bytes()),
            batch: Hex(*batch.as_bytes()),
            event: new.event,
            created_at: new.answer.record.decided_at.unix_millis(),
        })
        .collect();
    transaction.write(&TOP_UPS, &rows).await?;
    Ok(())
}

const KEPT_ANSWERS: Sql = sql!(input { caller_kind: text, caller: blob, mode: text, key: text,
        request_hash: blob, answer: text, subject: blob, created_day: int }
    "insert into idempotency_keys (caller_kind, caller, mode, key, request_hash, answer, subject, \
        created_day) \
     select caller_kind, caller, mode, key, request_hash, answer, subject, created_day from input");

#[derive(Serialize)]
struct KeptAnswerRow<'a> {
    #[serde(flatten)]
    key: KeyRow<'a>,
    request_hash: Hex<32>,
    answer: &'static str,
    subject: Option<Hex<16>>,
    created_day: i32,
}

impl<'a> KeptAnswerRow<'a> {
    fn new(kept: &'a NewKeptAnswer, today: Day) -> Self {
        let (answer, subject) = match kept.answer {
            AnswerRef::Payment(id) => ("payment", Some(Hex(*id.as_bytes()))),
            AnswerRef::TopUp(id) => ("top_up", Some(Hex(*id.as_bytes()))),
            AnswerRef::Rejected(rejection) => (rejection.as_str(), None),
        };
        Self {
            key: KeyRow::new(&kept.key),
            request_hash: Hex(kept.request_hash),
            answer,
            subject,
            created_day: today.0,
        }
    }
}

async fn kept_answers(
    transaction: &mut Transaction,
    plan: &Plan,
    today: Day,
) -> Result<(), StoreError> {
    let rows: Vec<_> =
        plan.kept_answers.iter().map(|kept| KeptAnswerRow::new(kept, today)).collect();
    transaction.write(&KEPT_ANSWERS, &rows).await?;
    Ok(())
}

const ENTRIES: Sql = sql!(input { batch: blob, transfer: blob, account: blob, shard: int,
        bucket: text, currency: int, amount: int }
    "insert into entries (batch, n, transfer, account, shard, bucket, currency, amount) \
     select batch, n, transfer, account, shard, bucket, currency, amount from input");

#[derive(Serialize)]
struct EntryRow {
    batch: Hex<16>,
    transfer: Hex<16>,
    account: Hex<16>,
    shard: u16,
    bucket: &'static str,
    currency: u16,
    amount: i64,
}

fn entry_rows(batch: BatchId, plan: &Plan) -> Vec<EntryRow> {
    let with_transfer =
        plan.transfers.iter().flat_map(|t| t.entries().iter().map(move |entry| (t.id(), entry)));
    with_transfer
        .map(|(transfer, entry)| EntryRow {
            batch: Hex(*batch.as_bytes()),
            transfer: Hex(*transfer.as_bytes()),
            account: Hex(*entry.account.as_bytes()),
            shard: entry.shard.0,
            bucket: entry.bucket.as_str(),
            currency: entry.amount.currency().numeric(),
            amount: entry.amount.minor(),
        })
        .collect()
}

const BALANCES: Sql = sql!(input { account: blob, shard: int, available: int, held: int }
    "update balances set available = balances.available + i.available, \
        held = balances.held + i.held from input i \
     where balances.account = i.account and balances.shard = i.shard");

#[derive(Serialize)]
struct BalanceRow {
    account: Hex<16>,
    shard: u16,
    available: i64,
    held: i64,
}

/// Adds up what a batch does to each balance, so that each row is touched once.
async fn balances(transaction: &mut Transaction, plan: &Plan) -> Result<(), StoreError> {
    const OVERFLOW: StoreError = StoreError::Corrupt("a batch moves more than 64 bits hold");
    let mut changes: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for entry in plan.transfers.iter().flat_map(Transfer::entries) {
        let Entry { account, shard, bucket, amount } = entry;
        let (available, held) = changes.entry((*account, *shard)).or_default();
        let side = match bucket {
            Bucket::Available => available,
            Bucket::Held => held,
        };
        *side = side.checked_add(Money::minor(*amount)).ok_or(OVERFLOW)?;
    }
    let rows: Vec<BalanceRow> = changes
        .into_iter()
        .map(|((account, shard), (available, held))| BalanceRow {
            account: Hex(*account.as_bytes()),
            shard: shard.0,
            available,
            held,
        })
        .collect();
    let found = transaction.write(&BALANCES, &rows).await?;
    expect_all(found, rows.len(), "a balance")
}

const EVENTS: Sql = sql!(input { batch: blob, mode: text, type: text, subject: blob,
        merchant: blob, payer: blob, record: blob }
    "insert into events (batch, n, mode, type, subject, merchant, payer, record) \
     select batch, n, mode, type, subject, merchant, payer, record from input");

#[derive(Serialize)]
struct EventRow {
    batch: Hex<16>,
    mode: &'static str,
    r#type: String,
    subject: Hex<16>,
    merchant: Option<Hex<16>>,
    payer: Hex<16>,
    record: Hex<RECORD_LENGTH>,
}

async fn events(
    transaction: &mut Transaction,
    batch: BatchId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let rows: Vec<EventRow> = plan
        .events
        .iter()
        .map(|event| EventRow {
            batch: Hex(*batch.as_bytes()),
            mode: event.record.mode.as_str(),
            r#type: event.event_type(),
            subject: Hex(event.record.subject),
            merchant: event.merchant.map(|id| Hex(*id.as_bytes())),
            payer: Hex(*event.payer.as_bytes()),
            record: Hex(event.record.to_bytes()),
        })
        .collect();
    transaction.write(&EVENTS, &rows).await?;
    Ok(())
}

const BATCH: Sql = sql!(input { batch: blob, leaf: blob, now: int }
    "insert into batches (id, committed_at) select batch, now from input");

const JOURNAL: Sql = sql!(input { batch: blob, leaf: blob, now: int }
    "insert into journal (position, batch, leaf) \
     select (select coalesce(max(position), 0) + 1 from journal), batch, leaf from input");

#[derive(Serialize)]
struct JournalRow {
    batch: Hex<16>,
    leaf: Hex<32>,
    now: i64,
}

/// Closes the batch, which checks that its transfers balance, and gives it its place.
async fn journal(
    transaction: &mut Transaction,
    batch: BatchId,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), StoreError> {
    let leaf = merkle_root(plan.events.iter().map(|event| &event.record));
    let row = JournalRow { batch: Hex(*batch.as_bytes()), leaf: Hex(leaf), now: now.unix_millis() };
    let rows = [row];
    transaction.write(&BATCH, &rows).await?;
    transaction.write(&JOURNAL, &rows).await?;
    Ok(())
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(in crate::store) const STATEMENTS: &[(&str, &Sql)] = &[
    ("settlement/write::MARKS", &MARKS),
    ("settlement/write::SPENDING", &SPENDING),
    ("settlement/write::PAYMENTS", &PAYMENTS),
    ("settlement/write::REFERENCES", &REFERENCES),
    ("settlement/write::TOP_UPS", &TOP_UPS),
    ("settlement/write::KEPT_ANSWERS", &KEPT_ANSWERS),
    ("settlement/write::ENTRIES", &ENTRIES),
    ("settlement/write::BALANCES", &BALANCES),
    ("settlement/write::EVENTS", &EVENTS),
    ("settlement/write::BATCH", &BATCH),
    ("settlement/write::JOURNAL", &JOURNAL),
];
