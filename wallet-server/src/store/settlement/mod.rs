//! The transaction that settles a batch: load, then write, a fixed number of statements whatever
//! the size of the batch.
//!
//! With SQLite, `BEGIN IMMEDIATE` is the only lock there is, and it is held before anything is
//! read.

mod answers;
mod load;
mod write;

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::StoreError;
use super::connection::{Store, Transaction};
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::command::Command;
use crate::domain::ids::BatchId;
use crate::domain::limits::Day;
use crate::domain::plan::Plan;
use crate::domain::snapshot::Snapshot;

const LATEST: Sql = sql!(input { any: int }
    "select b.id from input i cross join batches b order by b.id desc limit 1" => { id: blob });

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

/// One batch on its way into the books.
#[derive(Debug)]
pub struct Settlement(Transaction);

impl Settlement {
    /// Takes the write lock.
    pub async fn begin(store: &Store) -> Result<Self, StoreError> {
        Ok(Self(store.begin().await?))
    }

    /// Reads the rows that the commands name.
    pub async fn load(&mut self, commands: &[Command], today: Day) -> Result<Snapshot, StoreError> {
        load::snapshot(&mut self.0, commands, today).await
    }

    /// Writes what was decided and makes it durable.
    ///
    /// A plan that changes nothing leaves no batch behind.
    pub async fn commit(
        mut self,
        batch: BatchId,
        plan: &Plan,
        now: Timestamp,
        today: Day,
    ) -> Result<(), StoreError> {
        if plan.kept_answers.is_empty() && plan.events.is_empty() {
            return self.0.roll_back().await;
        }
        write::plan(&mut self.0, batch, plan, now, today).await?;
        self.0.commit().await
    }
}

/// Every statement of this folder.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [answers::STATEMENTS, STATEMENTS]
        .into_iter()
        .flatten()
        .chain(load::statements())
        .chain(write::statements())
}

#[cfg(test)]
const STATEMENTS: &[(&str, &Sql)] = &[("settlement::LATEST", &LATEST)];
