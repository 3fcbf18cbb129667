//! The leases of this process: the shards that its loops count in, and, if it is the first to ask,
//! the journal's sequencer.

use std::sync::{Arc, Mutex, PoisonError};

use wallet_core::Timestamp;

use crate::clock::Clock;
use crate::domain::ledger::Shard;
use crate::entropy::Entropy;
use crate::store::{Holder, Store, StoreError};

/// How long a lease lasts if it is not renewed: as long as others should wait for a process that
/// has died.
const LEASE_MILLIS: i64 = 10_000;
/// When to renew it: early enough to try again.
const RENEW_MILLIS: i64 = 3_000;
/// How many shards there can be. Each busy one costs a balance row for each merchant; a loop that
/// finds none free shares the last.
const SHARDS_MAX: u16 = 256;

/// What this process holds.
pub(super) struct Leases {
    store: Arc<Store>,
    clock: Arc<dyn Clock>,
    holder: Holder,
    held: Mutex<Vec<Lease>>,
}

struct Lease {
    name: String,
    renew_at: Timestamp,
}

impl Lease {
    /// Also if the clock was turned back since: by that clock the lease may be over, or never end.
    fn is_due(&self, now: Timestamp) -> bool {
        self.renew_at <= now || self.renew_at > now.plus_millis(RENEW_MILLIS)
    }
}

impl Leases {
    /// Nothing yet.
    #[must_use]
    pub(super) fn new(store: Arc<Store>, clock: Arc<dyn Clock>, entropy: &Entropy) -> Self {
        Self { store, clock, holder: Holder(entropy.bytes()), held: Mutex::default() }
    }

    /// Takes or renews a lease, unless somebody else has it.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn acquire(&self, name: &str) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let until = now.plus_millis(LEASE_MILLIS);
        let acquired = self.store.acquire_lease(name, self.holder, now, until).await?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|lease| lease.name != name);
        if acquired {
            let renew_at = now.plus_millis(RENEW_MILLIS);
            held.push(Lease { name: name.to_owned(), renew_at });
        }
        Ok(acquired)
    }

    /// Takes the first shard that is free.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn acquire_shard(&self) -> Result<Shard, StoreError> {
        for number in 0..SHARDS_MAX {
            let name = shard_name(number);
            if !self.holds(&name) && self.acquire(&name).await? {
                return Ok(Shard(number));
            }
        }
        tracing::warn!("all shards are taken; sharing the last one");
        Ok(Shard(SHARDS_MAX - 1))
    }

    /// Whether this process held the lease when it last asked.
    #[must_use]
    pub(super) fn holds(&self, name: &str) -> bool {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.iter().any(|lease| lease.name == name)
    }

    /// Believes no longer to hold a lease, because something showed that somebody else does.
    pub(super) fn forget(&self, name: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|lease| lease.name != name);
    }

    /// Renews what is due. A shard that somebody else has taken meanwhile is used all the same:
    /// the two only wait for each other.
    ///
    /// # Errors
    /// Those of the database.
    pub(super) async fn renew(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let due: Vec<String> = {
            let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.iter().filter(|lease| lease.is_due(now)).map(|lease| lease.name.clone()).collect()
        };
        for name in due {
            if !self.acquire(&name).await? {
                tracing::warn!(name, "a lease was lost: this process was away for too long");
            }
        }
        Ok(())
    }

    /// Gives up everything.
    ///
    /// # Errors
    /// Those of the database; then the leases end by themselves.
    pub(super) async fn release(&self) -> Result<(), StoreError> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.store.release_leases(self.holder).await
    }
}

fn shard_name(number: u16) -> String {
    format!("shard:{number}")
}
