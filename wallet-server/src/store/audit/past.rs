//! The limits of the past: what each payer had spent when a payment was allowed, computed anew from the
//! journal.
//!
//! What counts is what left the wallet for somebody else, on the day that the row says, from the record
//! that made it on. What was called off, refused, captured for less or claimed by nobody counts less
//! from the record that says so on. The journal has a payer's records in the order in which they were
//! decided, so the sum up to a payment is what it was held against.

use serde::Serialize;

use crate::domain::limits::LimitRules;
use crate::store::sql::{Sql, sql};

/// A question about what payers had spent. `first` is 1 where something began to count, and 0 where
/// less counted from then on. `spent` is the day's sum up to there, `month_spent` the month's.
///
/// The input is asked for in subqueries: beside it, SQLite would keep all rows before it compares any.
///
/// The month is counted from a March long ago, by Howard Hinnant's algorithm for civil dates, because
/// the databases have no function for it in common.
macro_rules! spending {
    (input { $($input:tt)+ } $sums:literal $wrong:literal) => {
        sql!(input { $($input)+ }
            "select f.id as example, count(*) over () as wrong from ( \
                select w.id from (select s.id, s.first, s.amount, s.proof, s.limit_day, \
                    s.limit_month, "
            $sums
            " from (select c.id, c.payer, c.day, c.first, c.proof, c.amount, c.limit_day, \
                    c.limit_month, c.n, j.position, (c.era * 400 + c.yoe) * 12 \
                        + (5 * (c.doe - 365 * c.yoe - c.yoe / 4 + c.yoe / 100) + 2) / 153 as month \
                from (select y.*, \
                        (y.doe - y.doe / 1460 + y.doe / 36524 - y.doe / 146096) / 365 as yoe \
                    from (select m.*, (m.day + 719468) / 146097 as era, \
                            (m.day + 719468) % 146097 as doe \
                        from (select id, payer, day, proof, batch, event as n, 1 as first, amount, \
                                limit_day, limit_month \
                            from payments where transfer is not null \
                            union all \
                            select p.id, p.payer, p.day, p.proof, e.batch, e.n, 0, \
                                case when e.type = 'payment.succeeded' \
                                        then p.amount_settled - p.amount \
                                    when e.type = 'payment.canceled' \
                                        and p.reversal_transfer is not null then -p.amount_settled \
                                    else -p.amount end, null, null \
                            from events e cross join payments p \
                            where e.type in ('payment.succeeded', 'payment.canceled', \
                                    'payment.expired', 'payment.declined') \
                                and p.id = e.subject and p.transfer is not null \
                                and (p.batch <> e.batch or p.event <> e.n) \
                            union all \
                            select id, payer, day, 'pin', batch, event, 1, amount, null, null \
                            from payer_transfers \
                            union all \
                            select id, payer, day, 'pin', batch, event, 1, amount, null, null \
                            from envelopes \
                            union all \
                            select id, payer, day, 'pin', last_batch, last_event, 0, \
                                amount_claimed - amount, null, null \
                            from envelopes where state = 'expired') m) y) c \
                cross join journal j where j.batch = c.batch) s) w where w.first = 1 and ("
            $wrong
            ")) f limit 1"
            => { example: blob, wrong: int })
    };
}

/// What a payment says that it counts for is what its state says.
pub(super) const COUNTED: Sql = sql!(input { any: int }
    "select f.id as example, count(*) over () as wrong from input i cross join ( \
        select id from payments where counted <> \
            case when transfer is null or state in ('declined', 'canceled', 'expired') then 0 \
                when state in ('requires_confirmation', 'authorized') then amount \
                else amount_settled end) f limit 1"
    => { example: blob, wrong: int });

/// No payment took its payer above the limit for a day that was kept with it.
pub(super) const DAYS: Sql = spending!(input { any: int }
    "sum(s.amount) over (partition by s.payer, s.day order by s.position, s.n \
        rows between unbounded preceding and current row) as spent"
    "w.spent > w.limit_day");

/// Nor above the one for a month; the first release kept none.
pub(super) const MONTHS: Sql = spending!(input { any: int }
    "sum(s.amount) over (partition by s.payer, s.month order by s.position, s.n \
        rows between unbounded preceding and current row) as spent"
    "w.limit_month > 0 and w.spent > w.limit_month");

/// Nothing was allowed that these rules of the issuer do not allow anybody: by the strength of the
/// proof, without the PIN, and at all. Whether a static code was paid with the PIN is not kept, so of
/// those only what holds for both is asked.
pub(super) const RULES: Sql = spending!(
    input { payment: int, day: int, month: int, without_pin: int, without_pin_count: int,
        by_static: int, by_code: int, by_pin: int }
    "sum(case when s.proof = 'static' then s.amount else 0 end) over ( \
            partition by s.payer, s.day order by s.position, s.n \
            rows between unbounded preceding and current row) as static_spent, \
        sum(case when s.proof <> 'pin' then s.amount else 0 end) over ( \
            partition by s.payer, s.day order by s.position, s.n \
            rows between unbounded preceding and current row) as code_spent, \
        sum(case when s.proof = 'code' and s.first = 1 then 1 else 0 end) over ( \
            partition by s.payer, s.day order by s.position, s.n \
            rows between unbounded preceding and current row) as codes, \
        sum(s.amount) over (partition by s.payer, s.day order by s.position, s.n \
            rows between unbounded preceding and current row) as spent, \
        sum(s.amount) over (partition by s.payer, s.month order by s.position, s.n \
            rows between unbounded preceding and current row) as month_spent"
    "w.amount > (select payment from input) or w.spent > (select day from input) \
        or w.spent > (select by_pin from input) or w.month_spent > (select month from input) \
        or (w.proof = 'static' and w.static_spent > (select by_static from input)) \
        or (w.proof = 'code' and (w.code_spent > (select by_code from input) \
            or w.amount > (select without_pin from input) \
            or w.codes > (select without_pin_count from input)))");

/// What the issuer allows at most, in minor units.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct RulesRow {
    payment: i64,
    day: i64,
    month: i64,
    without_pin: i64,
    without_pin_count: i64,
    by_static: i64,
    by_code: i64,
    by_pin: i64,
}

impl RulesRow {
    pub(super) fn of(rules: &LimitRules) -> Self {
        let LimitRules { issuer, proof, .. } = rules;
        Self {
            payment: issuer.payment.minor(),
            day: issuer.day.minor(),
            month: issuer.month.minor(),
            without_pin: issuer.without_pin.minor(),
            without_pin_count: issuer.without_pin_count,
            by_static: proof.static_code.minor(),
            by_code: proof.code.minor(),
            by_pin: proof.pin.minor(),
        }
    }
}
