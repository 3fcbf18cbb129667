//! Orders that were made, and that have come to their end.

use serde::Serialize;

use crate::domain::ids::{BatchId, OrderId};
use crate::domain::outcome::{OrderAnswer, OrderState};
use crate::domain::plan::{EndedOrder, MerchantCodeChanges};
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

/// Everything that was decided about them.
pub(super) fn changes(
    changes: &mut Changes,
    batch: BatchId,
    codes: &MerchantCodeChanges,
) -> Result<(), StoreError> {
    let new: Vec<_> = codes
        .orders
        .iter()
        .map(|order| NewOrderRow::new(order, EndRow::new(batch, codes.ended.get(&order.id))))
        .collect();
    changes.add(&ORDERS, &new)?;
    // One that was made in the same batch is inserted as it ended: statements of a batch do not
    // see each other's rows.
    let made = |id: &OrderId| codes.orders.iter().any(|order| order.id == *id);
    let rows: Vec<EndedRow> = codes
        .ended
        .iter()
        .filter(|(id, _)| !made(id))
        .map(|(id, ended)| EndedRow {
            id: Hex(*id.as_bytes()),
            end: EndRow::new(batch, Some(ended)),
        })
        .collect();
    changes.add_to_existing(&ENDED, &rows, "an order")
}

/// How an order stands, and what says so if it has ended.
#[derive(Serialize)]
struct EndRow {
    state: &'static str,
    payment: Option<Hex<16>>,
    batch: Option<Hex<16>>,
    event: Option<usize>,
}

impl EndRow {
    fn new(batch: BatchId, ended: Option<&EndedOrder>) -> Self {
        let state = ended.map_or(OrderState::Open, |ended| ended.state);
        Self {
            state: state.as_str(),
            payment: state.payment().map(|id| Hex(*id.as_bytes())),
            batch: ended.map(|_| Hex(*batch.as_bytes())),
            event: ended.map(|ended| ended.event),
        }
    }
}

const ORDERS: Sql = sql!(input { id: blob, mode: text, merchant: blob, reference: text,
        state: text, currency: int, amount: int, description: text, metadata: text, payload: text,
        payment: blob, batch: blob, event: int, created_at: int, expires_at: int }
    "insert into orders (id, mode, merchant, reference, state, currency, amount, description, \
        metadata, payload, payment, ended_batch, ended_event, created_at, expires_at) \
     select id, mode, merchant, reference, state, currency, amount, description, metadata, \
        payload, payment, batch, event, created_at, expires_at from input");

#[derive(Serialize)]
struct NewOrderRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    merchant: Hex<16>,
    reference: &'a str,
    currency: u16,
    amount: i64,
    description: Option<&'a str>,
    metadata: Option<&'a str>,
    payload: &'a str,
    #[serde(flatten)]
    end: EndRow,
    created_at: i64,
    expires_at: i64,
}

impl<'a> NewOrderRow<'a> {
    fn new(order: &'a OrderAnswer, end: EndRow) -> Self {
        let amount = order.amount.money();
        Self {
            id: Hex(*order.id.as_bytes()),
            mode: order.mode.as_str(),
            merchant: Hex(*order.merchant.as_bytes()),
            reference: &order.reference,
            currency: amount.currency().numeric(),
            amount: amount.minor(),
            description: order.description.as_deref(),
            metadata: order.metadata.as_deref(),
            payload: &order.payload,
            end,
            created_at: order.created_at.unix_millis(),
            expires_at: order.expires_at.unix_millis(),
        }
    }
}

// Of an order that has ended in between, nothing is changed: then the whole batch is refused.
const ENDED: Sql = sql!(input { id: blob, state: text, payment: blob, batch: blob, event: int }
    "update orders set state = i.state, payment = i.payment, ended_batch = i.batch, \
        ended_event = i.event \
     from input i where orders.id = i.id and orders.state = 'open'");

#[derive(Serialize)]
struct EndedRow {
    id: Hex<16>,
    #[serde(flatten)]
    end: EndRow,
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("write_merchant_codes::ORDERS", &ORDERS), ("write_merchant_codes::ENDED", &ENDED)];
