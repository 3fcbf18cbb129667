//! From the journal to rows of deliveries.

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::EventPlace;
use crate::domain::ids::WebhookEndpointId;
use crate::store::connection::Store;
use crate::store::error::StoreError;
use crate::store::hex::Hex;
use crate::store::journal::Ranges;
use crate::store::sql::{Sql, sql};

/// An event that an endpoint wants to be told of.
#[derive(Clone, Debug)]
pub struct WantedEvent {
    /// Which.
    pub place: EventPlace,
    /// When it was committed, Unix milliseconds: part of its id.
    pub committed_at: i64,
    /// `payment.succeeded` and the like.
    pub event_type: String,
    /// Who wants it.
    pub endpoint: WebhookEndpointId,
}

/// What endpoints want of the next part of the journal.
#[derive(Clone, Debug)]
pub struct WantedPart {
    /// Each event for each endpoint that wants it, in journal order.
    pub events: Vec<WantedEvent>,
    /// The last position of the part.
    pub through: i64,
    /// Whether there is so much in it that it should be written before more is read.
    pub full: bool,
}

/// So many deliveries fill a part: few enough that payments which wait for the one writer of SQLite
/// do not notice. One batch, which is never divided, may make more: an event for ten endpoints is ten
/// deliveries.
const DELIVERIES_FULL: usize = 2048;
/// With fewer deliveries than this a range of the journal is a thin one.
const DELIVERIES_FEW: usize = 256;

/// How far the journal has been followed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Followed {
    /// Up to here its events are deliveries.
    pub cursor: i64,
    /// Up to here no endpoint that is enabled wants anything; `None` when no endpoint is.
    pub since: Option<i64>,
}

const FOLLOWED: Sql = sql!(input { any: int }
    "select c.position as cursor, (select min(w.since) from webhook_endpoints w \
        where w.state = 'enabled') as since \
     from input i join webhook_cursor c on c.one = 1"
    => { cursor: int, since: int });

// The batches are given, so that PostgreSQL finds their events by equality: with bounds of positions
// it began at the endpoints and read all that their merchants ever did.
const WANTED: Sql = sql!(input { position: int, batch: blob, size: int }
    "select i.position, e.n, b.committed_at, e.type, w.id as endpoint \
     from input i cross join batches b cross join events e cross join webhook_endpoints w \
     where b.id = i.batch and e.batch = i.batch and e.merchant is not null \
        and w.merchant = e.merchant and w.state = 'enabled' \
        and w.mode = e.mode and w.since < i.position \
        and (w.events = '*' or ' ' || w.events || ' ' like '% ' || e.type || ' %') \
     order by i.position, e.n, w.id limit (select max(size) from input)"
    => { position: int, n: int, committed_at: int, type: text, endpoint: blob });

const MOVE_CURSOR: Sql = sql!(input { at: int, through: int }
    "update webhook_cursor set position = i.through from input i \
     where webhook_cursor.one = 1 and webhook_cursor.position = i.at");

const NEW_DELIVERIES: Sql = sql!(input { position: int, event: int, endpoint: blob, type: text,
        committed_at: int, now: int }
    "insert into webhook_deliveries (position, n, endpoint, type, committed_at, state, attempts, \
        attempts_before, next_attempt_at, created_at) \
     select position, event, endpoint, type, committed_at, 'waiting', 0, 0, now, now from input");

#[derive(Serialize)]
struct Any {
    any: u8,
}

#[derive(Deserialize)]
struct FollowedRow {
    cursor: i64,
    since: Option<i64>,
}

#[derive(Serialize)]
struct BatchRow {
    position: i64,
    batch: Hex<16>,
    size: usize,
}

#[derive(Deserialize)]
struct WantedRow {
    position: i64,
    n: i64,
    committed_at: i64,
    r#type: String,
    endpoint: Hex<16>,
}

#[derive(Serialize)]
struct CursorRow {
    at: i64,
    through: i64,
}

#[derive(Serialize)]
struct NewDeliveryRow<'a> {
    position: i64,
    event: i64,
    endpoint: Hex<16>,
    r#type: &'a str,
    committed_at: i64,
    now: i64,
}

impl Store {
    /// How far the journal has been followed for webhooks.
    pub async fn webhooks_followed(&self) -> Result<Followed, StoreError> {
        let rows: Vec<FollowedRow> = self.read(&FOLLOWED, &[Any { any: 0 }]).await?;
        let row = rows.into_iter().next().ok_or(StoreError::Corrupt("webhook_cursor"))?;
        Ok(Followed { cursor: row.cursor, since: row.since })
    }

    /// What endpoints want of the events after one position, up to another at the most, in journal
    /// order: whole batches.
    pub async fn wanted_events(&self, after: i64, end: i64) -> Result<WantedPart, StoreError> {
        let mut ranges = Ranges::new(after, end);
        let mut part = WantedPart { events: Vec::new(), through: after, full: false };
        while !part.full
            && let Some(range) = ranges.take()
        {
            let (found, through) = self.wanted_range(range).await?;
            if found.len() < DELIVERIES_FEW {
                ranges.lengthen();
            }
            part.through = through;
            part.events.extend(found);
            part.full = through < range.1 || part.events.len() >= DELIVERIES_FULL;
        }
        Ok(part)
    }

    /// What endpoints want of a range of the journal, and up to where that was read, which is short
    /// of its end when there is more than fills a part.
    async fn wanted_range(
        &self,
        (from, to): (i64, i64),
    ) -> Result<(Vec<WantedEvent>, i64), StoreError> {
        let batches = self.journal_batches(from, to).await?;
        let found = self.wanted_of(&batches, DELIVERIES_FULL).await?;
        match whole_batches(found, to, DELIVERIES_FULL) {
            Ok(found) => Ok(found),
            Err(OneBatch(only)) => {
                let batch: Vec<_> = batches.into_iter().filter(|it| it.0 == only).collect();
                Ok((self.wanted_of(&batch, usize::MAX >> 1).await?, only))
            }
        }
    }

    async fn wanted_of(
        &self,
        batches: &[(i64, Hex<16>)],
        size: usize,
    ) -> Result<Vec<WantedEvent>, StoreError> {
        let row = |&(position, batch): &(i64, Hex<16>)| BatchRow { position, batch, size };
        let input: Vec<BatchRow> = batches.iter().map(row).collect();
        if input.is_empty() {
            return Ok(Vec::new());
        }
        let rows: Vec<WantedRow> = self.read(&WANTED, &input).await?;
        let wanted = rows.into_iter().map(|row| WantedEvent {
            place: EventPlace { position: row.position, n: row.n },
            committed_at: row.committed_at,
            event_type: row.r#type,
            endpoint: WebhookEndpointId::from_bytes(row.endpoint.0),
        });
        Ok(wanted.collect())
    }

    /// Makes deliveries of events, which wait from now on, and moves the cursor to the position that
    /// was read up to; false, and nothing done, if it is not where it was.
    pub async fn add_deliveries(
        &self,
        (at, through): (i64, i64),
        wanted: &[WantedEvent],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let rows: Vec<NewDeliveryRow<'_>> = wanted
            .iter()
            .map(|event| NewDeliveryRow {
                position: event.place.position,
                event: event.place.n,
                endpoint: Hex(*event.endpoint.as_bytes()),
                r#type: &event.event_type,
                committed_at: event.committed_at,
                now: now.unix_millis(),
            })
            .collect();
        let mut transaction = self.begin().await?;
        // First, so that a second process that does the same waits here and then sees that it need
        // not.
        if transaction.write(&MOVE_CURSOR, &[CursorRow { at, through }]).await? == 0 {
            transaction.roll_back().await?;
            return Ok(false);
        }
        transaction.write(&NEW_DELIVERIES, &rows).await?;
        transaction.commit().await?;
        Ok(true)
    }
}

/// The batch at this position has more than was to be found.
#[derive(PartialEq, Eq, Debug)]
struct OneBatch(i64);

/// What of the first events that were found is whole batches, and up to where that is: all of it and
/// the end of the range, unless there were as many as were to be found, so that the last batch may go
/// on.
fn whole_batches(
    mut found: Vec<WantedEvent>,
    to: i64,
    size: usize,
) -> Result<(Vec<WantedEvent>, i64), OneBatch> {
    let cut = found.last().map(|event| event.place.position).filter(|_| found.len() >= size);
    let Some(last) = cut else { return Ok((found, to)) };
    found.retain(|event| event.place.position < last);
    if found.is_empty() { Err(OneBatch(last)) } else { Ok((found, last.saturating_sub(1))) }
}

/// Every statement of this file.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("webhooks::FOLLOWED", &FOLLOWED),
    ("webhooks::WANTED", &WANTED),
    ("webhooks::MOVE_CURSOR", &MOVE_CURSOR),
    ("webhooks::NEW_DELIVERIES", &NEW_DELIVERIES),
];

#[cfg(test)]
mod tests {
    use super::{EventPlace, OneBatch, WantedEvent, WebhookEndpointId, whole_batches};

    #[test]
    fn a_part_of_the_journal_is_cut_between_batches() {
        let cut = |positions: &[i64]| {
            let event = |position: &i64| WantedEvent {
                place: EventPlace { position: *position, n: 0 },
                committed_at: 0,
                event_type: "payment.succeeded".to_owned(),
                endpoint: WebhookEndpointId::from_bytes([1; 16]),
            };
            let found = whole_batches(positions.iter().map(event).collect(), 9, 3);
            found.map(|(found, through)| (found.len(), through))
        };
        assert_eq!(cut(&[]), Ok((0, 9)));
        assert_eq!(cut(&[4, 7]), Ok((2, 9)));
        assert_eq!(cut(&[4, 7, 7]), Ok((1, 6)));
        assert_eq!(cut(&[4, 4, 8]), Ok((2, 7)));
        assert_eq!(cut(&[7, 7, 7]), Err(OneBatch(7)));
    }
}
