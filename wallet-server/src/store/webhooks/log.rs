//! The log: what an endpoint was told of, and sending something again by hand.

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::EventPlace;
use crate::domain::ids::WebhookEndpointId;
use crate::domain::webhooks::{AttemptError, DeliveryState};
use crate::store::again::again;
use crate::store::connection::Store;
use crate::store::error::StoreError;
use crate::store::events::Cursor;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

/// An event that an endpoint is told of.
#[derive(Clone, Debug)]
pub struct WebhookDelivery {
    /// Which event.
    pub cursor: Cursor,
    /// `payment.succeeded` and the like.
    pub event_type: String,
    /// What has become of it.
    pub state: DeliveryState,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next, while it waits.
    pub next_attempt_at: Option<Timestamp>,
    /// The last attempt.
    pub last: Option<WebhookAttempt>,
    /// Since when it is to be sent.
    pub created_at: Timestamp,
}

/// Which deliveries are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListedDeliveries {
    /// Every one.
    All,
    /// Those that will be sent, for the first time or again.
    Waiting,
    /// Those that were given up.
    Failed,
}

/// An attempt.
#[derive(Clone, Copy, Debug)]
pub struct WebhookAttempt {
    /// How many there had been, this one included.
    pub number: u32,
    /// When it began.
    pub attempted_at: Timestamp,
    /// How long it took.
    pub duration_millis: i64,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why it failed, if it did.
    pub error: Option<AttemptError>,
}

/// A query that selects deliveries.
macro_rules! deliveries_sql {
    (input { $($input:tt)+ } $text:literal) => {
        sql!(input { $($input)+ } $text => { position: int, n: int, committed_at: int, type: text,
            state: text, attempts: int, next_attempt_at: int, attempted_at: int,
            duration_millis: int, status: int, error: text, created_at: int })
    };
}

// Not joined with the input: then the index gives the rows in order, and a page of a long log costs
// a page.
const LIST: Sql = deliveries_sql!(input { endpoint: blob, position: int, event: int, size: int }
    "select d.* from webhook_deliveries d where d.endpoint = (select endpoint from input) \
        and (d.position, d.n) < ((select position from input), (select event from input)) \
     order by d.position desc, d.n desc limit (select size from input)");

// Those that were not taken stand in an index of theirs: there may be few among very many.
const LIST_WAITING: Sql = deliveries_sql!(input { endpoint: blob, position: int, event: int, size: int }
    "select d.* from webhook_deliveries d \
     where d.endpoint = (select endpoint from input) and d.state = 'waiting' \
        and (d.position, d.n) < ((select position from input), (select event from input)) \
     order by d.position desc, d.n desc limit (select size from input)");

const LIST_FAILED: Sql = deliveries_sql!(input { endpoint: blob, position: int, event: int, size: int }
    "select d.* from webhook_deliveries d \
     where d.endpoint = (select endpoint from input) and d.state = 'failed' \
        and (d.position, d.n) < ((select position from input), (select event from input)) \
     order by d.position desc, d.n desc limit (select size from input)");

const ONE: Sql = deliveries_sql!(input { endpoint: blob, position: int, event: int }
    "select d.* from input i join webhook_deliveries d on d.endpoint = i.endpoint \
        and d.position = i.position and d.n = i.event");

const ATTEMPTS: Sql = sql!(input { endpoint: blob, position: int, event: int, size: int }
    "select a.* from input i join webhook_attempts a on a.endpoint = i.endpoint \
        and a.position = i.position and a.n = i.event \
     order by a.number desc limit (select size from input)"
    => { number: int, attempted_at: int, duration_millis: int, status: int, error: text });

// What is on its way meanwhile is recorded after this and ends nothing: its secret or its address may
// be why somebody asks for another one.
const REPLAY: Sql = sql!(input { endpoint: blob, position: int, event: int, now: int }
    "update webhook_deliveries set state = 'waiting', next_attempt_at = i.now, \
        attempts_before = webhook_deliveries.attempts, \
        replays = webhook_deliveries.replays + 1 \
     from input i where webhook_deliveries.endpoint = i.endpoint \
        and webhook_deliveries.position = i.position and webhook_deliveries.n = i.event");

// Whoever asks for an event at once is not told to wait until the endpoint has rested.
const END_REST: Sql = sql!(input { endpoint: blob }
    "update webhook_endpoints set rest_until = null from input i \
     where webhook_endpoints.id = i.endpoint and webhook_endpoints.rest_until is not null");

#[derive(Serialize)]
struct Resting {
    endpoint: Hex<16>,
}

#[derive(Serialize)]
struct Page {
    endpoint: Hex<16>,
    position: i64,
    event: i64,
    size: usize,
}

#[derive(Serialize)]
struct Which {
    endpoint: Hex<16>,
    position: i64,
    event: i64,
    size: usize,
    now: i64,
}

impl Which {
    fn new(endpoint: WebhookEndpointId, place: EventPlace) -> Self {
        let EventPlace { position, n: event } = place;
        Self { endpoint: Hex(*endpoint.as_bytes()), position, event, size: 0, now: 0 }
    }
}

#[derive(Deserialize)]
struct DeliveryRow {
    position: i64,
    n: i64,
    committed_at: i64,
    r#type: String,
    state: String,
    attempts: u32,
    next_attempt_at: Option<i64>,
    attempted_at: Option<i64>,
    duration_millis: Option<i64>,
    status: Option<u16>,
    error: Option<String>,
    created_at: i64,
}

#[derive(Deserialize)]
struct AttemptRow {
    number: u32,
    attempted_at: i64,
    duration_millis: i64,
    status: Option<u16>,
    error: Option<String>,
}

impl AttemptRow {
    fn attempt(self) -> Result<WebhookAttempt, StoreError> {
        let known = |name: String| {
            AttemptError::from_name(&name).ok_or(StoreError::Corrupt("the error of an attempt"))
        };
        Ok(WebhookAttempt {
            number: self.number,
            attempted_at: Timestamp::from_unix_millis(self.attempted_at),
            duration_millis: self.duration_millis,
            status: self.status,
            error: self.error.map(known).transpose()?,
        })
    }
}

impl DeliveryRow {
    fn delivery(self) -> Result<WebhookDelivery, StoreError> {
        let last = self.attempted_at.map(|attempted_at| AttemptRow {
            number: self.attempts,
            attempted_at,
            duration_millis: self.duration_millis.unwrap_or_default(),
            status: self.status,
            error: self.error,
        });
        Ok(WebhookDelivery {
            cursor: Cursor { position: self.position, n: self.n, millis: self.committed_at },
            event_type: self.r#type,
            state: DeliveryState::from_name(&self.state)
                .ok_or(StoreError::Corrupt("the state of a delivery"))?,
            attempts: self.attempts,
            next_attempt_at: self.next_attempt_at.map(Timestamp::from_unix_millis),
            last: last.map(AttemptRow::attempt).transpose()?,
            created_at: Timestamp::from_unix_millis(self.created_at),
        })
    }
}

impl Store {
    /// What an endpoint is and was told of, newest event first, before this one: everything, or
    /// what waits or was given up.
    pub async fn webhook_deliveries(
        &self,
        endpoint: WebhookEndpointId,
        listed: ListedDeliveries,
        before: Option<EventPlace>,
        size: usize,
    ) -> Result<Vec<WebhookDelivery>, StoreError> {
        let before = before.unwrap_or(EventPlace { position: i64::MAX, n: i64::MAX });
        let input = Page {
            endpoint: Hex(*endpoint.as_bytes()),
            position: before.position,
            event: before.n,
            size,
        };
        let sql = match listed {
            ListedDeliveries::All => &LIST,
            ListedDeliveries::Waiting => &LIST_WAITING,
            ListedDeliveries::Failed => &LIST_FAILED,
        };
        let rows: Vec<DeliveryRow> = self.read(sql, &[input]).await?;
        rows.into_iter().map(DeliveryRow::delivery).collect()
    }

    /// What has become of an event for an endpoint.
    pub async fn webhook_delivery(
        &self,
        endpoint: WebhookEndpointId,
        place: EventPlace,
    ) -> Result<Option<WebhookDelivery>, StoreError> {
        let rows: Vec<DeliveryRow> = self.read(&ONE, &[Which::new(endpoint, place)]).await?;
        rows.into_iter().next().map(DeliveryRow::delivery).transpose()
    }

    /// The attempts of a delivery that failed, the last one first.
    pub async fn failed_attempts(
        &self,
        endpoint: WebhookEndpointId,
        place: EventPlace,
        size: usize,
    ) -> Result<Vec<WebhookAttempt>, StoreError> {
        let input = Which { size, ..Which::new(endpoint, place) };
        let rows: Vec<AttemptRow> = self.read(&ATTEMPTS, &[input]).await?;
        rows.into_iter().map(AttemptRow::attempt).collect()
    }

    /// Has an event sent again now, whatever became of it; says whether there is such a delivery.
    pub async fn replay_delivery(
        &self,
        endpoint: WebhookEndpointId,
        place: EventPlace,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = [Which { now: now.unix_millis(), ..Which::new(endpoint, place) }];
        let resting = [Resting { endpoint: Hex(*endpoint.as_bytes()) }];
        again!(async {
            let mut transaction = self.begin().await?;
            let replayed = transaction.write(&REPLAY, &row).await?;
            if replayed > 0 {
                transaction.write(&END_REST, &resting).await?;
            }
            transaction.commit().await?;
            Ok::<_, StoreError>(replayed > 0)
        })
    }
}

/// Every statement of this file.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("webhooks::LIST_DELIVERIES", &LIST),
    ("webhooks::LIST_WAITING", &LIST_WAITING),
    ("webhooks::LIST_FAILED", &LIST_FAILED),
    ("webhooks::ONE_DELIVERY", &ONE),
    ("webhooks::ATTEMPTS", &ATTEMPTS),
    ("webhooks::REPLAY", &REPLAY),
    ("webhooks::END_REST", &END_REST),
];
