//! What holds over many rows: questions about everything, one each.

use super::past::{COUNTED, DAYS, MONTHS};
use crate::store::sql::{Sql, sql};

/// Every batch that was closed has its place in the journal, or waits for it.
const UNPLACED: Sql = Sql {
    sqlite: "with input as (select $1) select json_group_array(json_array( \
        lower(hex(f.id)), f.wrong)) from (select b.id, count(*) over () as wrong \
        from batches b left join journal j on j.batch = b.id where j.batch is null limit 1) f",
    each: "",
    postgres: "with input as (select $1::jsonb) select coalesce(json_agg(json_build_array( \
        encode(f.id, 'hex'), f.wrong)), '[]')::text from ( \
        select b.id, count(*) over () as wrong from batches b \
        left join journal j on j.batch = b.id left join journal_pending w on w.batch = b.id \
        where j.batch is null and w.batch is null limit 1) f",
    columns: &["any"],
    output: &["example", "wrong"],
};

/// Every event belongs to a batch that was closed.
const UNCLOSED: Sql = sql!(input { any: int }
    "select f.batch as example, count(*) over () as wrong from input i cross join ( \
        select e.batch from (select batch from events group by batch) e \
        left join batches b on b.id = e.batch where b.id is null) f limit 1"
    => { example: blob, wrong: int });

/// Every row about money has the record that made it.
const ORIGINS: Sql = sql!(input { any: int }
    "select f.id as example, count(*) over () as wrong from input i cross join ( \
        select o.id from ( \
            select id, batch, event from payments \
            union all select id, batch, event from refunds \
            union all select id, batch, event from top_ups \
            union all select id, batch, event from payer_transfers \
            union all select id, batch, event from withdrawals \
            union all select id, batch, event from payouts \
            union all select id, last_batch, last_event from payouts \
            union all select id, ended_batch, ended_event from orders \
                where state in ('canceled', 'expired') \
            union all select id, batch, event from envelopes \
            union all select claim, batch, event from envelope_shares where claim is not null) o \
        left join events e on e.batch = o.batch and e.n = o.event and e.subject = o.id \
        where e.batch is null) f limit 1"
    => { example: blob, wrong: int });

/// Each of them, by its name.
pub(super) const SUMS: [(&str, &Sql); 6] = [
    ("batches_placed", &UNPLACED),
    ("events_closed", &UNCLOSED),
    ("origins", &ORIGINS),
    ("counted", &COUNTED),
    ("day_limits", &DAYS),
    ("month_limits", &MONTHS),
];

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("audit_sums::UNPLACED", &UNPLACED),
    ("audit_sums::UNCLOSED", &UNCLOSED),
    ("audit_sums::ORIGINS", &ORIGINS),
    ("audit_sums::COUNTED", &COUNTED),
    ("audit_sums::DAYS", &DAYS),
    ("audit_sums::MONTHS", &MONTHS),
];
