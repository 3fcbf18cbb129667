//! Writing a plan: each kind of row in one statement, the batch's own row as the last.

mod books;
mod codes;
mod envelopes;
mod kept;
mod merchant_codes;
mod payments;
mod payouts;
mod people;
mod refunds;

use wallet_core::Timestamp;

use super::LastEvents;
use crate::domain::ids::BatchId;
use crate::domain::limits::Day;
use crate::domain::plan::Plan;
use crate::store::StoreError;
use crate::store::connection::Changes;
use crate::store::sql::Dialect;
#[cfg(test)]
use crate::store::sql::Sql;

/// Everything that was decided.
pub(super) fn plan(
    dialect: Dialect,
    batch: BatchId,
    plan: &Plan,
    last_events: &LastEvents,
    now: Timestamp,
    today: Day,
) -> Result<Changes, StoreError> {
    let mut changes = Changes::new(dialect);
    // First what locks merchants' rows: who waits for one holds no reference and no key that its
    // holder may write.
    books::balances(&mut changes, plan)?;
    codes::marks(&mut changes, plan)?;
    payments::payments(&mut changes, batch, plan)?;
    payments::changed(&mut changes, batch, plan)?;
    refunds::changes(&mut changes, batch, plan, now)?;
    payments::references(&mut changes, plan, now)?;
    payments::top_ups(&mut changes, batch, plan)?;
    people::changes(&mut changes, batch, &plan.people)?;
    payouts::changes(&mut changes, batch, &plan.payouts)?;
    envelopes::changes(&mut changes, batch, &plan.people)?;
    merchant_codes::changes(&mut changes, batch, &plan.merchant_codes)?;
    kept::kept_answers(&mut changes, batch, plan, today)?;
    // Codes that were rejected are answers to keep, but nothing that happened.
    if !plan.events.is_empty() {
        books::entries(&mut changes, batch, plan)?;
        books::events(&mut changes, batch, plan, last_events)?;
        books::journal(&mut changes, dialect, batch, plan, now)?;
    }
    codes::payers(&mut changes, batch, plan)?;
    Ok(changes)
}

/// Every statement of this folder.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [
        books::STATEMENTS,
        codes::STATEMENTS,
        envelopes::STATEMENTS,
        kept::STATEMENTS,
        merchant_codes::STATEMENTS,
        payments::STATEMENTS,
        payouts::STATEMENTS,
        people::STATEMENTS,
        refunds::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}
