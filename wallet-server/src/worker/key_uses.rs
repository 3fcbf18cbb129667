//! Counts what API keys are used for, and writes it every few seconds.
//!
//! Whoever has used a key pays for one look-up under a lock that nobody holds for longer. What is
//! not written yet is lost if the process dies; a server that stops writes it first. Counts that
//! the database did not confirm are written again, and may then stand twice: too much in a trail is
//! better than too little.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wallet_core::Timestamp;

use super::Alarm;
use crate::domain::ids::ApiKeyId;
use crate::store::{KeyUse, KeyUseOutcome, Remedy, Store, StoreError, hour_of};

/// How often what was counted is written.
const EVERY: Duration = Duration::from_secs(2);
/// The most rows that wait to be written, at some 200 bytes each. Only known keys on existing
/// routes make rows, so many more keys than an issuer has must be used within seconds; or the
/// database must be away for long.
const ROWS_MAX: usize = 10_000;
/// How long the database may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// A request with an API key.
#[derive(Clone, Copy, Debug)]
pub struct UsedKey<'a> {
    /// The key.
    pub api_key: ApiKeyId,
    /// The method of the request.
    pub method: &'static str,
    /// The route that it took.
    pub route: &'a str,
    /// How it ended.
    pub outcome: KeyUseOutcome,
}

/// The place where uses are counted.
#[derive(Clone, Debug)]
pub struct KeyUses(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Arc<Store>,
    counted: Mutex<Counts>,
    /// Held while something is written, so that who waits for it finds all of it written.
    writing: tokio::sync::Mutex<()>,
}

/// What has been counted and is not written yet.
#[derive(Default, Debug)]
struct Counts {
    /// By route within a group, so that a look-up needs no text of its own.
    groups: HashMap<Group, HashMap<String, Count>>,
    rows: usize,
    left_out: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Group {
    api_key: ApiKeyId,
    hour: i64,
    method: &'static str,
    outcome: KeyUseOutcome,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    count: u64,
    last_at: Timestamp,
}

impl Counts {
    fn add(&mut self, group: Group, route: &str, more: Count) {
        let routes = self.groups.entry(group).or_default();
        if let Some(count) = routes.get_mut(route) {
            count.count = count.count.saturating_add(more.count);
            count.last_at = count.last_at.max(more.last_at);
        } else if self.rows < ROWS_MAX {
            routes.insert(route.to_owned(), more);
            self.rows += 1;
        } else {
            self.left_out = self.left_out.saturating_add(more.count);
        }
    }

    /// Adds what could not be written to what was counted meanwhile.
    fn put_back(&mut self, others: Self) {
        for (group, routes) in others.groups {
            for (route, count) in routes {
                self.add(group, &route, count);
            }
        }
    }

    fn rows(&self) -> Vec<KeyUse> {
        let rows = self.groups.iter().flat_map(|(group, routes)| {
            routes.iter().map(|(route, count)| KeyUse {
                api_key: group.api_key,
                hour: group.hour,
                operation: format!("{} {route}", group.method),
                outcome: group.outcome,
                count: count.count,
                last_at: count.last_at,
            })
        });
        rows.collect()
    }
}

impl KeyUses {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        let (counted, writing) = (Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Shared { store, counted, writing }))
    }

    /// Counts a use.
    pub fn count(&self, used: UsedKey<'_>, at: Timestamp) {
        let UsedKey { api_key, method, route, outcome } = used;
        let group = Group { api_key, hour: hour_of(at), method, outcome };
        self.counted().add(group, route, Count { count: 1, last_at: at });
    }

    /// How many rows wait to be written.
    #[cfg(test)]
    pub(crate) fn waiting(&self) -> usize {
        self.counted().rows
    }

    /// Waits until everything counted so far is written, or could not be. It goes on if nobody
    /// waits any more.
    pub async fn written(&self) {
        let uses = self.clone();
        drop(tokio::spawn(async move { uses.write().await }).await);
    }

    async fn write(&self) {
        let _turn = self.0.writing.lock().await;
        let counts = mem::take(&mut *self.counted());
        if counts.left_out > 0 {
            tracing::warn!(uses = counts.left_out, "too many uses of API keys to count them all");
        }
        let rows = counts.rows();
        if rows.is_empty() {
            return;
        }
        let written = tokio::time::timeout(SILENCE_MAX, self.0.store.add_key_uses(&rows)).await;
        let Err(error) = written.unwrap_or(Err(StoreError::Silent)) else { return };
        tracing::warn!(%error, "uses of API keys are not written yet");
        // Rows that the database will never take would keep the others out for ever.
        if error.remedy() != Remedy::LeaveOut {
            self.counted().put_back(counts);
        }
    }

    /// A panic while the lock was held leaves counts that can still be added to.
    fn counted(&self) -> MutexGuard<'_, Counts> {
        self.0.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running task that writes.
#[derive(Debug)]
pub struct KeyUsesWriter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl KeyUsesWriter {
    /// Starts it.
    #[must_use]
    pub fn start(uses: KeyUses, alarm: &Alarm) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = alarm.spawn("trail of API keys", async move {
            let mut tick = tokio::time::interval(EVERY);
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = tick.tick() => {}
                }
                uses.write().await;
            }
            uses.write().await;
        });
        Self { stop, task }
    }

    /// Ends it, once everything counted is written.
    pub async fn stop(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::{Count, Counts, Group, ROWS_MAX};
    use crate::domain::ids::ApiKeyId;
    use crate::store::KeyUseOutcome;

    fn group(number: u8) -> Group {
        let api_key = ApiKeyId::from_bytes([number; 16]);
        Group { api_key, hour: 500_000, method: "GET", outcome: KeyUseOutcome::Succeeded }
    }

    fn once(seconds: i64) -> Count {
        Count { count: 1, last_at: Timestamp::from_unix_seconds(seconds) }
    }

    #[test]
    fn uses_add_up_by_key_and_route_and_the_last_one_counts() {
        let mut counts = Counts::default();
        for (number, route, at) in [(1, "/a", 5), (1, "/a", 3), (1, "/b", 4), (2, "/a", 1)] {
            counts.add(group(number), route, once(at));
        }
        let mut rows = counts.rows();
        rows.sort_by_key(|row| (row.api_key, row.operation.clone()));
        let short: Vec<_> = rows
            .iter()
            .map(|row| (row.operation.as_str(), row.count, row.last_at.unix_seconds()))
            .collect();
        assert_eq!(short, [("GET /a", 2, 5), ("GET /b", 1, 4), ("GET /a", 1, 1)]);
    }

    #[test]
    fn what_could_not_be_written_is_added_to_what_came_meanwhile() {
        let (mut failed, mut counts) = (Counts::default(), Counts::default());
        failed.add(group(1), "/a", once(1));
        failed.add(group(2), "/a", once(2));
        counts.add(group(1), "/a", once(3));
        counts.put_back(failed);
        assert_eq!(counts.rows, 2);
        let total: u64 = counts.rows().iter().map(|row| row.count).sum();
        assert_eq!(total, 3);
    }

    #[test]
    fn only_so_many_rows_wait_and_the_others_are_told_of() {
        let mut counts = Counts::default();
        for number in 0..=ROWS_MAX {
            counts.add(group(1), &format!("/{number}"), once(1));
        }
        counts.add(group(1), "/0", once(2));
        assert_eq!((counts.rows, counts.left_out), (ROWS_MAX, 1));
        assert_eq!(counts.rows().len(), ROWS_MAX);
    }
}
