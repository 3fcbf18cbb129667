//! What moved merchants' money, from the feed: as a list, and day by day.

use serde::{Deserialize, Serialize};
use wallet_core::{Money, Timestamp};

use super::accounts::currency;
use super::connection::Store;
use super::error::StoreError;
use super::events::Cursor;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::ids::{MerchantId, PaymentId};
use crate::domain::limits::Day;
use crate::domain::merchant_feed::Moved;

/// A movement of a merchant's money.
#[derive(Clone, Debug)]
pub struct BalanceTransaction {
    /// The event that it belongs to.
    pub cursor: Cursor,
    /// What happened: `payment.succeeded` and the like.
    pub event_type: String,
    /// What it is about: the payment, the refund.
    pub subject: [u8; 16],
    /// When.
    pub created_at: Timestamp,
    /// What moved.
    pub moved: Moved,
    /// What the merchant had after it.
    pub balance: Money,
    /// The payment behind it, if there is one, and the merchant's name for that.
    pub payment: Option<(PaymentId, String)>,
}

/// Where the statement of a day begins and ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StatementRange {
    /// The last position before it.
    pub before: i64,
    /// Its own last position.
    pub last: i64,
}

/// The statement of a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatementDay {
    /// The day is over, and everything is there.
    Over(StatementRange),
    /// The day is not over yet, or not everything of it is in the feed.
    Open,
}

/// A query that selects columns of the feed, and the payment behind what moved.
macro_rules! transactions_sql {
    (input { $($input:tt)+ } $text:literal) => {
        sql!(input { $($input)+ } $text => {
            position: int, n: int, created_at: int, type: text, subject: blob, currency: int,
            net: int, fee: int, balance: int, payment: blob, reference: text
        })
    };
}

// The bounds are values to the planner, and what belongs to a row is looked up row by row: so
// PostgreSQL takes the indexes whatever it believes about the tables.
const LIST: Sql = transactions_sql!(input { merchant: blob, position: int, before: int, type: text,
        looked_at: int, size: int }
    "select found.*, (select p.reference from payments p where p.id = found.payment) as reference \
     from (select looked.position, looked.n, looked.created_at, looked.type, looked.subject, looked.currency, looked.net, looked.fee, \
            looked.balance, case when looked.type like 'refund.%' \
                then (select r.payment from refunds r where r.id = looked.subject) \
                else looked.subject end as payment \
        from (select f.position, f.n, f.created_at, f.type, f.subject, f.currency, f.net, f.fee, \
                f.balance from merchant_events f where f.merchant = (select merchant from input) \
                and (f.position, f.n) < ((select position from input), (select before from input)) \
            order by f.position desc, f.n desc limit (select looked_at from input)) looked \
        where ((select type from input) is null or looked.type = (select type from input)) \
            and looked.net is not null \
        order by looked.position desc, looked.n desc limit (select size from input)) found \
     order by found.position desc, found.n desc");

// The last event that a look comes to, if it does not come to the first one of all.
const LOOKED_AT: Sql = sql!(input { merchant: blob, position: int, before: int, looked_at: int }
    "select m.position, m.n, m.created_at from merchant_events m \
     where m.merchant = (select merchant from input) \
        and (m.position, m.n) < ((select position from input), (select before from input)) \
     order by m.position desc, m.n desc limit 1 offset (select looked_at - 1 from input)"
    => { position: int, n: int, created_at: int });

/// At how many of a merchant's events one request looks. There is no index by type, nor of those that
/// move money, which each payment would have to keep.
const LOOKED_AT_MAX: usize = 1000;

/// A page of what moved a merchant's money.
#[derive(Clone, Debug)]
pub struct BalanceTransactionPage {
    /// What moved, newest first.
    pub transactions: Vec<BalanceTransaction>,
    /// Where to go on, if there may be more.
    pub next: Option<Cursor>,
}

#[derive(Deserialize)]
struct LookedAtRow {
    position: i64,
    n: i64,
    created_at: i64,
}

#[derive(Serialize)]
struct ListRow<'a> {
    merchant: Hex<16>,
    position: i64,
    before: i64,
    r#type: Option<&'a str>,
    looked_at: usize,
    size: usize,
}

// A payment and its refunds know their batches, so that no index of the feed by payment is needed.
// Adding zero keeps SQLite from looking through all that came before instead.
const OF_PAYMENT: Sql = transactions_sql!(input { merchant: blob, payment: blob, position: int, before: int, type: text, size: int }
    "select m.position, m.n, m.created_at, m.type, m.subject, m.currency, m.net, m.fee, m.balance, \
        (select payment from input) as payment, \
        (select p.reference from payments p where p.id = (select payment from input)) as reference \
     from (select p.batch, p.id as subject from input i join payments p on p.id = i.payment \
        union select p.closing_batch, p.id from input i join payments p on p.id = i.payment \
        union select p.reversal_batch, p.id from input i join payments p on p.id = i.payment \
        union select r.batch, r.id from input i join refunds r on r.payment = i.payment) moves \
     cross join journal j cross join merchant_events m \
     where j.batch = moves.batch and m.merchant = (select merchant from input) \
        and m.position = j.position and m.subject = moves.subject and m.net is not null \
        and (m.position + 0, m.n) < ((select position from input), (select before from input)) \
        and ((select type from input) is null or m.type = (select type from input)) \
     order by m.position desc, m.n desc limit (select size from input)");

#[derive(Serialize)]
struct OfPaymentRow<'a> {
    payment: Hex<16>,
    #[serde(flatten)]
    list: ListRow<'a>,
}

const BETWEEN: Sql = transactions_sql!(input { merchant: blob, position: int, after: int, last: int, size: int }
    "select found.*, (select p.reference from payments p where p.id = found.payment) as reference \
     from (select m.position, m.n, m.created_at, m.type, m.subject, m.currency, m.net, m.fee, \
            m.balance, case when m.type like 'refund.%' \
                then (select r.payment from refunds r where r.id = m.subject) \
                else m.subject end as payment \
        from merchant_events m where m.merchant = (select merchant from input) \
            and (m.position, m.n) > ((select position from input), (select after from input)) \
            and m.position <= (select last from input) \
            and m.net is not null \
        order by m.position, m.n limit (select size from input)) found \
     order by found.position, found.n");

#[derive(Serialize)]
struct BetweenRow {
    merchant: Hex<16>,
    position: i64,
    after: i64,
    last: i64,
    size: usize,
}

#[derive(Deserialize)]
struct TransactionRow {
    position: i64,
    n: i64,
    created_at: i64,
    r#type: String,
    subject: Hex<16>,
    currency: u16,
    net: i64,
    fee: i64,
    balance: i64,
    payment: Option<Hex<16>>,
    reference: Option<String>,
}

impl TransactionRow {
    fn transaction(self) -> Result<BalanceTransaction, StoreError> {
        let currency = currency(self.currency)?;
        let money = |minor| Money::from_minor(minor, currency);
        // What is about something else has no payment's reference.
        let payment = self.payment.map(|id| PaymentId::from_bytes(id.0));
        Ok(BalanceTransaction {
            cursor: Cursor { position: self.position, n: self.n, millis: self.created_at },
            event_type: self.r#type,
            subject: self.subject.0,
            created_at: Timestamp::from_unix_millis(self.created_at),
            moved: Moved { net: money(self.net), fee: money(self.fee) },
            balance: money(self.balance),
            payment: payment.zip(self.reference),
        })
    }
}

const BALANCES_AT: Sql = sql!(input { merchant: blob, position: int }
    "select a.currency, (select m.balance from merchant_events m where m.merchant = i.merchant \
        and m.currency = a.currency and m.position <= i.position \
        order by m.position desc, m.n desc limit 1) as balance \
     from input i join accounts a on a.owner = i.merchant order by a.currency"
    => { currency: int, balance: int });

#[derive(Serialize)]
struct AtRow {
    merchant: Hex<16>,
    position: i64,
}

#[derive(Deserialize)]
struct BalanceRow {
    currency: u16,
    balance: Option<i64>,
}

const DAY: Sql = sql!(input { one: int, day: int }
    "select case when f.closed_day >= i.day then 1 else 0 end as is_over, \
        (select d.last_position from statement_days d where d.day < i.day \
            order by d.day desc limit 1) as before, \
        (select d.last_position from statement_days d where d.day <= i.day \
            order by d.day desc limit 1) as last \
     from input i join merchant_feed f on f.one = i.one"
    => { is_over: int, before: int, last: int });

#[derive(Serialize)]
struct DayRow {
    one: u8,
    day: i32,
}

#[derive(Deserialize)]
struct DayRangeRow {
    is_over: u8,
    before: Option<i64>,
    last: Option<i64>,
}

/// Which movements are listed.
#[derive(Clone, Copy, Default, Debug)]
pub struct TransactionFilter<'a> {
    /// Those of a payment and its refunds.
    pub payment: Option<PaymentId>,
    /// Those of such events.
    pub event_type: Option<&'a str>,
}

impl Store {
    /// A page of what moved a merchant's money, newest first, before a place in the journal.
    pub async fn balance_transactions(
        &self,
        merchant: MerchantId,
        filter: TransactionFilter<'_>,
        before: Option<Cursor>,
        size: usize,
    ) -> Result<BalanceTransactionPage, StoreError> {
        let before = before.map_or((i64::MAX, 0), |before| (before.position, before.n));
        let list = ListRow {
            merchant: Hex(*merchant.as_bytes()),
            position: before.0,
            before: before.1,
            r#type: filter.event_type,
            looked_at: LOOKED_AT_MAX,
            size: size.saturating_add(1),
        };
        let (rows, end): (Vec<TransactionRow>, Option<Cursor>);
        if let Some(payment) = filter.payment {
            let input = OfPaymentRow { payment: Hex(*payment.as_bytes()), list };
            (rows, end) = (self.read(&OF_PAYMENT, &[input]).await?, None);
        } else {
            let input = [list];
            rows = self.read(&LIST, &input).await?;
            end = if rows.len() > size { None } else { self.looked_at(&input).await? };
        }
        let full = rows.len() > size;
        let rows = rows.into_iter().take(size).map(TransactionRow::transaction);
        let transactions = rows.collect::<Result<Vec<_>, _>>()?;
        let last = transactions.last().map(|last| last.cursor);
        let next = if full {
            last
        } else {
            // Newer ones that came in between let the look end earlier than what it found.
            end.map(|end| match last {
                Some(last) if (last.position, last.n) < (end.position, end.n) => last,
                Some(_) | None => end,
            })
        };
        Ok(BalanceTransactionPage { transactions, next })
    }

    async fn looked_at(&self, input: &[ListRow<'_>; 1]) -> Result<Option<Cursor>, StoreError> {
        let rows: Vec<LookedAtRow> = self.read(&LOOKED_AT, input).await?;
        let cursor =
            |row: &LookedAtRow| Cursor { position: row.position, n: row.n, millis: row.created_at };
        Ok(rows.first().map(cursor))
    }

    /// What moved a merchant's money after a place in the journal, up to a position, oldest first.
    pub async fn balance_transactions_between(
        &self,
        merchant: MerchantId,
        after: Cursor,
        last: i64,
        size: usize,
    ) -> Result<Vec<BalanceTransaction>, StoreError> {
        let (position, after) = (after.position, after.n);
        let input = BetweenRow { merchant: Hex(*merchant.as_bytes()), position, after, last, size };
        let rows: Vec<TransactionRow> = self.read(&BETWEEN, &[input]).await?;
        rows.into_iter().map(TransactionRow::transaction).collect()
    }

    /// What a merchant had after a position, in each of its currencies.
    pub async fn merchant_balances_at(
        &self,
        merchant: MerchantId,
        position: i64,
    ) -> Result<Vec<Money>, StoreError> {
        let input = AtRow { merchant: Hex(*merchant.as_bytes()), position };
        let rows: Vec<BalanceRow> = self.read(&BALANCES_AT, &[input]).await?;
        let money = |row: BalanceRow| {
            Ok(Money::from_minor(row.balance.unwrap_or(0), currency(row.currency)?))
        };
        rows.into_iter().map(money).collect()
    }

    /// Where the statement of a day begins and ends.
    pub async fn statement_day(&self, day: Day) -> Result<StatementDay, StoreError> {
        let rows: Vec<DayRangeRow> = self.read(&DAY, &[DayRow { one: 1, day: day.0 }]).await?;
        let row = rows.first().ok_or(StoreError::Corrupt("the place of the feed"))?;
        if row.is_over == 0 {
            return Ok(StatementDay::Open);
        }
        let (before, last) = (row.before.unwrap_or(0), row.last.unwrap_or(0));
        Ok(StatementDay::Over(StatementRange { before, last }))
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("balance_transactions::LIST", &LIST),
    ("balance_transactions::LOOKED_AT", &LOOKED_AT),
    ("balance_transactions::OF_PAYMENT", &OF_PAYMENT),
    ("balance_transactions::BETWEEN", &BETWEEN),
    ("balance_transactions::BALANCES_AT", &BALANCES_AT),
    ("balance_transactions::DAY", &DAY),
];
