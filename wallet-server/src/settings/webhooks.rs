//! `[webhooks]`: how merchants' endpoints are told of events.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::SettingsError;

/// The longest that an endpoint may take: it holds one of a few hundred places meanwhile.
const TIMEOUT_SECONDS_MAX: u32 = 60;

/// `[webhooks]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct WebhookSettings {
    pub allow_private: bool,
    pub timeout_seconds: u32,
    pub ca_file: Option<PathBuf>,
}

impl WebhookSettings {
    /// How long an endpoint may take.
    pub(super) fn timeout(&self) -> Result<Duration, SettingsError> {
        if !(1..=TIMEOUT_SECONDS_MAX).contains(&self.timeout_seconds) {
            let problem = format!("1 to {TIMEOUT_SECONDS_MAX}");
            return Err(SettingsError::value("webhooks.timeout_seconds", problem));
        }
        Ok(Duration::from_secs(self.timeout_seconds.into()))
    }
}
