//! Threads for computing: signatures and sealed codes, off the async threads.
//!
//! There is one for each core, because this is all they do. They have names of their own, so that
//! an operator sees what they cost.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use tokio::sync::oneshot;

use crate::priority::{COMPUTING, step_back};

/// The most that may wait: as many as requests may be under way, and some from phones.
const WAITING_MAX: usize = 8192;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end when this is dropped and what waits is done.
#[derive(Debug)]
pub(crate) struct Verifiers(SyncSender<Job>);

/// There is no room for another job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Full;

impl Verifiers {
    /// Starts a thread for each core.
    ///
    /// # Errors
    /// When there cannot be another thread.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let receiver = Arc::new(Mutex::new(receiver));
        for number in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            let jobs = Arc::clone(&receiver);
            let builder = thread::Builder::new().name(format!("verify-{number}"));
            builder.spawn(move || {
                step_back(COMPUTING);
                while next(&jobs).is_some_and(work) {}
            })?;
        }
        Ok(Self(sender))
    }

    /// Queues a computation. Its result never comes if it panics.
    pub(crate) fn compute<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Full> {
        let (reply, result) = oneshot::channel();
        let job = move || {
            // Whoever asked may have gone.
            drop(reply.send(compute()));
        };
        self.0.try_send(Box::new(job)).map_err(|_| Full)?;
        Ok(result)
    }
}

/// The next job; `None` when there will be none.
fn next(jobs: &Mutex<Receiver<Job>>) -> Option<Job> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()
}

/// Does a job. A panic in it must not end the thread.
fn work(job: Job) -> bool {
    if catch_unwind(AssertUnwindSafe(job)).is_err() {
        tracing::error!("a computation panicked");
    }
    true
}
