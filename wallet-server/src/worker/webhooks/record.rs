//! Writing what came of what was sent.

use std::collections::HashSet;

use tokio::task::Id;

use super::send::Run;
use super::{UnderWay, Worker};
use crate::domain::ids::WebhookEndpointId;
use crate::domain::webhooks::{AttemptEnd, DisabledBecause};
use crate::store::{AttemptMade, EndpointAfter, StoreError};

impl UnderWay {
    pub(super) fn begin(&mut self, task: Id, endpoint: WebhookEndpointId, among_few: bool) {
        self.tasks.insert(task, endpoint);
        self.endpoints.insert(endpoint);
        if among_few {
            self.failing_endpoints.insert(endpoint);
            self.failing += 1;
        } else {
            self.healthy += 1;
        }
    }

    /// The request has ended: others may have its place.
    fn free(&mut self, endpoint: WebhookEndpointId) {
        if self.failing_endpoints.remove(&endpoint) {
            self.failing = self.failing.saturating_sub(1);
        } else {
            self.healthy = self.healthy.saturating_sub(1);
        }
    }
}

impl Worker {
    /// Takes what has ended. An endpoint gets nothing more until that is written.
    pub(super) fn collect(&mut self) {
        while let Some(ended) = self.runs.try_join_next_with_id() {
            match ended {
                Ok((task, run)) => {
                    self.under_way.tasks.remove(&task);
                    self.under_way.free(run.endpoint);
                    if run.slow {
                        self.slow.insert(run.endpoint);
                    } else {
                        self.slow.remove(&run.endpoint);
                    }
                    self.unwritten.push(run);
                }
                Err(error) => {
                    tracing::error!(%error, "a webhook was not sent");
                    if let Some(endpoint) = self.under_way.tasks.remove(&error.id()) {
                        self.under_way.free(endpoint);
                        self.under_way.endpoints.remove(&endpoint);
                    }
                }
            }
        }
    }

    /// Writes it.
    pub(super) async fn record(&mut self) -> Result<(), StoreError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let attempts: Vec<AttemptMade> =
            self.unwritten.iter().flat_map(|run| run.attempts.iter().copied()).collect();
        let endpoints: Vec<EndpointAfter> = self.unwritten.iter().filter_map(Run::change).collect();
        self.parts.store.record_attempts(&attempts, &endpoints).await?;
        for attempt in &attempts {
            self.parts.metrics.webhook_attempted(attempt.end);
        }
        for after in endpoints {
            if let Some(because) = after.disabled_because {
                tracing::warn!(
                    endpoint = %after.endpoint,
                    because = because.as_str(),
                    "a webhook endpoint is disabled"
                );
            }
        }
        let ended: HashSet<WebhookEndpointId> =
            self.unwritten.drain(..).map(|run| run.endpoint).collect();
        for endpoint in ended {
            self.under_way.endpoints.remove(&endpoint);
            // There may be more.
            self.ready.add(endpoint);
        }
        Ok(())
    }
}

impl Run {
    /// What has changed about the endpoint; nothing about one that was healthy and is.
    fn change(&self) -> Option<EndpointAfter> {
        let last = self.attempts.last()?;
        let disabled_because: Option<DisabledBecause> = match last.end {
            AttemptEnd::Delivered { .. } => None,
            AttemptEnd::Failed { .. } => {
                let ended = last.attempted_at.plus_millis(last.duration_millis);
                self.after.disabled_because(last.end, ended)
            }
        };
        let changed = self.after != self.before || disabled_because.is_some();
        changed.then(|| EndpointAfter {
            endpoint: self.endpoint,
            terms: self.terms.clone(),
            before: self.before,
            health: self.after,
            disabled_because,
        })
    }
}
