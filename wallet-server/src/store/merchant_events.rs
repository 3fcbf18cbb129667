//! What happened to merchants: events of the journal together with what they are about, as it was
//! then.
//!
//! Notices are for payers alone, also where they name a merchant.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use wallet_core::receipt::{PaymentState, RECORD_LENGTH, Record, RecordKind};
use wallet_core::{Money, Timestamp};

use super::connection::Store;
use super::error::StoreError;
use super::events::Cursor;
use super::hex::Hex;
use super::payments::{Payment, PaymentRow, payments_sql};
use super::payouts::Payout;
use super::refunds::{RefundRow, refunds_sql};
use super::sql::{Sql, sql};
use super::webhooks::EventPlace;
use crate::domain::ids::MerchantId;
use crate::domain::outcome::{OrderAnswer, RefundAnswer};

/// Something that happened to a merchant.
#[derive(Clone, Debug)]
pub struct MerchantEvent {
    /// Where it stands in the journal, which is also its name.
    pub cursor: Cursor,
    /// Whom it concerns.
    pub merchant: MerchantId,
    /// `payment.succeeded` and the like.
    pub event_type: String,
    /// What the journal says.
    pub record: Record,
    /// What it is about, as the event left it.
    pub subject: MerchantSubject,
}

impl MerchantEvent {
    /// When it happened.
    #[must_use]
    pub fn created_at(&self) -> Timestamp {
        self.record.decided_at
    }
}

/// What an event is about. A kind of record that concerns merchants has its variant here, and is
/// read in `Store::merchant_subjects`.
#[derive(Clone, Debug)]
pub enum MerchantSubject {
    /// A payment.
    Payment(Box<Payment>),
    /// A refund.
    Refund(Box<RefundAnswer>),
    /// An order that nobody has paid.
    Order(Box<OrderAnswer>),
    /// A payout. What it has beside its records is as it is now.
    Payout(Box<Payout>),
}

/// An event on its way: what the journal has, without what it is about.
#[derive(Deserialize)]
struct MerchantEventRow {
    position: i64,
    n: i64,
    batch: Hex<16>,
    committed_at: i64,
    merchant: Hex<16>,
    r#type: String,
    record: Hex<RECORD_LENGTH>,
}

impl MerchantEventRow {
    fn cursor(&self) -> Cursor {
        Cursor { position: self.position, n: self.n, millis: self.committed_at }
    }

    fn place(&self, record: &Record) -> SubjectRow {
        SubjectRow { batch: self.batch, event: self.n, subject: Hex(record.subject) }
    }
}

// The columns are those of MerchantEventRow.
// From the feed, where a merchant's events stand beside one another.
// Its bounds are values to the planner, and what belongs to a row is looked up row by row: so
// PostgreSQL takes the indexes whatever it believes about the tables.
const OF_MERCHANT: Sql = sql!(input { merchant: blob, position: int, after: int, type: text,
        looked_at: int, size: int }
    "select found.position, found.n, found.batch, found.created_at as committed_at, found.merchant, found.type, \
        (select e.record from events e where e.batch = found.batch and e.n = found.n) as record \
     from (select looked.position, looked.n, looked.created_at, looked.merchant, looked.type, \
            (select j.batch from journal j where j.position = looked.position) as batch \
        from (select f.position, f.n, f.created_at, f.merchant, f.type from merchant_events f \
            where f.merchant = (select merchant from input) \
                and (f.position, f.n) > ((select position from input), (select after from input)) \
            order by f.position, f.n limit (select looked_at from input)) looked \
        where (select type from input) is null or looked.type = (select type from input) \
        order by looked.position, looked.n limit (select size from input)) found \
     order by found.position, found.n"
    => { position: int, n: int, batch: blob, committed_at: int, merchant: blob, type: text,
        record: blob });

// How far a look goes that looks at so many.
const LOOKED_AT: Sql = sql!(input { merchant: blob, position: int, after: int, looked_at: int }
    "with looked as materialized (select m.position, m.n, m.created_at from merchant_events m \
        where m.merchant = (select merchant from input) \
            and (m.position, m.n) > ((select position from input), (select after from input)) \
        order by m.position, m.n limit (select looked_at from input)) \
     select looked.position, looked.n, looked.created_at, \
        (select count(*) from looked) as number \
     from looked order by looked.position desc, looked.n desc limit 1"
    => { position: int, n: int, created_at: int, number: int });

/// At how many of a merchant's events one request looks. There is no index by type, which each payment
/// would have to keep: so few events of a type among many are found in several requests.
const LOOKED_AT_MAX: usize = 1000;

/// A page of what happened to a merchant.
#[derive(Clone, Debug)]
pub struct MerchantEventPage {
    /// What happened, oldest first.
    pub events: Vec<MerchantEvent>,
    /// Where to go on.
    pub next: Cursor,
    /// Whether there is more that was not looked at.
    pub more: bool,
}

#[derive(Deserialize)]
struct LookedAtRow {
    position: i64,
    n: i64,
    created_at: i64,
    number: usize,
}

#[derive(Serialize)]
struct OfMerchantRow<'a> {
    merchant: Hex<16>,
    position: i64,
    after: i64,
    r#type: Option<&'a str>,
    looked_at: usize,
    size: usize,
}

const ONE: Sql = sql!(input { merchant: blob, position: int, event: int }
    "select m.position, m.n, j.batch, m.created_at as committed_at, m.merchant, m.type, e.record \
     from input i join merchant_events m on m.merchant = i.merchant \
        and m.position = i.position and m.n = i.event \
     join journal j on j.position = m.position \
     join events e on e.batch = j.batch and e.n = m.n"
    => { position: int, n: int, batch: blob, committed_at: int, merchant: blob, type: text,
        record: blob });

const AT: Sql = sql!(input { position: int, event: int }
    "select j.position, e.n, j.batch, b.committed_at, e.merchant, e.type, e.record \
     from input i join journal j on j.position = i.position join batches b on b.id = j.batch \
     join events e on e.batch = j.batch and e.n = i.event and e.merchant is not null"
    => { position: int, n: int, batch: blob, committed_at: int, merchant: blob, type: text,
        record: blob });

#[derive(Serialize)]
struct AtRow {
    position: i64,
    event: i64,
}

#[derive(Serialize)]
struct OneRow {
    merchant: Hex<16>,
    position: i64,
    event: i64,
}

// A payment's row says how much was given back by now; what was given back by then is told by its
// refunds. The refund that an event of a payment is about is the event after it.
const PAYMENTS: Sql = payments_sql!(input { batch: blob, event: int, subject: blob }
    "select i.n, p.*, e.record, case when e.type = 'payment.partially_refunded' then \
        (select coalesce(sum(r.amount), 0) from refunds r join journal k on k.batch = r.batch \
            where r.payment = p.id and (k.position, r.event) <= (j.position, e.n + 1)) end \
        as refunded_by_then \
     from input i join payments p on p.id = i.subject \
     join events e on e.batch = i.batch and e.n = i.event join journal j on j.batch = i.batch"
    => { n: int, refunded_by_then: int });

const REFUNDS: Sql = refunds_sql!(input { batch: blob, event: int, subject: blob }
    "select r.*, e.record from input i join refunds r on r.id = i.subject \
     join events e on e.batch = r.batch and e.n = r.event");

#[derive(Serialize)]
struct SubjectRow {
    batch: Hex<16>,
    event: i64,
    subject: Hex<16>,
}

#[derive(Deserialize)]
struct PaymentThenRow {
    n: usize,
    refunded_by_then: Option<i64>,
    #[serde(flatten)]
    payment: PaymentRow,
}

impl PaymentThenRow {
    fn payment(self) -> Result<Payment, StoreError> {
        let Payment { answer, .. } = self.payment.payment()?;
        let settled = answer.record.settled;
        let refunded = match answer.record.state {
            PaymentState::PartiallyRefunded => {
                let minor = self.refunded_by_then.ok_or(StoreError::Corrupt("refunds"))?;
                Money::from_minor(minor, settled.currency())
            }
            PaymentState::Refunded => settled,
            PaymentState::RequiresConfirmation
            | PaymentState::Authorized
            | PaymentState::Succeeded
            | PaymentState::Declined
            | PaymentState::Canceled
            | PaymentState::Expired => Money::zero(settled.currency()),
        };
        Ok(Payment { answer, refunded })
    }
}

impl Store {
    /// What happened to merchants at these places, in any order; nothing for a place where nothing
    /// did.
    pub async fn merchant_events_at(
        &self,
        places: &[EventPlace],
    ) -> Result<Vec<MerchantEvent>, StoreError> {
        let input: Vec<AtRow> =
            places.iter().map(|place| AtRow { position: place.position, event: place.n }).collect();
        let rows: Vec<MerchantEventRow> = self.read(&AT, &input).await?;
        self.with_subjects(rows).await
    }

    /// A page of what happened to a merchant after a place in the journal, oldest first.
    pub async fn events_of_merchant(
        &self,
        merchant: MerchantId,
        after: Cursor,
        event_type: Option<&str>,
        size: usize,
    ) -> Result<MerchantEventPage, StoreError> {
        let input = [OfMerchantRow {
            merchant: Hex(*merchant.as_bytes()),
            position: after.position,
            after: after.n,
            r#type: event_type,
            looked_at: LOOKED_AT_MAX,
            size: size.saturating_add(1),
        }];
        // First: what comes in between is looked at again.
        let looked_at: Vec<LookedAtRow> = match event_type {
            Some(_) => self.read(&LOOKED_AT, &input).await?,
            None => Vec::new(),
        };
        let rows: Vec<MerchantEventRow> = self.read(&OF_MERCHANT, &input).await?;
        let full = rows.len() > size;
        let rows: Vec<_> = rows.into_iter().take(size).collect();
        let last = rows.last().map_or(after, MerchantEventRow::cursor);
        let looked_at = looked_at.first().filter(|_| !full);
        let next = looked_at.map_or(last, |row| {
            let end = Cursor { position: row.position, n: row.n, millis: row.created_at };
            if (end.position, end.n) > (last.position, last.n) { end } else { last }
        });
        let more = full || looked_at.is_some_and(|row| row.number >= LOOKED_AT_MAX);
        Ok(MerchantEventPage { events: self.with_subjects(rows).await?, next, more })
    }

    /// What happened to a merchant at this very place.
    pub async fn event_of_merchant(
        &self,
        merchant: MerchantId,
        at: Cursor,
    ) -> Result<Option<MerchantEvent>, StoreError> {
        let merchant = Hex(*merchant.as_bytes());
        let input = OneRow { merchant, position: at.position, event: at.n };
        let rows: Vec<MerchantEventRow> = self.read(&ONE, &[input]).await?;
        let rows = rows.into_iter().filter(|row| row.cursor() == at).collect();
        Ok(self.with_subjects(rows).await?.into_iter().next())
    }

    /// Events with what they are about.
    async fn with_subjects(
        &self,
        rows: Vec<MerchantEventRow>,
    ) -> Result<Vec<MerchantEvent>, StoreError> {
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let record =
                Record::from_bytes(&row.record.0).map_err(|_| StoreError::Corrupt("record"))?;
            if record.kind != RecordKind::Notice {
                events.push((row, record));
            }
        }
        let mut subjects = self.merchant_subjects(&events).await?;
        let with_subject = |(number, (row, record)): (usize, (MerchantEventRow, Record))| {
            let subject = subjects.remove(&number);
            Ok(MerchantEvent {
                cursor: row.cursor(),
                merchant: MerchantId::from_bytes(row.merchant.0),
                subject: subject.ok_or(StoreError::Corrupt("what an event is about"))?,
                event_type: row.r#type,
                record,
            })
        };
        events.into_iter().enumerate().map(with_subject).collect()
    }

    /// What events are about, by the number of the event: a question for each kind.
    async fn merchant_subjects(
        &self,
        events: &[(MerchantEventRow, Record)],
    ) -> Result<HashMap<usize, MerchantSubject>, StoreError> {
        let of_kind = |kind| {
            let numbered = events.iter().enumerate();
            numbered
                .filter(move |(_, (_, record))| record.kind == kind)
                .map(|(number, (row, record))| (number, row.place(record)))
                .unzip::<usize, SubjectRow, Vec<_>, Vec<_>>()
        };
        let mut subjects = HashMap::with_capacity(events.len());
        let (numbers, places) = of_kind(RecordKind::Payment);
        if !places.is_empty() {
            let rows: Vec<PaymentThenRow> = self.read(&PAYMENTS, &places).await?;
            for row in rows {
                let number = *numbers.get(row.n).ok_or(StoreError::Corrupt("row number"))?;
                subjects.insert(number, MerchantSubject::Payment(Box::new(row.payment()?)));
            }
        }
        let (numbers, places) = of_kind(RecordKind::Refund);
        if !places.is_empty() {
            let rows: Vec<RefundRow> = self.read(&REFUNDS, &places).await?;
            let mut refunds = HashMap::with_capacity(rows.len());
            for row in rows {
                let refund = row.refund()?;
                refunds.insert(*refund.id.as_bytes(), refund);
            }
            for (number, place) in numbers.into_iter().zip(places) {
                // A refund has one event.
                if let Some(refund) = refunds.remove(&place.subject.0) {
                    subjects.insert(number, MerchantSubject::Refund(Box::new(refund)));
                }
            }
        }
        let (numbers, places) = of_kind(RecordKind::Order);
        if !places.is_empty() {
            let ids = places.iter().map(|place| place.subject.0);
            let orders = self.orders_with_ids(ids).await?;
            let orders: HashMap<_, _> =
                orders.into_iter().map(|order| (*order.id.as_bytes(), order)).collect();
            for (number, place) in numbers.into_iter().zip(places) {
                let order = orders.get(&place.subject.0).cloned();
                subjects.extend(order.map(|it| (number, MerchantSubject::Order(Box::new(it)))));
            }
        }
        let (numbers, places) = of_kind(RecordKind::Payout);
        if !places.is_empty() {
            let ids: BTreeSet<_> = places.iter().map(|place| place.subject.0).collect();
            let payouts = self.payouts_with_ids(ids).await?;
            let payouts: HashMap<_, _> =
                payouts.into_iter().map(|payout| (*payout.id.as_bytes(), payout)).collect();
            for (number, place) in numbers.into_iter().zip(places) {
                let payout = payouts.get(&place.subject.0).cloned();
                subjects.extend(payout.map(|it| (number, MerchantSubject::Payout(Box::new(it)))));
            }
        }
        Ok(subjects)
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("merchant_events::OF_MERCHANT", &OF_MERCHANT),
    ("merchant_events::LOOKED_AT", &LOOKED_AT),
    ("merchant_events::AT", &AT),
    ("merchant_events::ONE", &ONE),
    ("merchant_events::PAYMENTS", &PAYMENTS),
    ("merchant_events::REFUNDS", &REFUNDS),
];
