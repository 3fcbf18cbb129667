//! The journal where several processes commit: batches wait for a position, and one process at a
//! time hands positions out.
//!
//! Ids are made before the commit, so across processes they do not tell the order of commits. A
//! batch that a reader has not seen could get a lower id than one that it has; it cannot get a
//! lower position.

use serde::{Deserialize, Serialize};

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::ids::PayerId;

// By the order of ids, which is close to the order of commits. A second sequencer, if there are two
// for a moment, is refused: a batch has one position, and a position one batch.
const PLACE: Sql = sql!(postgres input { size: int }
    ", placed as (delete from journal_pending where batch in ( \
        select batch from journal_pending order by batch limit (select size from input)) \
        returning batch, leaf) \
     insert into journal (position, batch, leaf) \
     select (select coalesce(max(position), 0) from journal) \
            + row_number() over (order by batch), batch, leaf from placed order by batch");

#[derive(Serialize)]
struct Size {
    size: u32,
}

const PAYERS_AFTER: Sql = sql!(postgres input { position: int, size: int }
    "select j.position, e.payer from input i join journal j on j.position > i.position \
     and j.position <= i.position + i.size \
     left join events e on e.batch = j.batch order by j.position"
    => { position: int, payer: blob });

#[derive(Serialize)]
struct After {
    position: i64,
    size: u32,
}

#[derive(Deserialize)]
struct PayerRow {
    position: i64,
    payer: Option<Hex<16>>,
}

/// How many batches one step takes: more would only make a transaction long.
pub const STEP_MAX: u32 = 1000;

impl Store {
    /// Gives positions to batches that wait for one, to at most [`STEP_MAX`]; says to how many.
    pub async fn place_batches(&self) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let placed = transaction.write(&PLACE, &[Size { size: STEP_MAX }]).await?;
        transaction.commit().await?;
        Ok(placed)
    }

    /// The payers whom the batches after a position concern, and the last of those positions.
    pub async fn payers_after(&self, position: i64) -> Result<(i64, Vec<PayerId>), StoreError> {
        let after = After { position, size: STEP_MAX };
        let rows: Vec<PayerRow> = self.read(&PAYERS_AFTER, &[after]).await?;
        let last = rows.last().map_or(position, |row| row.position);
        let payers = rows.into_iter().filter_map(|row| row.payer);
        Ok((last, payers.map(|id| PayerId::from_bytes(id.0)).collect()))
    }
}

/// Every statement of this file, for the test that prepares them.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("journal::PLACE", &PLACE), ("journal::PAYERS_AFTER", &PAYERS_AFTER)];
