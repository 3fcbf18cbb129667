//! Tells merchants' endpoints of their events.
//!
//! | step | where | so that |
//! |---|---|---|
//! | the journal is followed, in its order | [`follow`] | what an endpoint wants becomes a row that waits, in the transaction that moves the cursor: once, whatever crashes |
//! | what is due is sent | [`send`] | an endpoint has one request at a time, so events come to it in the order of the journal; one that fails waits, and later ones pass it |
//! | what came of it is written | [`record`] | a crash before that sends it again, under the same id |
//!
//! Nothing here is on the path of a payment. An endpoint that does not answer holds one place among
//! many for as long as a request may take. One that has failed, or was slow, holds a place among few
//! others like it, and one that fails rests longer and longer, so the dead get in nobody's way. Where
//! several processes use one database, the one with the lease does all of this. If two believe to
//! have it, one of them finds the cursor moved, and some events are sent twice, as they may be.

mod follow;
mod record;
mod send;

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinHandle, JoinSet};

use super::alarm::Alarm;
use super::complaint::Complaint;
use super::leases::Leases;
use crate::clock::Clock;
use crate::domain::ids::WebhookEndpointId;
use crate::entropy::Entropy;
use crate::issuer::IssuerKeys;
use crate::metrics::Metrics;
use crate::outbound::Client;
use crate::store::{EventPlace, Store, StoreError};
use follow::Followed;
use send::Run;

/// How often to look for what is new and what has ended: half of it is how much later than possible
/// an event is sent.
const TICK: Duration = Duration::from_millis(50);
/// In how many ticks everything else is looked at: whether there are endpoints at all, whose time has
/// come again, whose lease it is.
const TICKS_BETWEEN_LOOKS: u32 = 20;
/// How often deliveries that wait are counted, in looks.
const LOOKS_BETWEEN_COUNTS: u32 = 15;
/// Up to how many of them are counted.
const WAITING_COUNTED_MAX: u32 = 100_000;
/// The name of the lease.
const LEASE: &str = "webhooks";
/// How long requests under way may take to end when the server stops. What was not heard of by then
/// is sent again after the next start.
const GRACE: Duration = Duration::from_secs(3);

/// What an event says, as the API writes it.
#[derive(Clone, Debug)]
pub struct EventText {
    /// The event's id, by which whoever is told twice knows it again.
    pub id: String,
    /// The body.
    pub body: String,
}

/// What a number of events say. Worked out when it is sent and kept nowhere: it follows from the
/// journal, and so it is the same text each time.
pub type EventTexts = Arc<
    dyn Fn(
            Vec<EventPlace>,
        ) -> Pin<
            Box<dyn Future<Output = Result<HashMap<EventPlace, EventText>, StoreError>> + Send>,
        > + Send
        + Sync,
>;

/// What it works with.
pub struct WebhooksParts {
    /// The books.
    pub store: Arc<Store>,
    /// What signs.
    pub keys: Arc<dyn IssuerKeys>,
    /// What is sent.
    pub texts: EventTexts,
    /// The way out.
    pub client: Client,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For how much pauses differ.
    pub entropy: Arc<Entropy>,
    /// What to count.
    pub metrics: Arc<Metrics>,
    /// Who hears when it falls.
    pub alarm: Alarm,
}

/// The running task.
#[derive(Debug)]
pub struct Webhooks {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Webhooks {
    /// Starts it.
    #[must_use]
    pub fn start(parts: WebhooksParts) -> Self {
        let (stop, stopped) = oneshot::channel();
        let alarm = parts.alarm.clone();
        let leases = parts.store.is_shared().then(|| {
            Leases::new(Arc::clone(&parts.store), Arc::clone(&parts.clock), &parts.entropy)
        });
        let worker = Worker {
            parts: Arc::new(parts),
            leases,
            followed: None,
            ready: Ready::default(),
            under_way: UnderWay::default(),
            slow: HashSet::new(),
            runs: JoinSet::new(),
            unwritten: Vec::new(),
            stopping: Arc::default(),
            looks_to_count: 0,
        };
        Self { stop, task: alarm.spawn("webhooks", worker.run(stopped)) }
    }

    /// Ends it: begins nothing new, and writes what came of what is under way.
    pub async fn stop(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

struct Worker {
    parts: Arc<WebhooksParts>,
    leases: Option<Leases>,
    /// Where the journal was followed to; none while it is not this process that does it.
    followed: Option<Followed>,
    ready: Ready,
    under_way: UnderWay,
    /// Whose last answer took long.
    slow: HashSet<WebhookEndpointId>,
    runs: JoinSet<Run>,
    /// Runs that ended and could not be written yet. Their endpoints wait for that.
    unwritten: Vec<Run>,
    stopping: Arc<AtomicBool>,
    looks_to_count: u32,
}

/// Endpoints that may have something to be sent, each once, first come first served.
#[derive(Default)]
struct Ready {
    queue: VecDeque<WebhookEndpointId>,
    /// Those that are known to need one of the few places. In a line of their own, so that each of
    /// them gets its turn, however many there are, and they keep nobody waiting.
    few: VecDeque<WebhookEndpointId>,
    /// Who is in either.
    queued: HashSet<WebhookEndpointId>,
}

impl Ready {
    fn add(&mut self, endpoint: WebhookEndpointId) {
        if self.queued.insert(endpoint) {
            self.queue.push_back(endpoint);
        }
    }

    /// It was found that there is no room for it.
    fn put_back(&mut self, endpoint: WebhookEndpointId, among_few: bool) {
        if self.queued.insert(endpoint) {
            if among_few { &mut self.few } else { &mut self.queue }.push_back(endpoint);
        }
    }

    /// The first ones, at most so many, and the first of those that need one of the few places, of
    /// which so many are free. They are then no longer there.
    fn take(&mut self, most: usize, few: usize) -> Vec<WebhookEndpointId> {
        let mut taken: Vec<_> = self.few.drain(..few.min(self.few.len())).collect();
        taken.extend(self.queue.drain(..most.min(self.queue.len())));
        for endpoint in &taken {
            self.queued.remove(endpoint);
        }
        taken
    }
}

/// Which endpoints have a request under way, and among whom.
#[derive(Default)]
struct UnderWay {
    endpoints: HashSet<WebhookEndpointId>,
    tasks: HashMap<Id, WebhookEndpointId>,
    failing_endpoints: HashSet<WebhookEndpointId>,
    healthy: usize,
    failing: usize,
}

impl Worker {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut ticks, mut complaint) = (0, Complaint::new("webhooks wait"));
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                _ = tick.tick() => {}
            }
            let outcome = self.step(ticks == 0).await;
            ticks = if ticks == 0 { TICKS_BETWEEN_LOOKS } else { ticks } - 1;
            complaint.hear(&outcome);
        }
        self.end().await;
    }

    async fn step(&mut self, look: bool) -> Result<(), StoreError> {
        self.collect();
        self.record().await?;
        if look {
            self.look().await?;
        }
        self.follow().await?;
        self.send().await
    }

    /// Looks whether this process is to do anything, and who has something to be sent.
    async fn look(&mut self) -> Result<(), StoreError> {
        let found = self.parts.store.webhooks_followed().await?;
        // Where nobody wants to be told, nobody needs the lease.
        if found.since.is_none() || !self.is_first().await? {
            self.followed = None;
            self.ready = Ready::default();
            self.slow = HashSet::new();
            // Whoever tells now counts them, or nobody waits.
            self.parts.metrics.webhooks_wait(0);
            self.looks_to_count = 0;
            return Ok(());
        }
        self.follow_from(found);
        self.sweep().await?;
        self.count().await
    }

    /// Whether it is this process that tells. An understanding, and no lock.
    async fn is_first(&mut self) -> Result<bool, StoreError> {
        let Some(leases) = &self.leases else { return Ok(true) };
        if !leases.holds(LEASE) {
            return leases.acquire(LEASE).await;
        }
        leases.renew().await?;
        Ok(leases.holds(LEASE))
    }

    async fn count(&mut self) -> Result<(), StoreError> {
        if let Some(less) = self.looks_to_count.checked_sub(1) {
            self.looks_to_count = less;
            return Ok(());
        }
        self.looks_to_count = LOOKS_BETWEEN_COUNTS;
        let waiting = self.parts.store.waiting_deliveries(WAITING_COUNTED_MAX).await?;
        self.parts.metrics.webhooks_wait(waiting);
        Ok(())
    }

    async fn end(mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        let ended = async {
            while let Some(run) = self.runs.join_next().await {
                self.unwritten.extend(run.ok());
            }
        };
        let in_time = tokio::time::timeout(GRACE, ended).await.is_ok();
        if !in_time {
            tracing::info!("webhooks are still under way; they are sent again later");
        }
        self.runs.abort_all();
        if let Err(error) = self.record().await {
            tracing::warn!(%error, "what became of webhooks is not written; they are sent again");
        }
        if let Some(leases) = self.leases
            && let Err(error) = leases.release().await
        {
            tracing::warn!(%error, "leases could not be given up; they end by themselves");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ready, WebhookEndpointId};

    fn endpoint(number: u8) -> WebhookEndpointId {
        WebhookEndpointId::from_bytes([number; 16])
    }

    #[test]
    fn each_of_many_dead_endpoints_gets_its_turn_and_keeps_nobody_waiting() {
        let mut ready = Ready::default();
        let mut turns = [0; 100];
        for _ in 0..100 {
            // The sweep finds all of them again and again, in the order of their ids.
            for number in 0..100 {
                ready.add(endpoint(number));
            }
            let taken = ready.take(100, 2);
            // Those that stand in line already are looked at when it is their turn.
            for (place, it) in taken.into_iter().enumerate() {
                if place < 2 {
                    turns[usize::from(it.as_bytes()[0])] += 1;
                } else {
                    ready.put_back(it, true);
                }
            }
            ready.add(endpoint(200));
            assert!(ready.take(1, 0) == [endpoint(200)], "a healthy one waits for the dead");
        }
        assert_eq!(turns, [2; 100]);
    }
}
