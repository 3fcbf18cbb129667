//! The events that endpoints are told of.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{RECORD_LENGTH, Record};

use super::EventPlace;
use crate::store::connection::Store;
use crate::store::error::StoreError;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

/// An event that endpoints are told of.
#[derive(Clone, Debug)]
pub struct ToldEvent {
    /// Which.
    pub place: EventPlace,
    /// `payment.succeeded` and the like.
    pub event_type: String,
    /// What the journal says.
    pub record: Record,
}

const EVENTS: Sql = sql!(input { position: int, n: int }
    "select i.position, i.n, e.type, e.record from input i \
     join journal j on j.position = i.position \
     join events e on e.batch = j.batch and e.n = i.n"
    => { position: int, n: int, type: text, record: blob });

#[derive(Serialize)]
struct PlaceRow {
    position: i64,
    n: i64,
}

#[derive(Deserialize)]
struct ToldRow {
    position: i64,
    n: i64,
    r#type: String,
    record: Hex<RECORD_LENGTH>,
}

impl Store {
    /// Events by their places; none for a place where there is none.
    pub async fn told_events(&self, places: &[EventPlace]) -> Result<Vec<ToldEvent>, StoreError> {
        let input: Vec<PlaceRow> =
            places.iter().map(|place| PlaceRow { position: place.position, n: place.n }).collect();
        let rows: Vec<ToldRow> = self.read(&EVENTS, &input).await?;
        let event = |row: ToldRow| {
            let record = Record::from_bytes(&row.record.0);
            Ok(ToldEvent {
                place: EventPlace { position: row.position, n: row.n },
                event_type: row.r#type,
                record: record.map_err(|_| StoreError::Corrupt("record"))?,
            })
        };
        rows.into_iter().map(event).collect()
    }
}

/// Every statement of this file.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("webhooks::EVENTS", &EVENTS)];
