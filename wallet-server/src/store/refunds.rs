//! Reading refunds.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{RECORD_LENGTH, Record};
use wallet_core::{Mode, Money};

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::Sql;
use crate::domain::ids::{MerchantId, PaymentId, RefundId};
use crate::domain::outcome::RefundAnswer;

/// A query that selects `r.*` of refunds and `e.record` of their records.
macro_rules! refunds_sql {
    (input { $($input:tt)+ } $text:literal) => {
        $crate::store::sql::sql!(input { $($input)+ } $text => {
            id: blob, merchant: blob, payment: blob, fee_returned: int, reason: text,
            metadata: text, record: blob
        })
    };
}
pub(super) use refunds_sql;

/// A row of such a query.
#[derive(Deserialize)]
pub(super) struct RefundRow {
    id: Hex<16>,
    merchant: Hex<16>,
    payment: Hex<16>,
    fee_returned: i64,
    reason: Option<String>,
    metadata: Option<String>,
    record: Hex<RECORD_LENGTH>,
}

impl RefundRow {
    pub(super) fn refund(self) -> Result<RefundAnswer, StoreError> {
        let record =
            Record::from_bytes(&self.record.0).map_err(|_| StoreError::Corrupt("record"))?;
        Ok(RefundAnswer {
            id: RefundId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            payment: PaymentId::from_bytes(self.payment.0),
            fee_returned: Money::from_minor(self.fee_returned, record.asked.currency()),
            reason: self.reason,
            metadata: self.metadata,
            record,
        })
    }
}

const BY_ID: Sql = refunds_sql!(input { id: blob, merchant: blob, mode: text }
    "select r.*, e.record from input i \
     join refunds r on r.id = i.id and r.merchant = i.merchant and r.mode = i.mode \
     join events e on e.batch = r.batch and e.n = r.event");

// Not joined with the input: then the index gives the rows in order, and a page costs a page however
// many there are.
const OF_MERCHANT: Sql = refunds_sql!(input { merchant: blob, mode: text, payment: blob, before: blob, size: int }
    "select page.*, e.record from ( \
        select r.* from refunds r where r.merchant = (select merchant from input) \
            and r.id < (select before from input) and r.mode = (select mode from input) \
        order by r.id desc limit (select size from input)) page \
     join events e on e.batch = page.batch and e.n = page.event \
     order by page.id desc");

const OF_PAYMENT: Sql = refunds_sql!(input { merchant: blob, mode: text, payment: blob, before: blob, size: int }
    "select r.*, e.record from refunds r join events e on e.batch = r.batch and e.n = r.event \
     where r.payment = (select payment from input) and r.merchant = (select merchant from input) \
        and r.mode = (select mode from input) and r.id < (select before from input) \
     order by r.id desc limit (select size from input)");

#[derive(Serialize)]
struct ById {
    id: Hex<16>,
    merchant: Hex<16>,
    mode: &'static str,
}

#[derive(Serialize)]
struct Page {
    merchant: Hex<16>,
    mode: &'static str,
    payment: Option<Hex<16>>,
    before: Hex<16>,
    size: usize,
}

impl Store {
    /// A merchant's refund.
    pub async fn refund(
        &self,
        merchant: MerchantId,
        mode: Mode,
        id: RefundId,
    ) -> Result<Option<RefundAnswer>, StoreError> {
        let input = ById {
            id: Hex(*id.as_bytes()),
            merchant: Hex(*merchant.as_bytes()),
            mode: mode.as_str(),
        };
        let rows: Vec<RefundRow> = self.read(&BY_ID, &[input]).await?;
        rows.into_iter().next().map(RefundRow::refund).transpose()
    }

    /// A merchant's refunds, of one payment or of all, newest first, older than `before`.
    pub async fn refunds(
        &self,
        (merchant, mode): (MerchantId, Mode),
        payment: Option<PaymentId>,
        before: Option<RefundId>,
        size: usize,
    ) -> Result<Vec<RefundAnswer>, StoreError> {
        let statement = if payment.is_some() { &OF_PAYMENT } else { &OF_MERCHANT };
        let input = Page {
            merchant: Hex(*merchant.as_bytes()),
            mode: mode.as_str(),
            payment: payment.map(|id| Hex(*id.as_bytes())),
            before: Hex(before.map_or([0xff; 16], |id| *id.as_bytes())),
            size,
        };
        let rows: Vec<RefundRow> = self.read(statement, &[input]).await?;
        rows.into_iter().map(RefundRow::refund).collect()
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("refunds::BY_ID", &BY_ID),
    ("refunds::OF_MERCHANT", &OF_MERCHANT),
    ("refunds::OF_PAYMENT", &OF_PAYMENT),
];
