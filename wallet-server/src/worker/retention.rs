//! Forgets idempotency keys, nonces, former handles, the trail of API keys and the log of webhooks
//! after their time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Alarm;
use super::trusted_clock::TrustedClock;
use crate::clock::Clock;
use crate::domain::limits::{Calendar, Day};
use crate::store::{FORGET_MAX, Old, Store, StoreError, handles_kept_since};

/// How many days keys are kept. A repeat after that is told apart by its reference, which is kept
/// for ever.
const KEPT_DAYS: i32 = 30;
/// How long the trail of API keys is kept: a year, and a month to look at it.
const KEY_USES_KEPT_MILLIS: i64 = 400 * 24 * 60 * 60 * 1000;
/// How long the log of webhooks is kept, and whatever still waits by then.
const WEBHOOKS_KEPT_MILLIS: i64 = 30 * 24 * 60 * 60 * 1000;
/// How long a clock must stay ahead until what it calls old is forgotten.
const CLOCK_BELIEVED_AFTER: Duration = Duration::from_hours(1);
/// How often to look.
const EVERY: Duration = Duration::from_mins(1);

/// The running task.
#[derive(Debug)]
pub struct Retention {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Retention {
    /// Starts it; it looks at once, and then every minute.
    #[must_use]
    pub fn start(
        store: Arc<Store>,
        clock: Arc<dyn Clock>,
        calendar: Calendar,
        alarm: &Alarm,
    ) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = alarm.spawn("retention", async move {
            let mut clock = TrustedClock::new(Arc::clone(&store), clock, CLOCK_BELIEVED_AFTER);
            let mut tick = tokio::time::interval(EVERY);
            'running: loop {
                tokio::select! {
                    _ = &mut stopped => break,
                    _ = tick.tick() => {}
                }
                let now = match clock.now().await {
                    Ok(now) => now,
                    Err(error) => {
                        tracing::warn!(%error, "what is old is still there");
                        continue;
                    }
                };
                let before = Day(calendar.day(now).0.saturating_sub(KEPT_DAYS));
                for old in [
                    Old::Keys(before),
                    Old::Nonces(now),
                    Old::Handles(handles_kept_since(now)),
                    Old::KeyUses(now.plus_millis(-KEY_USES_KEPT_MILLIS)),
                    Old::WebhookDeliveries(now.plus_millis(-WEBHOOKS_KEPT_MILLIS)),
                    Old::WebhookAttempts(now.plus_millis(-WEBHOOKS_KEPT_MILLIS)),
                ] {
                    match forget(&store, old, &mut stopped).await {
                        Ok(true) => {}
                        Ok(false) => break 'running,
                        Err(error) => tracing::warn!(%error, ?old, "what is old is still there"),
                    }
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

/// Forgets in small steps, so that payments go in between; false when it was stopped in between.
async fn forget(
    store: &Store,
    old: Old,
    stopped: &mut oneshot::Receiver<()>,
) -> Result<bool, StoreError> {
    while store.forget(old).await? == u64::from(FORGET_MAX) {
        if !matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
            return Ok(false);
        }
    }
    Ok(true)
}
