//! Reading orders: what merchants ask to be paid, once, by whoever scans their codes.

use serde::{Deserialize, Serialize};
use wallet_core::{Mode, Money, PositiveMoney, Timestamp};

use super::accounts::currency;
use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::merchants::mode;
use super::rows::ReferenceRow;
use super::sql::{Sql, sql};
use crate::domain::command::ReferenceRef;
use crate::domain::ids::{MerchantId, OrderId, PaymentId};
use crate::domain::outcome::{OrderAnswer, OrderState};

/// A query that selects `o.*` of orders.
macro_rules! orders_sql {
    (input { $($input:tt)+ } $text:literal) => {
        $crate::store::sql::sql!(input { $($input)+ } $text => {
            id: blob, mode: text, merchant: blob, reference: text, state: text, currency: int,
            amount: int, description: text, metadata: text, payload: text, payment: blob,
            created_at: int, expires_at: int
        })
    };
}
pub(super) use orders_sql;

/// A row of such a query.
#[derive(Deserialize)]
pub(super) struct OrderRow {
    id: Hex<16>,
    mode: String,
    merchant: Hex<16>,
    reference: String,
    state: String,
    currency: u16,
    amount: i64,
    description: Option<String>,
    metadata: Option<String>,
    payload: String,
    payment: Option<Hex<16>>,
    created_at: i64,
    expires_at: i64,
}

impl OrderRow {
    /// The order, as it is now.
    pub(super) fn order(self) -> Result<OrderAnswer, StoreError> {
        let payment = self.payment.map(|id| PaymentId::from_bytes(id.0));
        let state = OrderState::read(&self.state, payment);
        let amount = Money::from_minor(self.amount, currency(self.currency)?);
        Ok(OrderAnswer {
            id: OrderId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            mode: mode(&self.mode)?,
            state: state.ok_or(StoreError::Corrupt("the state of an order"))?,
            amount: PositiveMoney::new(amount).map_err(|_| StoreError::Corrupt("amount"))?,
            reference: self.reference,
            description: self.description,
            metadata: self.metadata,
            payload: self.payload,
            created_at: Timestamp::from_unix_millis(self.created_at),
            expires_at: Timestamp::from_unix_millis(self.expires_at),
        })
    }
}

const ONE: Sql = orders_sql!(input { id: blob }
    "select o.* from input i join orders o on o.id = i.id");

const BY_REFERENCE: Sql = orders_sql!(input { merchant: blob, mode: text, reference: text }
    "select o.* from input i join payment_references r \
        on r.merchant = i.merchant and r.mode = i.mode and r.reference = i.reference \
     join orders o on o.id = r.order_id");

// Not joined with the input: then the index gives the rows in order, and a page costs a page however
// many there are.
const LIST: Sql = orders_sql!(input { merchant: blob, mode: text, state: text, before: blob, size: int }
    "select o.* from orders o where o.merchant = (select merchant from input) \
        and o.id < (select before from input) and o.mode = (select mode from input) \
        and ((select state from input) is null or o.state = (select state from input)) \
     order by o.id desc limit (select size from input)");

// Most orders are paid: those are found on the way, the others through an index of theirs.
const LIST_IN_STATE: Sql = orders_sql!(input { merchant: blob, mode: text, state: text, before: blob, size: int }
    "select o.* from orders o where o.merchant = (select merchant from input) \
        and o.state <> 'paid' and o.state = (select state from input) \
        and o.id < (select before from input) and o.mode = (select mode from input) \
     order by o.id desc limit (select size from input)");

const OVERDUE: Sql = sql!(input { now: int, size: int }
    "select o.id, o.merchant from orders o \
     where o.state = 'open' and o.expires_at <= (select now from input) \
     order by o.expires_at limit (select size from input)"
    => { id: blob, merchant: blob });

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

#[derive(Serialize)]
struct Page<'a> {
    merchant: Hex<16>,
    mode: &'static str,
    state: Option<&'a str>,
    before: Hex<16>,
    size: usize,
}

#[derive(Serialize)]
struct Now {
    now: i64,
    size: u16,
}

#[derive(Deserialize)]
struct OverdueRow {
    id: Hex<16>,
    merchant: Hex<16>,
}

impl Store {
    /// The order with this id.
    pub async fn order(&self, id: OrderId) -> Result<Option<OrderAnswer>, StoreError> {
        let rows: Vec<OrderRow> = self.read(&ONE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(OrderRow::order).transpose()
    }

    /// The orders with these ids, in any order.
    pub(super) async fn orders_with_ids(
        &self,
        ids: impl IntoIterator<Item = [u8; 16]>,
    ) -> Result<Vec<OrderAnswer>, StoreError> {
        let input: Vec<Id> = ids.into_iter().map(|id| Id { id: Hex(id) }).collect();
        let rows: Vec<OrderRow> = self.read(&ONE, &input).await?;
        rows.into_iter().map(OrderRow::order).collect()
    }

    /// The order that holds a reference.
    pub async fn order_by_reference(
        &self,
        reference: &ReferenceRef,
    ) -> Result<Option<OrderAnswer>, StoreError> {
        let rows: Vec<OrderRow> = self.read(&BY_REFERENCE, &[ReferenceRow::new(reference)]).await?;
        rows.into_iter().next().map(OrderRow::order).transpose()
    }

    /// A merchant's orders, all or those in a state, newest first, older than `before`.
    pub async fn orders(
        &self,
        (merchant, mode): (MerchantId, Mode),
        state: Option<&str>,
        before: Option<OrderId>,
        size: usize,
    ) -> Result<Vec<OrderAnswer>, StoreError> {
        let input = Page {
            merchant: Hex(*merchant.as_bytes()),
            mode: mode.as_str(),
            state,
            before: Hex(before.map_or([0xff; 16], |id| *id.as_bytes())),
            size,
        };
        let statement = match state {
            None | Some("paid") => &LIST,
            Some(_) => &LIST_IN_STATE,
        };
        let rows: Vec<OrderRow> = self.read(statement, &[input]).await?;
        rows.into_iter().map(OrderRow::order).collect()
    }

    /// Open orders whose time is over, the longest overdue first, with their merchants.
    pub async fn overdue_orders(
        &self,
        now: Timestamp,
        size: u16,
    ) -> Result<Vec<(OrderId, MerchantId)>, StoreError> {
        let input = Now { now: now.unix_millis(), size };
        let rows: Vec<OverdueRow> = self.read(&OVERDUE, &[input]).await?;
        let ids = |row: OverdueRow| {
            (OrderId::from_bytes(row.id.0), MerchantId::from_bytes(row.merchant.0))
        };
        Ok(rows.into_iter().map(ids).collect())
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("orders::ONE", &ONE),
    ("orders::BY_REFERENCE", &BY_REFERENCE),
    ("orders::LIST", &LIST),
    ("orders::LIST_IN_STATE", &LIST_IN_STATE),
    ("orders::OVERDUE", &OVERDUE),
];
