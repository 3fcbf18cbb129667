//! What must hold in the books, whatever happened: each invariant as one query over everything.
//!
//! The queries read every entry and every payment, and share no code with what wrote them.

use serde::{Deserialize, Serialize};
use wallet_core::receipt::PaymentState;

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::ids::PaymentId;

/// How many acknowledged payments are looked up in one statement.
const ACKNOWLEDGED_CHUNK: usize = 10_000;

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// In how many places the books are wrong.
    pub wrong: u64,
    /// One of those places: an id's digits, or what the sum is over.
    pub example: Option<String>,
}

impl Finding {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.wrong == 0
    }
}

/// How large the database is, and what runs it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Measure {
    /// Bytes, indexes and free pages included.
    pub bytes: u64,
    /// The database's version.
    pub version: String,
}

/// Every mode and currency sums to zero over all accounts.
const TRIAL_BALANCE: Sql = sql!(input { any: int }
    "select f.mode || ' ' || f.currency as example, count(*) over () as wrong \
     from input i cross join ( \
        select a.mode, a.currency from accounts a join balances b on b.account = a.id \
        group by a.mode, a.currency having sum(b.available + b.held) <> 0) f limit 1"
    => { example: text, wrong: int });

/// Every balance row is the sum of its entries, and there is no entry without one.
const BALANCES: Sql = sql!(input { any: int }
    "select f.account as example, count(*) over () as wrong from input i cross join ( \
        select s.account, s.shard, s.currency from ( \
            select b.account, b.shard, a.currency, b.available, b.held \
            from balances b join accounts a on a.id = b.account \
            union all \
            select account, shard, currency, \
                -sum(case when bucket = 'available' then amount else 0 end), \
                -sum(case when bucket = 'held' then amount else 0 end) \
            from entries group by account, shard, currency) s \
        group by s.account, s.shard, s.currency \
        having sum(s.available) <> 0 or sum(s.held) <> 0) f limit 1"
    => { example: blob, wrong: int });

/// Every transfer sums to zero in each currency; the example is its batch. Batch by batch, so that
/// nothing large is sorted.
const TRANSFERS: Sql = sql!(input { any: int }
    "select f.batch as example, count(*) over () as wrong from input i cross join ( \
        select b.batch from (select batch from entries group by batch) b \
        where exists (select 1 from entries e where e.batch = b.batch \
            group by e.transfer, e.currency having sum(e.amount) <> 0)) f limit 1"
    => { example: blob, wrong: int });

/// Every payment that was not declined at once moved its amount, once, or set it aside and moved it
/// on or back, once; one that was called off after its capture moved that back, and every refund its
/// amount; money in suspense went on, once; every top-up and every transfer between payers moved its amount; every
/// withdrawal and payout was set aside, and moved on or back once, and a payout that the bank sent
/// back moved back once; every envelope was set aside, each claimed
/// share went on, and the rest of an expired one went back; and nothing else moved. Entries have
/// both sides of it.
const MOVEMENTS: Sql = sql!(input { any: int }
    "select f.transfer as example, count(*) over () as wrong from input i cross join ( \
        select m.transfer from ( \
            select coalesce(transfer, id) as transfer, 2 * amount as moved from payments \
            where state <> 'declined' or transfer is not null \
            union all select coalesce(closing_transfer, id), 2 * amount from payments \
            where closing_transfer is not null or (transfer is not null \
                and (confirmation_reason is not null or capture = 'manual') \
                and state not in ('requires_confirmation', 'authorized')) \
            union all select coalesce(reversal_transfer, id), 2 * amount_settled from payments \
            where reversal_transfer is not null or (state = 'canceled' and amount_settled > 0) \
            union all select transfer, 2 * amount from refunds \
            union all select coalesce(closing_transfer, id), 2 * amount from suspense \
            where state <> 'open' \
            union all select transfer, 2 * amount from top_ups \
            union all select transfer, 2 * amount from payer_transfers \
            union all select transfer, 2 * amount from withdrawals \
            union all select coalesce(closing_transfer, id), 2 * amount from withdrawals \
            where state <> 'authorized' \
            union all select transfer, 2 * amount from envelopes \
            union all select transfer, 2 * amount from envelope_shares where claim is not null \
            union all select coalesce(closing_transfer, id), 2 * (amount - amount_claimed) \
            from envelopes where state = 'expired' \
            union all select transfer, 2 * amount from payouts \
            union all select coalesce(closing_transfer, id), 2 * amount from payouts \
            where state <> 'authorized' \
            union all select coalesce(reversal_transfer, id), 2 * amount from payouts \
            where state = 'canceled' and paid_at is not null \
            union all select transfer, -sum(abs(amount)) from entries group by transfer) m \
        group by m.transfer having sum(m.moved) <> 0) f limit 1"
    => { example: blob, wrong: int });

/// Every entry belongs to a batch that was closed.
const BATCHES: Sql = sql!(input { any: int }
    "select f.batch as example, count(*) over () as wrong from input i cross join ( \
        select e.batch from (select batch from entries group by batch) e \
        left join batches b on b.id = e.batch where b.id is null) f limit 1"
    => { example: blob, wrong: int });

/// Every device's mark is the highest among its payments, and none if it has no payment.
const MARKS: Sql = sql!(input { any: int }
    "select f.device as example, count(*) over () as wrong from input i cross join ( \
        select m.device from ( \
            select key_id as device, coalesce(mark_step * 256 + mark_seq, 0) as mark from devices \
            union all \
            select device, -max(code_step * 256 + code_seq) from payments \
            where device is not null group by device) m \
        group by m.device having sum(m.mark) <> 0) f limit 1"
    => { example: blob, wrong: int });

/// No code made two payments.
const CODES: Sql = sql!(input { any: int }
    "select f.device as example, count(*) over () as wrong from input i cross join ( \
        select device from payments where code_step is not null \
        group by device, code_step, code_seq having count(*) > 1) f limit 1"
    => { example: blob, wrong: int });

/// What is held for payers is what their waiting and authorized payments and open withdrawals are about, and what
/// nobody has claimed yet of their open envelopes; what is held for merchants, over all shards, is what
/// their open payouts come to.
const HELD: Sql = sql!(input { any: int }
    "select f.payer as example, count(*) over () as wrong from input i cross join ( \
        select h.payer from ( \
            select p.id as payer, b.held from payers p \
            join balances b on b.account = p.account \
            union all \
            select m.id, b.held from merchants m join balances b on b.account = m.account \
            union all \
            select merchant, -amount from payouts where state = 'authorized' \
            union all \
            select payer, -amount from payments \
            where state in ('requires_confirmation', 'authorized') \
            union all \
            select payer, -amount from withdrawals where state = 'authorized' \
            union all \
            select payer, amount_claimed - amount from envelopes where state = 'authorized') h \
        group by h.payer having sum(h.held) <> 0) f limit 1"
    => { example: blob, wrong: int });

/// What counts against a payer's limits is the sum of the day's movements, by proof, and of the
/// month's.
const SPENDING: Sql = sql!(input { any: int }
    "select f.payer as example, count(*) over () as wrong from input i cross join ( \
        select s.payer from ( \
            select id as payer, day_static, day_code, day_pin, month_spent as month from payers \
            union all \
            select p.id, \
                -sum(case when s.day = p.day and s.proof = 'static' then s.counted else 0 end), \
                -sum(case when s.day = p.day and s.proof = 'code' then s.counted else 0 end), \
                -sum(case when s.day = p.day and s.proof = 'pin' then s.counted else 0 end), \
                -sum(case when s.day >= p.month_start then s.counted else 0 end) \
            from (select payer, day, proof, counted from payments \
                union all select payer, day, 'pin', amount from payer_transfers \
                union all select payer, day, 'pin', counted from envelopes) s \
            join payers p on p.id = s.payer group by p.id) s \
        group by s.payer \
        having sum(s.day_static) <> 0 or sum(s.day_code) <> 0 or sum(s.day_pin) <> 0 \
            or sum(s.month) <> 0) f limit 1"
    => { example: blob, wrong: int });

/// Every envelope's amount is the sum of its shares; what it says was claimed is what was, the first
/// shares first and nobody twice; and what counts is all of it, or, once its time was over, that.
const ENVELOPES: Sql = sql!(input { any: int }
    "select f.id as example, count(*) over () as wrong from input i cross join ( \
        select v.id from envelopes v left join envelope_shares s on s.envelope = v.id \
        group by v.id, v.amount, v.shares, v.claimed, v.amount_claimed, v.counted, v.state \
        having coalesce(sum(s.amount), 0) <> v.amount or count(s.n) <> v.shares \
            or count(s.claim) <> v.claimed or count(distinct s.payer) <> v.claimed \
            or coalesce(max(case when s.claim is null then 0 else s.n end), 0) <> v.claimed \
            or coalesce(sum(case when s.claim is null then 0 else s.amount end), 0) \
                <> v.amount_claimed \
            or v.counted <> case when v.state = 'expired' then v.amount_claimed else v.amount end \
        ) f limit 1"
    => { example: blob, wrong: int });

/// What was given back of a payment is the sum of its refunds, and so is what was returned of its fee.
/// Its state says so too.
const REFUNDS: Sql = sql!(input { any: int }
    "select f.payment as example, count(*) over () as wrong from input i cross join ( \
        select s.payment from ( \
            select id as payment, amount_refunded, fee_returned, refunds from payments \
            where refunds > 0 or amount_refunded > 0 or fee_returned > 0 \
            union all \
            select payment, -amount, -fee_returned, -1 from refunds) s \
        group by s.payment having sum(s.amount_refunded) <> 0 or sum(s.fee_returned) <> 0 \
            or sum(s.refunds) <> 0 \
        union all \
        select id from payments where (state = 'refunded') <> \
            (refunds > 0 and amount_refunded = amount_settled) \
            or (state = 'partially_refunded') <> (refunds > 0 and amount_refunded < amount_settled) \
        ) f limit 1"
    => { example: blob, wrong: int });

/// What the suspense accounts have is the money whose owners could not have it.
const SUSPENSE: Sql = sql!(input { any: int }
    "select f.mode || ' ' || f.currency as example, count(*) over () as wrong \
     from input i cross join ( \
        select s.mode, s.currency from ( \
            select a.mode, a.currency, b.available + b.held as amount \
            from accounts a join balances b on b.account = a.id where a.kind = 'suspense' \
            union all select mode, currency, -amount from suspense where state = 'open') s \
        group by s.mode, s.currency having sum(s.amount) <> 0) f limit 1"
    => { example: text, wrong: int });

/// Every order holds its reference. A paid one has the one payment that names it, of its merchant,
/// mode, reference and amount; the others have none; and an order that ended otherwise says so in the
/// journal. A payment of a plate is of the plate's merchant and mode, in its currency, and of its
/// amount if it has one.
const MERCHANT_CODES: Sql = sql!(input { any: int }
    "select f.id as example, count(*) over () as wrong from input i cross join ( \
        select o.id from orders o \
        left join payments p on p.merchant_code = o.id and p.code_source = 'order' \
        left join payment_references r on r.merchant = o.merchant and r.mode = o.mode \
            and r.reference = o.reference and r.order_id = o.id \
        left join events e on e.batch = o.ended_batch and e.n = o.ended_event \
        where r.order_id is null or (o.state = 'paid') <> (p.id is not null) \
            or (p.id is not null and (o.payment <> p.id or o.merchant <> p.merchant \
                or o.mode <> p.mode or o.reference <> p.reference or o.currency <> p.currency \
                or o.amount <> p.amount or e.subject is null or e.subject <> p.id)) \
            or (o.state in ('canceled', 'expired') and (e.subject is null or e.subject <> o.id \
                or e.type <> 'order.' || o.state)) \
        union all \
        select p.id from payments p left join orders o on o.id = p.merchant_code \
        where p.code_source = 'order' and o.id is null \
        union all \
        select p.id from payments p left join plates l on l.id = p.merchant_code \
        where p.code_source = 'plate' and (l.id is null or l.merchant <> p.merchant \
            or l.mode <> p.mode or l.currency <> p.currency or p.proof <> 'static' \
            or coalesce(l.amount, p.amount) <> p.amount) \
        union all \
        select r.order_id from payment_references r left join orders o on o.id = r.order_id \
        where r.order_id is not null and o.id is null) f limit 1"
    => { example: blob, wrong: int });

/// No merchant owes more than it has.
const MERCHANTS: Sql = sql!(input { any: int }
    "select f.id as example, count(*) over () as wrong from input i cross join ( \
        select m.id from merchants m join balances b on b.account = m.account \
        group by m.id having sum(b.available) < 0 or sum(b.held) < 0) f limit 1"
    => { example: blob, wrong: int });

/// Every payment is in the state that its last record in the journal says.
const STATES: Sql = sql!(input { any: int }
    "select f.id as example, count(*) over () as wrong from input i cross join ( \
        select p.id from payments p \
        left join events e on e.batch = p.last_batch and e.n = p.last_event and e.subject = p.id \
        where e.type is null or e.type <> 'payment.' || p.state) f limit 1"
    => { example: blob, wrong: int });

/// Every payout is in the state that its last record in the journal says, and every batch of them
/// comes to what its payouts come to, each of them with a line of its own.
const PAYOUTS: Sql = sql!(input { any: int }
    "select f.id as example, count(*) over () as wrong from input i cross join ( \
        select p.id from payouts p \
        left join events e on e.batch = p.last_batch and e.n = p.last_event and e.subject = p.id \
        where e.type is null or e.type <> 'payout.' || p.state or e.merchant <> p.merchant \
        union all \
        select b.id from payout_batches b left join payouts p on p.payout_batch = b.id \
        group by b.id, b.mode, b.currency, b.payouts, b.amount \
        having count(p.id) <> b.payouts or coalesce(sum(p.amount), 0) <> b.amount \
            or coalesce(max(p.line), 0) <> b.payouts \
            or max(case when p.mode = b.mode and p.currency = b.currency then 0 else 1 end) <> 0 \
        ) f limit 1"
    => { example: blob, wrong: int });

/// What happened to merchants is in the feed, each event once and as the journal has it, as far as the
/// feed has come; and what it says that moved is what the entries of their accounts moved.
const FEED: Sql = sql!(input { any: int }
    "select f.merchant as example, count(*) over () as wrong from input i cross join ( \
        select s.merchant from ( \
            select e.merchant, 1 as events, 0 as net \
            from merchant_feed f join journal j on j.position <= f.position \
            join events e on e.batch = j.batch \
                and e.merchant is not null and e.type not like 'code.%' \
            union all \
            select m.id, 0, x.amount \
            from merchant_feed f join journal j on j.position <= f.position \
            join entries x on x.batch = j.batch and x.bucket = 'available' \
            join merchants m on m.account = x.account \
            union all \
            select m.merchant, \
                case when e.merchant = m.merchant and e.type = m.type and e.subject = m.subject \
                    then -1 else -2 end, -coalesce(m.net, 0) \
            from merchant_events m left join journal j on j.position = m.position \
            left join events e on e.batch = j.batch and e.n = m.n) s \
        group by s.merchant having sum(s.events) <> 0 or sum(s.net) <> 0) f limit 1"
    => { example: blob, wrong: int });

/// Every balance in the feed is the sum of what moved so far.
const FEED_BALANCES: Sql = sql!(input { any: int }
    "select f.merchant as example, count(*) over () as wrong from input i cross join ( \
        select r.merchant from (select merchant, balance, sum(coalesce(net, 0)) over ( \
            partition by merchant, currency order by position, n) as added \
            from merchant_events) r \
        where r.balance <> r.added group by r.merchant) f limit 1"
    => { example: blob, wrong: int });

/// The fees in the feed are what the fee accounts got, as far as the feed has come.
const FEED_FEES: Sql = sql!(input { any: int }
    "select f.mode || ' ' || f.currency as example, count(*) over () as wrong \
     from input i cross join ( \
        select s.mode, s.currency from ( \
            select a.mode, x.currency, x.amount \
            from merchant_feed f join journal j on j.position <= f.position \
            join entries x on x.batch = j.batch \
            join accounts a on a.id = x.account and a.kind = 'fees' \
            union all select m.mode, e.currency, -coalesce(e.fee, 0) \
            from merchant_events e join merchants m on m.id = e.merchant) s \
        group by s.mode, s.currency having sum(s.amount) <> 0) f limit 1"
    => { example: text, wrong: int });

/// What happened to a payer is a chain: each event is the payer's last one, or the one before exactly one
/// other of the same payer.
const PAYER_EVENTS: Sql = sql!(input { any: int }
    "select f.payer as example, count(*) over () as wrong from input i cross join ( \
        select s.payer from ( \
            select payer, batch, n, 1 as events from events where payer is not null \
            union all \
            select id, last_batch, last_event, -1 from payers where last_batch is not null \
            union all \
            select payer, previous_batch, previous_event, -1 from events \
            where previous_batch is not null) s \
        group by s.payer, s.batch, s.n having sum(s.events) <> 0) f limit 1"
    => { example: blob, wrong: int });

/// The checks of [`Store::check_books`], by their names.
pub(super) const CHECKS: [(&str, &Sql); 20] = [
    ("trial_balance", &TRIAL_BALANCE),
    ("balances", &BALANCES),
    ("transfers", &TRANSFERS),
    ("movements", &MOVEMENTS),
    ("batches", &BATCHES),
    ("marks", &MARKS),
    ("codes", &CODES),
    ("held", &HELD),
    ("spending", &SPENDING),
    ("envelopes", &ENVELOPES),
    ("refunds", &REFUNDS),
    ("suspense", &SUSPENSE),
    ("merchant_codes", &MERCHANT_CODES),
    ("merchants", &MERCHANTS),
    ("states", &STATES),
    ("payouts", &PAYOUTS),
    ("payer_events", &PAYER_EVENTS),
    ("feed", &FEED),
    ("feed_balances", &FEED_BALANCES),
    ("feed_fees", &FEED_FEES),
];

#[derive(Serialize)]
struct Any {
    any: u8,
}

#[derive(Deserialize)]
struct WrongRow {
    example: String,
    wrong: u64,
}

const ACKNOWLEDGED: Sql = sql!(input { id: blob, state: text }
    "select i.id as example, count(*) over () as wrong \
     from input i left join payments p on p.id = i.id \
     where p.id is null or p.state <> i.state limit 1"
    => { example: blob, wrong: int });

#[derive(Serialize)]
struct AcknowledgedRow {
    id: Hex<16>,
    state: &'static str,
}

const SINCE: Sql = sql!(input { id: blob }
    "select p.state, count(*) as payments from input i join payments p on p.id >= i.id \
     group by p.state"
    => { state: text, payments: int });

#[derive(Serialize)]
struct Since {
    id: Hex<16>,
}

#[derive(Deserialize)]
struct StateRow {
    state: String,
    payments: u64,
}

// Nothing here is common to both databases but the parameter.
const MEASURE: Sql = Sql {
    sqlite: "with input as (select $1) select json_array(json_array( \
        c.page_count * s.page_size, 'SQLite ' || sqlite_version())) \
        from pragma_page_count c, pragma_page_size s",
    each: "",
    postgres: "with input as (select $1::jsonb) select json_build_array(json_build_array( \
        pg_database_size(current_database()), 'PostgreSQL ' || \
        current_setting('server_version')))::text",
    columns: &["any"],
    output: &["bytes", "version"],
};

impl Store {
    /// Checks every invariant of the books, and tells each finding as soon as there is one.
    ///
    /// It reads everything: some minutes for ten million payments. What is being written meanwhile
    /// is either seen as a whole or not at all.
    pub async fn check_books(
        &self,
        mut tell: impl FnMut(&Finding),
    ) -> Result<Vec<Finding>, StoreError> {
        let mut findings = Vec::with_capacity(CHECKS.len());
        for (check, sql) in CHECKS {
            let finding = self.find(check, sql).await?;
            tell(&finding);
            findings.push(finding);
        }
        Ok(findings)
    }

    /// Asks one question about everything.
    pub(super) async fn find(&self, check: &'static str, sql: &Sql) -> Result<Finding, StoreError> {
        self.find_with(check, sql, Any { any: 0 }).await
    }

    /// Asks one with something to compare with.
    pub(super) async fn find_with(
        &self,
        check: &'static str,
        sql: &Sql,
        with: impl Serialize + Sync,
    ) -> Result<Finding, StoreError> {
        let rows: Vec<WrongRow> = self.survey(sql, &[with]).await?;
        Ok(rows.into_iter().fold(nothing_wrong(check), add))
    }

    /// Checks that payments that a client was told of are in the books, in the state it was told.
    pub async fn check_acknowledged(
        &self,
        acknowledged: &[(PaymentId, PaymentState)],
    ) -> Result<Finding, StoreError> {
        let mut finding = nothing_wrong("acknowledged");
        for chunk in acknowledged.chunks(ACKNOWLEDGED_CHUNK) {
            let input: Vec<_> = chunk
                .iter()
                .map(|(id, state)| AcknowledgedRow {
                    id: Hex(*id.as_bytes()),
                    state: state.as_str(),
                })
                .collect();
            let rows: Vec<WrongRow> = self.read(&ACKNOWLEDGED, &input).await?;
            finding = rows.into_iter().fold(finding, add);
        }
        Ok(finding)
    }

    /// How many payments there are in a state, from the one with this id on.
    pub async fn count_payments(
        &self,
        from: PaymentId,
        state: PaymentState,
    ) -> Result<u64, StoreError> {
        let input = Since { id: Hex(*from.as_bytes()) };
        let rows: Vec<StateRow> = self.survey(&SINCE, &[input]).await?;
        let found = rows.iter().find(|row| row.state == state.as_str());
        Ok(found.map_or(0, |row| row.payments))
    }

    /// How large the database is, and what runs it.
    pub async fn measure(&self) -> Result<Measure, StoreError> {
        let rows: Vec<Measure> = self.read(&MEASURE, &[Any { any: 0 }]).await?;
        rows.into_iter().next().ok_or(StoreError::Corrupt("size"))
    }
}

fn nothing_wrong(check: &'static str) -> Finding {
    Finding { check, wrong: 0, example: None }
}

fn add(mut finding: Finding, row: WrongRow) -> Finding {
    finding.wrong += row.wrong;
    finding.example = Some(row.example);
    finding
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("checks::TRIAL_BALANCE", &TRIAL_BALANCE),
    ("checks::BALANCES", &BALANCES),
    ("checks::TRANSFERS", &TRANSFERS),
    ("checks::MOVEMENTS", &MOVEMENTS),
    ("checks::BATCHES", &BATCHES),
    ("checks::MARKS", &MARKS),
    ("checks::CODES", &CODES),
    ("checks::HELD", &HELD),
    ("checks::SPENDING", &SPENDING),
    ("checks::ENVELOPES", &ENVELOPES),
    ("checks::REFUNDS", &REFUNDS),
    ("checks::SUSPENSE", &SUSPENSE),
    ("checks::MERCHANT_CODES", &MERCHANT_CODES),
    ("checks::MERCHANTS", &MERCHANTS),
    ("checks::STATES", &STATES),
    ("checks::PAYOUTS", &PAYOUTS),
    ("checks::PAYER_EVENTS", &PAYER_EVENTS),
    ("checks::FEED", &FEED),
    ("checks::FEED_BALANCES", &FEED_BALANCES),
    ("checks::FEED_FEES", &FEED_FEES),
    ("checks::ACKNOWLEDGED", &ACKNOWLEDGED),
    ("checks::SINCE", &SINCE),
    ("checks::MEASURE", &MEASURE),
];
