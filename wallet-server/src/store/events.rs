//! What happened to a payer: the durable log in journal order, and the newest first.

use serde::{Deserialize, Serialize};
use wallet_core::code::Mark;
use wallet_core::receipt::{PaymentState, RECORD_LENGTH, Record};
use wallet_core::{Money, Step};

use super::connection::Store;
use super::error::StoreError;
use super::hex::{Bytes, Hex};
use super::recipients::HiddenPerson;
use super::sql::{Sql, sql};
use crate::domain::ids::{BatchId, PayerId};
use crate::domain::limits::{LimitName, OverLimit};
use crate::domain::outcome::DeclineCode;

/// A place in the journal, from which a reader goes on.
///
/// Ids are made before the commit, so they do not tell the order of commits; positions do. The
/// time narrows the search: a batch's id begins with the time at which it was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Cursor {
    /// The batch's position.
    pub position: i64,
    /// The event's number in its batch.
    pub n: i64,
    /// When the batch was committed, Unix milliseconds.
    pub millis: i64,
}

/// How far a batch's id may lie before that of a batch committed earlier. One process makes rising
/// ids; this is for several, whose clocks differ and whose transactions take their time.
const COMMIT_SKEW_MILLIS: i64 = 60 * 60 * 1000;

/// Something that happened to a payer.
#[derive(Clone, Debug)]
pub struct PayerEvent {
    /// Where it stands in the journal.
    pub cursor: Cursor,
    /// What it was committed with.
    pub batch: BatchId,
    /// `payment.succeeded` and the like.
    pub event_type: String,
    /// What the journal says.
    pub record: Record,
    /// Who was paid.
    pub merchant_name: Option<String>,
    /// Why not, if not.
    pub decline_code: Option<DeclineCode>,
    /// Which limit was in the way, and what was left of it.
    pub over_limit: Option<OverLimit>,
    /// Which code was presented.
    pub mark: Option<Mark>,
    /// The other payer, where there is one.
    pub between: Option<Between>,
}

/// Which way money went, as a payer sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// To somebody else.
    Out,
    /// From somebody else.
    In,
}

impl Direction {
    /// `out` or `in`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }
}

/// What a movement between two payers is to one of them.
#[derive(Clone, Debug)]
pub struct Between {
    /// The other one.
    pub other: HiddenPerson,
    /// Which way it went.
    pub direction: Direction,
    /// What it is about, and what was written to go with it, encrypted.
    pub note: Option<([u8; 16], Vec<u8>)>,
}

// Back from the payer's last event to the first of this time; what is older than the position among
// them is left out. Only those are sorted: the sum keeps PostgreSQL from reading the journal in its order
// instead. The columns are those of EventRow.
const AFTER: Sql = sql!(input { payer: blob, since: blob, position: int, after: int, size: int }
    "with recursive found (batch, n, type, subject, merchant, payer, record, previous_batch, previous_event) as ( \
        select e.batch, e.n, e.type, e.subject, e.merchant, e.payer, e.record, e.previous_batch, \
            e.previous_event \
        from input i join payers p on p.id = i.payer \
        join events e on e.batch = p.last_batch and e.n = p.last_event and e.batch >= i.since \
        union all \
        select e.batch, e.n, e.type, e.subject, e.merchant, e.payer, e.record, e.previous_batch, \
            e.previous_event \
        from found cross join input i \
        join events e on e.batch = found.previous_batch and e.n = found.previous_event \
            and e.batch >= i.since) \
     select j.position, found.n, b.committed_at, found.batch, found.type, found.record, \
        m.name as merchant_name, p.decline_code, p.decline_limit, p.decline_left, p.code_step, \
        p.code_seq, o.id as other, o.name as other_name, o.handle as other_handle, x.id as moved, \
        x.note, case when coalesce(x.payer, v.payer) = found.payer then 1 else 0 end as outgoing \
     from input i cross join found cross join journal j cross join batches b \
     left join payments p on p.id = found.subject \
     left join merchants m on m.id = found.merchant \
     left join payer_transfers x on x.id = found.subject \
     left join envelope_shares s on s.claim = found.subject left join envelopes v on v.id = s.envelope \
     left join payers o on o.id = case when coalesce(x.payer, v.payer) = found.payer \
        then coalesce(x.payee, s.payer) else coalesce(x.payer, v.payer) end \
     where j.batch = found.batch and b.id = found.batch \
        and (j.position, found.n) > (i.position, i.after) \
     order by j.position + 0, found.n limit (select size from input)"
    => { position: int, n: int, committed_at: int, batch: blob, type: text, record: blob,
        merchant_name: text, decline_code: text, decline_limit: text, decline_left: int,
        code_step: int, code_seq: int, other: blob, other_name: blob, other_handle: blob,
        moved: blob, note: blob, outgoing: int });

#[derive(Serialize)]
struct AfterRow {
    payer: Hex<16>,
    since: Hex<16>,
    position: i64,
    after: i64,
    size: usize,
}

// Back from the payer's last event, or from the one before a given one, as many as a page has. Follows
// the payer's events and not positions, so that a payer sees a payment at once, also where it waits
// for its position.
const NEWEST: Sql = sql!(input { payer: blob, batch: blob, before: int, size: int }
    "with recursive page (place, batch, n, type, subject, merchant, payer, record, previous_batch, previous_event) as ( \
        select 1, e.batch, e.n, e.type, e.subject, e.merchant, e.payer, e.record, e.previous_batch, \
            e.previous_event \
        from input i join payers p on p.id = i.payer \
        left join events o on o.batch = i.batch and o.n = i.before and o.payer = i.payer \
        join events e on e.batch = case when i.batch is null then p.last_batch else o.previous_batch end \
            and e.n = case when i.batch is null then p.last_event else o.previous_event end \
        union all \
        select page.place + 1, e.batch, e.n, e.type, e.subject, e.merchant, e.payer, e.record, \
            e.previous_batch, e.previous_event \
        from page cross join input i \
        join events e on e.batch = page.previous_batch and e.n = page.previous_event \
        where page.place < i.size) \
     select coalesce(j.position, 0) as position, page.n, b.committed_at, page.batch, page.type, page.record, \
        m.name as merchant_name, p.decline_code, p.decline_limit, p.decline_left, p.code_step, \
        p.code_seq, o.id as other, o.name as other_name, o.handle as other_handle, x.id as moved, \
        x.note, case when coalesce(x.payer, v.payer) = page.payer then 1 else 0 end as outgoing \
     from page cross join batches b left join journal j on j.batch = page.batch \
     left join payments p on p.id = page.subject \
     left join merchants m on m.id = page.merchant \
     left join payer_transfers x on x.id = page.subject \
     left join envelope_shares s on s.claim = page.subject left join envelopes v on v.id = s.envelope \
     left join payers o on o.id = case when coalesce(x.payer, v.payer) = page.payer \
        then coalesce(x.payee, s.payer) else coalesce(x.payer, v.payer) end \
     where b.id = page.batch order by page.place"
    => { position: int, n: int, committed_at: int, batch: blob, type: text, record: blob,
        merchant_name: text, decline_code: text, decline_limit: text, decline_left: int,
        code_step: int, code_seq: int, other: blob, other_name: blob, other_handle: blob,
        moved: blob, note: blob, outgoing: int });

#[derive(Serialize)]
struct NewestRow {
    payer: Hex<16>,
    batch: Option<Hex<16>>,
    before: Option<i64>,
    size: usize,
}

#[derive(Deserialize)]
struct EventRow {
    position: i64,
    n: i64,
    committed_at: i64,
    batch: Hex<16>,
    r#type: String,
    record: Hex<RECORD_LENGTH>,
    merchant_name: Option<String>,
    decline_code: Option<String>,
    decline_limit: Option<String>,
    decline_left: Option<i64>,
    code_step: Option<u32>,
    code_seq: Option<u8>,
    #[serde(flatten)]
    between: BetweenColumns,
}

#[derive(Deserialize)]
struct BetweenColumns {
    other: Option<Hex<16>>,
    other_name: Option<Bytes>,
    other_handle: Option<Bytes>,
    moved: Option<Hex<16>>,
    note: Option<Bytes>,
    outgoing: u8,
}

impl BetweenColumns {
    fn between(self) -> Option<Between> {
        let (payer, name) = self.other.zip(self.other_name)?;
        let handle = self.other_handle.map(|handle| handle.0);
        Some(Between {
            other: HiddenPerson { payer: PayerId::from_bytes(payer.0), name: name.0, handle },
            direction: if self.outgoing == 0 { Direction::In } else { Direction::Out },
            note: self.moved.zip(self.note).map(|(id, note)| (id.0, note.0)),
        })
    }
}

impl EventRow {
    fn event(self) -> Result<PayerEvent, StoreError> {
        let mark = self.code_step.zip(self.code_seq);
        let record =
            Record::from_bytes(&self.record.0).map_err(|_| StoreError::Corrupt("record"))?;
        // A payment that waited and was refused later was not declined before.
        let declined = record.state == PaymentState::Declined;
        let limit = self.decline_limit.as_deref().and_then(LimitName::from_name);
        let over_limit = limit.zip(self.decline_left).map(|(limit, left)| OverLimit {
            limit,
            left: Money::from_minor(left, record.asked.currency()),
        });
        let decline_code = self.decline_code.as_deref().and_then(DeclineCode::from_name);
        Ok(PayerEvent {
            cursor: Cursor { position: self.position, n: self.n, millis: self.committed_at },
            batch: BatchId::from_bytes(self.batch.0),
            event_type: self.r#type,
            record,
            merchant_name: self.merchant_name,
            decline_code: decline_code.filter(|_| declined),
            over_limit,
            mark: mark.map(|(step, seq)| Mark { step: Step::from_number(step), seq }),
            between: self.between.between(),
        })
    }
}

const END: Sql = sql!(input { any: int }
    "select j.position, b.committed_at from input i cross join journal j \
     join batches b on b.id = j.batch \
     where j.position = (select max(position) from journal)"
    => { position: int, committed_at: int });

#[derive(Serialize)]
struct Any {
    any: u8,
}

#[derive(Deserialize)]
struct EndRow {
    position: i64,
    committed_at: i64,
}

impl Store {
    /// What happened to a payer after a place in the journal, oldest first.
    pub async fn payer_events(
        &self,
        payer: PayerId,
        after: Cursor,
        size: usize,
    ) -> Result<Vec<PayerEvent>, StoreError> {
        let since = u64::try_from(after.millis.saturating_sub(COMMIT_SKEW_MILLIS)).unwrap_or(0);
        let mut oldest = [0; 16];
        oldest[..6].copy_from_slice(&since.to_be_bytes()[2..]);
        let input = AfterRow {
            payer: Hex(*payer.as_bytes()),
            since: Hex(oldest),
            position: after.position,
            after: after.n,
            size,
        };
        let rows: Vec<EventRow> = self.read(&AFTER, &[input]).await?;
        rows.into_iter().map(EventRow::event).collect()
    }

    /// What happened to a payer, newest first, before this event of this batch.
    pub async fn payer_activity(
        &self,
        payer: PayerId,
        before: Option<(BatchId, i64)>,
        size: usize,
    ) -> Result<Vec<PayerEvent>, StoreError> {
        let (batch, before) = before.unzip();
        let batch = batch.map(|batch| Hex(*batch.as_bytes()));
        let input = NewestRow { payer: Hex(*payer.as_bytes()), batch, before, size };
        let rows: Vec<EventRow> = self.read(&NEWEST, &[input]).await?;
        rows.into_iter().map(EventRow::event).collect()
    }

    /// The end of the journal: a place after everything that has happened so far.
    pub async fn journal_end(&self) -> Result<Cursor, StoreError> {
        let rows: Vec<EndRow> = self.read(&END, &[Any { any: 0 }]).await?;
        Ok(rows.first().map_or_else(Cursor::default, |row| Cursor {
            position: row.position,
            n: i64::MAX,
            millis: row.committed_at,
        }))
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("events::AFTER", &AFTER), ("events::NEWEST", &NEWEST), ("events::END", &END)];
