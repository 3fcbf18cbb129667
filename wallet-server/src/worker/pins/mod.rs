//! PINs are hashed one after the other, by a thread that rests in between.
//!
//! A hash is slow on purpose, so whoever sends many PINs could take the processor from payments.
//! Hence one thread, and after a hash that took `t` a rest: hashing gets its share of the machine
//! and no more, however many ask. Who waits is served in turn, one try of a payer at a time, and
//! whoever tries too often is sent away before anything is computed or written.
//!
//! A try of a PIN takes these steps, and each is committed before the next:
//!
//! | step | so that |
//! |---|---|
//! | admitted: its payer has no other one waiting and has not used up the minute | one payer cannot fill the queue, with however many devices |
//! | counted, in the database | tries at once, and on several servers, are as many tries |
//! | hashed, also when the PIN is locked or not set | the time says nothing |
//! | the count goes back to zero, if it was right and the PIN is not locked | |
//! | the payer's devices are told, if the PIN is locked and they were not | also where the try that locked it was not looked at to the end |

mod hasher;
mod quota;
mod share;
mod worker;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, thread};

use tokio::sync::{mpsc, oneshot};
use wallet_core::{DeviceKeyId, Timestamp};
use zeroize::Zeroizing;

use super::alarm::Alarm;
use super::notifier::Notifier;
use crate::clock::Clock;
use crate::domain::ids::PayerId;
use crate::entropy::Entropy;
use crate::issuer::{IssuerKeys, PinCost};
use crate::store::{KeptPin, Store, StoreError};
use hasher::Hasher;
use quota::Quota;
use share::Share;
use worker::Worker;

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
    /// Too many tries: of this payer, or altogether.
    TooMany {
        /// When to come back.
        retry_after_seconds: u16,
    },
    /// The database failed, or the server is stopping.
    Store(StoreError),
}

/// What hashing may cost, and how often one payer may ask.
#[derive(Clone, Copy, Debug)]
pub struct PinRules {
    /// What the hash of a PIN that is set now costs.
    pub cost: PinCost,
    /// How often a payer's devices may ask in a minute, all of them together.
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
    /// Who hears when it falls.
    pub alarm: Alarm,
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
        let alarm = worker.parts.alarm.clone();
        drop(alarm.spawn("PINs", worker.run(jobs)));
        Ok(Self { queue, quota, clock })
    }

    /// Whether a payer's device may ask at all now: to be known before anything is written for it.
    ///
    /// # Errors
    /// [`PinUnanswered::TooMany`].
    pub(crate) fn may_ask(&self, payer: PayerId) -> Result<(), PinUnanswered> {
        if self.queue.capacity() == 0 {
            return Err(PinUnanswered::TooMany { retry_after_seconds: FULL_RETRY_SECONDS });
        }
        lock(&self.quota)
            .would_admit(payer, self.clock.now())
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
            .admit(trier.payer, now)
            .map_err(|retry_after_seconds| PinUnanswered::TooMany { retry_after_seconds })?;
        let (reply, answer) = oneshot::channel();
        let late_after = now.plus_millis(WAIT_MILLIS_MAX);
        place.send(Job { trier, pin, late_after, task: task(reply) });
        // The worker is gone, and what it did is not known.
        answer.await.unwrap_or_else(|_| Err(PinUnanswered::Store(StoreError::unheard_commit())))
    }
}

fn lock(quota: &Mutex<Quota>) -> MutexGuard<'_, Quota> {
    // A panic while the lock was held leaves counts that are still counts.
    quota.lock().unwrap_or_else(PoisonError::into_inner)
}
