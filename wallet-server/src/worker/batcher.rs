//! Group commit: while one batch is being committed, the next one gathers.
//!
//! A batch is whatever has arrived, up to a limit, so an idle server answers one payment after
//! one commit and a busy one shares the commit among hundreds. There is no timer: nobody waits
//! for somebody who has not come.
//!
//! Running a batch again is harmless, because the idempotency keys, the marks, the entries and
//! the events are committed together or not at all. So a transient error re-runs the batch, and
//! any other one halves it until the command that cannot be settled stands alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wallet_core::Timestamp;

use super::notifier::Notifier;
use crate::clock::Clock;
use crate::domain::command::Command;
use crate::domain::outcome::Outcome;
use crate::domain::settle::{Rules, settle};
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::store::{Settlement, Store, StoreError};

/// The most commands in one batch: beyond it a commit is already cheap for each of them, and
/// waiting for a larger one only costs latency.
pub const BATCH_MAX: usize = 512;
/// The most commands that may wait. At some thousands of payments a second this is under a second
/// of waiting; who comes later is told to come back.
const QUEUE_MAX: usize = 4096;
/// How often a batch is run again after a transient error.
const RETRIES_MAX: u32 = 5;

/// Why a command has no outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsettled {
    /// The queue is full, or the server is stopping: nothing was done.
    Overloaded,
    /// It waited past its deadline: nothing was done.
    Late,
    /// The database failed: it may or may not have been done. Ask again with the same key.
    Unknown,
}

/// The way into the batcher.
#[derive(Clone, Debug)]
pub struct Batcher {
    queue: mpsc::Sender<Queued>,
}

#[derive(Debug)]
struct Queued {
    command: Command,
    deadline: Timestamp,
    reply: oneshot::Sender<Result<Outcome, Unsettled>>,
}

/// What the batcher works with.
pub struct BatcherParts {
    /// The books.
    pub store: Arc<Store>,
    /// The rules.
    pub rules: Rules,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the ids of batches.
    pub entropy: Arc<Entropy>,
    /// Whom to wake.
    pub notifier: Notifier,
    /// What to count.
    pub metrics: Arc<Metrics>,
}

impl Batcher {
    /// Starts the loop. It ends once every clone of the batcher has been dropped and the queue is
    /// empty; the handle then resolves.
    #[must_use]
    pub fn start(parts: BatcherParts) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        (Self { queue }, tokio::spawn(run(receiver, parts)))
    }

    /// Queues a command and waits for its outcome.
    ///
    /// # Errors
    /// [`Unsettled`], which says what the caller may conclude.
    pub async fn settle(
        &self,
        command: Command,
        deadline: Timestamp,
    ) -> Result<Outcome, Unsettled> {
        let (reply, outcome) = oneshot::channel();
        self.queue
            .try_send(Queued { command, deadline, reply })
            .map_err(|_| Unsettled::Overloaded)?;
        // The loop replies to everything it takes, unless it panics.
        outcome.await.unwrap_or(Err(Unsettled::Unknown))
    }
}

async fn run(mut queue: mpsc::Receiver<Queued>, parts: BatcherParts) {
    let mut arrived = Vec::with_capacity(BATCH_MAX);
    while queue.recv_many(&mut arrived, BATCH_MAX).await > 0 {
        let now = parts.clock.now();
        let (late, batch): (Vec<_>, Vec<_>) =
            arrived.drain(..).partition(|queued| queued.deadline <= now);
        for queued in late {
            answer(queued.reply, Err(Unsettled::Late));
        }
        settle_or_halve(&parts, batch).await;
    }
}

/// Settles a batch; if it cannot be settled as a whole, its halves.
async fn settle_or_halve(parts: &BatcherParts, batch: Vec<Queued>) {
    let mut waiting = vec![batch];
    while let Some(mut batch) = waiting.pop() {
        if batch.is_empty() {
            continue;
        }
        let commands: Vec<Command> = batch.iter().map(|queued| queued.command.clone()).collect();
        match settle_with_retries(parts, &commands).await {
            Ok(outcomes) => {
                for (queued, outcome) in batch.into_iter().zip(outcomes) {
                    answer(queued.reply, Ok(outcome));
                }
            }
            Err(error) if batch.len() == 1 => {
                tracing::error!(%error, "a command cannot be settled");
                for queued in batch {
                    answer(queued.reply, Err(Unsettled::Unknown));
                }
            }
            Err(error) => {
                tracing::warn!(%error, size = batch.len(), "a batch cannot be settled; halving it");
                let second = batch.split_off(batch.len() / 2);
                waiting.extend([second, batch]);
            }
        }
    }
}

/// The client may have gone; its payment is settled all the same.
fn answer(reply: oneshot::Sender<Result<Outcome, Unsettled>>, outcome: Result<Outcome, Unsettled>) {
    drop(reply.send(outcome));
}

async fn settle_with_retries(
    parts: &BatcherParts,
    commands: &[Command],
) -> Result<Vec<Outcome>, StoreError> {
    let mut retries = 0;
    loop {
        match settle_once(parts, commands).await {
            Err(error) if error.is_transient() && retries < RETRIES_MAX => retries += 1,
            result => return result,
        }
    }
}

async fn settle_once(
    parts: &BatcherParts,
    commands: &[Command],
) -> Result<Vec<Outcome>, StoreError> {
    let mut settlement = Settlement::begin(&parts.store).await?;
    let now = parts.clock.now();
    let today = parts.rules.calendar.day(now);
    let snapshot = settlement.load(commands, today).await?;
    // A panic in the rules must not end the loop: the command that causes it is found by halving.
    let decide = AssertUnwindSafe(|| settle(snapshot, &parts.rules, commands, now));
    let plan = catch_unwind(decide).map_err(|_| StoreError::Corrupt("the rules panicked"))?;
    settlement.commit(parts.entropy.id(now), &plan, now, today).await?;
    parts.metrics.settled(&plan);
    parts.notifier.wake(plan.events.iter().map(|event| event.payer));
    Ok(plan.outcomes)
}
