//! Leases: who does what only one process should do at a time.
//!
//! Times are the processes' own clocks, so a lease is an understanding and no lock. What depends
//! on being alone is guarded by a constraint: the journal's positions and batches are unique, and
//! a shard that two processes count in is only slower.

use serde::Serialize;
use wallet_core::Timestamp;

use super::connection::Store;
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};

const ACQUIRE: Sql = sql!(postgres input { name: text, holder: blob, now: int, expires_at: int,
    believed_until: int }
    "insert into leases (name, holder, expires_at) select name, holder, expires_at from input \
     on conflict (name) do update set holder = excluded.holder, expires_at = excluded.expires_at \
     where leases.holder = excluded.holder or leases.expires_at <= (select now from input) \
     or leases.expires_at > (select believed_until from input)");

const RELEASE: Sql = sql!(postgres input { holder: blob }
    "delete from leases using input i where leases.holder = i.holder");

/// How far ahead the end of another's lease is believed: more than a lease lasts, and a minute for
/// clocks that differ. One that ends later was taken by a clock that was wrong, and its holder may be
/// long gone. Without this nobody would do its work until that time has come.
const AHEAD_MAX_MILLIS: i64 = 70_000;

#[derive(Serialize)]
struct LeaseRow<'a> {
    name: &'a str,
    holder: Hex<16>,
    now: i64,
    expires_at: i64,
    believed_until: i64,
}

#[derive(Serialize)]
struct HolderRow {
    holder: Hex<16>,
}

/// A process, as leases know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holder(pub [u8; 16]);

impl Store {
    /// Takes or renews a lease until `expires_at`, unless another holder's has not ended, or ends at
    /// a time that cannot be true; says whether the holder has it now.
    pub async fn acquire_lease(
        &self,
        name: &str,
        holder: Holder,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = LeaseRow {
            name,
            holder: Hex(holder.0),
            now: now.unix_millis(),
            expires_at: expires_at.unix_millis(),
            believed_until: now.plus_millis(AHEAD_MAX_MILLIS).unix_millis(),
        };
        let mut transaction = self.begin().await?;
        let changed = transaction.write(&ACQUIRE, &[row]).await?;
        transaction.commit().await?;
        Ok(changed > 0)
    }

    /// Gives up everything that a holder has.
    pub async fn release_leases(&self, holder: Holder) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        transaction.write(&RELEASE, &[HolderRow { holder: Hex(holder.0) }]).await?;
        transaction.commit().await
    }
}

/// Every statement of this file, for the test that prepares them.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] =
    &[("leases::ACQUIRE", &ACQUIRE), ("leases::RELEASE", &RELEASE)];
