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
//! | somebody else was in the way: a lock, a deadlock, a key written by two processes at once | the batch is run again at once, some times |
//! | the database went away | the batch is run again when it is back, until nobody waits for it any more |
//! | a row was refused, or the rules panicked | the batch is halved, until the command that cannot be settled stands alone |
//! | anything else: a full disk | the whole batch is answered `Unknown`, for it concerns everybody |
//!
//! A command is never settled after its deadline: its till may have sold again by then.
//!
//! On PostgreSQL there are several loops that take from one queue, each counting in a shard of its
//! own. The first takes whatever there is; the others help when that is more than a batch. On
//! SQLite only one could write at a time.

use std::convert::Infallible;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use wallet_core::Timestamp;

use super::notifier::Announcer;
use crate::clock::Clock;
use crate::domain::command::Command;
use crate::domain::ids::BatchId;
use crate::domain::outcome::Outcome;
use crate::domain::settle::{Rules, settle};
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::store::{OwnShard, Remedy, Settlement, Store, StoreError};

/// The most commands in one batch: beyond it a commit is already cheap for each of them, and
/// waiting for a larger one only costs latency.
pub const BATCH_MAX: usize = 512;
/// The most commands that may wait. At some thousands of payments a second this is under a second
/// of waiting; who comes later is told to come back.
const QUEUE_MAX: usize = 4096;
/// How often a batch is run again when somebody else was in the way. With SQLite each time has
/// waited for the lock for seconds.
const AGAIN_MAX: u32 = 6;
/// How often it is run again when the database went away, and how long the pause before: together
/// longer than the deadline of any command.
const WAIT_MAX: u32 = 50;
const WAIT: Duration = Duration::from_millis(250);

/// How long the database may say nothing in the middle of a batch: longer than it waits for any
/// lock. A network that swallows packets would otherwise hold everybody up for a quarter of an
/// hour.
const SILENCE_MAX: Duration = Duration::from_secs(20);

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
    /// Whether it was in a batch whose commit failed: then it may have been settled.
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
    /// Whom to tell.
    pub announcer: Announcer,
    /// What to count.
    pub metrics: Arc<Metrics>,
    /// Where to count money: a loop for each shard.
    pub shards: Vec<OwnShard>,
    /// The batch that the books end with.
    pub latest_batch: Option<BatchId>,
}

/// Resolves when the last loop has ended.
#[derive(Debug)]
pub struct Ended(mpsc::Receiver<Infallible>);

impl Ended {
    /// Waits for it.
    pub async fn wait(mut self) {
        // Nothing is ever sent; the channel closes when every loop has dropped its end.
        self.0.recv().await;
    }
}

impl Batcher {
    /// Starts the loops, each on a thread of its own. They end once every clone of the batcher has
    /// been dropped and the queue is empty.
    ///
    /// # Errors
    /// When there cannot be another thread.
    pub fn start(parts: BatcherParts) -> io::Result<(Self, Ended)> {
        let (queue, receiver) = mpsc::channel(QUEUE_MAX);
        let (ending, ended) = mpsc::channel(1);
        let parts = Arc::new(parts);
        let shared = Shared { queue: Arc::new(Mutex::new(receiver)), more: Arc::default() };
        let runtime = tokio::runtime::Handle::current();
        for number in 0..parts.shards.len() {
            let (shared, parts, ending) = (shared.clone(), Arc::clone(&parts), ending.clone());
            let runtime = runtime.clone();
            std::thread::Builder::new().name(format!("settle-{number}")).spawn(move || {
                if let Some(own) = parts.shards.get(number) {
                    runtime.block_on(run(&shared, &parts, own, number == 0));
                }
                drop(ending);
            })?;
        }
        Ok((Self { queue }, Ended(ended)))
    }

    /// Whether a loop still runs.
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
        // A loop replies to everything it takes, unless it panics.
        outcome.await.unwrap_or(Err(Unsettled::Unknown))
    }
}

/// What the loops share.
#[derive(Clone)]
struct Shared {
    queue: Arc<Mutex<mpsc::Receiver<Queued>>>,
    /// Told by a loop that has taken a full batch: more is waiting.
    more: Arc<Notify>,
}

/// The first loop takes whatever has arrived. The others help when it is more than a batch: many
/// small batches cost the database more than the waiting for its disk.
async fn run(shared: &Shared, parts: &BatcherParts, own: &OwnShard, first: bool) {
    let mut ids = BatchIds::after(parts.latest_batch);
    loop {
        let mut arrived = Vec::new();
        let open = if first {
            shared.queue.lock().await.recv_many(&mut arrived, BATCH_MAX).await > 0
        } else {
            shared.more.notified().await;
            take(&shared.queue, &mut arrived)
        };
        if !open {
            break;
        }
        if arrived.len() == BATCH_MAX {
            shared.more.notify_one();
        }
        settle_all(parts, own, &mut ids, arrived).await;
    }
    // To the next one, so that it ends as well.
    shared.more.notify_one();
}

/// Takes what is there, without waiting. Says whether there can be more.
fn take(queue: &Mutex<mpsc::Receiver<Queued>>, arrived: &mut Vec<Queued>) -> bool {
    // If the first loop is waiting for a command, there is none.
    let Ok(mut queue) = queue.try_lock() else { return true };
    while arrived.len() < BATCH_MAX {
        match queue.try_recv() {
            Ok(queued) => arrived.push(queued),
            Err(mpsc::error::TryRecvError::Empty) => return true,
            Err(mpsc::error::TryRecvError::Disconnected) => return !arrived.is_empty(),
        }
    }
    true
}

/// Commands that are run together, and how often they were.
struct Batch {
    commands: Vec<Queued>,
    again: u32,
    waits: u32,
}

impl Batch {
    fn new(commands: Vec<Queued>) -> Self {
        Self { commands, again: 0, waits: 0 }
    }
}

/// Settles a batch, or, if a row of it is refused, its halves.
async fn settle_all(
    parts: &BatcherParts,
    own: &OwnShard,
    ids: &mut BatchIds,
    arrived: Vec<Queued>,
) {
    let mut waiting = vec![Batch::new(arrived)];
    while let Some(mut batch) = waiting.pop() {
        batch.commands = in_time(batch.commands, parts.clock.now());
        if batch.commands.is_empty() {
            continue;
        }
        match settle_in_time(parts, own, ids, &batch.commands).await {
            Ok(outcomes) => {
                for (queued, outcome) in batch.commands.into_iter().zip(outcomes) {
                    answer(queued, Ok(outcome));
                }
            }
            Err(failure) => waiting.extend(after(failure, batch).await),
        }
    }
}

/// What is left to be run after a failure. Those for whom there is nothing left get their answer.
async fn after(failure: Failure, mut batch: Batch) -> Vec<Batch> {
    let (error, committing) = match failure {
        Failure::Late => return vec![batch],
        Failure::Store { error, committing } => (error, committing),
    };
    for queued in &mut batch.commands {
        queued.attempted |= committing;
    }
    let size = batch.commands.len();
    match error.remedy() {
        Remedy::Again if batch.again < AGAIN_MAX => {
            tracing::debug!(%error, size, "somebody else was in the way; running a batch again");
            vec![Batch { again: batch.again + 1, ..batch }]
        }
        Remedy::Wait if batch.waits < WAIT_MAX => {
            tracing::warn!(%error, size, "the database went away; waiting for it");
            tokio::time::sleep(WAIT).await;
            vec![Batch { waits: batch.waits + 1, ..batch }]
        }
        Remedy::Again | Remedy::LeaveOut if size > 1 => {
            tracing::warn!(%error, size, "a batch is refused; halving it");
            let second = batch.commands.split_off(size / 2);
            vec![Batch::new(second), Batch::new(batch.commands)]
        }
        Remedy::Wait if batch.commands.iter().all(|queued| !queued.attempted) => {
            tracing::error!(%error, size, "the database is away");
            for queued in batch.commands {
                answer(queued, Err(Unsettled::Overloaded));
            }
            Vec::new()
        }
        Remedy::Again | Remedy::LeaveOut | Remedy::Wait | Remedy::GiveUp => {
            tracing::error!(%error, size, "commands cannot be settled");
            for queued in batch.commands {
                answer(queued, Err(Unsettled::Unknown));
            }
            Vec::new()
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

/// Why a batch was not settled, as far as is known.
enum Failure {
    /// It was too late for one of its commands when its turn came; nothing was done.
    Late,
    /// The database.
    Store {
        error: StoreError,
        /// Whether the database was told to commit: then it may have.
        committing: bool,
    },
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store { error, committing: false }
    }
}

/// Settles a batch, unless the database says nothing for too long.
async fn settle_in_time(
    parts: &BatcherParts,
    own: &OwnShard,
    ids: &mut BatchIds,
    batch: &[Queued],
) -> Result<Vec<Outcome>, Failure> {
    let settled = tokio::time::timeout(SILENCE_MAX, settle_once(parts, own, ids, batch)).await;
    // It may have been told to commit.
    settled.unwrap_or(Err(Failure::Store { error: StoreError::Silent, committing: true }))
}

async fn settle_once(
    parts: &BatcherParts,
    own: &OwnShard,
    ids: &mut BatchIds,
    batch: &[Queued],
) -> Result<Vec<Outcome>, Failure> {
    let commands: Vec<Command> = batch.iter().map(|queued| queued.command.clone()).collect();
    let mut settlement = Settlement::begin(&parts.store, own).await?;
    settlement.lock(&commands).await?;
    let now = parts.clock.now();
    if batch.iter().any(|queued| queued.deadline <= now) {
        // Waiting for the lock has taken that long.
        settlement.roll_back().await?;
        return Err(Failure::Late);
    }
    let today = parts.rules.calendar.day(now);
    let snapshot = settlement.load(&commands, today).await?;
    // A panic in the rules must not end the loop: the command that causes it is found by halving.
    let decide = AssertUnwindSafe(|| settle(snapshot, &parts.rules, &commands, now));
    let plan = catch_unwind(decide).map_err(|_| StoreError::Corrupt("the rules panicked"))?;
    let written = settlement.write(ids.next(&parts.entropy, now), &plan, now, today).await?;
    if let Some(written) = written {
        written.commit().await.map_err(|error| Failure::Store { error, committing: true })?;
    }
    parts.metrics.settled(&plan);
    parts.announcer.committed(plan.events.iter().map(|event| event.payer));
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
