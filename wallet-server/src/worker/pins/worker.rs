//! The loop that takes one try after the other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use super::hasher::{Hasher, Work};
use super::quota::Quota;
use super::share::Share;
use super::{
    Digits, FULL_RETRY_SECONDS, Job, PinUnanswered, PinsParts, Reply, SILENCE_MAX, TRIES_MAX, Task,
    Trier, lock,
};
use crate::issuer::{PinCost, PinHash};
use crate::store::{KeptPin, LOCK_TOLD, PinTry, StoreError, again};

pub(super) struct Worker {
    pub(super) parts: PinsParts,
    pub(super) hasher: Hasher,
    pub(super) quota: Arc<Mutex<Quota>>,
    pub(super) share: Share,
}

impl Worker {
    pub(super) async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            lock(&self.quota).leaves_queue(job.trier.payer);
            let hashing = self.serve(job).await;
            tokio::time::sleep(self.share.rest(hashing)).await;
        }
    }

    /// Does a job, and says how long the hash took.
    async fn serve(&self, job: Job) -> Duration {
        let late = self.parts.clock.now() > job.late_after;
        let Job { trier, pin, task, .. } = job;
        match task {
            // Whoever hung up learns nothing, so nothing needs to be counted.
            Task::Check(reply) if !reply.is_closed() && !late => {
                let (checked, hashing) = self.check(trier, pin).await;
                let locked = checked.as_ref().ok().and_then(Checked::untold_lock);
                if matches!(checked, Ok(Checked::Right(_))) {
                    lock(&self.quota).was_right(trier.payer);
                }
                let _ = reply.send(checked.map(Checked::salt));
                // Only now, so that the time says nothing.
                if let Some(salt) = locked {
                    self.tell_locked(trier, salt).await;
                }
                hashing
            }
            Task::Make(reply) if !reply.is_closed() && !late => {
                let salt = self.parts.entropy.bytes();
                let (hash, hashing) = self.hash(trier, pin, salt, self.parts.rules.cost).await;
                let made = hash.map(|hash| KeptPin { salt, hash: hash.to_bytes() });
                let _ = reply.send(made.map_err(PinUnanswered::Store));
                hashing
            }
            Task::Check(reply) => too_late(reply),
            Task::Make(reply) => too_late(reply),
        }
    }

    async fn check(&self, trier: Trier, pin: Digits) -> (Result<Checked, PinUnanswered>, Duration) {
        let count = self.parts.store.count_pin_try(trier.device, trier.payer);
        let counted = match in_time(count).await {
            Ok(counted) => counted,
            Err(error) => return (Err(PinUnanswered::Store(error)), Duration::ZERO),
        };
        let PinTry { number, kept } = counted.unwrap_or(PinTry { number: 0, kept: None });
        let known = kept.map(|kept| (kept.salt, PinHash::from_bytes(&kept.hash)));
        let (salt, expected) = match known {
            Some((salt, Some(hash))) => (salt, Some(hash)),
            Some((_, None)) => {
                let error = StoreError::Corrupt("pin_hash");
                return (Err(PinUnanswered::Store(error)), Duration::ZERO);
            }
            // Hashed all the same, so that it takes as long.
            None => ([0; 16], None),
        };
        let cost = expected.map_or(self.parts.rules.cost, |hash| hash.cost);
        let (hash, hashing) = self.hash(trier, pin, salt, cost).await;
        let right = match hash {
            Ok(hash) => expected == Some(hash) && number <= TRIES_MAX,
            Err(error) => return (Err(PinUnanswered::Store(error)), hashing),
        };
        if !right {
            // Also a later one: whether the fifth was wrong is not known where it came to no end.
            let untold = (TRIES_MAX..LOCK_TOLD).contains(&number) && expected.is_some();
            let checked = if untold { Checked::Locked(salt) } else { Checked::Refused };
            return (Ok(checked), hashing);
        }
        let forget = self.parts.store.forget_pin_tries(trier.device, trier.payer, salt);
        let checked = in_time(forget).await;
        let checked =
            checked.map(|right| if right { Checked::Right(salt) } else { Checked::Refused });
        (checked.map_err(PinUnanswered::Store), hashing)
    }

    /// Lets the payer's devices know that nobody can use the PIN with this salt now, unless they do.
    async fn tell_locked(&self, trier: Trier, salt: [u8; 16]) {
        let tell = async { again!(self.try_tell_locked(trier, salt)) };
        if let Err(error) = in_time(tell).await {
            tracing::warn!(%error, "a payer was not told that the PIN is locked: the next try does");
        }
    }

    async fn try_tell_locked(&self, trier: Trier, salt: [u8; 16]) -> Result<(), StoreError> {
        let Some(mut change) = self.parts.store.change(trier.payer).await? else {
            return Ok(());
        };
        if !change.mark_lock_told(salt, TRIES_MAX).await? {
            return Ok(());
        }
        change.tell("pin.locked");
        let now = self.parts.clock.now();
        change.commit(self.parts.entropy.id(now), now).await?;
        self.parts.notifier.wake([trier.payer]);
        Ok(())
    }

    async fn hash(
        &self,
        trier: Trier,
        pin: Digits,
        salt: [u8; 16],
        cost: PinCost,
    ) -> (Result<PinHash, StoreError>, Duration) {
        let begun = tokio::time::Instant::now();
        let hash = self.hasher.hash(Work { pin, salt, payer: trier.payer, cost }).await;
        (hash.ok_or(StoreError::Corrupt("pin_hash")), begun.elapsed())
    }
}

/// What became of a try.
enum Checked {
    /// The salt of the PIN, which was right.
    Right([u8; 16]),
    Refused,
    /// The PIN with this salt is locked, and the payer's devices may not know.
    Locked([u8; 16]),
}

impl Checked {
    /// The salt of a PIN of whose lock is to be told.
    fn untold_lock(&self) -> Option<[u8; 16]> {
        match self {
            Self::Locked(salt) => Some(*salt),
            Self::Right(_) | Self::Refused => None,
        }
    }

    fn salt(self) -> Option<[u8; 16]> {
        match self {
            Self::Right(salt) => Some(salt),
            Self::Refused | Self::Locked(_) => None,
        }
    }
}

fn too_late<T>(reply: Reply<T>) -> Duration {
    let _ = reply.send(Err(PinUnanswered::TooMany { retry_after_seconds: FULL_RETRY_SECONDS }));
    Duration::ZERO
}

async fn in_time<T>(
    question: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answer = tokio::time::timeout(SILENCE_MAX, question).await;
    // Where it stood is not known: a try may have been counted.
    answer.unwrap_or_else(|_| Err(StoreError::unheard_commit()))
}
