//! Settlement as a whole: the loops that settle, what keeps the log of the database short, and,
//! where several processes share the books, their leases and the journal's sequencer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::alarm::Alarm;
use super::batcher::{Batcher, BatcherParts, Ended};
use super::database_log::DatabaseLog;
use super::leases::Leases;
use super::notifier::{Announcer, Notifier};
use super::sequencer::{Sequencer, SequencerParts};
use crate::clock::Clock;
use crate::domain::ledger::Shard;
use crate::domain::settle::Rules;
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::store::{OwnShard, Store, StoreError};

/// How many loops settle where several can: under full load one writes while another waits for the
/// disk. Two settled 13,000 payments a second where one settled 8,000 and four 12,500.
const SHARED_LOOPS: usize = 2;

/// Why settlement does not start.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There cannot be another thread.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// What settlement works with.
pub struct EngineParts {
    /// The books, with the issuer's own accounts opened.
    pub store: Arc<Store>,
    /// The rules.
    pub rules: Rules,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For ids.
    pub entropy: Arc<Entropy>,
    /// Whom to wake.
    pub notifier: Notifier,
    /// What to count.
    pub metrics: Arc<Metrics>,
    /// Who hears when a part of it falls.
    pub alarm: Alarm,
}

/// Running settlement.
#[derive(Debug)]
pub struct Engine {
    loops: Ended,
    database_log: DatabaseLog,
    sequencer: Option<Sequencer>,
}

impl Engine {
    /// Starts it. It ends when every clone of the batcher has been dropped.
    ///
    /// # Errors
    /// [`EngineError`]; nothing is left running.
    pub async fn start(parts: EngineParts) -> Result<(Batcher, Self), EngineError> {
        let EngineParts { store, rules, clock, entropy, notifier, metrics, alarm } = parts;
        let leases = Leases::new(Arc::clone(&store), Arc::clone(&clock), &entropy);
        let shards = own_shards(&store, &leases).await?;
        let committed = Arc::new(AtomicBool::new(false));
        let announcer = if store.is_shared() {
            Announcer::Journal(Arc::clone(&committed))
        } else {
            Announcer::Here(notifier.clone())
        };
        let latest_batch = store.latest_batch().await?;
        let (batcher, loops) = Batcher::start(BatcherParts {
            store: Arc::clone(&store),
            rules,
            clock: Arc::clone(&clock),
            entropy,
            announcer,
            metrics: Arc::clone(&metrics),
            shards,
            latest_batch,
            alarm: alarm.clone(),
        })?;
        let database_log = DatabaseLog::start(Arc::clone(&store), &alarm);
        let sequencer = store.is_shared().then(|| {
            let parts = SequencerParts { store, leases, notifier, committed, clock, metrics };
            Sequencer::start(parts, &alarm)
        });
        Ok((batcher, Self { loops, database_log, sequencer }))
    }

    /// Waits until everything queued is settled and has its place in the journal.
    pub async fn stop(self) {
        self.loops.wait().await;
        self.database_log.stop().await;
        if let Some(sequencer) = self.sequencer {
            sequencer.stop().await;
        }
    }
}

/// The shards that this process counts in.
async fn own_shards(store: &Store, leases: &Leases) -> Result<Vec<OwnShard>, StoreError> {
    if !store.is_shared() {
        return Ok(vec![store.open_shard(Shard(0)).await?]);
    }
    let mut shards = Vec::with_capacity(SHARED_LOOPS);
    for _ in 0..SHARED_LOOPS {
        shards.push(store.open_shard(leases.acquire_shard().await?).await?);
    }
    Ok(shards)
}
