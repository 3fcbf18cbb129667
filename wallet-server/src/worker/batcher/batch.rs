//! A batch, from the first attempt to the last answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::ids::BatchIds;
use super::{BatcherParts, Queued, Unsettled};
use crate::clock::Clock;
use crate::domain::command::Command;
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::settle::settle;
use crate::store::again::pause_before;
use crate::store::{OwnShard, Remedy, Settlement, StoreError};

/// How often a batch is run again when somebody else was in the way, before it is halved. With
/// SQLite each time has waited for the lock for seconds.
const AGAIN_MAX: u32 = 6;
/// How often a command that stands alone is: the pauses come to some two seconds.
const ALONE_AGAIN_MAX: u32 = 20;
/// How often it is run again when the database went away, and how long the pause before: together
/// longer than the deadline of any command.
const WAIT_MAX: u32 = 50;
const WAIT: Duration = Duration::from_millis(250);

/// How long the database may say nothing in the middle of a batch: longer than it waits for any
/// lock. A network that swallows packets would otherwise hold everybody up for a quarter of an
/// hour.
const SILENCE_MAX: Duration = Duration::from_secs(20);

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
pub(super) async fn settle_all(
    parts: &BatcherParts,
    own: &OwnShard,
    ids: &mut BatchIds,
    mut arrived: Vec<Queued>,
) {
    let (now, steady) = (parts.clock.now(), parts.clock.steady_millis());
    for queued in &mut arrived {
        let left = queued.deadline.unix_millis().saturating_sub(now.unix_millis());
        queued.late_at_millis = Some(steady.saturating_add(left));
    }
    let mut waiting = vec![Batch::new(arrived)];
    while let Some(mut batch) = waiting.pop() {
        batch.commands = in_time(batch.commands, parts.clock.as_ref());
        if batch.commands.is_empty() {
            continue;
        }
        match settle_in_time(parts, own, ids, &batch.commands).await {
            Ok(outcomes) => {
                for (queued, outcome) in batch.commands.into_iter().zip(outcomes) {
                    let known = !(queued.attempted && looks_at_no_key(&outcome));
                    answer(queued, if known { Ok(outcome) } else { Err(Unsettled::Unknown) });
                }
            }
            Err(failure) => waiting.extend(after(failure, batch).await),
        }
    }
}

/// What is left to be run after a failure. Those for whom there is nothing left get their answer.
async fn after(failure: Failure, mut batch: Batch) -> Vec<Batch> {
    let error = match failure {
        Failure::Late => return vec![batch],
        Failure::Store(error) => error,
    };
    for queued in &mut batch.commands {
        queued.attempted |= error.is_uncertain();
    }
    let size = batch.commands.len();
    match error.remedy() {
        Remedy::Again if batch.again < if size > 1 { AGAIN_MAX } else { ALONE_AGAIN_MAX } => {
            tracing::debug!(%error, size, "somebody else was in the way; running a batch again");
            let again = batch.again + 1;
            pause_before(again + 1).await;
            vec![Batch { again, ..batch }]
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
        Remedy::Again | Remedy::Wait if batch.commands.iter().all(|queued| !queued.attempted) => {
            tracing::error!(%error, size, "the database is away, or too busy");
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
fn in_time(batch: Vec<Queued>, clock: &dyn Clock) -> Vec<Queued> {
    let (late, batch): (Vec<_>, Vec<_>) =
        batch.into_iter().partition(|queued| queued.is_late(clock));
    for queued in late {
        let unsettled = if queued.attempted { Unsettled::Unknown } else { Unsettled::Late };
        answer(queued, Err(unsettled));
    }
    batch
}

/// Whether it is a refusal that comes before the key is looked at. A command that may have been settled
/// before is not refused by what has changed since.
fn looks_at_no_key(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused(Refusal::KeyRevoked | Refusal::DeviceRevoked))
}

impl Queued {
    pub(super) fn is_late(&self, clock: &dyn Clock) -> bool {
        let (now, steady) = (clock.now(), clock.steady_millis());
        self.deadline <= now || self.late_at_millis.is_some_and(|late| late <= steady)
    }
}

/// The client may have gone; its payment is settled all the same.
fn answer(queued: Queued, outcome: Result<Outcome, Unsettled>) {
    drop(queued.reply.send(outcome));
}

/// Why a batch was not settled.
enum Failure {
    /// It was too late for one of its commands when its turn came; nothing was done.
    Late,
    /// The database.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
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
    // Where it stood is not known, so it may have been told to commit.
    settled.unwrap_or_else(|_| Err(StoreError::unheard_commit().into()))
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
    if batch.iter().any(|queued| queued.is_late(parts.clock.as_ref())) {
        // Waiting for the lock has taken that long.
        settlement.roll_back().await?;
        return Err(Failure::Late);
    }
    let today = parts.rules.calendar.today(now);
    let snapshot = settlement.load(&commands, today, now).await?;
    // A panic in the rules must not end the loop: the command that causes it is found by halving.
    let decide = AssertUnwindSafe(|| settle(snapshot, &parts.rules, &commands, now));
    let plan = catch_unwind(decide).map_err(|_| StoreError::Corrupt("the rules panicked"))?;
    settlement.commit(ids.next(&parts.entropy, now), &plan, now, today.day).await?;
    parts.metrics.settled(&plan);
    parts.announcer.committed(plan.events.iter().filter_map(|event| event.payer));
    Ok(plan.outcomes)
}
