//! What the server counts, for Prometheus. Labels name kinds, never persons or payments.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use wallet_core::Timestamp;
use wallet_core::receipt::Record;

use crate::domain::outcome::{Answer, Outcome};
use crate::domain::plan::Plan;
use crate::domain::webhooks::AttemptEnd;

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: String,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct WebhookLabel {
    outcome: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RequestLabel {
    method: String,
    route: String,
    status: u16,
}

/// What follows the payments a moment later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Gives batches their positions in the journal.
    Sequencer,
    /// Tells merchants.
    MerchantFeed,
    /// Signs the journal.
    Checkpoints,
}

impl Part {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sequencer => "sequencer",
            Self::MerchantFeed => "merchant_feed",
            Self::Checkpoints => "checkpoints",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct PartLabel {
    part: &'static str,
}

/// The server's counters.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    commands: Family<OutcomeLabel, Counter>,
    requests: Family<RequestLabel, Counter<u64, AtomicU64>>,
    batch_size: Histogram,
    webhook_attempts: Family<WebhookLabel, Counter>,
    webhooks_waiting: Gauge,
    caught_up: Family<PartLabel, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("wallet");
        let commands = Family::default();
        let requests = Family::default();
        let batch_size =
            Histogram::new([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0]);
        registry.register("commands", "Commands settled, by outcome", commands.clone());
        registry.register("http_requests", "Requests answered", requests.clone());
        let webhook_attempts = Family::default();
        let webhooks_waiting = Gauge::default();
        registry.register("batch_size", "Commands in one commit", batch_size.clone());
        let help = "Attempts to tell webhook endpoints of events, by outcome";
        registry.register("webhook_attempts", help, webhook_attempts.clone());
        let help = "Events that wait to be told to webhook endpoints, counted up to 100000";
        registry.register("webhooks_waiting", help, webhooks_waiting.clone());
        let caught_up = Family::default();
        let help = "When a part had last done everything that there was to do, Unix seconds";
        registry.register("caught_up_timestamp_seconds", help, caught_up.clone());
        Self {
            registry,
            commands,
            requests,
            batch_size,
            webhook_attempts,
            webhooks_waiting,
            caught_up,
        }
    }
}

impl Metrics {
    /// Counts a committed batch.
    pub fn settled(&self, plan: &Plan) {
        self.batch_size.observe(f64::from(u32::try_from(plan.outcomes.len()).unwrap_or(u32::MAX)));
        for outcome in &plan.outcomes {
            let outcome = outcome_name(outcome);
            self.commands.get_or_create(&OutcomeLabel { outcome }).inc();
        }
    }

    /// Counts an attempt to tell a webhook endpoint.
    pub fn webhook_attempted(&self, end: AttemptEnd) {
        let outcome = match end {
            AttemptEnd::Delivered { .. } => "delivered",
            AttemptEnd::Failed { error, .. } => error.as_str(),
        };
        self.webhook_attempts.get_or_create(&WebhookLabel { outcome }).inc();
    }

    /// So many events wait to be told to webhook endpoints.
    pub fn webhooks_wait(&self, count: u32) {
        self.webhooks_waiting.set(count.into());
    }

    /// At this time the part had done everything that there was to do. A process that does not do
    /// it, because another one has the lease, says nothing: if all do so, the time grows old.
    pub fn caught_up(&self, part: Part, at: Timestamp) {
        let part = PartLabel { part: part.as_str() };
        self.caught_up.get_or_create(&part).set(at.unix_millis().div_euclid(1000));
    }

    /// Counts a request.
    pub fn answered(&self, method: &str, route: &str, status: u16) {
        let label = RequestLabel { method: method.to_owned(), route: route.to_owned(), status };
        self.requests.get_or_create(&label).inc();
    }

    /// Everything counted so far, in the `OpenMetrics` text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        encode(&mut text, &self.registry).unwrap_or_default();
        text
    }
}

fn outcome_name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered { replayed: true, .. } => "replayed".to_owned(),
        Outcome::Answered { answer: Answer::Payment(payment), .. } => {
            let state = || format!("payment_{}", payment.record.state.as_str());
            payment.decline_code.map_or_else(state, |code| code.as_str().to_owned())
        }
        Outcome::Answered { answer: Answer::Rejected(rejection), .. } => {
            rejection.as_str().to_owned()
        }
        Outcome::Answered { answer: Answer::TopUp(_), .. } => "top_up_succeeded".to_owned(),
        Outcome::Answered { answer: Answer::Refund(_), .. } => "refund_succeeded".to_owned(),
        Outcome::Answered { answer: Answer::ReferenceCanceled, .. } => {
            "reference_canceled".to_owned()
        }
        Outcome::Answered { answer: Answer::Movement(movement), .. } => {
            let Record { kind, state, .. } = movement.record;
            format!("{}_{}", kind.as_str(), state.as_str())
        }
        Outcome::Answered { answer: Answer::Order(order), .. } => {
            format!("order_{}", order.state.as_str())
        }
        Outcome::Answered { answer: Answer::NotMoved(not_moved), .. } => {
            not_moved.code().to_owned()
        }
        Outcome::Refused(refusal) => refusal.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::{Metrics, Part};

    #[test]
    fn a_part_says_when_it_was_last_through_and_one_that_never_was_says_nothing() {
        let metrics = Metrics::default();
        metrics.caught_up(Part::Sequencer, Timestamp::from_unix_seconds(1_800_000_000));
        metrics.caught_up(Part::Sequencer, Timestamp::from_unix_seconds(1_800_000_060));
        let text = metrics.render();
        let line = "\nwallet_caught_up_timestamp_seconds{part=\"sequencer\"} 1800000060\n";
        assert!(text.contains(line), "{text}");
        assert!(!text.contains("merchant_feed"), "{text}");
    }
}
