//! PINs are hashed one after the other, by a thread that rests in between.
//!
//! A hash is slow on purpose, so whoever sends many PINs could take the processor from payments.
//! Hence one thread, and after a hash that took `t` a rest: hashing gets its share of the machine
//! and no more, however many ask. Who waits is served in turn, one try of a device at a time, and
//! whoever tries too often is sent away before anything is computed or written.
//!
//! A try of a PIN takes these steps, and each is committed before the next:
//!
//! | step | so that |
//! |---|---|
//! | admitted: its device has no other one waiting and has not used up its minute | one device cannot fill the queue |
//! | counted, in the database | tries at once, and on several servers, are as many tries |
//! | hashed, also when the PIN is locked or not set | the time says nothing |
//! | the count goes back to zero, if it was right and the PIN is not locked | |

mod hasher;
mod quota;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use tokio::sync::{mpsc, oneshot};
use wallet_core::{DeviceKeyId, Timestamp};
use zeroize::Zeroizing;

use super::notifier::Notifier;
use crate::clock::Clock;
use crate::domain::ids::PayerId;
use crate::entropy::Entropy;
use crate::issuer::{IssuerKeys, PinCost, PinHash};
use crate::store::{KeptPin, PinTry, Store, StoreError};
use hasher::{Hasher, Work};
use quota::Quota;

/// The most tries that wait: some seconds' worth.
const WAITING_MAX: usize = 64;
/// After that long in the queue whoever asked has given up.
const WAIT_MILLIS_MAX: i64 = 20_000;
/// When to come back after the queue was full.
const FULL_RETRY_SECONDS: u16 = 5;
/// How long the database may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// How many wrong tries lock the PIN.
const TRIES_MAX: u32 = 5;

/// The digits of a PIN.
pub(crate) type Digits = Zeroizing<[u8; 6]>;

/// Who tries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trier {
    /// The device.
    pub device: DeviceKeyId,
    /// Whose it is.
    pub payer: PayerId,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum PinUnanswered {
    /// Too many tries: of this device, or altogether.
    TooMany {
        /// When to come back.
        retry_after_seconds: u16,
    },
    /// The database failed, or the server is stopping.
    Store(StoreError),
}

/// What hashing may cost, and how often one device may ask.
#[derive(Clone, Copy, Debug)]
pub struct PinRules {
    /// What the hash of a PIN that is set now costs.
    pub cost: PinCost,
    /// How often a device may ask in a minute.
    pub tries_a_minute: u32,
    /// How much of all cores hashing may take, in percent; 1 to 100.
    pub cpu_percent: u8,
}

/// What the worker works with.
pub struct PinsParts {
    /// The books.
    pub store: Arc<Store>,
    /// They hash.
    pub keys: Arc<dyn IssuerKeys>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For salts.
    pub entropy: Arc<Entropy>,
    /// Whom to wake.
    pub notifier: Notifier,
    /// Costs and limits.
    pub rules: PinRules,
}

/// The way to have PINs checked and made.
pub struct Pins {
    queue: mpsc::Sender<Job>,
    quota: Arc<Mutex<Quota>>,
    clock: Arc<dyn Clock>,
}

struct Job {
    trier: Trier,
    pin: Digits,
    late_after: Timestamp,
    task: Task,
}

enum Task {
    /// The salt of the PIN, if it was right.
    Check(Reply<Option<[u8; 16]>>),
    Make(Reply<KeptPin>),
}

type Reply<T> = oneshot::Sender<Result<T, PinUnanswered>>;

impl Pins {
    /// Starts the worker. It ends when this is dropped.
    ///
    /// # Errors
    /// When there cannot be another thread.
    pub fn start(parts: PinsParts) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(WAITING_MAX);
        let quota = Arc::new(Mutex::new(Quota::new(parts.rules.tries_a_minute)));
        let hasher = Hasher::start(Arc::clone(&parts.keys))?;
        let cores = thread::available_parallelism()?.get();
        let worker = Worker {
            hasher,
            quota: Arc::clone(&quota),
            share: Share::new(parts.rules.cpu_percent, cores),
            parts,
        };
        let clock = Arc::clone(&worker.parts.clock);
        tokio::spawn(worker.run(jobs));
        Ok(Self { queue, quota, clock })
    }

    /// Whether a device may ask at all now: to be known before anything is written for it.
    ///
    /// # Errors
    /// [`PinUnanswered::TooMany`].
    pub(crate) fn may_ask(&self, device: DeviceKeyId) -> Result<(), PinUnanswered> {
        if self.queue.capacity() == 0 {
            return Err(PinUnanswered::TooMany { retry_after_seconds: FULL_RETRY_SECONDS });
        }
        lock(&self.quota)
            .would_admit(device, self.clock.now())
            .map_err(|retry_after_seconds| PinUnanswered::TooMany { retry_after_seconds })
    }

    /// Checks a PIN. The answer is its salt, or none: wrong, locked, not set, or a device that may
    /// not act any more, which take the same time.
    ///
    /// # Errors
    /// [`PinUnanswered`].
    pub(crate) async fn check(
        &self,
        trier: Trier,
        pin: Digits,
    ) -> Result<Option<[u8; 16]>, PinUnanswered> {
        self.ask(trier, pin, Task::Check).await
    }

    /// Hashes a PIN that is to be set.
    ///
    /// # Errors
    /// [`PinUnanswered`].
    pub(crate) async fn make(&self, trier: Trier, pin: Digits) -> Result<KeptPin, PinUnanswered> {
        self.ask(trier, pin, Task::Make).await
    }

    async fn ask<T>(
        &self,
        trier: Trier,
        pin: Digits,
        task: impl FnOnce(Reply<T>) -> Task,
    ) -> Result<T, PinUnanswered> {
        let full = |_| PinUnanswered::TooMany { retry_after_seconds: FULL_RETRY_SECONDS };
        let place = self.queue.try_reserve().map_err(full)?;
        let now = self.clock.now();
        lock(&self.quota)
            .admit(trier.device, now)
            .map_err(|retry_after_seconds| PinUnanswered::TooMany { retry_after_seconds })?;
        let (reply, answer) = oneshot::channel();
        let late_after = now.plus_millis(WAIT_MILLIS_MAX);
        place.send(Job { trier, pin, late_after, task: task(reply) });
        answer.await.unwrap_or(Err(PinUnanswered::Store(StoreError::Silent)))
    }
}

fn lock(quota: &Mutex<Quota>) -> MutexGuard<'_, Quota> {
    // A panic while the lock was held leaves counts that are still counts.
    quota.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Worker {
    parts: PinsParts,
    hasher: Hasher,
    quota: Arc<Mutex<Quota>>,
    share: Share,
}

impl Worker {
    async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.recv().await {
            lock(&self.quota).leaves_queue(job.trier.device);
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
                let locked = matches!(checked, Ok(Checked::Locked));
                let _ = reply.send(checked.map(Checked::salt));
                // Only now, so that the time says nothing.
                if locked {
                    self.tell_locked(trier).await;
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
            let locked = number == TRIES_MAX && expected.is_some();
            let checked = if locked { Checked::Locked } else { Checked::Refused };
            return (Ok(checked), hashing);
        }
        let forget = self.parts.store.forget_pin_tries(trier.device, trier.payer, salt);
        let checked = in_time(forget).await;
        let checked =
            checked.map(|right| if right { Checked::Right(salt) } else { Checked::Refused });
        (checked.map_err(PinUnanswered::Store), hashing)
    }

    /// Lets the payer's devices know that nobody can use the PIN now.
    async fn tell_locked(&self, trier: Trier) {
        let tell = async {
            let Some(mut change) = self.parts.store.change(trier.payer).await? else {
                return Ok(());
            };
            change.tell("pin.locked");
            let now = self.parts.clock.now();
            change.commit(self.parts.entropy.id(now), now).await?;
            self.parts.notifier.wake([trier.payer]);
            Ok(())
        };
        if let Err(error) = in_time(tell).await {
            tracing::warn!(%error, "a payer was not told that the PIN is locked");
        }
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
    /// Wrong, and the last that was allowed.
    Locked,
}

impl Checked {
    fn salt(self) -> Option<[u8; 16]> {
        match self {
            Self::Right(salt) => Some(salt),
            Self::Refused | Self::Locked => None,
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
    tokio::time::timeout(SILENCE_MAX, question).await.unwrap_or(Err(StoreError::Silent))
}

/// How much of the machine hashing gets.
#[derive(Clone, Copy, Debug)]
struct Share {
    /// In percent of one core.
    percent: u32,
}

impl Share {
    fn new(cpu_percent: u8, cores: usize) -> Self {
        let cores = u32::try_from(cores).unwrap_or(u32::MAX);
        Self { percent: u32::from(cpu_percent).max(1).saturating_mul(cores) }
    }

    /// How long to rest after a hash, so that hashing has its share of the whole.
    fn rest(self, hashing: Duration) -> Duration {
        match 100_u32.checked_sub(self.percent) {
            Some(resting) => hashing.saturating_mul(resting) / self.percent,
            None => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Share;

    #[test]
    fn hashing_rests_as_long_as_its_share_asks() {
        let millis = Duration::from_millis;
        // 15 % of two cores are 30 % of one: 30 ms of work in 100 ms.
        assert_eq!(Share::new(15, 2).rest(millis(30)), millis(70));
        assert_eq!(Share::new(15, 1).rest(millis(15)), millis(85));
        assert_eq!(Share::new(50, 2).rest(millis(30)), Duration::ZERO);
        assert_eq!(Share::new(15, 64).rest(millis(30)), Duration::ZERO);
        assert_eq!(Share::new(15, 2).rest(Duration::ZERO), Duration::ZERO);
    }
}
