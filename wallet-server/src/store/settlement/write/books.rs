//! The ledger and the journal: entries, balances, events, and the batch that closes over them.

use std::collections::BTreeMap;

use serde::Serialize;
use wallet_core::receipt::RECORD_LENGTH;
use wallet_core::{Money, Timestamp};

use crate::domain::ids::BatchId;
use crate::domain::journal::merkle_root;
use crate::domain::ledger::{Bucket, Entry, Transfer};
use crate::domain::plan::Plan;
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::Hex;
use crate::store::settlement::LastEvents;
use crate::store::sql::{Dialect, Sql, sql};

const ENTRIES: Sql = sql!(each "insert into entries (batch, n, transfer, account, shard, bucket, currency, amount) \
        values (:batch, :n, :transfer, :account, :shard, :bucket, :currency, :amount)"
    input { batch: blob, transfer: blob, account: blob, shard: int,
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

pub(super) fn entries(
    changes: &mut Changes,
    batch: BatchId,
    plan: &Plan,
) -> Result<(), StoreError> {
    let rows = entry_rows(batch, plan);
    changes.add(&ENTRIES, &rows)
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

const BALANCES: Sql = sql!(each "update balances set available = available + :available, held = held + :held \
        where account = :account and shard = :shard"
    input { account: blob, shard: int, available: int, held: int }
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
pub(super) fn balances(changes: &mut Changes, plan: &Plan) -> Result<(), StoreError> {
    const OVERFLOW: StoreError = StoreError::Corrupt("a batch moves more than 64 bits hold");
    let mut sums: BTreeMap<_, (i64, i64)> = BTreeMap::new();
    for entry in plan.transfers.iter().flat_map(Transfer::entries) {
        let Entry { account, shard, bucket, amount } = entry;
        let (available, held) = sums.entry((*account, *shard)).or_default();
        let side = match bucket {
            Bucket::Available => available,
            Bucket::Held => held,
        };
        *side = side.checked_add(Money::minor(*amount)).ok_or(OVERFLOW)?;
    }
    let rows: Vec<BalanceRow> = sums
        .into_iter()
        .map(|((account, shard), (available, held))| BalanceRow {
            account: Hex(*account.as_bytes()),
            shard: shard.0,
            available,
            held,
        })
        .collect();
    changes.add_to_existing(&BALANCES, &rows, "a balance")
}

// Each names the payer's event before it: where that was not read, it is what the payer's row says is
// the last, which is written after this.
const EVENTS: Sql = sql!(each "insert into events (batch, n, mode, type, subject, merchant, payer, record, \
        previous_batch, previous_event) \
        values (:batch, :n, :mode, :type, :subject, :merchant, :payer, :record, \
        coalesce(:previous_batch, (select last_batch from payers where id = :payer)), \
        coalesce(:previous_event, (select last_event from payers where id = :payer)))"
    input { batch: blob, mode: text, type: text, subject: blob,
        merchant: blob, payer: blob, record: blob, previous_batch: blob, previous_event: int }
    "insert into events (batch, n, mode, type, subject, merchant, payer, record, previous_batch, \
        previous_event) \
     select batch, n, mode, type, subject, merchant, payer, record, \
        coalesce(previous_batch, (select p.last_batch from payers p where p.id = input.payer)), \
        coalesce(previous_event, (select p.last_event from payers p where p.id = input.payer)) \
     from input");

#[derive(Serialize)]
struct EventRow {
    batch: Hex<16>,
    mode: &'static str,
    r#type: String,
    subject: Hex<16>,
    merchant: Option<Hex<16>>,
    payer: Option<Hex<16>>,
    record: Hex<RECORD_LENGTH>,
    previous_batch: Option<Hex<16>>,
    previous_event: Option<i64>,
}

pub(super) fn events(
    changes: &mut Changes,
    batch: BatchId,
    plan: &Plan,
    last_events: &LastEvents,
) -> Result<(), StoreError> {
    let batch = Hex(*batch.as_bytes());
    let mut of_this: LastEvents = BTreeMap::new();
    let rows: Vec<EventRow> = (0..)
        .zip(&plan.events)
        .map(|(n, event)| {
            let before = |payer| {
                let earlier = of_this.insert(payer, (batch, n));
                earlier.or_else(|| last_events.get(&payer).copied())
            };
            let previous = event.payer.and_then(before);
            EventRow {
                batch,
                mode: event.record.mode.as_str(),
                r#type: event.event_type(),
                subject: Hex(event.record.subject),
                merchant: event.merchant.map(|id| Hex(*id.as_bytes())),
                payer: event.payer.map(|id| Hex(*id.as_bytes())),
                record: Hex(event.record.to_bytes()),
                previous_batch: previous.map(|(batch, _)| batch),
                previous_event: previous.map(|(_, n)| n),
            }
        })
        .collect();
    changes.add(&EVENTS, &rows)
}

const BATCH: Sql = sql!(each "insert into batches (id, committed_at) values (:batch, :now)"
    input { batch: blob, leaf: blob, now: int }
    "insert into batches (id, committed_at) select batch, now from input");

const JOURNAL: Sql = sql!(each input { batch: blob, leaf: blob, now: int }
    "insert into journal (position, batch, leaf) \
     select (select coalesce(max(position), 0) + 1 from journal), batch, leaf from input");

// The position is given later, by one process for all.
const PENDING: Sql = sql!(postgres input { batch: blob, leaf: blob, now: int }
    "insert into journal_pending (batch, leaf) select batch, leaf from input");

#[derive(Serialize)]
struct JournalRow {
    batch: Hex<16>,
    leaf: Hex<32>,
    now: i64,
}

/// Closes the batch, and gives it its place. On SQLite closing checks that its transfers balance,
/// so everything must be there; on PostgreSQL that is checked for the entries, and a batch is
/// closed when its transaction ends.
pub(super) fn journal(
    changes: &mut Changes,
    dialect: Dialect,
    batch: BatchId,
    plan: &Plan,
    now: Timestamp,
) -> Result<(), StoreError> {
    let leaf = merkle_root(plan.events.iter().map(|event| &event.record));
    let row = JournalRow { batch: Hex(*batch.as_bytes()), leaf: Hex(leaf), now: now.unix_millis() };
    let rows = [row];
    match dialect {
        Dialect::Sqlite => {
            changes.add(&JOURNAL, &rows)?;
            changes.add_last(&BATCH, &rows)
        }
        Dialect::Postgres => {
            changes.add(&PENDING, &rows)?;
            changes.add(&BATCH, &rows)
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("books::ENTRIES", &ENTRIES),
    ("books::BALANCES", &BALANCES),
    ("books::EVENTS", &EVENTS),
    ("books::BATCH", &BATCH),
    ("books::JOURNAL", &JOURNAL),
    ("books::PENDING", &PENDING),
];
