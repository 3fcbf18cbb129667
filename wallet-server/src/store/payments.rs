//! Reading payments.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{PaymentState, RECORD_LENGTH, Record};
use wallet_core::{Mode, Money, TerminalId, Timestamp};

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::Sql;
use crate::domain::command::{CodeSource, ReferenceRef};
use crate::domain::ids::{MerchantId, PaymentId};
use crate::domain::outcome::{DeclineCode, PaymentAnswer};

/// A payment as it is now.
#[derive(Clone, Debug)]
pub struct Payment {
    /// As its last record says.
    pub answer: PaymentAnswer,
    /// What was given back so far.
    pub refunded: Money,
}

impl Payment {
    /// A payment that was just answered.
    #[must_use]
    pub fn answered(answer: PaymentAnswer) -> Self {
        let refunded = Money::zero(answer.record.settled.currency());
        Self { answer, refunded }
    }
}

/// A query that selects `p.*` of payments and `e.record` of one of their records, and whatever it
/// selects beside that.
macro_rules! payments_sql {
    (input { $($input:tt)+ } $text:literal) => {
        $crate::store::payments::payments_sql!(input { $($input)+ } $text => {})
    };
    (input { $($input:tt)+ } $text:literal => { $($more:ident: $type:ident),* }) => {
        $crate::store::sql::sql!(input { $($input)+ } $text => {
            $($more: $type,)* id: blob, merchant: blob, mode: text, reference: text,
            amount_refunded: int, code_source: text, terminal: blob, description: text,
            metadata: text, decline_code: text, fee: int, first_fee: int, created_at: int,
            expires_at: int, record: blob
        })
    };
}
pub(super) use payments_sql;

/// A row of such a query.
#[derive(Deserialize)]
pub(super) struct PaymentRow {
    id: Hex<16>,
    merchant: Hex<16>,
    mode: String,
    reference: String,
    amount_refunded: i64,
    code_source: String,
    terminal: Option<Hex<16>>,
    description: Option<String>,
    metadata: Option<String>,
    decline_code: Option<String>,
    fee: i64,
    first_fee: i64,
    created_at: i64,
    expires_at: Option<i64>,
    record: Hex<RECORD_LENGTH>,
}

impl PaymentRow {
    pub(super) fn payment(self) -> Result<Payment, StoreError> {
        let record =
            Record::from_bytes(&self.record.0).map_err(|_| StoreError::Corrupt("record"))?;
        let decline_code = self
            .decline_code
            .map(|name| DeclineCode::from_name(&name).ok_or(StoreError::Corrupt("decline_code")))
            .transpose()?;
        let currency = record.settled.currency();
        // One that waited was settled by a later record, perhaps in the same millisecond.
        let first = self.expires_at.is_none() && record.decided_at.unix_millis() == self.created_at;
        let fee = match record.state {
            _ if first => self.first_fee,
            PaymentState::Succeeded | PaymentState::PartiallyRefunded | PaymentState::Refunded => {
                self.fee
            }
            PaymentState::RequiresConfirmation
            | PaymentState::Authorized
            | PaymentState::Declined
            | PaymentState::Canceled
            | PaymentState::Expired => 0,
        };
        let answer = PaymentAnswer {
            id: PaymentId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            mode: Mode::from_name(&self.mode).ok_or(StoreError::Corrupt("mode"))?,
            created_at: Timestamp::from_unix_millis(self.created_at),
            expires_at: self.expires_at.map(Timestamp::from_unix_millis),
            record,
            fee: Money::from_minor(fee, currency),
            // A payment that the payer refuses later was not declined at first.
            decline_code: decline_code.filter(|_| record.state == PaymentState::Declined),
            reference: self.reference,
            code_source: CodeSource::from_name(&self.code_source)
                .ok_or(StoreError::Corrupt("code_source"))?,
            terminal: self.terminal.map(|id| TerminalId::from_bytes(id.0)),
            description: self.description,
            metadata: self.metadata,
        };
        Ok(Payment { answer, refunded: Money::from_minor(self.amount_refunded, currency) })
    }
}

const BY_ID: Sql = payments_sql!(input { id: blob, merchant: blob, mode: text }
    "select p.*, e.record from input i \
     join payments p on p.id = i.id and p.merchant = i.merchant and p.mode = i.mode \
     join events e on e.batch = p.last_batch and e.n = p.last_event");

const BY_REFERENCE: Sql = payments_sql!(input { merchant: blob, mode: text, reference: text }
    "select p.*, e.record from input i join payment_references r \
        on r.merchant = i.merchant and r.mode = i.mode and r.reference = i.reference \
     join payments p on p.id = r.payment \
     join events e on e.batch = p.last_batch and e.n = p.last_event");

const LIST: Sql = payments_sql!(input { merchant: blob, mode: text, before: blob, size: int }
    "select p.*, e.record from input i \
     join payments p on p.merchant = i.merchant and p.mode = i.mode and p.id < i.before \
     join events e on e.batch = p.last_batch and e.n = p.last_event \
     order by p.id desc limit (select size from input)");

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
    before: Hex<16>,
    size: usize,
}

impl Store {
    /// A merchant's payment.
    pub async fn payment(
        &self,
        merchant: MerchantId,
        mode: Mode,
        id: PaymentId,
    ) -> Result<Option<Payment>, StoreError> {
        let input = ById {
            id: Hex(*id.as_bytes()),
            merchant: Hex(*merchant.as_bytes()),
            mode: mode.as_str(),
        };
        let rows: Vec<PaymentRow> = self.read(&BY_ID, &[input]).await?;
        rows.into_iter().next().map(PaymentRow::payment).transpose()
    }

    /// The payment that holds a reference.
    pub async fn payment_by_reference(
        &self,
        reference: &ReferenceRef,
    ) -> Result<Option<Payment>, StoreError> {
        let input = super::rows::ReferenceRow::new(reference);
        let rows: Vec<PaymentRow> = self.read(&BY_REFERENCE, &[input]).await?;
        rows.into_iter().next().map(PaymentRow::payment).transpose()
    }

    /// A merchant's payments, newest first, older than `before`.
    pub async fn payments(
        &self,
        merchant: MerchantId,
        mode: Mode,
        before: Option<PaymentId>,
        size: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let input = Page {
            merchant: Hex(*merchant.as_bytes()),
            mode: mode.as_str(),
            before: Hex(before.map_or([0xff; 16], |id| *id.as_bytes())),
            size,
        };
        let rows: Vec<PaymentRow> = self.read(&LIST, &[input]).await?;
        rows.into_iter().map(PaymentRow::payment).collect()
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("payments::BY_ID", &BY_ID),
    ("payments::BY_REFERENCE", &BY_REFERENCE),
    ("payments::LIST", &LIST),
];
