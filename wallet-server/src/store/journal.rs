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

// In the order in which they came: of two batches that concern one payer or merchant, the later one
// was written after the earlier one's commit, so what happened to anybody is in the journal in the
// order in which it was decided. An auditor relies on that. A second sequencer, if there are two
// for a moment, is refused: a batch has one position, and a position one batch.
const PLACE: Sql = sql!(postgres input { size: int }
    ", placed as (delete from journal_pending where batch in ( \
        select batch from journal_pending order by arrival limit (select size from input)) \
        returning batch, leaf, arrival) \
     insert into journal (position, batch, leaf) \
     select (select coalesce(max(position), 0) from journal) \
            + row_number() over (order by arrival), batch, leaf from placed order by arrival");

#[derive(Serialize)]
struct Size {
    size: u32,
}

// The batches are given, for the reason that is in store/webhooks/deliveries.rs.
const PAYERS: Sql = sql!(postgres input { batch: blob }
    "select distinct e.payer from input i join events e on e.batch = i.batch \
     and e.payer is not null"
    => { payer: blob });

#[derive(Serialize)]
struct OfBatchRow {
    batch: Hex<16>,
}

#[derive(Deserialize)]
struct PayerRow {
    payer: Hex<16>,
}

// The bounds are values to PostgreSQL's planner, not rows to be joined: it takes the index whatever
// it believes about the table.
const BATCHES: Sql = sql!(each input { position: int, last: int }
    "select j.position, j.batch from journal j where j.position > (select position from input) \
     and j.position <= (select last from input) order by j.position"
    => { position: int, batch: blob });

#[derive(Serialize)]
struct Range {
    position: i64,
    last: i64,
}

#[derive(Deserialize)]
struct BatchRow {
    position: i64,
    batch: Hex<16>,
}

/// The ranges of positions in which somebody reads the journal: the first ones short, because a batch
/// may hold hundreds of events, and longer ones where there is little in them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ranges {
    /// The position behind which the next one begins.
    pub(super) position: i64,
    last: i64,
    length: i64,
}

/// How many batches are read at first.
const RANGE_MIN: i64 = 8;
/// How many at most: full ones have some ten thousand events together.
const RANGE_MAX: i64 = 64;

impl Ranges {
    /// Behind a position, up to another one, and no more than [`STEP_MAX`] batches.
    pub(super) fn new(position: i64, last: i64) -> Self {
        let last = last.min(position.saturating_add(i64::from(STEP_MAX)));
        Self { position, last, length: RANGE_MIN }
    }

    /// The next one, as the positions before it and at its end.
    pub(super) fn take(&mut self) -> Option<(i64, i64)> {
        let from = self.position;
        let to = self.last.min(from.saturating_add(self.length));
        (to > from).then(|| {
            self.position = to;
            (from, to)
        })
    }

    /// There was little in the last one.
    pub(super) fn lengthen(&mut self) {
        self.length = RANGE_MAX.min(self.length.saturating_mul(2));
    }
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
        let last = position.saturating_add(i64::from(STEP_MAX));
        let batches = self.journal_batches(position, last).await?;
        let last = batches.last().map_or(position, |(position, _)| *position);
        let input: Vec<OfBatchRow> =
            batches.into_iter().map(|(_, batch)| OfBatchRow { batch }).collect();
        let rows: Vec<PayerRow> =
            if input.is_empty() { Vec::new() } else { self.read(&PAYERS, &input).await? };
        Ok((last, rows.into_iter().map(|row| PayerId::from_bytes(row.payer.0)).collect()))
    }
}

impl Store {
    /// The batches behind a position, up to another one, in their order.
    pub(super) async fn journal_batches(
        &self,
        position: i64,
        last: i64,
    ) -> Result<Vec<(i64, Hex<16>)>, StoreError> {
        let rows: Vec<BatchRow> = self.read(&BATCHES, &[Range { position, last }]).await?;
        Ok(rows.into_iter().map(|row| (row.position, row.batch)).collect())
    }
}

/// Every statement of this file, for the test that prepares them.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("journal::PLACE", &PLACE), ("journal::PAYERS", &PAYERS), ("journal::BATCHES", &BATCHES)];

#[cfg(test)]
mod tests {
    use super::Ranges;

    #[test]
    fn the_journal_is_read_in_ranges_that_follow_one_another_to_a_bound() {
        let mut ranges = Ranges::new(10, 10_000);
        assert_eq!(ranges.take(), Some((10, 18)));
        assert_eq!(ranges.take(), Some((18, 26)));
        ranges.lengthen();
        assert_eq!(ranges.take(), Some((26, 42)));
        let mut end = 42;
        while let Some((from, to)) = ranges.take() {
            assert!(from == end && to - from <= 64, "{from} {to}");
            end = to;
            ranges.lengthen();
        }
        assert_eq!(end, 1010);
        assert_eq!(Ranges::new(7, 7).take(), None);
        assert_eq!(Ranges::new(7, 9).take(), Some((7, 9)));
    }
}
