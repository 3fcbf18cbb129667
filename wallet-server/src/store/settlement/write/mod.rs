//! Writing a plan: each kind of row in one statement, the batch's own row last.

mod books;
mod codes;
mod kept;
mod payments;

use wallet_core::Timestamp;

use crate::domain::ids::BatchId;
use crate::domain::limits::Day;
use crate::domain::plan::Plan;
use crate::store::StoreError;
use crate::store::connection::Transaction;
#[cfg(test)]
use crate::store::sql::Sql;

/// Writes everything that was decided.
pub(super) async fn plan(
    transaction: &mut Transaction,
    batch: BatchId,
    plan: &Plan,
    now: Timestamp,
    today: Day,
) -> Result<(), StoreError> {
    codes::marks(transaction, plan).await?;
    codes::spending(transaction, plan).await?;
    payments::payments(transaction, batch, plan).await?;
    payments::references(transaction, plan, now).await?;
    payments::top_ups(transaction, batch, plan).await?;
    kept::kept_answers(transaction, plan, today).await?;
    if plan.events.is_empty() {
        // Codes that were rejected: an answer to keep, but nothing that happened.
        return Ok(());
    }
    books::entries(transaction, batch, plan).await?;
    books::balances(transaction, plan).await?;
    books::events(transaction, batch, plan).await?;
    books::journal(transaction, batch, plan, now).await
}

/// Every row that a statement names must have been there: it was loaded in this transaction.
fn expect_all(changed: u64, named: usize, what: &'static str) -> Result<(), StoreError> {
    if usize::try_from(changed) == Ok(named) { Ok(()) } else { Err(StoreError::Corrupt(what)) }
}

/// Every statement of this folder.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [books::STATEMENTS, codes::STATEMENTS, kept::STATEMENTS, payments::STATEMENTS]
        .into_iter()
        .flatten()
}
