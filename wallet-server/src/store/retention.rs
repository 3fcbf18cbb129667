//! Idempotency keys are kept for a time, then forgotten in small steps.

use serde::Serialize;

use super::connection::Store;
use super::error::StoreError;
use super::sql::{Sql, sql};
use crate::domain::limits::Day;

// Found through the index on the day. A step locks few rows for a short time.
const FORGET: Sql = sql!(input { before: int, size: int }
    "delete from idempotency_keys where (caller_kind, caller, mode, key) in ( \
        select k.caller_kind, k.caller, k.mode, k.key from idempotency_keys k \
        where k.created_day < (select before from input) \
        order by k.created_day limit (select size from input))");

#[derive(Serialize)]
struct Before {
    before: i32,
    size: u32,
}

/// How many keys one transaction forgets.
pub const FORGET_MAX: u32 = 1000;

impl Store {
    /// Forgets up to [`FORGET_MAX`] idempotency keys of days before this one; says how many.
    pub async fn forget_keys(&self, before: Day) -> Result<u64, StoreError> {
        let mut transaction = self.begin().await?;
        let input = Before { before: before.0, size: FORGET_MAX };
        let forgotten = transaction.write(&FORGET, &[input]).await?;
        transaction.commit().await?;
        Ok(forgotten)
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("retention::FORGET", &FORGET)];
