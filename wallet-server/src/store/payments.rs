//! Reading payments.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{PaymentState, RECORD_LENGTH, Record};
use wallet_core::{Mode, Money, TerminalId, Timestamp};

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::command::{Capture, CodeSource, MerchantCodeId, ReferenceRef};
use crate::domain::ids::{MerchantId, OrderId, PayerId, PaymentId, PlateId};
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
    /// A payment that was just answered. One that was given back in part is never an answer.
    #[must_use]
    pub fn answered(answer: PaymentAnswer) -> Self {
        let settled = answer.record.settled;
        let all = answer.record.state == PaymentState::Refunded;
        let refunded = if all { settled } else { Money::zero(settled.currency()) };
        Self { answer, refunded }
    }
}

/// Which payments are listed.
#[derive(Clone, Copy, Default, Debug)]
pub struct PaymentFilter {
    /// Those in this state.
    pub state: Option<PaymentState>,
    /// Those made at this time or later.
    pub created_since: Option<Timestamp>,
    /// Those made before this time.
    pub created_before: Option<Timestamp>,
    /// Those that payers made by scanning this plate.
    pub plate: Option<PlateId>,
}

impl PaymentFilter {
    /// Whether a payment is among them.
    #[must_use]
    pub fn takes(&self, payment: &Payment) -> bool {
        let PaymentAnswer { record, created_at, merchant_code, .. } = &payment.answer;
        let plate = merchant_code.and_then(MerchantCodeId::plate);
        self.state.is_none_or(|state| record.state == state)
            && self.created_since.is_none_or(|since| *created_at >= since)
            && self.created_before.is_none_or(|before| *created_at < before)
            && (self.plate.is_none() || self.plate == plate)
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
            amount_refunded: int, capture: text, hold_expires_at: int, code_source: text,
            merchant_code: blob, terminal: blob, description: text,
            metadata: text, decline_code: text, fee: int, created_at: int,
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
    capture: String,
    hold_expires_at: Option<i64>,
    code_source: String,
    merchant_code: Option<Hex<16>>,
    terminal: Option<Hex<16>>,
    description: Option<String>,
    metadata: Option<String>,
    decline_code: Option<String>,
    fee: i64,
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
        let fee = match record.state {
            PaymentState::Succeeded | PaymentState::PartiallyRefunded | PaymentState::Refunded => {
                self.fee
            }
            PaymentState::RequiresConfirmation
            | PaymentState::Authorized
            | PaymentState::Declined
            | PaymentState::Canceled
            | PaymentState::Expired => 0,
        };
        let code_source =
            CodeSource::from_name(&self.code_source).ok_or(StoreError::Corrupt("code_source"))?;
        let answer = PaymentAnswer {
            id: PaymentId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            mode: Mode::from_name(&self.mode).ok_or(StoreError::Corrupt("mode"))?,
            created_at: Timestamp::from_unix_millis(self.created_at),
            expires_at: self.expires_at.map(Timestamp::from_unix_millis),
            // What waits for its payer is not held for its merchant yet.
            hold_expires_at: self
                .hold_expires_at
                .filter(|_| record.state != PaymentState::RequiresConfirmation)
                .map(Timestamp::from_unix_millis),
            record,
            fee: Money::from_minor(fee, currency),
            // A payment that the payer refuses later was not declined at first.
            decline_code: decline_code.filter(|_| record.state == PaymentState::Declined),
            reference: self.reference,
            capture: Capture::from_name(&self.capture).ok_or(StoreError::Corrupt("capture"))?,
            code_source,
            merchant_code: self
                .merchant_code
                .and_then(|id| MerchantCodeId::read(code_source, id.0)),
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
     left join orders o on o.id = r.order_id \
     join payments p on p.id = coalesce(r.payment, o.payment) \
     join events e on e.batch = p.last_batch and e.n = p.last_event");

// Not joined with the input: then the index gives the rows in order, and a page costs a page however
// many there are.
const LIST: Sql = payments_sql!(input { merchant: blob, mode: text, state: text, since: blob, before: blob, size: int }
    "select page.*, e.record from ( \
        select p.* from payments p where p.merchant = (select merchant from input) \
            and p.id < (select before from input) and p.id >= (select since from input) \
            and p.mode = (select mode from input) \
            and ((select state from input) is null or p.state = (select state from input)) \
        order by p.id desc limit (select size from input)) page \
     join events e on e.batch = page.last_batch and e.n = page.last_event \
     order by page.id desc");

// Most payments have succeeded: those are found on the way, the others through an index of theirs.
const LIST_IN_STATE: Sql = payments_sql!(input { merchant: blob, mode: text, state: text, since: blob, before: blob, size: int }
    "select page.*, e.record from ( \
        select p.* from payments p where p.merchant = (select merchant from input) \
            and p.state <> 'succeeded' and p.state = (select state from input) \
            and p.id < (select before from input) and p.id >= (select since from input) \
            and p.mode = (select mode from input) \
        order by p.id desc limit (select size from input)) page \
     join events e on e.batch = page.last_batch and e.n = page.last_event \
     order by page.id desc");

const LIST_OF_PLATE: Sql = payments_sql!(input { merchant: blob, mode: text, state: text, plate: blob, since: blob, before: blob, size: int }
    "select page.*, e.record from ( \
        select p.* from payments p where p.code_source = 'plate' \
            and p.merchant_code = (select plate from input) \
            and p.id < (select before from input) and p.id >= (select since from input) \
            and p.merchant = (select merchant from input) and p.mode = (select mode from input) \
            and ((select state from input) is null or p.state = (select state from input)) \
        order by p.id desc limit (select size from input)) page \
     join events e on e.batch = page.last_batch and e.n = page.last_event \
     order by page.id desc");

const HOLDER: Sql = sql!(input { merchant: blob, mode: text, reference: text }
    "select p.id, p.payer, r.order_id from input i join payment_references r \
        on r.merchant = i.merchant and r.mode = i.mode and r.reference = i.reference \
     left join orders o on o.id = r.order_id \
     left join payments p on p.id = coalesce(r.payment, o.payment)"
    => { id: blob, payer: blob, order_id: blob });

#[derive(Deserialize)]
struct HolderRow {
    id: Option<Hex<16>>,
    payer: Option<Hex<16>>,
    order_id: Option<Hex<16>>,
}

/// What holds a reference.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ReferenceHolder {
    /// The payment, of an order as well, and who pays.
    pub payment: Option<(PaymentId, PayerId)>,
    /// The order.
    pub order: Option<OrderId>,
}

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
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plate: Option<Hex<16>>,
    since: Hex<16>,
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

    /// What holds a reference; nothing if it is free, or called off before anything came.
    pub async fn reference_holder(
        &self,
        reference: &ReferenceRef,
    ) -> Result<ReferenceHolder, StoreError> {
        let input = super::rows::ReferenceRow::new(reference);
        let rows: Vec<HolderRow> = self.read(&HOLDER, &[input]).await?;
        let holder = |row: &HolderRow| ReferenceHolder {
            payment: row
                .id
                .zip(row.payer)
                .map(|(id, payer)| (PaymentId::from_bytes(id.0), PayerId::from_bytes(payer.0))),
            order: row.order_id.map(|id| OrderId::from_bytes(id.0)),
        };
        Ok(rows.first().map(holder).unwrap_or_default())
    }

    /// A merchant's payments that pass a filter, newest first, older than `before`.
    pub async fn payments(
        &self,
        (merchant, mode): (MerchantId, Mode),
        filter: PaymentFilter,
        before: Option<PaymentId>,
        size: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let created_before = filter.created_before.map(first_id).map(PaymentId::from_bytes);
        let before = before.into_iter().chain(created_before).min();
        let input = Page {
            merchant: Hex(*merchant.as_bytes()),
            mode: mode.as_str(),
            state: filter.state.map(PaymentState::as_str),
            plate: filter.plate.map(|id| Hex(*id.as_bytes())),
            since: Hex(filter.created_since.map_or([0; 16], first_id)),
            before: Hex(before.map_or([0xff; 16], |id| *id.as_bytes())),
            size,
        };
        let statement = match (filter.plate, filter.state) {
            (Some(_), _) => &LIST_OF_PLATE,
            (None, None | Some(PaymentState::Succeeded)) => &LIST,
            (None, Some(_)) => &LIST_IN_STATE,
        };
        let rows: Vec<PaymentRow> = self.read(statement, &[input]).await?;
        rows.into_iter().map(PaymentRow::payment).collect()
    }
}

/// The first id that can have been made at a time: ids begin with it.
fn first_id(time: Timestamp) -> [u8; 16] {
    let millis = u64::try_from(time.unix_millis()).unwrap_or(0);
    let mut id = [0; 16];
    id[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    id
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("payments::BY_ID", &BY_ID),
    ("payments::BY_REFERENCE", &BY_REFERENCE),
    ("payments::HOLDER", &HOLDER),
    ("payments::LIST", &LIST),
    ("payments::LIST_IN_STATE", &LIST_IN_STATE),
    ("payments::LIST_OF_PLATE", &LIST_OF_PLATE),
];

#[cfg(test)]
mod tests {
    use wallet_core::receipt::{PaymentState, Record, RecordKind};
    use wallet_core::{Currency, Mode, Money, Timestamp};

    use super::{Payment, PaymentRow};
    use crate::domain::outcome::DeclineCode;
    use crate::store::hex::Hex;

    fn record(state: PaymentState, settled: i64) -> Record {
        let money = |minor| Money::from_minor(minor, Currency::from_code("CNY").unwrap());
        Record {
            mode: Mode::Live,
            kind: RecordKind::Payment,
            state,
            subject: [1; 16],
            merchant: [2; 16],
            decided_at: Timestamp::from_unix_seconds(5),
            asked: money(100),
            settled: money(settled),
            reference_hash: [3; 32],
            books_hash: [4; 32],
        }
    }

    /// The columns as they are in the end, with one of the records that led there.
    fn row(state: PaymentState, settled: i64) -> PaymentRow {
        serde_json::from_value(serde_json::json!({
            "id": Hex([1; 16]), "merchant": Hex([2; 16]), "mode": "live", "reference": "order-1",
            "amount_refunded": 60, "capture": "manual", "hold_expires_at": 9_000,
            "code_source": "scan", "decline_code": "refused_by_payer", "fee": 2,
            "created_at": 5_000, "expires_at": 7_000,
            "record": Hex(record(state, settled).to_bytes()),
        }))
        .unwrap()
    }

    #[test]
    fn an_answer_is_written_again_from_columns_that_later_changes_have_written() {
        for (state, settled, fee, held) in [
            (PaymentState::RequiresConfirmation, 0, 0, false),
            (PaymentState::Authorized, 0, 0, true),
            (PaymentState::Declined, 0, 0, true),
            (PaymentState::Canceled, 0, 0, true),
            (PaymentState::Expired, 0, 0, true),
            (PaymentState::Succeeded, 60, 2, true),
            (PaymentState::PartiallyRefunded, 60, 2, true),
            (PaymentState::Refunded, 60, 2, true),
        ] {
            let answer = row(state, settled).payment().unwrap().answer;
            assert_eq!(answer.fee.minor(), fee, "{}", state.as_str());
            assert_eq!(answer.hold_expires_at.is_some(), held, "{}", state.as_str());
            let refused = (state == PaymentState::Declined).then_some(DeclineCode::RefusedByPayer);
            assert_eq!(answer.decline_code, refused, "{}", state.as_str());
        }
    }

    #[test]
    fn a_payment_that_is_told_as_given_back_says_how_much() {
        for (state, refunded) in [(PaymentState::Succeeded, 0), (PaymentState::Refunded, 60)] {
            let answer = row(state, 60).payment().unwrap().answer;
            assert_eq!(Payment::answered(answer).refunded.minor(), refunded);
        }
    }
}
