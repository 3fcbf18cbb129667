//! Ends what nobody acted upon in time: payments that their payers did not confirm or their
//! merchants did not capture, red envelopes that nobody claimed, or not to the end, and orders that
//! nobody paid.
//!
//! Every process does it. They ask for what is overdue through an index that holds only what
//! waits, and settle it like everything else; whoever comes second finds it decided.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::trusted_clock::TrustedClock;
use super::{Alarm, Batcher};
use crate::clock::Clock;
use crate::domain::command::{Command, EndEnvelope, EndOrder, OrderEnd, Resolve, Resolver};
use crate::domain::ids::{EnvelopeId, MerchantId, OrderId, PayerId};
use crate::entropy::Entropy;
use crate::store::{Overdue, Store, StoreError};

/// How long a clock must stay ahead until what it calls overdue is ended: a machine that was asleep
/// ends it some minutes late.
const CLOCK_BELIEVED_AFTER: Duration = Duration::from_mins(5);
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
    /// Who hears when it falls.
    pub alarm: Alarm,
}

impl Expiry {
    /// Starts it; it looks at once, and then every second.
    #[must_use]
    pub fn start(parts: ExpiryParts) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let alarm = parts.alarm.clone();
        let task = alarm.spawn("expiry", async move {
            let (store, clock) = (Arc::clone(&parts.store), Arc::clone(&parts.clock));
            let mut clock = TrustedClock::new(store, clock, CLOCK_BELIEVED_AFTER);
            let mut tick = tokio::time::interval(EVERY);
            loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = tick.tick() => {}
                }
                match parts.end_overdue(&mut clock, &mut stopped).await {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => tracing::warn!(%error, "what is overdue is still there"),
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
    /// Ends everything that is overdue, in steps; false when it was stopped in between.
    async fn end_overdue(
        &self,
        clock: &mut TrustedClock,
        stopped: &mut oneshot::Receiver<()>,
    ) -> Result<bool, StoreError> {
        loop {
            let now = clock.now().await?;
            let payments = self.store.overdue(now, STEP_MAX).await?;
            let envelopes = self.store.overdue_envelopes(now, STEP_MAX).await?;
            let orders = self.store.overdue_orders(now, STEP_MAX).await?;
            let most = payments.len().max(envelopes.len()).max(orders.len());
            let full = most >= usize::from(STEP_MAX);
            let payments = payments.into_iter().map(|overdue| self.resolve(overdue));
            let envelopes = envelopes.into_iter().map(|overdue| self.give_back(overdue));
            let orders = orders.into_iter().map(end_order);
            let commands = payments.chain(envelopes).chain(orders).map(|command| self.end(command));
            let settled = join_all(commands).await.into_iter().filter(|settled| *settled).count();
            // What cannot be settled now is found again at the next tick.
            let going_on = matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty));
            if !full || settled == 0 || !going_on {
                return Ok(going_on);
            }
        }
    }

    /// Nobody confirmed or captured it in time.
    fn resolve(&self, Overdue { payment, payer, merchant }: Overdue) -> Command {
        let transfer = self.entropy.id(self.clock.now());
        Command::Resolve(Resolve { payment, payer, merchant, transfer, by: Resolver::Time })
    }

    /// Nobody claimed it in time, or not all of it.
    fn give_back(&self, (envelope, payer): (EnvelopeId, PayerId)) -> Command {
        let transfer = self.entropy.id(self.clock.now());
        Command::EndEnvelope(EndEnvelope { envelope, payer, transfer })
    }

    /// Ends one; says whether it was settled.
    async fn end(&self, command: Command) -> bool {
        let deadline = self.clock.now().plus_millis(DEADLINE_MILLIS);
        self.batcher.settle(command, deadline).await.is_ok()
    }
}

/// Nobody paid it in time.
fn end_order((order, merchant): (OrderId, MerchantId)) -> Command {
    Command::EndOrder(EndOrder { order, merchant, by: OrderEnd::Time })
}
