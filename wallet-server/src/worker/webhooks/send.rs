//! Sending what is due.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use tokio::time::Instant;
use wallet_core::Timestamp;

use super::{EventText, WebhooksParts, Worker};
use crate::domain::ids::WebhookEndpointId;
use crate::domain::webhooks::{
    AttemptEnd, AttemptError, Health, JITTER_PERMILLE_MAX, next_attempt,
};
use crate::issuer::WebhookKey;
use crate::outbound::Message;
use crate::store::{AttemptMade, DueDelivery, EventPlace, StoreError, Terms};

/// How many endpoints have a request under way at once: each costs a connection, some 30 KB.
const HEALTHY_MAX: usize = 512;
/// The same of those that failed when they were last tried. Most of them will take as long as they
/// may, and must not take the others' places.
const FAILING_MAX: usize = 64;
/// How many events an endpoint is sent one after the other before what came of them is written.
const RUN_MAX: usize = 16;
/// For how long no further event is begun with. An endpoint that takes its time has its place among the
/// others for this and one more answer.
const RUN_DURATION_MAX: Duration = Duration::from_secs(5);
/// An endpoint whose last answer took longer is slow, and has a place among those that fail: so few
/// of them take no places from the others, whatever they answer.
const SLOW: Duration = Duration::from_secs(2);
/// How many endpoints' deliveries are looked for at once.
const ENDPOINTS_MAX: usize = 256;
/// How many endpoints a page of the sweep has.
const SWEEP_MAX: usize = 500;

/// Events that were sent to one endpoint, one after the other, up to the first that failed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) endpoint: WebhookEndpointId,
    /// On what terms they were sent.
    pub(super) terms: Terms,
    /// How the endpoint was doing before.
    pub(super) before: Health,
    /// How it is doing now.
    pub(super) after: Health,
    pub(super) attempts: Vec<AttemptMade>,
    /// Whether the last answer took long.
    pub(super) slow: bool,
}

/// What is to be sent to one endpoint.
struct Outgoing {
    delivery: DueDelivery,
    /// What it says; none if it cannot be written.
    text: Option<Arc<EventText>>,
}

impl Worker {
    /// Finds the endpoints whose time has come again.
    pub(super) async fn sweep(&mut self) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let mut after = None;
        loop {
            let ready = self.parts.store.ready_endpoints(after, SWEEP_MAX, now).await?;
            after = ready.last().copied();
            let full = ready.len() == SWEEP_MAX;
            for endpoint in ready {
                if !self.under_way.endpoints.contains(&endpoint) {
                    self.ready.add(endpoint);
                }
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Begins to send to those that have something to be sent, as far as there is room.
    pub(super) async fn send(&mut self) -> Result<(), StoreError> {
        if self.followed.is_none() || self.under_way.healthy >= HEALTHY_MAX {
            return Ok(());
        }
        let room = FAILING_MAX.saturating_sub(self.under_way.failing);
        let mut endpoints = self.ready.take(ENDPOINTS_MAX, room);
        // Those that are under way come back when that has ended.
        endpoints.retain(|endpoint| !self.under_way.endpoints.contains(endpoint));
        if endpoints.is_empty() {
            return Ok(());
        }
        let begun = self.begin(&endpoints).await;
        if begun.is_err() {
            for endpoint in endpoints {
                self.ready.add(endpoint);
            }
        }
        begun
    }

    async fn begin(&mut self, endpoints: &[WebhookEndpointId]) -> Result<(), StoreError> {
        let now = self.parts.clock.now();
        let due = self.parts.store.due_deliveries(endpoints, RUN_MAX, now).await?;
        let mut runs: HashMap<WebhookEndpointId, Vec<DueDelivery>> = HashMap::new();
        for delivery in due {
            runs.entry(delivery.endpoint).or_default().push(delivery);
        }
        let mut beginning = Vec::new();
        let (mut healthy, mut few) = (self.under_way.healthy, self.under_way.failing);
        // In the order in which they stood in line.
        for endpoint in endpoints {
            let Some(mut run) = runs.remove(endpoint) else { continue };
            let is_failing = run.first().is_some_and(|first| first.health.is_failing());
            let among_few = is_failing || self.slow.contains(endpoint);
            let (count, most) =
                if among_few { (&mut few, FAILING_MAX) } else { (&mut healthy, HEALTHY_MAX) };
            if *count >= most {
                self.ready.put_back(*endpoint, among_few);
                continue;
            }
            *count += 1;
            // One request finds out whether it is back.
            run.truncate(if among_few { 1 } else { RUN_MAX });
            beginning.push((run, among_few));
        }
        let mut places: Vec<EventPlace> =
            beginning.iter().flat_map(|(run, _)| run).map(|delivery| delivery.place).collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Ok(());
        }
        let texts = texts(&self.parts, places).await?;
        let texts: HashMap<EventPlace, Arc<EventText>> =
            texts.into_iter().map(|(place, text)| (place, Arc::new(text))).collect();
        for (run, among_few) in beginning {
            // A run keeps its own texts, and not all of those that began with it.
            let text = |delivery: DueDelivery| Outgoing {
                text: texts.get(&delivery.place).cloned(),
                delivery,
            };
            self.start(run.into_iter().map(text).collect(), among_few);
        }
        Ok(())
    }

    fn start(&mut self, run: Vec<Outgoing>, among_few: bool) {
        let Some(first) = run.first() else { return };
        let first = first.delivery.clone();
        let endpoint = first.endpoint;
        let (parts, stopping) = (Arc::clone(&self.parts), Arc::clone(&self.stopping));
        let task = self.runs.spawn(send_all(parts, first, run, stopping));
        self.under_way.begin(task.id(), endpoint, among_few);
    }
}

/// What events say. One that cannot be written keeps no other from being sent.
async fn texts(
    parts: &WebhooksParts,
    places: Vec<EventPlace>,
) -> Result<HashMap<EventPlace, EventText>, StoreError> {
    match (parts.texts)(places.clone()).await {
        Err(StoreError::Corrupt(_) | StoreError::Shape(_)) => {}
        texts => return texts,
    }
    let mut texts = HashMap::new();
    for place in places {
        match (parts.texts)(vec![place]).await {
            Ok(text) => texts.extend(text),
            Err(error) => tracing::error!(%error, ?place, "an event cannot be written"),
        }
    }
    Ok(texts)
}

async fn send_all(
    parts: Arc<WebhooksParts>,
    first: DueDelivery,
    outgoing: Vec<Outgoing>,
    stopping: Arc<AtomicBool>,
) -> Run {
    let DueDelivery { endpoint, terms, health, .. } = first;
    let mut run =
        Run { endpoint, terms, before: health, after: health, attempts: Vec::new(), slow: false };
    // The clock of the books may stand still or be set; this is about places.
    let begun = Instant::now();
    for (number, one) in outgoing.into_iter().enumerate() {
        let over = begun.elapsed() >= RUN_DURATION_MAX || stopping.load(Ordering::Relaxed);
        // What the merchant has changed meanwhile, a new run begins with.
        if over || number > 0 && !still_holds(&parts, &run).await {
            break;
        }
        let sent = Instant::now();
        let made = send_one(&parts, &one).await;
        run.slow = sent.elapsed() > SLOW;
        let ended = made.attempted_at.plus_millis(made.duration_millis);
        run.after = run.after.after(made.end, ended);
        run.attempts.push(made);
        match made.end {
            AttemptEnd::Delivered { .. } => {}
            AttemptEnd::Failed { .. } => break,
        }
    }
    run
}

/// Whether the endpoint may be told on the terms of this run. If that cannot be known now, it is told
/// later.
async fn still_holds(parts: &WebhooksParts, run: &Run) -> bool {
    match parts.store.webhook_terms(run.endpoint).await {
        Ok(terms) => terms.as_ref() == Some(&run.terms),
        Err(error) => {
            tracing::warn!(%error, endpoint = %run.endpoint, "an endpoint waits");
            false
        }
    }
}

async fn send_one(parts: &WebhooksParts, outgoing: &Outgoing) -> AttemptMade {
    let Outgoing { delivery, text } = outgoing;
    let attempted_at = parts.clock.now();
    let end = if let Some(text) = text {
        let message = signed(parts, delivery, text, attempted_at);
        parts.client.post(&delivery.terms.url, message).await
    } else {
        tracing::error!(place = ?delivery.place, "an event has no text");
        AttemptEnd::failed(AttemptError::NotSent)
    };
    let now = parts.clock.now();
    let number = delivery.attempts.saturating_add(1);
    let next_attempt_at = match end {
        AttemptEnd::Delivered { .. } => None,
        AttemptEnd::Failed { .. } => {
            let failed = number.saturating_sub(delivery.attempts_before);
            next_attempt(failed, end, now, parts.entropy.below(JITTER_PERMILLE_MAX + 1))
        }
    };
    AttemptMade {
        place: delivery.place,
        endpoint: delivery.endpoint,
        number,
        attempted_at,
        duration_millis: now.unix_millis().saturating_sub(attempted_at.unix_millis()).max(0),
        end,
        next_attempt_at,
        replays: delivery.replays,
    }
}

/// A message as Standard Webhooks 1.0 has it: what is signed is the event's id, the time of this
/// attempt in seconds, and the body, with dots between them.
fn signed(
    parts: &WebhooksParts,
    delivery: &DueDelivery,
    text: &EventText,
    attempted_at: Timestamp,
) -> Message {
    let EventText { id, body } = text.clone();
    let timestamp = attempted_at.unix_seconds().to_string();
    let content = format!("{id}.{timestamp}.{body}");
    let endpoint = *delivery.endpoint.as_bytes();
    let terms = &delivery.terms;
    let former = terms.former_secret_until.filter(|until| attempted_at < *until);
    let former = former.and_then(|_| terms.secret_number.checked_sub(1)).filter(|it| *it > 0);
    let numbers = std::iter::once(terms.secret_number).chain(former);
    let signatures = numbers.map(|number| {
        let signature =
            parts.keys.sign_webhook(WebhookKey { endpoint, number }, content.as_bytes());
        let hmac = Base64::encode_string(&signature.hmac);
        format!("v1,{hmac} v1a,{}", Base64::encode_string(&signature.ed25519))
    });
    let signatures: Vec<String> = signatures.collect();
    Message {
        headers: vec![
            ("webhook-id", id),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", signatures.join(" ")),
        ],
        body,
    }
}
