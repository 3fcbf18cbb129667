//! Group commit: while one batch is being committed, the next one gathers.
//!
//! A batch is whatever has arrived, up to a limit, so an idle server answers one payment after
//! one commit and a busy one shares the commit among hundreds. There is no timer: nobody waits
//! for somebody who has not come.
//!
//! Running a batch again is harmless, because the idempotency keys, the marks, the entries and
//! the events are committed together or not at all.
//!
//! | what went wrong | then |
//! |---|---|
//! | somebody else held a lock | the batch is run again, a few times |
//! | a row was refused, or the rules panicked | the batch is halved, until the command that cannot be settled stands alone |
//! | anything else: the disk, the connection | the whole batch is answered `Unknown`, for it concerns everybody |
//!
//! A command is never settled after its deadline: its till may have sold again by then.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use wallet_core::Timestamp;

use super::notifier::Notifier;
use crate::clock::Clock;
use crate::domain::command::Command;
use crate::domain::ids::BatchId;
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
/// How often a batch is run again after a transient error. Each time, SQLite has waited for the
/// lock for seconds.
const RETRIES_MAX: u32 = 2;

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
    /// Whether it was in a batch that failed: then it may have been settled.
    attempted: bool,
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
    /// The batch that the books end with.
    pub latest_batch: Option<BatchId>,
}

impl Batcher {
    /// Starts the loop. It ends once every clone of the batcher has been dropped and the queue is
    /// empty; the handle then resolves.
    #[must_use]
    pub fn start(parts: BatcherParts) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        (Self { queue }, tokio::spawn(run(receiver, parts)))
    }

    /// Whether the loop still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.queue.is_closed()
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
            .try_send(Queued { command, deadline, attempted: false, reply })
            .map_err(|_| Unsettled::Overloaded)?;
        // The loop replies to everything it takes, unless it panics.
        outcome.await.unwrap_or(Err(Unsettled::Unknown))
    }
}

async fn run(mut queue: mpsc::Receiver<Queued>, parts: BatcherParts) {
    let mut ids = BatchIds::after(parts.latest_batch);
    let mut arrived = Vec::with_capacity(BATCH_MAX);
    while queue.recv_many(&mut arrived, BATCH_MAX).await > 0 {
        settle_all(&parts, &mut ids, std::mem::take(&mut arrived)).await;
    }
}

/// Settles a batch, or, if a row of it is refused, its halves.
async fn settle_all(parts: &BatcherParts, ids: &mut BatchIds, batch: Vec<Queued>) {
    let mut waiting = vec![(batch, 0)];
    while let Some((batch, retries)) = waiting.pop() {
        let mut batch = in_time(batch, parts.clock.now());
        if batch.is_empty() {
            continue;
        }
        let commands: Vec<Command> = batch.iter().map(|queued| queued.command.clone()).collect();
        let error = match settle_once(parts, ids, &commands).await {
            Ok(outcomes) => {
                for (queued, outcome) in batch.into_iter().zip(outcomes) {
                    answer(queued, Ok(outcome));
                }
                continue;
            }
            Err(error) => error,
        };
        for queued in &mut batch {
            queued.attempted = true;
        }
        if error.is_transient() && retries < RETRIES_MAX {
            waiting.push((batch, retries + 1));
        } else if error.concerns_rows() && batch.len() > 1 {
            tracing::warn!(%error, size = batch.len(), "a batch is refused; halving it");
            let second = batch.split_off(batch.len() / 2);
            waiting.extend([(second, 0), (batch, 0)]);
        } else {
            tracing::error!(%error, size = batch.len(), "commands cannot be settled");
            for queued in batch {
                answer(queued, Err(Unsettled::Unknown));
            }
        }
    }
}

/// Answers those that are past their deadline, and keeps the others.
fn in_time(batch: Vec<Queued>, now: Timestamp) -> Vec<Queued> {
    let (late, batch): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|queued| queued.deadline <= now);
    for queued in late {
        let unsettled = if queued.attempted { Unsettled::Unknown } else { Unsettled::Late };
        answer(queued, Err(unsettled));
    }
    batch
}

/// The client may have gone; its payment is settled all the same.
fn answer(queued: Queued, outcome: Result<Outcome, Unsettled>) {
    drop(queued.reply.send(outcome));
}

async fn settle_once(
    parts: &BatcherParts,
    ids: &mut BatchIds,
    commands: &[Command],
) -> Result<Vec<Outcome>, StoreError> {
    let mut settlement = Settlement::begin(&parts.store).await?;
    let now = parts.clock.now();
    let today = parts.rules.calendar.day(now);
    let snapshot = settlement.load(commands, today).await?;
    // A panic in the rules must not end the loop: the command that causes it is found by halving.
    let decide = AssertUnwindSafe(|| settle(snapshot, &parts.rules, commands, now));
    let plan = catch_unwind(decide).map_err(|_| StoreError::Corrupt("the rules panicked"))?;
    settlement.commit(ids.next(&parts.entropy, now), &plan, now, today).await?;
    parts.metrics.settled(&plan);
    parts.notifier.wake(plan.events.iter().map(|event| event.payer));
    Ok(plan.outcomes)
}

/// Ids of batches: rising, even when two are made within a millisecond or the clock is turned
/// back, so that readers may follow them.
struct BatchIds {
    latest_millis: i64,
}

impl BatchIds {
    /// Ids after the one that the books end with.
    fn after(latest: Option<BatchId>) -> Self {
        let millis = latest.map_or(0, |id| {
            id.as_bytes()[..6].iter().fold(0_i64, |millis, byte| (millis << 8) | i64::from(*byte))
        });
        Self { latest_millis: millis }
    }

    fn next(&mut self, entropy: &Entropy, now: Timestamp) -> BatchId {
        self.latest_millis = now.unix_millis().max(self.latest_millis.saturating_add(1));
        entropy.id(Timestamp::from_unix_millis(self.latest_millis))
    }
}

#[cfg(test)]
mod tests;
