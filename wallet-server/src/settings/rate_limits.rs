//! `[rate_limits]`: how many requests a second callers may make.

use serde::Deserialize;

use super::SettingsError;
use crate::service::{RateLimit, RateLimits};

/// `[rate_limits]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct RateLimitSettings {
    pub api_keys: RateSettings,
    pub devices: RateSettings,
}

/// `[rate_limits.api_keys]`, `[rate_limits.devices]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct RateSettings {
    pub requests_per_second: u32,
    pub burst: u32,
}

/// The names of a limit's settings.
struct Names {
    requests_per_second: &'static str,
    burst: &'static str,
}

impl RateSettings {
    /// The limit; `None` for none.
    fn limit(self, names: &Names) -> Result<Option<RateLimit>, SettingsError> {
        let Self { requests_per_second, burst } = self;
        if requests_per_second == 0 {
            return Ok(None);
        }
        let most = RateLimit::REQUESTS_MAX;
        if requests_per_second > most {
            return Err(SettingsError::value(names.requests_per_second, format!("0 to {most}")));
        }
        let limit = RateLimit::new(requests_per_second, burst);
        let limit =
            limit.ok_or_else(|| SettingsError::value(names.burst, format!("1 to {most}")))?;
        Ok(Some(limit))
    }
}

impl RateLimitSettings {
    /// The limits of everybody.
    pub(super) fn limits(self) -> Result<RateLimits, SettingsError> {
        Ok(RateLimits {
            api_keys: self.api_keys.limit(&Names {
                requests_per_second: "rate_limits.api_keys.requests_per_second",
                burst: "rate_limits.api_keys.burst",
            })?,
            devices: self.devices.limit(&Names {
                requests_per_second: "rate_limits.devices.requests_per_second",
                burst: "rate_limits.devices.burst",
            })?,
        })
    }
}
