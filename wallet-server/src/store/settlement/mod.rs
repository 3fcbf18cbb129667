//! The transaction that settles a batch: a fixed number of statements, whatever its size.
//!
//! | step | SQLite | PostgreSQL |
//! |---|---|---|
//! | [`begin`](Settlement::begin) | `BEGIN IMMEDIATE`, the only lock there is | READ COMMITTED |
//! | [`lock`](Settlement::lock) | – | the payers' balance rows, then the orders, then the balance rows of merchants who may give money back or have it paid out, each in the order of accounts or ids |
//! | [`load`](Settlement::load) | what the commands name, the usual statements together | the same, parts of one statement |
//! | [`commit`](Settlement::commit): write | one kind of row after the other, the batch's own row last | parts of one statement; sorted where two processes could write the same rows |
//! | … and make durable | one fsync | one fsync |
//!
//! No two batches can wait for each other: each takes its locks on payers, then those on orders, and
//! then those on merchants, before it writes anything, and in one order; what it writes afterwards is its own, or
//! in one order as well.

mod answers;
mod load;
mod lock;
mod shard;
mod write;

pub(super) use lock::merchants as lock_merchants;
pub use shard::OwnShard;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::StoreError;
use super::connection::{Changes, Store, Transaction};
use super::hex::Hex;
use super::sql::{Dialect, Sql, sql};
use crate::domain::command::Command;
use crate::domain::ids::{AccountId, BatchId, PayerId};
use crate::domain::limits::{Day, Today};
use crate::domain::plan::{Event, Plan};
use crate::domain::snapshot::Snapshot;

const LATEST: Sql = sql!(input { any: int }
    "select l.id from input i cross join (select b.id from batches b order by b.id desc limit 1) l"
    => { id: blob });

#[derive(Serialize)]
struct Any {
    any: u8,
}

#[derive(Deserialize)]
struct BatchRow {
    id: Hex<16>,
}

impl Store {
    /// The highest id that a batch has: the next one must be higher.
    pub async fn latest_batch(&self) -> Result<Option<BatchId>, StoreError> {
        let rows: Vec<BatchRow> = self.read(&LATEST, &[Any { any: 0 }]).await?;
        Ok(rows.first().map(|row| BatchId::from_bytes(row.id.0)))
    }
}

/// The changes that let a payer's devices know of something that moves no money: a batch of its own.
pub(super) fn events(
    dialect: Dialect,
    batch: BatchId,
    events: Vec<Event>,
    now: Timestamp,
) -> Result<Changes, StoreError> {
    let plan = Plan { events, ..Plan::default() };
    write::plan(dialect, batch, &plan, &LastEvents::new(), now, Day::default())
}

/// The last event of each payer whose row was read, in the batch that is being settled: its batch,
/// and its number there. The next one says what was before it.
type LastEvents = BTreeMap<PayerId, (Hex<16>, i64)>;

/// One batch on its way into the books.
#[derive(Debug)]
pub struct Settlement<'a> {
    transaction: Transaction,
    own: &'a OwnShard,
    last_events: LastEvents,
    unopened: Vec<AccountId>,
}

impl<'a> Settlement<'a> {
    /// Begins a transaction that counts in this shard.
    pub async fn begin(store: &Store, own: &'a OwnShard) -> Result<Self, StoreError> {
        let transaction = store.begin().await?;
        Ok(Self { transaction, own, last_events: LastEvents::new(), unopened: Vec::new() })
    }

    /// Locks what the commands concern. What is read from here on stays as it is.
    pub async fn lock(&mut self, commands: &[Command]) -> Result<(), StoreError> {
        lock::parties(&mut self.transaction, self.own.shard, commands).await
    }

    /// Reads the rows that the commands name.
    pub async fn load(
        &mut self,
        commands: &[Command],
        today: Today,
        now: Timestamp,
    ) -> Result<Snapshot, StoreError> {
        let loaded = load::snapshot(&mut self.transaction, self.own, commands, today, now).await?;
        self.last_events = loaded.last_events;
        self.unopened = loaded.unopened;
        Ok(loaded.snapshot)
    }

    /// Undoes it: nothing was written.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        self.transaction.roll_back().await
    }

    /// Writes what was decided and makes it durable. A plan that changes nothing leaves no batch
    /// behind.
    pub async fn commit(
        mut self,
        batch: BatchId,
        plan: &Plan,
        now: Timestamp,
        today: Day,
    ) -> Result<(), StoreError> {
        if plan.kept_answers.is_empty() && plan.events.is_empty() {
            return self.transaction.roll_back().await;
        }
        if !plan.transfers.is_empty() {
            shard::open(&mut self.transaction, self.unopened, self.own.shard).await?;
        }
        let changes =
            write::plan(self.transaction.dialect(), batch, plan, &self.last_events, now, today)?;
        self.transaction.commit_with(changes).await
    }
}

/// Every statement of this folder.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [answers::STATEMENTS, lock::STATEMENTS, shard::STATEMENTS, STATEMENTS]
        .into_iter()
        .flatten()
        .chain(load::statements())
        .chain(write::statements())
}

#[cfg(test)]
const STATEMENTS: &[(&str, &Sql)] = &[("settlement::LATEST", &LATEST)];
