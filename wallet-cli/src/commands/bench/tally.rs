//! What clients saw: answers, and how long they took.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wallet_core::receipt::PaymentState;
use wallet_server::domain::ids::PaymentId;

use crate::system;

/// What one client, or all of them, saw.
#[derive(Default, Debug)]
pub(super) struct Tally {
    /// How long each payment took, in microseconds.
    latencies: Vec<u32>,
    /// The payments that the server answered for.
    pub(super) acknowledged: Vec<(PaymentId, PaymentState)>,
    /// Other answers, by what they were, and how often each came.
    pub(super) others: BTreeMap<String, u64>,
    /// Requests whose answer never came: the payment may or may not have been made.
    pub(super) unanswered: u64,
    /// Whether there was nothing left to present before the time was over.
    pub(super) ran_out: bool,
}

impl Tally {
    /// A payment was answered for.
    pub(super) fn payment(&mut self, id: PaymentId, state: PaymentState, since: Instant) {
        let micros = system::instant().saturating_duration_since(since).as_micros();
        self.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
        self.acknowledged.push((id, state));
    }

    /// Something else was answered.
    pub(super) fn other(&mut self, what: impl Into<String>) {
        *self.others.entry(what.into()).or_default() += 1;
    }

    /// Adds what another client saw.
    pub(super) fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.acknowledged.extend(other.acknowledged);
        for (what, count) in other.others {
            *self.others.entry(what).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.ran_out |= other.ran_out;
    }

    /// How many payments are in this state.
    pub(super) fn count(&self, state: PaymentState) -> usize {
        self.acknowledged.iter().filter(|payment| payment.1 == state).count()
    }

    /// The latencies in order.
    pub(super) fn latencies(&mut self) -> Latencies<'_> {
        self.latencies.sort_unstable();
        Latencies(&self.latencies)
    }
}

/// Latencies in order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latencies<'a>(&'a [u32]);

impl Latencies<'_> {
    /// The time within which this many of a thousand payments were answered: the smallest latency
    /// that is not exceeded by that share of them. None when there was no payment.
    pub(super) fn per_mille(self, share: usize) -> Option<Duration> {
        let rank = self.0.len().saturating_mul(share).div_ceil(1000).max(1);
        self.0.get(rank - 1).map(|micros| Duration::from_micros(u64::from(*micros)))
    }
}

/// When clients send: as soon as they have an answer, or so many a second over all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    starts: Instant,
    ends: Option<Instant>,
    /// Requests a second.
    rate: Option<u64>,
    clients: usize,
}

impl Pace {
    /// From now on for this long.
    pub(super) fn new(lasts: Duration, rate: Option<u64>, clients: usize) -> Self {
        let starts = system::instant();
        Self { starts, ends: starts.checked_add(lasts), rate, clients }
    }

    /// As fast as possible, until there is nothing left.
    pub(super) fn to_the_end() -> Self {
        Self { starts: system::instant(), ends: None, rate: None, clients: 1 }
    }

    /// When it began.
    pub(super) fn starts(&self) -> Instant {
        self.starts
    }

    /// Waits until a client may send its `n`-th request, and says from when on its latency counts;
    /// none when the time is over.
    ///
    /// A request that is late because the answer before it was late counts from when it should
    /// have been sent, as whoever waits in a queue does.
    pub(super) async fn turn(&self, client: usize, n: usize) -> Option<Instant> {
        let now = system::instant();
        let over = |moment| self.ends.is_some_and(|ends| moment >= ends);
        let due = self.due(client, n).unwrap_or(now);
        if over(now) || over(due) {
            return None;
        }
        if due <= now {
            return Some(due);
        }
        tokio::time::sleep_until(due.into()).await;
        Some(system::instant())
    }

    fn due(&self, client: usize, n: usize) -> Option<Instant> {
        let position = n.saturating_mul(self.clients).saturating_add(client);
        let nanos = u64::try_from(position).ok()?.saturating_mul(1_000_000_000) / self.rate?;
        self.starts.checked_add(Duration::from_nanos(nanos))
    }
}

/// How many answers came so far, for whoever watches.
#[derive(Default, Debug)]
pub(super) struct Progress(AtomicU64);

impl Progress {
    pub(super) fn step(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, steps: usize) {
        self.0.fetch_add(u64::try_from(steps).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Latencies, Pace};

    #[test]
    fn a_percentile_is_the_smallest_latency_that_so_many_did_not_exceed() {
        let latencies: Vec<u32> = (1..=1000).collect();
        let latencies = Latencies(&latencies);
        for (share, micros) in [(1, 1), (500, 500), (990, 990), (999, 999), (1000, 1000)] {
            assert_eq!(latencies.per_mille(share), Some(Duration::from_micros(micros)));
        }
        assert_eq!(Latencies(&[7]).per_mille(500), Some(Duration::from_micros(7)));
        assert_eq!(Latencies(&[1, 9]).per_mille(990), Some(Duration::from_micros(9)));
        assert_eq!(Latencies(&[]).per_mille(500), None);
    }

    #[test]
    fn requests_at_a_rate_are_spread_over_the_clients() {
        let pace = Pace::new(Duration::from_secs(1), Some(100), 4);
        let due = |client, n| pace.due(client, n).unwrap() - pace.starts();
        assert_eq!(due(0, 0), Duration::ZERO);
        assert_eq!(due(3, 0), Duration::from_millis(30));
        assert_eq!(due(1, 2), Duration::from_millis(90));
    }
}
