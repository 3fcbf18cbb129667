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
//! | somebody else was in the way: a lock, a deadlock, a key written by two processes at once | the batch is run again some times, at once and then after random pauses; at last its commands are told that nothing was done |
//! | the database went away | the batch is run again when it is back, until nobody waits for it any more |
//! | a row was refused, or the rules panicked | the batch is halved, until the command that cannot be settled stands alone |
//! | anything else: a full disk | the whole batch is answered `Unknown`, for it concerns everybody |
//!
//! A command is never settled after its deadline: its till may have sold again by then.
//!
//! On PostgreSQL there are several loops that take from one queue, each counting in a shard of its
//! own. The first takes whatever there is; the others help when that is more than a batch. On
//! SQLite only one could write at a time.

mod batch;
mod ids;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;

use tokio::sync::{Mutex, Notify, mpsc, oneshot};
use wallet_core::Timestamp;

use self::batch::settle_all;
use self::ids::BatchIds;
use super::alarm::Alarm;
use super::notifier::Announcer;
use crate::clock::Clock;
use crate::domain::command::Command;
use crate::domain::ids::BatchId;
use crate::domain::outcome::Outcome;
use crate::domain::settle::Rules;
use crate::entropy::Entropy;
use crate::metrics::Metrics;
use crate::store::{OwnShard, Store};

/// The most commands in one batch: beyond it a commit is already cheap for each of them, and
/// waiting for a larger one only costs latency.
pub const BATCH_MAX: usize = 512;
/// The most commands that may wait. At some thousands of payments a second this is under a second
/// of waiting; who comes later is told to come back.
const QUEUE_MAX: usize = 4096;
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
    alarm: Alarm,
}

#[derive(Debug)]
struct Queued {
    command: Command,
    deadline: Timestamp,
    /// The same on the clock that nobody sets, from when a loop took it: a clock that is set back
    /// gives no time.
    late_at_millis: Option<i64>,
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
    /// Who hears when a loop falls.
    pub alarm: Alarm,
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
            let (runtime, guard) = (runtime.clone(), parts.alarm.guard("settlement"));
            std::thread::Builder::new().name(format!("settle-{number}")).spawn(move || {
                if let Some(own) = parts.shards.get(number) {
                    runtime.block_on(run(&shared, &parts, own, number == 0));
                }
                drop((ending, guard));
            })?;
        }
        Ok((Self { queue, alarm: parts.alarm.clone() }, Ended(ended)))
    }

    /// Whether all loops still run, and everything else that must.
    #[must_use]
    pub fn is_running(&self) -> bool {
        !self.queue.is_closed() && self.alarm.fallen().is_none()
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
        if self.alarm.fallen().is_some() {
            // The loop that takes from the queue may be the one. Another process will do it.
            return Err(Unsettled::Overloaded);
        }
        let (reply, outcome) = oneshot::channel();
        self.queue
            .try_send(Queued { command, deadline, late_at_millis: None, attempted: false, reply })
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

#[cfg(test)]
mod tests;
