//! Webhooks: endpoints, and what became of what they were told.

use core::fmt;

use serde::Deserialize;

use super::{Row, or_dash};

/// Where a merchant is told of events.
#[derive(Debug, Deserialize)]
pub(crate) struct WebhookEndpoint {
    id: String,
    url: String,
    events: Vec<String>,
    description: Option<String>,
    state: String,
    disabled_because: Option<String>,
    secret: Option<String>,
    public_key: String,
    former_secret_until: Option<String>,
    failures: u32,
}

impl WebhookEndpoint {
    fn state(&self) -> String {
        match &self.disabled_because {
            Some(because) => format!("{} ({because})", self.state),
            None => self.state.clone(),
        }
    }
}

impl fmt::Display for WebhookEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "webhook endpoint {}, {}, at {}", self.id, self.state(), self.url)?;
        if let Some(secret) = &self.secret {
            write!(f, "\nsecret, shown this once: {secret}")?;
        }
        write!(f, "\npublic key: {}", self.public_key)?;
        if let Some(until) = &self.former_secret_until {
            write!(f, "\nthe secret before this one signs as well until {until}")?;
        }
        Ok(())
    }
}

impl Row for WebhookEndpoint {
    const COLUMNS: &'static [&'static str] =
        &["endpoint", "state", "failures", "url", "events", "description"];
    const RIGHT_ALIGNED: &'static [usize] = &[2];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.state(),
            self.failures.to_string(),
            self.url.clone(),
            self.events.join(" "),
            or_dash(self.description.as_deref()),
        ]
    }
}

/// What became of an event for an endpoint.
#[derive(Debug, Deserialize)]
pub(crate) struct WebhookDelivery {
    event: String,
    r#type: String,
    state: String,
    attempts: u32,
    last_attempt: Option<WebhookAttempt>,
    next_attempt_at: Option<String>,
    failed_attempts: Option<Vec<WebhookAttempt>>,
}

/// An attempt to tell it.
#[derive(Debug, Deserialize)]
struct WebhookAttempt {
    number: u32,
    attempted_at: String,
    duration_ms: i64,
    status: Option<u16>,
    error: Option<String>,
}

impl WebhookAttempt {
    /// The status, or why there was none.
    fn end(&self) -> String {
        match (self.status, &self.error) {
            (Some(status), _) => status.to_string(),
            (None, error) => or_dash(error.as_deref()),
        }
    }
}

impl fmt::Display for WebhookDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { event, r#type, state, attempts, .. } = self;
        write!(f, "{event}, {type}: {state} after {attempts} attempts")?;
        if let Some(next) = &self.next_attempt_at {
            write!(f, ", the next one at {next}")?;
        }
        let failed = self.failed_attempts.iter().flatten();
        let last = self.last_attempt.iter().filter(|last| last.error.is_none());
        for attempt in last.chain(failed) {
            let WebhookAttempt { number, attempted_at, duration_ms, .. } = attempt;
            write!(f, "\n{number}  {attempted_at}  {} in {duration_ms} ms", attempt.end())?;
        }
        Ok(())
    }
}

impl Row for WebhookDelivery {
    const COLUMNS: &'static [&'static str] =
        &["event", "type", "state", "attempts", "last", "next attempt"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let last = self.last_attempt.as_ref();
        vec![
            self.event.clone(),
            self.r#type.clone(),
            self.state.clone(),
            self.attempts.to_string(),
            last.map_or_else(|| "-".to_owned(), WebhookAttempt::end),
            or_dash(self.next_attempt_at.as_deref()),
        ]
    }
}
