//! Copies what happened to merchants from the journal into the feed, ends days, and wakes the
//! merchants who wait.
//!
//! Nobody's payment waits for it: it follows the journal a moment later, many events in a
//! transaction. Every process runs it; where several share the books, the one that holds the lease
//! writes, and the others only wake their own merchants. If two believe to hold the lease, the
//! place of the feed, which each step moves on from where it began, lets one of them write.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::alarm::Alarm;
use super::complaint::Complaint;
use super::leases::Leases;
use super::notifier::Notifier;
use crate::clock::Clock;
use crate::domain::limits::{Calendar, Day};
use crate::domain::merchant_feed::{Believed, DayEnd, Days, Fed, Happened, add_up};
use crate::entropy::Entropy;
use crate::metrics::{Metrics, Part};
use crate::store::{FeedPart, FeedPlace, FeedStep, Store, StoreError, again};

/// The name of the lease.
const LEASE: &str = "merchant_feed";
/// How long it gathers after it has heard of a commit: a step for each commit would cost payments
/// more than it is worth to those who wait.
const GATHER: Duration = Duration::from_millis(25);
/// How many times as long as the last step took it gathers at least, and the longest that it does for
/// that: a busy database has payments to settle, and a step that waited long for its turn is sooner
/// one for more events.
const GATHER_STEPS: u32 = 4;
const GATHER_MAX: Duration = Duration::from_millis(200);
/// How often it looks by itself: days end, and a commit may go unheard.
const EVERY: Duration = Duration::from_secs(1);
/// The same where other processes commit, of which it does not hear.
const EVERY_SHARED: Duration = Duration::from_millis(100);
/// After how many looks a process that was refused the lease asks again: within seconds.
const LOOKS_TO_QUESTION: u32 = 20;

/// The running task.
#[derive(Debug)]
pub struct MerchantFeed {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// What it works with.
pub struct MerchantFeedParts {
    /// The books.
    pub store: Arc<Store>,
    /// Whom to wake, and what tells of commits.
    pub notifier: Notifier,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For the lease.
    pub entropy: Arc<Entropy>,
    /// Where days begin.
    pub calendar: Calendar,
    /// Where it says how far it is.
    pub metrics: Arc<Metrics>,
    /// Who hears when it falls.
    pub alarm: Alarm,
}

struct Loop {
    parts: MerchantFeedParts,
    /// None where this process has the books to itself.
    leases: Option<Leases>,
    /// Up to where this process has woken its merchants.
    woken: Option<i64>,
    /// Which day it is, as far as the clock is believed.
    believed: Believed,
    /// Whether the clock showed a later one when it was last looked at.
    doubted: bool,
    /// How many looks to go before it asks for the lease again.
    looks_to_question: u32,
}

impl MerchantFeed {
    /// Starts it; it begins with whatever the journal has by now.
    #[must_use]
    pub fn start(parts: MerchantFeedParts) -> Self {
        let (stop, stopped) = oneshot::channel();
        let alarm = parts.alarm.clone();
        let leases = parts.store.is_shared().then(|| {
            Leases::new(Arc::clone(&parts.store), Arc::clone(&parts.clock), &parts.entropy)
        });
        let shown = parts.calendar.day(parts.clock.now());
        let believed = Believed::begin(shown, parts.clock.steady_millis());
        let (woken, looks_to_question, doubted) = (None, 0, false);
        let feed = Loop { parts, leases, woken, believed, doubted, looks_to_question };
        let task = alarm.spawn("merchants' feed", feed.run(stopped));
        Self { stop, task }
    }

    /// Ends it, after the step under way. What the journal has beyond is found at the next start.
    pub async fn stop(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

impl Loop {
    async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let every = if self.leases.is_some() { EVERY_SHARED } else { EVERY };
        let notifier = self.parts.notifier.clone();
        let mut complaint = Complaint::new("the merchants' feed waits");
        loop {
            // From here on no commit goes unheard, whether the step below sees it or not.
            let grown = notifier.journal_growth();
            tokio::pin!(grown);
            grown.as_mut().enable();
            let began = self.parts.clock.steady_millis();
            let outcome = self.step(&mut stopped).await;
            let gather = gather_after(self.parts.clock.steady_millis().saturating_sub(began));
            complaint.hear(&outcome);
            if let Ok(false) = outcome {
                break;
            }
            let gathered = async {
                if outcome.is_err() {
                    std::future::pending::<()>().await;
                }
                grown.await;
                tokio::time::sleep(gather).await;
            };
            tokio::select! {
                _ = &mut stopped => break,
                () = gathered => {}
                () = tokio::time::sleep(every) => {}
            }
        }
        if let Some(leases) = &self.leases
            && let Err(error) = leases.release().await
        {
            tracing::warn!(%error, "the feed's lease could not be given up; it ends by itself");
        }
    }

    /// Writes whatever the journal has, in steps; false when it was stopped in between.
    async fn step(&mut self, stopped: &mut oneshot::Receiver<()>) -> Result<bool, StoreError> {
        if !self.may_write().await? {
            self.follow().await?;
            return Ok(true);
        }
        loop {
            let place = self.parts.store.feed_place().await?;
            let part = self.parts.store.feed_part(place.position).await?;
            let more = part.more;
            if !self.write(place, part).await? {
                // Somebody else holds the lease by now.
                if let Some(leases) = &self.leases {
                    leases.forget(LEASE);
                }
                return Ok(true);
            }
            if !matches!(stopped.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
                return Ok(false);
            }
            if !more {
                let now = self.parts.clock.now();
                self.parts.metrics.caught_up(Part::MerchantFeed, now);
                return Ok(true);
            }
        }
    }

    /// Whether this process writes the feed.
    async fn may_write(&mut self) -> Result<bool, StoreError> {
        let Some(leases) = &self.leases else { return Ok(true) };
        leases.renew().await?;
        if leases.holds(LEASE) {
            return Ok(true);
        }
        if let Some(less) = self.looks_to_question.checked_sub(1) {
            self.looks_to_question = less;
            return Ok(false);
        }
        self.looks_to_question = LOOKS_TO_QUESTION;
        let acquired = leases.acquire(LEASE).await?;
        if acquired {
            // What the process before wrote last, it told nobody here.
            self.follow().await?;
        }
        Ok(acquired)
    }

    /// Writes one part, if there is anything to write; false when somebody else has come further.
    async fn write(&mut self, place: FeedPlace, part: FeedPart) -> Result<bool, StoreError> {
        let Self { parts, believed, doubted, .. } = self;
        let FeedPart { events, last, more } = part;
        let mut days = match place.closed {
            Some(closed) => Days { closed },
            None => Days::begin(&parts.calendar, place.begun_at),
        };
        let now = parts.clock.now();
        let shown = parts.calendar.day(now);
        let today = believed.look(shown, parts.clock.steady_millis());
        if today < shown && !*doubted {
            tracing::error!(
                clock_millis = now.unix_millis(),
                days_ahead = shown.0.saturating_sub(today.0),
                "the clock shows a day that cannot have come yet; no day ends by it"
            );
        }
        *doubted = today < shown;
        let mut ends = ended(&mut days, &parts.calendar, today, &events);
        if !more {
            ends.extend(days.pass(&parts.calendar, now, today, last));
        }
        if last == place.position && ends.is_empty() && place.closed == Some(days.closed) {
            return Ok(true);
        }
        let balances = parts.store.feed_balances(&events).await?;
        let fed = add_up(balances, events)
            .map_err(|_| StoreError::Corrupt("a merchant's balance is more than 64 bits hold"))?;
        let (expected, closed) = (place.position, days.closed);
        let step = FeedStep { expected, position: last, fed: &fed, ends: &ends, closed };
        if !again!(parts.store.write_feed(step))? {
            return Ok(false);
        }
        parts.notifier.wake(merchants(&fed));
        self.woken = Some(last);
        Ok(true)
    }

    /// Wakes this process's merchants after another one has written.
    async fn follow(&mut self) -> Result<(), StoreError> {
        if !self.parts.notifier.has_merchants() {
            self.woken = None;
            return Ok(());
        }
        let end = self.parts.store.feed_place().await?.position;
        let Some(mut position) = self.woken else {
            // Whatever came before was there when they look again.
            self.parts.notifier.wake_all();
            self.woken = Some(end);
            return Ok(());
        };
        while position < end {
            let (merchants, last) = self.parts.store.merchants_between(position, end).await?;
            self.parts.notifier.wake(merchants);
            position = last;
        }
        self.woken = Some(end);
        Ok(())
    }
}

/// How long to gather after a step that took so long.
fn gather_after(step_millis: i64) -> Duration {
    let step = Duration::from_millis(step_millis.try_into().unwrap_or(0));
    step.saturating_mul(GATHER_STEPS).clamp(GATHER, GATHER_MAX)
}

/// The days that end with these events, none of which is of a later day than that.
fn ended(days: &mut Days, calendar: &Calendar, latest: Day, events: &[Happened]) -> Vec<DayEnd> {
    let day = |event: &Happened| calendar.day(event.created_at).min(latest);
    let end = |event: &Happened| days.reach(day(event), event.position);
    events.iter().filter_map(end).collect()
}

/// Each merchant once.
fn merchants(fed: &[Fed]) -> HashSet<crate::domain::ids::MerchantId> {
    fed.iter().map(|fed| fed.happened.merchant).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::gather_after;

    #[test]
    fn it_gathers_longer_after_longer_steps_up_to_a_limit() {
        let gathered = [-1, 0, 6, 7, 50, 1000].map(gather_after);
        assert_eq!(gathered, [25, 25, 25, 28, 200, 200].map(Duration::from_millis));
    }
}
