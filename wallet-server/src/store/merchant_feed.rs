//! The feed: what happened to merchants, copied from the journal to a table where the events of one
//! merchant stand beside one another.
//!
//! It follows the journal by position. What it writes and how far it has come are committed
//! together, and only if nobody else has come further meanwhile, so that every event is there once
//! and every balance is built on the one before.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use wallet_core::{Currency, Money, Timestamp};

use super::accounts::currency;
use super::connection::{Changes, Store};
use super::error::StoreError;
use super::events::Cursor;
use super::hex::Hex;
use super::journal::Ranges;
use super::sql::{Sql, sql};
use crate::domain::ids::MerchantId;
use crate::domain::limits::Day;
use crate::domain::merchant_feed::{Balances, DayEnd, Fed, Happened, Moved};

/// With so many events a step is full, or some more: few enough that payments which wait for the one
/// writer of SQLite do not notice.
const EVENTS_FULL: usize = 2048;
/// With fewer events than this a range of the journal is a thin one.
const EVENTS_FEW: usize = 256;

/// How far the feed has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeedPlace {
    /// The last position whose events are in the feed.
    pub position: i64,
    /// The last day that is over; none before the first step.
    pub closed: Option<Day>,
    /// When the books were begun.
    pub begun_at: Timestamp,
}

/// The next part of the journal.
#[derive(Clone, Debug)]
pub struct FeedPart {
    /// What happened in it.
    pub events: Vec<Happened>,
    /// Its last position.
    pub last: i64,
    /// Whether the journal goes on behind it.
    pub more: bool,
}

const PLACE: Sql = sql!(input { one: int }
    "select f.position, f.closed_day, s.created_at as begun_at from input i \
     join merchant_feed f on f.one = i.one join issuer s on s.one = i.one"
    => { position: int, closed_day: int, begun_at: int });

#[derive(Serialize)]
struct One {
    one: u8,
}

#[derive(Deserialize)]
struct PlaceRow {
    position: i64,
    closed_day: Option<i32>,
    begun_at: i64,
}

// Which transfer an event stands for follows from what the event is about. A kind of record that
// moves merchants' money has its line here; a movement without an event stops the feed.
const EVENTS: Sql = sql!(each input { position: int, batch: blob, notice: blob }
    "select i.position, e.n, b.committed_at, e.merchant, m.currency, e.type, e.subject, \
        case when r.id is not null then r.transfer \
            when e.type = 'payout.authorized' then o.transfer \
            when e.type = 'payout.canceled' then coalesce(o.reversal_transfer, o.closing_transfer) \
            when p.batch = e.batch and p.event = e.n then p.transfer \
            when e.type = 'payment.succeeded' then p.closing_transfer \
            when e.type = 'payment.canceled' then p.reversal_transfer end as transfer \
     from input i join batches b on b.id = i.batch \
     join events e on e.batch = i.batch and e.merchant is not null \
        and substr(e.record, 3, 1) <> i.notice \
     join merchants m on m.id = e.merchant \
     left join payments p on p.id = e.subject \
     left join refunds r on r.id = e.subject \
     left join payouts o on o.id = e.subject \
     order by i.position, e.n"
    => { position: int, n: int, committed_at: int, merchant: blob, currency: int, type: text,
        subject: blob, transfer: blob });

#[derive(Serialize)]
struct BatchRow {
    position: i64,
    batch: Hex<16>,
    notice: Hex<1>,
}

#[derive(Deserialize)]
struct EventRow {
    position: i64,
    n: i64,
    committed_at: i64,
    merchant: Hex<16>,
    currency: u16,
    r#type: String,
    subject: Hex<16>,
    transfer: Option<Hex<16>>,
}

// What the transfers of merchants did to them and to the fees.
const MOVED: Sql = sql!(each input { position: int, batch: blob, notice: blob }
    "select x.transfer, x.currency, \
        sum(case when a.kind = 'merchant' then x.amount else 0 end) as net, \
        sum(case when a.kind = 'fees' then x.amount else 0 end) as fee \
     from input i join entries x on x.batch = i.batch and x.bucket = 'available' \
     join accounts a on a.id = x.account and a.kind in ('merchant', 'fees') \
     group by x.transfer, x.currency"
    => { transfer: blob, currency: int, net: int, fee: int });

#[derive(Deserialize)]
struct MovedRow {
    transfer: Hex<16>,
    currency: u16,
    net: i64,
    fee: i64,
}

const BALANCES: Sql = sql!(each input { merchant: blob, currency: int }
    "select i.merchant, i.currency, (select e.balance from merchant_events e \
        where e.merchant = i.merchant and e.currency = i.currency \
        order by e.position desc, e.n desc limit 1) as balance from input i"
    => { merchant: blob, currency: int, balance: int });

#[derive(Serialize)]
struct OwnerRow {
    merchant: Hex<16>,
    currency: u16,
}

#[derive(Deserialize)]
struct BalanceRow {
    merchant: Hex<16>,
    currency: u16,
    balance: Option<i64>,
}

const MOVE: Sql = sql!(input { one: int, expected: int, position: int, closed_day: int }
    "update merchant_feed set position = i.position, closed_day = i.closed_day from input i \
     where merchant_feed.one = i.one and merchant_feed.position = i.expected");

#[derive(Serialize)]
struct MoveRow {
    one: u8,
    expected: i64,
    position: i64,
    closed_day: i32,
}

const WRITE: Sql = sql!(each input { merchant: blob, position: int, event: int, type: text,
        subject: blob, created_at: int, currency: int, net: int, fee: int, balance: int }
    "insert into merchant_events (merchant, position, n, type, subject, created_at, currency, net, \
        fee, balance) \
     select merchant, position, event, type, subject, created_at, currency, net, fee, balance \
     from input");

#[derive(Serialize)]
struct FedRow<'a> {
    merchant: Hex<16>,
    position: i64,
    event: i64,
    r#type: &'a str,
    subject: Hex<16>,
    created_at: i64,
    currency: u16,
    net: Option<i64>,
    fee: Option<i64>,
    balance: i64,
}

const END_DAYS: Sql = sql!(input { day: int, last_position: int }
    "insert into statement_days (day, last_position) select day, last_position from input");

#[derive(Serialize)]
struct DayRow {
    day: i32,
    last_position: i64,
}

const MERCHANTS: Sql = sql!(input { position: int, batch: blob, notice: blob }
    "select distinct e.merchant from input i \
     join events e on e.batch = i.batch and e.merchant is not null \
        and substr(e.record, 3, 1) <> i.notice"
    => { merchant: blob });

#[derive(Deserialize)]
struct MerchantRow {
    merchant: Hex<16>,
}

/// What one step of the feed writes.
#[derive(Clone, Copy, Debug)]
pub struct FeedStep<'a> {
    /// The position that it was built on.
    pub expected: i64,
    /// The position that it leads to.
    pub position: i64,
    /// What happened.
    pub fed: &'a [Fed],
    /// The days that ended.
    pub ends: &'a [DayEnd],
    /// The last day that is over.
    pub closed: Day,
}

impl Store {
    /// How far the feed has come.
    pub async fn feed_place(&self) -> Result<FeedPlace, StoreError> {
        let rows: Vec<PlaceRow> = self.read(&PLACE, &[One { one: 1 }]).await?;
        let row = rows.first().ok_or(StoreError::Corrupt("the place of the feed"))?;
        Ok(FeedPlace {
            position: row.position,
            closed: row.closed_day.map(Day),
            begun_at: Timestamp::from_unix_millis(row.begun_at),
        })
    }

    /// The end of the feed: a place after everything that is in it.
    pub async fn feed_end(&self) -> Result<Cursor, StoreError> {
        let FeedPlace { position, .. } = self.feed_place().await?;
        Ok(Cursor { position, n: i64::MAX, millis: 0 })
    }

    /// What the journal has after a position: whole batches.
    pub async fn feed_part(&self, position: i64) -> Result<FeedPart, StoreError> {
        let end = self.journal_end().await?.position;
        let mut ranges = Ranges::new(position, end);
        let mut events = Vec::new();
        while events.len() < EVENTS_FULL
            && let Some((from, to)) = ranges.take()
        {
            let found = self.feed_range(from, to).await?;
            if found.len() < EVENTS_FEW {
                ranges.lengthen();
            }
            events.extend(found);
        }
        Ok(FeedPart { events, last: ranges.position, more: ranges.position < end })
    }

    /// What happened in a range of the journal.
    async fn feed_range(&self, from: i64, to: i64) -> Result<Vec<Happened>, StoreError> {
        let input = self.feed_batches(from, to).await?;
        let rows: Vec<EventRow> = self.read(&EVENTS, &input).await?;
        let moved: Vec<MovedRow> = self.read(&MOVED, &input).await?;
        let mut by_transfer = HashMap::with_capacity(moved.len());
        for row in moved.into_iter().filter(|row| row.net != 0 || row.fee != 0) {
            let currency = currency(row.currency)?;
            let net = Money::from_minor(row.net, currency);
            let moved = Moved { net, fee: Money::from_minor(row.fee, currency) };
            if by_transfer.insert(row.transfer, moved).is_some() {
                return Err(StoreError::Corrupt("a transfer to a merchant in two currencies"));
            }
        }
        let events = rows.into_iter().map(|row| row.happened(&mut by_transfer));
        let events = events.collect::<Result<_, _>>()?;
        if by_transfer.is_empty() {
            return Ok(events);
        }
        Err(StoreError::Corrupt("a movement of a merchant's money without an event"))
    }

    async fn feed_batches(&self, from: i64, to: i64) -> Result<Vec<BatchRow>, StoreError> {
        let batches = self.journal_batches(from, to).await?;
        let row = |(position, batch)| BatchRow { position, batch, notice: Hex([NOTICE]) };
        Ok(batches.into_iter().map(row).collect())
    }

    /// What merchants had after the last event in the feed. Who is not there has none yet.
    pub async fn feed_balances(&self, events: &[Happened]) -> Result<Balances, StoreError> {
        let owners: BTreeSet<([u8; 16], u16)> = events
            .iter()
            .map(|event| (*event.merchant.as_bytes(), event.currency.numeric()))
            .collect();
        let input: Vec<OwnerRow> = owners
            .into_iter()
            .map(|(merchant, currency)| OwnerRow { merchant: Hex(merchant), currency })
            .collect();
        let rows: Vec<BalanceRow> =
            if input.is_empty() { Vec::new() } else { self.read(&BALANCES, &input).await? };
        let mut balances = Balances::with_capacity(rows.len());
        for row in rows {
            if let Some(balance) = row.balance {
                let currency: Currency = currency(row.currency)?;
                let key = (MerchantId::from_bytes(row.merchant.0), currency);
                balances.insert(key, Money::from_minor(balance, currency));
            }
        }
        Ok(balances)
    }

    /// Writes a step; false when somebody else has come further, and nothing was written.
    pub async fn write_feed(&self, step: FeedStep<'_>) -> Result<bool, StoreError> {
        let FeedStep { expected, position, fed, ends, closed: Day(closed_day) } = step;
        let mut transaction = self.begin().await?;
        let place = MoveRow { one: 1, expected, position, closed_day };
        if transaction.write(&MOVE, &[place]).await? == 0 {
            transaction.roll_back().await?;
            return Ok(false);
        }
        let mut changes = Changes::new(transaction.dialect());
        let rows: Vec<FedRow<'_>> = fed.iter().map(FedRow::new).collect();
        changes.add(&WRITE, &rows)?;
        let rows: Vec<DayRow> = ends
            .iter()
            .map(|end| DayRow { day: end.day.0, last_position: end.last_position })
            .collect();
        changes.add(&END_DAYS, &rows)?;
        transaction.commit_with(changes).await?;
        Ok(true)
    }

    /// The merchants whom the journal concerns after a position, up to another one: those of the
    /// next range of it, and where that ends.
    pub async fn merchants_between(
        &self,
        position: i64,
        last: i64,
    ) -> Result<(Vec<MerchantId>, i64), StoreError> {
        let Some((from, to)) = Ranges::new(position, last).take() else {
            return Ok((Vec::new(), last));
        };
        let input = self.feed_batches(from, to).await?;
        let rows: Vec<MerchantRow> = self.read(&MERCHANTS, &input).await?;
        let merchants = rows.into_iter().map(|row| MerchantId::from_bytes(row.merchant.0));
        Ok((merchants.collect(), to))
    }
}

/// The third byte of a record that is a notice, which no merchant is shown.
const NOTICE: u8 = 7;

impl EventRow {
    /// The event with what its transfer moved, which no other event moves.
    fn happened(self, moved: &mut HashMap<Hex<16>, Moved>) -> Result<Happened, StoreError> {
        let moved = self.transfer.and_then(|transfer| moved.remove(&transfer));
        let own = currency(self.currency)?;
        Ok(Happened {
            position: self.position,
            n: self.n,
            merchant: MerchantId::from_bytes(self.merchant.0),
            event_type: self.r#type,
            subject: self.subject.0,
            created_at: Timestamp::from_unix_millis(self.committed_at),
            currency: moved.map_or(own, |moved| moved.net.currency()),
            moved,
        })
    }
}

impl<'a> FedRow<'a> {
    fn new(fed: &'a Fed) -> Self {
        let Fed { happened, balance } = fed;
        Self {
            merchant: Hex(*happened.merchant.as_bytes()),
            position: happened.position,
            event: happened.n,
            r#type: &happened.event_type,
            subject: Hex(happened.subject),
            created_at: happened.created_at.unix_millis(),
            currency: happened.currency.numeric(),
            net: happened.moved.map(|moved| moved.net.minor()),
            fee: happened.moved.map(|moved| moved.fee.minor()),
            balance: balance.minor(),
        }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("merchant_feed::PLACE", &PLACE),
    ("merchant_feed::EVENTS", &EVENTS),
    ("merchant_feed::MOVED", &MOVED),
    ("merchant_feed::BALANCES", &BALANCES),
    ("merchant_feed::MOVE", &MOVE),
    ("merchant_feed::WRITE", &WRITE),
    ("merchant_feed::END_DAYS", &END_DAYS),
    ("merchant_feed::MERCHANTS", &MERCHANTS),
];

#[cfg(test)]
mod tests {
    use wallet_core::receipt::{PaymentState, Record, RecordKind};
    use wallet_core::{Currency, Mode, Money, Timestamp};

    use super::NOTICE;

    #[test]
    fn a_notice_is_known_by_its_third_byte() {
        let nothing = Money::zero(Currency::from_code("CNY").unwrap());
        let record = Record {
            mode: Mode::Live,
            kind: RecordKind::Notice,
            state: PaymentState::Declined,
            subject: [1; 16],
            merchant: [2; 16],
            decided_at: Timestamp::from_unix_seconds(5),
            asked: nothing,
            settled: nothing,
            reference_hash: [0; 32],
            books_hash: [0; 32],
        };
        assert_eq!(record.to_bytes()[2], NOTICE);
        let payment = Record { kind: RecordKind::Payment, ..record };
        assert_ne!(payment.to_bytes()[2], NOTICE);
    }
}
