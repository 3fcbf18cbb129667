//! Gives committed batches their positions in the journal, and wakes those who read it.
//!
//! Runs where several processes use one database. Every process runs it; the one that holds the
//! lease gives positions, all of them follow the journal. If two believe to hold the lease, the
//! unique positions let one of them write, and the other asks for the lease again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::alarm::Alarm;
use super::complaint::Complaint;
use super::leases::Leases;
use super::notifier::Notifier;
use crate::clock::Clock;
use crate::metrics::{Metrics, Part};
use crate::store::{STEP_MAX, Store, StoreError};

/// The name of the lease.
const LEASE: &str = "sequencer";
/// How long a batch waits for its position at most. Nobody is paid by it: it is for those who
/// follow the journal. A step for each commit would cost a tenth of the payments.
const TICK: Duration = Duration::from_millis(25);
/// How many ticks a process lets pass in which it committed nothing: others may have.
const IDLE_TICKS: u32 = 4;
/// After how many steps a process that was refused the lease asks again: within seconds.
const STEPS_BETWEEN_QUESTIONS: u32 = 20;

/// The running task.
#[derive(Debug)]
pub(super) struct Sequencer {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What it works with.
pub(super) struct SequencerParts {
    /// The books.
    pub(super) store: Arc<Store>,
    /// The leases of this process.
    pub(super) leases: Leases,
    /// Whom to wake.
    pub(super) notifier: Notifier,
    /// Set when this process has committed a batch.
    pub(super) committed: Arc<AtomicBool>,
    /// The time.
    pub(super) clock: Arc<dyn Clock>,
    /// Where it says how far it is.
    pub(super) metrics: Arc<Metrics>,
}

struct Loop {
    parts: SequencerParts,
    /// Where this process has followed the journal to; none while nobody waits for events.
    followed: Option<i64>,
    /// How many steps to go before it asks for the lease again.
    steps_to_question: u32,
}

impl Sequencer {
    /// Starts it.
    #[must_use]
    pub(super) fn start(parts: SequencerParts, alarm: &Alarm) -> Self {
        let (stop, stopped) = oneshot::channel();
        let sequencer = Loop { parts, followed: None, steps_to_question: 0 };
        Self { stop, task: alarm.spawn("sequencer", sequencer.run(stopped)) }
    }

    /// Gives up the leases and ends; if it is the sequencer, after a position for every batch so far.
    pub(super) async fn stop(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

impl Loop {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut complaint, mut idle) = (Complaint::new("the journal waits"), 0);
        loop {
            let stopping = tokio::select! {
                _ = &mut stopped => true,
                _ = tick.tick() => false,
            };
            idle += 1;
            if !stopping
                && idle < IDLE_TICKS
                && !self.parts.committed.swap(false, Ordering::Relaxed)
            {
                continue;
            }
            idle = 0;
            let outcome = self.step().await;
            complaint.hear(&outcome);
            if stopping {
                break;
            }
        }
        if let Err(error) = self.parts.leases.release().await {
            tracing::warn!(%error, "leases could not be given up; they end by themselves");
        }
    }

    async fn step(&mut self) -> Result<(), StoreError> {
        self.parts.leases.renew().await?;
        if self.is_sequencer().await? {
            self.place().await.inspect_err(|_| self.parts.leases.forget(LEASE))?;
        }
        self.follow().await
    }

    async fn is_sequencer(&mut self) -> Result<bool, StoreError> {
        if self.parts.leases.holds(LEASE) {
            return Ok(true);
        }
        if let Some(less) = self.steps_to_question.checked_sub(1) {
            self.steps_to_question = less;
            return Ok(false);
        }
        self.steps_to_question = STEPS_BETWEEN_QUESTIONS;
        self.parts.leases.acquire(LEASE).await
    }

    async fn place(&self) -> Result<(), StoreError> {
        loop {
            let placed = self.parts.store.place_batches().await?;
            if placed > 0 {
                self.parts.notifier.journal_grew();
            }
            if placed < u64::from(STEP_MAX) {
                self.parts.metrics.caught_up(Part::Sequencer, self.parts.clock.now());
                return Ok(());
            }
        }
    }

    /// Wakes the payers whom new batches concern.
    async fn follow(&mut self) -> Result<(), StoreError> {
        if self.parts.notifier.is_idle() {
            self.followed = None;
            return Ok(());
        }
        let Some(mut position) = self.followed else {
            let end = self.parts.store.journal_end().await?.position;
            // Whatever came before was there when they look again.
            self.parts.notifier.wake_all();
            self.followed = Some(end);
            return Ok(());
        };
        loop {
            let (last, payers) = self.parts.store.payers_after(position).await?;
            if last == position {
                break;
            }
            self.parts.notifier.wake(payers);
            position = last;
        }
        self.followed = Some(position);
        Ok(())
    }
}
