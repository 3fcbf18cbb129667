//! Grows the Merkle tree over the journal, and signs checkpoints of it.
//!
//! Beside the payments: it follows the journal, keeps a row for 256 batches, and signs one
//! checkpoint every few seconds in which something was committed. Where several processes share
//! the books, one that holds the lease does it; if two believe to hold it, they write the same.
//!
//! What it signs is durable: a batch is read only after its commit, and it is never signed again
//! in another way, because the database refuses a checkpoint that is not of a longer journal. A
//! database that was restored from an old copy begins to sign other things under the same sizes.
//! Whoever has kept a checkpoint from before sees that.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wallet_core::proof::Checkpoint;

use super::alarm::Alarm;
use super::complaint::Complaint;
use super::leases::Leases;
use crate::clock::Clock;
use crate::domain::tree::{GROUP_SIZE, LEVEL_MAX};
use crate::entropy::Entropy;
use crate::issuer::IssuerKeys;
use crate::metrics::{Metrics, Part};
use crate::store::{KeptCheckpoint, Store, StoreError};

/// The name of the lease.
const LEASE: &str = "journal-log";
/// How many groups are computed in one step: of 256 hashes each, some 2 MB as they are read.
const STEP_MAX: u64 = 64;
/// How long the end may take: what is not signed by then is signed after the next start.
const STOP_MAX: Duration = Duration::from_secs(5);

/// The running task.
#[derive(Debug)]
pub struct JournalLog {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What it works with.
pub struct JournalLogParts {
    /// The books.
    pub store: Arc<Store>,
    /// What signs.
    pub keys: Arc<dyn IssuerKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the lease.
    pub entropy: Arc<Entropy>,
    /// How often to look whether the journal has grown; `None`: never, and nothing is signed.
    pub every: Option<Duration>,
    /// Where it says how far it is.
    pub metrics: Arc<Metrics>,
    /// Who hears when it falls.
    pub alarm: Alarm,
}

/// Whether there is more to do at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    More,
    Done,
}

struct Follower {
    store: Arc<Store>,
    keys: Arc<dyn IssuerKeys>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    /// None where this process has the books to itself.
    leases: Option<Leases>,
}

impl JournalLog {
    /// Starts it.
    #[must_use]
    pub fn start(parts: JournalLogParts) -> Self {
        let JournalLogParts { store, keys, clock, entropy, every, metrics, alarm } = parts;
        let (stop, stopped) = oneshot::channel();
        let task = alarm.spawn("checkpoints", async move {
            let Some(every) = every else { return };
            let leases = store
                .is_shared()
                .then(|| Leases::new(Arc::clone(&store), Arc::clone(&clock), &entropy));
            Follower { store, keys, clock, metrics, leases }.run(every, stopped).await;
        });
        Self { stop, task }
    }

    /// Ends it, once everything that has a position is signed.
    pub async fn stop(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

impl Follower {
    async fn run(self, every: Duration, mut stopped: oneshot::Receiver<()>) {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut complaint = Complaint::new("the journal is not signed");
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                _ = tick.tick() => {}
            }
            let going_on =
                || matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty));
            let outcome = self.catch_up(going_on).await;
            complaint.hear(&outcome);
            if let Ok(false) = outcome {
                break;
            }
        }
        match tokio::time::timeout(STOP_MAX, self.catch_up(|| true)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the end of the journal is not signed yet"),
            Err(_) => tracing::warn!("the end of the journal is not signed yet"),
        }
        if let Some(leases) = &self.leases
            && let Err(error) = leases.release().await
        {
            tracing::warn!(%error, "a lease could not be given up; it ends by itself");
        }
    }

    /// Stores what is complete, and signs the rest with it. A transaction for each step, so that
    /// payments go in between; what a step has done stays done. False when it was stopped in
    /// between.
    async fn catch_up(&self, mut going_on: impl FnMut() -> bool) -> Result<bool, StoreError> {
        if let Some(leases) = &self.leases {
            leases.renew().await?;
            if !leases.holds(LEASE) && !leases.acquire(LEASE).await? {
                return Ok(true);
            }
        }
        while self.step().await? == Progress::More {
            if !going_on() {
                return Ok(false);
            }
        }
        self.metrics.caught_up(Part::Checkpoints, self.clock.now());
        Ok(true)
    }

    async fn step(&self) -> Result<Progress, StoreError> {
        let end = self.store.journal_end().await?.position;
        let size = u64::try_from(end).map_err(|_| StoreError::Corrupt("a position"))?;
        let signed = self.store.latest_checkpoint().await?.map_or(0, |kept| kept.size);
        if size <= signed {
            return Ok(Progress::Done);
        }
        let mut complete = size;
        for level in 1..=LEVEL_MAX {
            complete /= GROUP_SIZE;
            if complete == 0 {
                break;
            }
            let stored = self.store.stored_groups(level).await?;
            if stored < complete {
                let upto = complete.min(stored + STEP_MAX);
                let groups = self.store.group_roots(level, stored..upto).await?;
                self.store.keep_groups(&groups).await?;
                return Ok(Progress::More);
            }
        }
        let root = self.store.tree_root(size).await?;
        let now = self.clock.now();
        let checkpoint = Checkpoint { issuer: self.keys.issuer_id(), size, root };
        let note = self.keys.sign_checkpoint(&checkpoint, now).to_string();
        self.store.keep_checkpoint(&KeptCheckpoint { size, note }, now).await?;
        Ok(Progress::Done)
    }
}
