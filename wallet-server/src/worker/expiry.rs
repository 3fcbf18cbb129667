//! Ends what nobody acted upon in time: payments that their payers did not confirm.
//!
//! Every process does it. They ask for what is overdue through an index that holds only what
//! waits, and settle it like everything else; whoever comes second finds it decided.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Batcher;
use crate::clock::Clock;
use crate::domain::command::{Command, Resolve, Resolver};
use crate::entropy::Entropy;
use crate::store::{Overdue, Store, StoreError};

/// How often to look.
const EVERY: Duration = Duration::from_secs(1);
/// The most that is ended at once, so that payments go in between.
const STEP_MAX: u16 = 256;
/// How long ending something may wait in the queue. It is looked for again.
const DEADLINE_MILLIS: i64 = 10_000;

/// The running task.
#[derive(Debug)]
pub struct Expiry {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What it works with.
pub struct ExpiryParts {
    /// The books.
    pub store: Arc<Store>,
    /// The way into the ledger.
    pub batcher: Batcher,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For ids.
    pub entropy: Arc<Entropy>,
}

impl Expiry {
    /// Starts it; it looks at once, and then every second.
    #[must_use]
    pub fn start(parts: ExpiryParts) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut tick = tokio::time::interval(EVERY);
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = tick.tick() => {}
                }
                if let Err(error) = parts.end_overdue(&mut stopped).await {
                    tracing::warn!(%error, "what is overdue is still there");
                }
            }
        });
        Self { stop, task }
    }

    /// Ends it, after the step under way.
    pub async fn stop(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

impl ExpiryParts {
    /// Ends everything that is overdue, in steps.
    async fn end_overdue(&self, stopped: &mut oneshot::Receiver<()>) -> Result<(), StoreError> {
        loop {
            let overdue = self.store.overdue(self.clock.now(), STEP_MAX).await?;
            let full = overdue.len() == usize::from(STEP_MAX);
            let commands = overdue.into_iter().map(|overdue| self.end(overdue));
            let settled = join_all(commands).await.into_iter().filter(|settled| *settled).count();
            // What cannot be settled now is found again at the next tick.
            let going_on = matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty));
            if !full || settled == 0 || !going_on {
                return Ok(());
            }
        }
    }

    /// Ends one; says whether it was settled.
    async fn end(&self, overdue: Overdue) -> bool {
        let now = self.clock.now();
        let Overdue { payment, payer, merchant } = overdue;
        let transfer = self.entropy.id(now);
        let by = Resolver::Time;
        let command = Command::Resolve(Resolve { payment, payer, merchant, transfer, by });
        self.batcher.settle(command, now.plus_millis(DEADLINE_MILLIS)).await.is_ok()
    }
}
