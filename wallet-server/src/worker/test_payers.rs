//! Payers of tests decide about the payments that wait for them, a moment later, as people do.
//!
//! What is to be done stands in the books, so it is done after a restart as well, by whichever
//! process comes first; whoever comes second finds it decided.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wallet_core::Mode;

use super::{Alarm, Batcher};
use crate::clock::Clock;
use crate::domain::command::{Caller, Command, KeyRef, Request, Resolve, Resolver};
use crate::domain::request_hash::RequestHash;
use crate::domain::test_payer::TestOutcome;
use crate::entropy::Entropy;
use crate::store::{Deciding, Store, StoreError};

/// How often to look: people take no less.
const EVERY: Duration = Duration::from_secs(1);
/// The most that is decided in one go.
const STEP_MAX: u16 = 256;
/// How long deciding may wait in the queue. It is looked for again.
const DEADLINE_MILLIS: i64 = 10_000;
/// What was made before is not looked for: its code has died, and what waited has expired.
const MADE_WITHIN_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// Under which idempotency key such a payer decides, once.
const KEY: &str = "by-itself";

/// The running task.
#[derive(Debug)]
pub struct TestPayers {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What it works with.
pub struct TestPayersParts {
    /// The books.
    pub store: Arc<Store>,
    /// The way into the ledger.
    pub batcher: Batcher,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For ids.
    pub entropy: Arc<Entropy>,
    /// Who hears when it falls.
    pub alarm: Alarm,
}

impl TestPayers {
    /// Starts it; it looks at once, and then every second.
    #[must_use]
    pub fn start(parts: TestPayersParts) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let alarm = parts.alarm.clone();
        let task = alarm.spawn("test payers", async move {
            let mut tick = tokio::time::interval(EVERY);
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = tick.tick() => {}
                }
                if let Err(error) = parts.decide().await {
                    tracing::warn!(%error, "payers of tests have not decided");
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

impl TestPayersParts {
    /// Lets every payer decide who is to.
    async fn decide(&self) -> Result<(), StoreError> {
        let since = self.clock.now().plus_millis(-MADE_WITHIN_MILLIS);
        for deciding in self.store.deciding_test_payers(since, STEP_MAX).await? {
            let deadline = self.clock.now().plus_millis(DEADLINE_MILLIS);
            // Also if it was refused: the till, or the time, was faster.
            if self.batcher.settle(self.command(&deciding), deadline).await.is_ok() {
                self.store.test_payer_has_acted(deciding.payer, deciding.outcome).await?;
            }
        }
        Ok(())
    }

    fn command(&self, deciding: &Deciding) -> Command {
        let Deciding { payer, outcome, payment, merchant, device } = *deciding;
        let caller = Caller::Payer(payer);
        let key = KeyRef { caller, mode: Mode::Test, key: KEY.to_owned() };
        // Nobody else uses the key, and this one for nothing else.
        let request = Request { key, hash: RequestHash::from_bytes([0; 16]) };
        let confirmed = outcome == TestOutcome::Confirmed;
        let by = Resolver::Payer { device, confirmed, request };
        let transfer = self.entropy.id(self.clock.now());
        Command::Resolve(Resolve { payment, payer, merchant, transfer, by })
    }
}
