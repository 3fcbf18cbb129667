//! Merchants' API keys, as the operator sees them.

use core::fmt;

use serde::Deserialize;

use super::{Row, or_dash};

/// A new API key: its secret is shown once.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiKey {
    id: String,
    pub(crate) secret: String,
    replaces: Option<Replaced>,
}

/// The key that another one takes over from.
#[derive(Debug, Deserialize)]
struct Replaced {
    id: String,
    expires_at: String,
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "API key {}, shown this once: {}", self.id, self.secret)?;
        if let Some(Replaced { id, expires_at }) = &self.replaces {
            write!(f, "\nthe old key {id} works until {expires_at}")?;
        }
        Ok(())
    }
}

/// An API key without its secret.
#[derive(Debug, Deserialize)]
pub(crate) struct KnownApiKey {
    id: String,
    name: Option<String>,
    scopes: Vec<String>,
    secret_end: Option<String>,
    state: String,
    last_used_at: Option<String>,
    expires_at: Option<String>,
}

impl Row for KnownApiKey {
    const COLUMNS: &'static [&'static str] =
        &["key", "ends in", "state", "until", "last used", "scopes", "name"];

    fn row(&self) -> Vec<String> {
        let Self { id, name, scopes, secret_end, state, last_used_at, expires_at } = self;
        vec![
            id.clone(),
            or_dash(secret_end.as_deref()),
            state.clone(),
            or_dash(expires_at.as_deref()),
            or_dash(last_used_at.as_deref()),
            scopes.join(" "),
            or_dash(name.as_deref()),
        ]
    }
}

/// What an API key was used for in an hour.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiKeyUse {
    hour: String,
    operation: String,
    outcome: String,
    count: u64,
    last_at: String,
}

impl Row for ApiKeyUse {
    const COLUMNS: &'static [&'static str] = &["hour", "count", "outcome", "operation", "last"];
    const RIGHT_ALIGNED: &'static [usize] = &[1];

    fn row(&self) -> Vec<String> {
        let Self { hour, operation, outcome, count, last_at } = self;
        let count = count.to_string();
        [hour, &count, outcome, operation, last_at].map(Clone::clone).to_vec()
    }
}

/// Something that was done to an API key.
#[derive(Debug, Deserialize)]
pub(crate) struct ApiKeyEvent {
    created_at: String,
    r#type: String,
    actor: String,
    replaced_by: Option<String>,
}

impl Row for ApiKeyEvent {
    const COLUMNS: &'static [&'static str] = &["when", "what", "by", "replaced by"];

    fn row(&self) -> Vec<String> {
        let Self { created_at, r#type, actor, replaced_by } = self;
        vec![created_at.clone(), r#type.clone(), actor.clone(), or_dash(replaced_by.as_deref())]
    }
}
