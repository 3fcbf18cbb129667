//! Payments and top-ups as they were first answered, read back from their rows.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{RECORD_LENGTH, Record};

use crate::domain::ids::{PayerId, TopUpId};
use crate::domain::outcome::{PaymentAnswer, TopUpAnswer};
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::Hex;
use crate::store::payments::{PaymentRow, payments_sql};
use crate::store::sql::{Sql, sql};

/// Ids to look up.
#[derive(Serialize)]
pub(super) struct Id {
    pub(super) id: Hex<16>,
}

const PAYMENTS: Sql = payments_sql!(input { id: blob }
    "select p.*, e.record from input i join payments p on p.id = i.id \
     join events e on e.batch = p.batch and e.n = p.event");

/// Reads payments as they were first answered.
pub(super) async fn payments(
    transaction: &mut Transaction,
    ids: &[Id],
) -> Result<Vec<PaymentAnswer>, StoreError> {
    let rows: Vec<PaymentRow> = transaction.read(&PAYMENTS, ids).await?;
    rows.into_iter().map(|row| row.payment().map(|payment| payment.answer)).collect()
}

const TOP_UPS: Sql = sql!(input { id: blob }
    "select t.id, t.payer, t.external_reference, e.record \
     from input i join top_ups t on t.id = i.id \
     join events e on e.batch = t.batch and e.n = t.event"
    => { id: blob, payer: blob, external_reference: text, record: blob });

#[derive(Deserialize)]
struct TopUpRow {
    id: Hex<16>,
    payer: Hex<16>,
    external_reference: String,
    record: Hex<RECORD_LENGTH>,
}

/// Reads top-ups as they were answered.
pub(super) async fn top_ups(
    transaction: &mut Transaction,
    ids: &[Id],
) -> Result<Vec<TopUpAnswer>, StoreError> {
    let rows: Vec<TopUpRow> = transaction.read(&TOP_UPS, ids).await?;
    rows.into_iter()
        .map(|row| {
            Ok(TopUpAnswer {
                id: TopUpId::from_bytes(row.id.0),
                payer: PayerId::from_bytes(row.payer.0),
                record: record(&row.record)?,
                external_reference: row.external_reference,
            })
        })
        .collect()
}

fn record(bytes: &Hex<RECORD_LENGTH>) -> Result<Record, StoreError> {
    Record::from_bytes(&bytes.0).map_err(|_| StoreError::Corrupt("record"))
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(in crate::store) const STATEMENTS: &[(&str, &Sql)] =
    &[("settlement/answers::PAYMENTS", &PAYMENTS), ("settlement/answers::TOP_UPS", &TOP_UPS)];
