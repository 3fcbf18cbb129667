//! From the journal to rows of deliveries.

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::EventPlace;
use crate::domain::ids::WebhookEndpointId;
use crate::store::connection::Store;
use crate::store::error::StoreError;
use crate::store::hex::Hex;
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

const WANTED: Sql = sql!(input { after: int, through: int }
    "select j.position, e.n, b.committed_at, e.type, w.id as endpoint from input i \
     cross join journal j join events e on e.batch = j.batch and e.merchant is not null \
     join webhook_endpoints w on w.merchant = e.merchant and w.state = 'enabled' \
        and w.mode = e.mode and w.since < j.position \
        and (w.events = '*' or ' ' || w.events || ' ' like '% ' || e.type || ' %') \
     join batches b on b.id = j.batch \
     where j.position > i.after and j.position <= i.through \
     order by j.position, e.n, w.id"
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
struct Window {
    after: i64,
    through: i64,
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

    /// What endpoints want of the events after one position, up to another, in journal order.
    pub async fn wanted_events(
        &self,
        after: i64,
        through: i64,
    ) -> Result<Vec<WantedEvent>, StoreError> {
        let rows: Vec<WantedRow> = self.read(&WANTED, &[Window { after, through }]).await?;
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

/// Every statement of this file.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("webhooks::FOLLOWED", &FOLLOWED),
    ("webhooks::WANTED", &WANTED),
    ("webhooks::MOVE_CURSOR", &MOVE_CURSOR),
    ("webhooks::NEW_DELIVERIES", &NEW_DELIVERIES),
];
