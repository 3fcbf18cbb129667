//! Payments, top-ups and other movements as they were answered, read back from their rows, and what an
//! idempotency key says about them.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{RECORD_LENGTH, Record, RecordKind};

use crate::domain::ids::{PayerId, TopUpId};
use crate::domain::outcome::{
    Answer, MovementAnswer, NotMoved, OrderAnswer, OrderState, PaymentAnswer, RefundAnswer,
    Rejection, TopUpAnswer,
};
use crate::domain::request_hash::RequestHash;
use crate::domain::snapshot::KeptAnswer;
use crate::store::StoreError;
use crate::store::connection::Transaction;
use crate::store::hex::{Bytes, Hex};
use crate::store::orders::{OrderRow, orders_sql};
use crate::store::payments::{PaymentRow, payments_sql};
use crate::store::refunds::{RefundRow, refunds_sql};
use crate::store::sql::{Sql, sql};

/// What an answer about a payment that has come to its end is called: its last record answered.
pub(super) const ENDED_PAYMENT: &str = "ended_payment";
/// The same of an order. What is called `order` is one as it was at first.
pub(super) const ENDED_ORDER: &str = "ended_order";

/// Which record of a payment answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    /// Its first.
    First,
    /// The one in this batch with this number.
    At([u8; 16], i64),
    /// Its last, of a payment that has come to its end.
    Last,
}

/// Something that an answer is about.
pub(super) enum Subject {
    Payment([u8; 16], Place),
    TopUp([u8; 16]),
    Refund([u8; 16]),
    /// The record at this place says all about it.
    Movement([u8; 16], i64),
    /// As it was first, or as it ended.
    Order([u8; 16], Place),
}

/// What answers are about, each once.
#[derive(Default)]
pub(super) struct Named {
    payments: BTreeSet<([u8; 16], Place)>,
    top_ups: BTreeSet<[u8; 16]>,
    refunds: BTreeSet<[u8; 16]>,
    movements: BTreeSet<([u8; 16], i64)>,
    orders: BTreeSet<[u8; 16]>,
}

impl FromIterator<Subject> for Named {
    fn from_iter<I: IntoIterator<Item = Subject>>(subjects: I) -> Self {
        let mut named = Self::default();
        for subject in subjects {
            match subject {
                Subject::Payment(id, place) => named.payments.insert((id, place)),
                Subject::TopUp(id) => named.top_ups.insert(id),
                Subject::Refund(id) => named.refunds.insert(id),
                Subject::Movement(batch, event) => named.movements.insert((batch, event)),
                Subject::Order(id, _) => named.orders.insert(id),
            };
        }
        named
    }
}

/// The columns of an idempotency key's row; nothing is there if the key is new.
#[derive(Deserialize)]
pub(super) struct KeptColumns {
    request_hash: Option<Hex<16>>,
    answer: Option<String>,
    subject: Option<Hex<16>>,
    batch: Option<Hex<16>>,
    event: Option<i64>,
    /// Charges do not ask for it.
    #[serde(default)]
    shown: Option<Bytes>,
}

/// What an answer is called that a record says all of.
const MOVEMENTS: [RecordKind; 6] = [
    RecordKind::PayerTransfer,
    RecordKind::Withdrawal,
    RecordKind::Envelope,
    RecordKind::EnvelopeClaim,
    RecordKind::Suspense,
    RecordKind::Payout,
];

impl KeptColumns {
    /// What the answer is about.
    pub(super) fn subject(&self) -> Option<Subject> {
        let place = self.batch.map(|batch| batch.0).zip(self.event);
        match (self.answer.as_deref()?, self.subject?) {
            ("payment", id) => {
                let at = place.map(|(batch, event)| Place::At(batch, event));
                Some(Subject::Payment(id.0, at.unwrap_or(Place::First)))
            }
            (ENDED_PAYMENT, id) => Some(Subject::Payment(id.0, Place::Last)),
            ("top_up", id) => Some(Subject::TopUp(id.0)),
            ("refund", id) => Some(Subject::Refund(id.0)),
            ("order", id) => Some(Subject::Order(id.0, Place::First)),
            (ENDED_ORDER, id) => Some(Subject::Order(id.0, Place::Last)),
            (name, _) if MOVEMENTS.iter().any(|kind| kind.as_str() == name) => {
                place.map(|(batch, event)| Subject::Movement(batch, event))
            }
            _ => None,
        }
    }
}

/// Answers that were given before.
pub(super) struct Answers {
    payments: HashMap<([u8; 16], Place), PaymentAnswer>,
    top_ups: HashMap<[u8; 16], TopUpAnswer>,
    refunds: HashMap<[u8; 16], RefundAnswer>,
    movements: HashMap<([u8; 16], i64), (Record, Option<u16>)>,
    orders: HashMap<[u8; 16], OrderAnswer>,
}

impl Answers {
    /// Reads what is named.
    pub(super) async fn read(
        transaction: &mut Transaction,
        named: Named,
    ) -> Result<Self, StoreError> {
        let places: Vec<_> = named.payments.into_iter().collect();
        let input: Vec<PlaceRow> =
            places.iter().map(|(id, place)| PlaceRow::new(*id, *place)).collect();
        let rows: Vec<PlacedRow> = transaction.read(&PAYMENTS, &input).await?;
        let mut payments = HashMap::new();
        for row in rows {
            let place = places.get(row.n).ok_or(StoreError::Corrupt("row number"))?;
            payments.insert(*place, row.payment.payment()?.answer);
        }
        let rows: Vec<TopUpRow> = transaction.read(&TOP_UPS, &ids(named.top_ups)).await?;
        let mut top_ups = HashMap::new();
        for row in rows {
            top_ups.insert(row.id.0, row.answer()?);
        }
        let rows: Vec<RefundRow> = transaction.read(&REFUNDS, &ids(named.refunds)).await?;
        let mut refunds = HashMap::new();
        for row in rows {
            let refund = row.refund()?;
            refunds.insert(*refund.id.as_bytes(), refund);
        }
        let places: Vec<RecordPlace> = named
            .movements
            .into_iter()
            .map(|(batch, event)| RecordPlace { batch: Hex(batch), event })
            .collect();
        let rows: Vec<RecordRow> = transaction.read(&RECORDS, &places).await?;
        let mut movements = HashMap::new();
        for row in rows {
            movements.insert((row.batch.0, row.n), (read_record(&row.record)?, row.share));
        }
        let rows: Vec<OrderRow> = transaction.read(&ORDERS, &ids(named.orders)).await?;
        let mut orders = HashMap::new();
        for row in rows {
            let order = row.order()?;
            orders.insert(*order.id.as_bytes(), order);
        }
        Ok(Self { payments, top_ups, refunds, movements, orders })
    }

    pub(super) fn payment(&self, id: [u8; 16], place: Place) -> Result<PaymentAnswer, StoreError> {
        let found = self.payments.get(&(id, place)).cloned();
        found.ok_or(StoreError::Corrupt("a payment that is named"))
    }

    pub(super) fn top_up(&self, id: [u8; 16]) -> Result<TopUpAnswer, StoreError> {
        self.top_ups.get(&id).cloned().ok_or(StoreError::Corrupt("a top-up that is named"))
    }

    /// An order, of which nothing but the state changes: at first it is open.
    fn order(&self, id: [u8; 16], place: Place) -> Result<OrderAnswer, StoreError> {
        let order = self.orders.get(&id).cloned();
        let order = order.ok_or(StoreError::Corrupt("an order that is named"))?;
        let state = if place == Place::First { OrderState::Open } else { order.state };
        Ok(OrderAnswer { state, ..order })
    }

    /// What a key stands for.
    pub(super) fn kept(&self, row: &KeptColumns) -> Result<Option<KeptAnswer>, StoreError> {
        let (Some(request_hash), Some(name)) = (row.request_hash, row.answer.as_deref()) else {
            return Ok(None);
        };
        let answer = match row.subject() {
            Some(Subject::Payment(id, place)) => {
                Answer::Payment(Box::new(self.payment(id, place)?))
            }
            Some(Subject::TopUp(id)) => Answer::TopUp(Box::new(self.top_up(id)?)),
            Some(Subject::Refund(id)) => {
                let refund = self.refunds.get(&id).cloned();
                let refund = refund.ok_or(StoreError::Corrupt("a refund that is named"))?;
                Answer::Refund(Box::new(refund))
            }
            Some(Subject::Order(id, place)) => Answer::Order(Box::new(self.order(id, place)?)),
            Some(Subject::Movement(batch, event)) => {
                let record = self.movements.get(&(batch, event)).copied();
                let (record, share) =
                    record.ok_or(StoreError::Corrupt("a record that is named"))?;
                let shown = row.shown.as_ref().map(|bytes| bytes.0.clone()).unwrap_or_default();
                Answer::Movement(Box::new(MovementAnswer { record, share, shown }))
            }
            None if name == "reference_canceled" => Answer::ReferenceCanceled,
            None => Rejection::from_name(name)
                .map(Answer::Rejected)
                .or_else(|| NotMoved::from_text(name).map(Answer::NotMoved))
                .ok_or(StoreError::Corrupt("answer"))?,
        };
        Ok(Some(KeptAnswer { request_hash: RequestHash::from_bytes(request_hash.0), answer }))
    }
}

#[derive(Serialize)]
struct PlaceRow {
    id: Hex<16>,
    batch: Option<Hex<16>>,
    event: Option<i64>,
    last: u8,
}

impl PlaceRow {
    fn new(id: [u8; 16], place: Place) -> Self {
        let at = match place {
            Place::First | Place::Last => None,
            Place::At(batch, event) => Some((batch, event)),
        };
        Self {
            id: Hex(id),
            batch: at.map(|at| Hex(at.0)),
            event: at.map(|at| at.1),
            last: u8::from(place == Place::Last),
        }
    }
}

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

fn ids(named: BTreeSet<[u8; 16]>) -> Vec<Id> {
    named.into_iter().map(|id| Id { id: Hex(id) }).collect()
}

const PAYMENTS: Sql = payments_sql!(input { id: blob, batch: blob, event: int, last: int }
    "select i.n, p.*, e.record from input i join payments p on p.id = i.id \
     join events e \
        on e.batch = case when i.last = 1 then p.last_batch else coalesce(i.batch, p.batch) end \
        and e.n = case when i.last = 1 then p.last_event else coalesce(i.event, p.event) end"
    => { n: int });

#[derive(Deserialize)]
struct PlacedRow {
    n: usize,
    #[serde(flatten)]
    payment: PaymentRow,
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

impl TopUpRow {
    fn answer(self) -> Result<TopUpAnswer, StoreError> {
        Ok(TopUpAnswer {
            id: TopUpId::from_bytes(self.id.0),
            payer: PayerId::from_bytes(self.payer.0),
            record: read_record(&self.record)?,
            external_reference: self.external_reference,
        })
    }
}

const REFUNDS: Sql = refunds_sql!(input { id: blob }
    "select r.*, e.record from input i join refunds r on r.id = i.id \
     join events e on e.batch = r.batch and e.n = r.event");

const ORDERS: Sql = orders_sql!(input { id: blob }
    "select o.* from input i join orders o on o.id = i.id");

const RECORDS: Sql = sql!(input { batch: blob, event: int }
    "select e.batch, e.n, e.record, s.n as share \
     from input i join events e on e.batch = i.batch and e.n = i.event \
     left join envelope_shares s on s.claim = e.subject"
    => { batch: blob, n: int, record: blob, share: int });

#[derive(Serialize)]
struct RecordPlace {
    batch: Hex<16>,
    event: i64,
}

#[derive(Deserialize)]
struct RecordRow {
    batch: Hex<16>,
    n: i64,
    record: Hex<RECORD_LENGTH>,
    share: Option<u16>,
}

fn read_record(record: &Hex<RECORD_LENGTH>) -> Result<Record, StoreError> {
    Record::from_bytes(&record.0).map_err(|_| StoreError::Corrupt("record"))
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(in crate::store) const STATEMENTS: &[(&str, &Sql)] = &[
    ("settlement/answers::PAYMENTS", &PAYMENTS),
    ("settlement/answers::TOP_UPS", &TOP_UPS),
    ("settlement/answers::REFUNDS", &REFUNDS),
    ("settlement/answers::ORDERS", &ORDERS),
    ("settlement/answers::RECORDS", &RECORDS),
];
