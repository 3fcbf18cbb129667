//! What an auditor reads: the journal in order, a bounded number of rows at a time.

mod past;
mod rows;
mod sums;

use serde::Serialize;

use super::checks::{CHECKS, Finding};
use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::audit::{AccountOf, AuditedEntry, AuditedEvent};
use crate::domain::ids::{AccountId, BatchId};
use crate::domain::limits::LimitRules;
use past::RulesRow;
use rows::{BalanceRow, EntryRow, EventRow, PositionRow};
use wallet_core::proof::TreeHash;
use wallet_core::{Money, Timestamp};

/// How many rows of each kind are read at a time: some megabytes.
pub const AUDIT_PAGE: usize = 2000;

const POSITIONS: Sql = sql!(input { position: int, after: int, upto: int, rows: int }
    "select j.position, j.batch, j.leaf, b.committed_at \
     from journal j left join batches b on b.id = j.batch \
     where j.position > (select position from input) and j.position <= (select upto from input) \
     order by j.position limit (select rows from input)"
    => { position: int, batch: blob, leaf: blob, committed_at: int });

// The journal is the outermost loop and the input is asked for in subqueries, so that SQLite sees that
// the rows come in order already. Otherwise it would sort all that is left of the journal for each
// page: the audit of a million payments took hours.
//
// Whether an event made a payment, or was the last word about it, is seen in the same statement as
// the payment's row.
const EVENTS: Sql = sql!(input { position: int, after: int, upto: int, rows: int }
    "select j.position, e.n, e.mode, e.type, e.subject, e.merchant, e.record, p.id as payment, \
        case when p.batch = e.batch and p.event = e.n then 1 else 0 end as first, \
        case when p.last_batch = e.batch and p.last_event = e.n then 1 else 0 end as last, \
        p.mode as payment_mode, p.merchant as payment_merchant, p.reference, p.state, p.currency, \
        p.amount, p.amount_settled, p.payer, p.device, p.code_step, p.code_seq, p.code_limit, \
        p.code_currency, coalesce(p.evidence, p.request_evidence) as evidence, p.merchant_code, \
        coalesce(o.payload, q.payload) as payload, coalesce(o.amount, q.amount) as fixed, \
        p.terminal, p.transfer, p.limit_payment, \
        p.created_at, d.public_key, d.payer as owner, y.account \
     from journal j cross join events e \
     left join payments p on p.id = e.subject \
     left join devices d on d.key_id = p.device left join payers y on y.id = p.payer \
     left join orders o on o.id = p.merchant_code and o.merchant = p.merchant \
        and o.payment = p.id \
     left join plates q on q.id = p.merchant_code and q.merchant = p.merchant \
     where j.position >= (select position from input) and j.position <= (select upto from input) \
        and e.batch = j.batch \
        and (j.position > (select position from input) or e.n > (select after from input)) \
     order by j.position, e.n limit (select rows from input)"
    => { position: int, n: int, mode: text, type: text, subject: blob, merchant: blob,
        record: blob, payment: blob, first: int, last: int, payment_mode: text,
        payment_merchant: blob, reference: text, state: text, currency: int, amount: int,
        amount_settled: int, payer: blob, device: blob, code_step: int, code_seq: int,
        code_limit: int, code_currency: int, evidence: blob, merchant_code: blob, payload: text,
        fixed: int, terminal: blob,
        transfer: blob, limit_payment: int, created_at: int, public_key: blob, owner: blob,
        account: blob });

const ENTRIES: Sql = sql!(input { position: int, after: int, upto: int, rows: int }
    "select j.position, e.n, e.transfer, e.account, e.shard, e.bucket, e.currency, e.amount, a.kind, \
        a.mode \
     from journal j cross join entries e left join accounts a on a.id = e.account \
     where j.position >= (select position from input) and j.position <= (select upto from input) \
        and e.batch = j.batch \
        and (j.position > (select position from input) or e.n > (select after from input)) \
     order by j.position, e.n limit (select rows from input)"
    => { position: int, n: int, transfer: blob, account: blob, shard: int, bucket: text,
        currency: int, amount: int, kind: text, mode: text });

// What an account held when the journal had come to a position: what it holds, less what came after.
const HELD_NOW: Sql = sql!(input { account: blob, upto: int, rows: int }
    "select a.id, a.mode, a.kind, a.currency, sum(b.available) - coalesce(l.available, 0) as available, \
        sum(b.held) - coalesce(l.held, 0) as held \
     from input i join accounts a on a.id > i.account join balances b on b.account = a.id \
     left join (select e.account, \
            sum(case when e.bucket = 'available' then e.amount else 0 end) as available, \
            sum(case when e.bucket = 'held' then e.amount else 0 end) as held \
        from entries e where e.batch in (select j.batch from input i \
            join journal j on j.position > i.upto) group by e.account) l on l.account = a.id \
     group by a.id, a.mode, a.kind, a.currency, l.available, l.held \
     order by a.id limit (select rows from input)"
    => { id: blob, mode: text, kind: text, currency: int, available: int, held: int });

// The same, without what has no position yet either.
const HELD_THEN: Sql = sql!(postgres input { account: blob, upto: int, rows: int }
    "select a.id, a.mode, a.kind, a.currency, sum(b.available) - coalesce(l.available, 0) as available, \
        sum(b.held) - coalesce(l.held, 0) as held \
     from input i join accounts a on a.id > i.account join balances b on b.account = a.id \
     left join (select e.account, \
            sum(case when e.bucket = 'available' then e.amount else 0 end) as available, \
            sum(case when e.bucket = 'held' then e.amount else 0 end) as held \
        from entries e where e.batch in (select j.batch from input i \
            join journal j on j.position > i.upto union all select batch from journal_pending) \
        group by e.account) l on l.account = a.id \
     group by a.id, a.mode, a.kind, a.currency, l.available, l.held \
     order by a.id limit (select rows from input)"
    => { id: blob, mode: text, kind: text, currency: int, available: int, held: int });

#[derive(Serialize)]
struct HeldInput {
    account: Hex<16>,
    upto: u64,
    rows: usize,
}

/// Where reading goes on: after this row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AuditCursor {
    /// The position in the journal.
    pub position: u64,
    /// The row's number in its batch; `i64::MAX` after all of them.
    pub n: i64,
}

#[derive(Serialize)]
struct PageRow {
    position: u64,
    after: i64,
    upto: u64,
    rows: usize,
}

impl PageRow {
    fn after(cursor: AuditCursor, upto: u64) -> [Self; 1] {
        [Self { position: cursor.position, after: cursor.n, upto, rows: AUDIT_PAGE }]
    }
}

/// A batch's place in the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlacedBatch {
    /// The position, from 1.
    pub position: u64,
    /// The batch.
    pub id: BatchId,
    /// The root over its records.
    pub leaf: TreeHash,
    /// When it was closed; none if it was not.
    pub committed_at: Option<Timestamp>,
}

/// What an account holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AuditedBalance {
    /// The account.
    pub account: AccountId,
    /// What it is.
    pub of: AccountOf,
    /// Free to be spent or paid out.
    pub available: Money,
    /// Set aside.
    pub held: Money,
}

/// A question about everything.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    check: &'static str,
    sql: &'static Sql,
    rules: Option<RulesRow>,
}

impl Question {
    /// The name of the check.
    #[must_use]
    pub fn check(&self) -> &'static str {
        self.check
    }
}

impl Store {
    /// The next positions of the journal, up to one.
    pub async fn audit_positions(
        &self,
        after: AuditCursor,
        upto: u64,
    ) -> Result<Vec<PlacedBatch>, StoreError> {
        let rows: Vec<PositionRow> = self.read(&POSITIONS, &PageRow::after(after, upto)).await?;
        Ok(rows.into_iter().map(PositionRow::placed).collect())
    }

    /// The next events in the journal's order, each with its place.
    pub async fn audit_events(
        &self,
        after: AuditCursor,
        upto: u64,
    ) -> Result<Vec<(AuditCursor, AuditedEvent)>, StoreError> {
        let rows: Vec<EventRow> = self.read(&EVENTS, &PageRow::after(after, upto)).await?;
        rows.into_iter().map(EventRow::audited).collect()
    }

    /// The next entries in the journal's order, each with its place.
    pub async fn audit_entries(
        &self,
        after: AuditCursor,
        upto: u64,
    ) -> Result<Vec<(AuditCursor, AuditedEntry)>, StoreError> {
        let rows: Vec<EntryRow> = self.read(&ENTRIES, &PageRow::after(after, upto)).await?;
        rows.into_iter().map(EntryRow::audited).collect()
    }

    /// The next accounts, and what each held when the journal had come to a position.
    pub async fn audit_balances(
        &self,
        after: AccountId,
        upto: u64,
    ) -> Result<Vec<AuditedBalance>, StoreError> {
        let input = HeldInput { account: Hex(*after.as_bytes()), upto, rows: AUDIT_PAGE };
        let sql = if self.is_shared() { &HELD_THEN } else { &HELD_NOW };
        let rows: Vec<BalanceRow> = self.survey(sql, &[input]).await?;
        rows.into_iter().map(BalanceRow::audited).collect()
    }

    /// What an auditor asks about everything: what goes beyond one batch, and what
    /// [`Store::check_books`] asks; with rules, whether the past kept to them.
    #[must_use]
    pub fn audit_questions(rules: Option<&LimitRules>) -> Vec<Question> {
        let rules = rules.map(|rules| {
            let rules = Some(RulesRow::of(rules));
            Question { check: "issuer_limits", sql: &past::RULES, rules }
        });
        let others =
            sums::SUMS.into_iter().map(|(check, sql)| Question { check, sql, rules: None });
        let books = CHECKS.into_iter().map(|(check, sql)| Question { check, sql, rules: None });
        others.chain(rules).chain(books).collect()
    }

    /// Asks one of these questions.
    pub async fn ask(&self, question: &Question) -> Result<Finding, StoreError> {
        let Question { check, sql, rules } = question;
        match rules {
            Some(rules) => self.find_with(check, sql, *rules).await,
            None => self.find(check, sql).await,
        }
    }
}

/// Every statement of this folder, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    const OWN: &[(&str, &Sql)] = &[
        ("audit::POSITIONS", &POSITIONS),
        ("audit::EVENTS", &EVENTS),
        ("audit::ENTRIES", &ENTRIES),
        ("audit_sums::RULES", &past::RULES),
        ("audit_sums::HELD_NOW", &HELD_NOW),
        ("audit_sums::HELD_THEN", &HELD_THEN),
    ];
    OWN.iter().chain(sums::STATEMENTS)
}
