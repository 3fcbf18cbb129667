//! Sending what is due.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64ct::{Base64, Encoding as _};
use wallet_core::Timestamp;

use super::{EventText, WebhooksParts, Worker};
use crate::domain::ids::WebhookEndpointId;
use crate::domain::webhooks::{
    AttemptEnd, AttemptError, Health, JITTER_PERMILLE_MAX, next_attempt,
};
use crate::issuer::WebhookKey;
use crate::outbound::Message;
use crate::store::{AttemptMade, DueDelivery, EventPlace, StoreError};

/// How many endpoints have a request under way at once: each costs a connection, some 30 KB.
const HEALTHY_MAX: usize = 512;
/// The same of those that failed when they were last tried. Most of them will take as long as they
/// may, and must not take the others' places.
const FAILING_MAX: usize = 64;
/// How many events an endpoint is sent one after the other before what came of them is written.
const RUN_MAX: usize = 16;
/// How many endpoints' deliveries are looked for at once.
const ENDPOINTS_MAX: usize = 256;
/// How many endpoints a page of the sweep has.
const SWEEP_MAX: usize = 500;

/// Events that were sent to one endpoint, one after the other, up to the first that failed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) endpoint: WebhookEndpointId,
    /// How the endpoint was doing before.
    pub(super) before: Health,
    /// How it is doing now.
    pub(super) after: Health,
    pub(super) attempts: Vec<AttemptMade>,
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
        let mut endpoints = self.ready.take(ENDPOINTS_MAX);
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
        let mut runs: BTreeMap<WebhookEndpointId, Vec<DueDelivery>> = BTreeMap::new();
        for delivery in due {
            runs.entry(delivery.endpoint).or_default().push(delivery);
        }
        let mut beginning = Vec::new();
        let (mut healthy, mut failing) = (self.under_way.healthy, self.under_way.failing);
        for (endpoint, mut run) in runs {
            let is_failing = run.first().is_some_and(|first| first.health.is_failing());
            let (count, most) =
                if is_failing { (&mut failing, FAILING_MAX) } else { (&mut healthy, HEALTHY_MAX) };
            if *count >= most {
                // The sweep finds it again, if nothing else does.
                if !is_failing {
                    self.ready.add(endpoint);
                }
                continue;
            }
            *count += 1;
            // One request finds out whether it is back.
            run.truncate(if is_failing { 1 } else { RUN_MAX });
            beginning.push(run);
        }
        let mut places: Vec<EventPlace> =
            beginning.iter().flatten().map(|delivery| delivery.place).collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Ok(());
        }
        let texts = Arc::new(texts(&self.parts, places).await?);
        for run in beginning {
            self.start(run, Arc::clone(&texts));
        }
        Ok(())
    }

    fn start(&mut self, run: Vec<DueDelivery>, texts: Arc<HashMap<EventPlace, EventText>>) {
        let Some(first) = run.first() else { return };
        let (endpoint, is_failing) = (first.endpoint, first.health.is_failing());
        let (parts, stopping) = (Arc::clone(&self.parts), Arc::clone(&self.stopping));
        let task = self.runs.spawn(send_all(parts, run, texts, stopping));
        self.under_way.begin(task.id(), endpoint, is_failing);
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
    deliveries: Vec<DueDelivery>,
    texts: Arc<HashMap<EventPlace, EventText>>,
    stopping: Arc<AtomicBool>,
) -> Run {
    let first = deliveries.first();
    let before = first.map(|first| first.health).unwrap_or_default();
    let endpoint = first.map_or(WebhookEndpointId::from_bytes([0; 16]), |first| first.endpoint);
    let mut run = Run { endpoint, before, after: before, attempts: Vec::new() };
    for delivery in deliveries {
        if stopping.load(Ordering::Relaxed) {
            break;
        }
        let attempted_at = parts.clock.now();
        let end = if let Some(text) = texts.get(&delivery.place) {
            let message = signed(&parts, &delivery, text, attempted_at);
            parts.client.post(&delivery.url, message).await
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
        run.after = run.after.after(end, now);
        run.attempts.push(AttemptMade {
            place: delivery.place,
            endpoint,
            number,
            attempted_at,
            duration_millis: now.unix_millis().saturating_sub(attempted_at.unix_millis()).max(0),
            end,
            next_attempt_at,
            replays: delivery.replays,
        });
        match end {
            AttemptEnd::Delivered { .. } => {}
            AttemptEnd::Failed { .. } => break,
        }
    }
    run
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
    let former = delivery.former_secret_until.filter(|until| attempted_at < *until);
    let former = former.and_then(|_| delivery.secret_number.checked_sub(1)).filter(|it| *it > 0);
    let numbers = std::iter::once(delivery.secret_number).chain(former);
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
