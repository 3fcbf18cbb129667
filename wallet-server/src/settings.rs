//! Settings: a commented default file, then a TOML file, then the environment, then flags.
//!
//! Each layer overrides the one before. A key that no release knows is refused wherever it
//! stands, because a misspelt limit is a limit that does not hold.

mod merchant_codes;
mod rate_limits;
mod webhooks;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, Environment, File, FileFormat};
use serde::Deserialize;
use wallet_core::code::CodePrefix;
use wallet_core::{Currency, Money};

use crate::domain::limits::{Calendar, LimitRules, Limits, ProofLimits};
use crate::domain::settle::{ConfirmationRules, PaymentRules, PayoutRules, Rules};
use crate::issuer::PinCost;
use crate::service::{DeviceRules, MerchantCodeDefaults, RateLimits};
use crate::store::Isolation;
use crate::worker::PinRules;

pub use merchant_codes::MerchantCodeSettings;
pub use rate_limits::{RateLimitSettings, RateSettings};
pub use webhooks::WebhookSettings;

/// The default settings, with an explanation of each: print it, edit it, serve it.
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// Environment variables begin with this; `WALLETD__LIMITS__DAY` sets `limits.day`.
///
/// Followed by two underscores, so that the variables that Kubernetes makes up for a service, such
/// as `WALLETD_SERVICE_HOST`, are not taken for settings that no release knows.
const ENVIRONMENT_PREFIX: &str = "WALLETD";
const ENVIRONMENT_SEPARATOR: &str = "__";

const MILLIS_OF_HOUR: i64 = 60 * 60 * 1000;

/// What a server is told. `default.toml` explains each field.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct Settings {
    pub database: String,
    pub isolation: Isolation,
    pub listen: SocketAddr,
    pub public_authorities: String,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub behind_tls_proxy: bool,
    pub operator_socket: Option<PathBuf>,
    pub operator_listen: Option<SocketAddr>,
    pub operator_key_file: PathBuf,
    pub key_file: PathBuf,
    pub key_passphrase_file: Option<PathBuf>,
    pub currency: String,
    pub time_zone: String,
    pub code_prefix: String,
    pub registration: Registration,
    pub test_clock: bool,
    pub limits: LimitSettings,
    pub confirmation: ConfirmationSettings,
    pub payments: PaymentSettings,
    pub refunds: RefundSettings,
    pub payouts: PayoutSettings,
    pub pin: PinSettings,
    pub devices: DeviceSettings,
    pub rate_limits: RateLimitSettings,
    pub envelopes: EnvelopeSettings,
    pub merchant_codes: MerchantCodeSettings,
    pub webhooks: WebhookSettings,
    pub journal: JournalSettings,
    pub log: LogSettings,
}

/// `[limits]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct LimitSettings {
    pub payment: String,
    pub day: String,
    pub month: String,
    pub without_pin: String,
    pub without_pin_count: u32,
    pub new_payers: PayerLimitSettings,
    pub new_devices: DeviceLimitSettings,
    pub proof: ProofLimitSettings,
}

/// `[limits.new_payers]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayerLimitSettings {
    pub payment: String,
    pub day: String,
    pub month: String,
    pub without_pin: String,
    pub without_pin_count: u32,
}

/// `[limits.new_devices]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceLimitSettings {
    pub payment: String,
    pub day: String,
}

/// `[limits.proof]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofLimitSettings {
    pub r#static: String,
    pub code: String,
    pub pin: String,
}

/// `[confirmation]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmationSettings {
    pub wait_seconds: u32,
    pub same_amount_seconds: u32,
    pub suspected_seconds: u32,
    pub typed: bool,
}

impl LimitSettings {
    /// The limits, in a currency.
    fn parse(&self, currency: Currency) -> Result<LimitRules, SettingsError> {
        let money = |name, text: &str| {
            Money::parse(text, currency).map_err(|error| SettingsError::value(name, error))
        };
        let new = &self.new_payers;
        Ok(LimitRules {
            issuer: Limits {
                payment: money("limits.payment", &self.payment)?,
                day: money("limits.day", &self.day)?,
                month: money("limits.month", &self.month)?,
                without_pin: money("limits.without_pin", &self.without_pin)?,
                without_pin_count: self.without_pin_count.into(),
            },
            new_payers: Limits {
                payment: money("limits.new_payers.payment", &new.payment)?,
                day: money("limits.new_payers.day", &new.day)?,
                month: money("limits.new_payers.month", &new.month)?,
                without_pin: money("limits.new_payers.without_pin", &new.without_pin)?,
                without_pin_count: new.without_pin_count.into(),
            },
            new_device_payment: money("limits.new_devices.payment", &self.new_devices.payment)?,
            new_device_day: money("limits.new_devices.day", &self.new_devices.day)?,
            proof: ProofLimits {
                static_code: money("limits.proof.static", &self.proof.r#static)?,
                code: money("limits.proof.code", &self.proof.code)?,
                pin: money("limits.proof.pin", &self.proof.pin)?,
            },
        })
    }
}

impl ConfirmationSettings {
    fn rules(&self) -> Result<ConfirmationRules, SettingsError> {
        let millis = |seconds: u32| i64::from(seconds) * 1000;
        // At once too late, nobody could confirm anything.
        if self.wait_seconds == 0 {
            return Err(SettingsError::value("confirmation.wait_seconds", "at least 1"));
        }
        Ok(ConfirmationRules {
            wait_millis: millis(self.wait_seconds),
            same_amount_millis: millis(self.same_amount_seconds),
            suspected_millis: millis(self.suspected_seconds),
            typed: self.typed,
        })
    }
}

/// `[payments]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentSettings {
    pub hold_hours: u32,
    pub cancel_hours: u32,
}

/// `[refunds]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefundSettings {
    pub days: u32,
    pub count: u32,
    pub return_fees: bool,
}

impl PaymentSettings {
    fn rules(self, refunds: RefundSettings) -> Result<PaymentRules, SettingsError> {
        if self.hold_hours == 0 {
            return Err(SettingsError::value("payments.hold_hours", "1 or more"));
        }
        Ok(PaymentRules {
            hold_millis: i64::from(self.hold_hours) * MILLIS_OF_HOUR,
            cancel_millis: i64::from(self.cancel_hours) * MILLIS_OF_HOUR,
            refund_millis: i64::from(refunds.days) * 24 * MILLIS_OF_HOUR,
            refunds_max: refunds.count,
            fees_returned: refunds.return_fees,
        })
    }
}

/// `[payouts]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayoutSettings {
    pub least: String,
}

impl PayoutSettings {
    fn rules(&self, currency: Currency) -> Result<PayoutRules, SettingsError> {
        let least = Money::parse(&self.least, currency)
            .map_err(|error| SettingsError::value("payouts.least", error))?;
        Ok(PayoutRules { least })
    }
}

/// `[pin]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct PinSettings {
    pub memory_kib: u32,
    pub passes: u32,
    pub cpu_percent: u8,
    pub tries_a_minute: u32,
}

impl PinSettings {
    fn rules(self) -> Result<PinRules, SettingsError> {
        let cost = PinCost::new(self.memory_kib, self.passes).ok_or_else(|| {
            let problem = "8 to 1048576 KiB, and 1 to 100 passes";
            SettingsError::value("pin.memory_kib", problem)
        })?;
        if !(1..=100).contains(&self.cpu_percent) {
            return Err(SettingsError::value("pin.cpu_percent", "1 to 100"));
        }
        if self.tries_a_minute == 0 {
            return Err(SettingsError::value("pin.tries_a_minute", "1 or more"));
        }
        let PinSettings { cpu_percent, tries_a_minute, .. } = self;
        Ok(PinRules { cost, tries_a_minute, cpu_percent })
    }
}

/// Who gets a wallet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Whom the operator invites.
    Invitation,
    /// Whoever asks.
    Open,
}

/// `[envelopes]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct EnvelopeSettings {
    pub life_hours: u32,
}

/// `[journal]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct JournalSettings {
    pub checkpoint_seconds: u32,
}

impl EnvelopeSettings {
    fn life_millis(&self) -> Result<i64, SettingsError> {
        // At once too late, nobody could claim anything.
        if self.life_hours == 0 {
            return Err(SettingsError::value("envelopes.life_hours", "at least 1"));
        }
        Ok(i64::from(self.life_hours) * MILLIS_OF_HOUR)
    }
}

impl JournalSettings {
    /// How often a checkpoint may be signed; none: never.
    fn every(self) -> Option<Duration> {
        let seconds = u64::from(self.checkpoint_seconds);
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }
}

/// `[devices]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct DeviceSettings {
    pub new_hours: u32,
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "default.toml explains each field")]
pub struct LogSettings {
    pub filter: String,
    pub format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// A setting that makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A layer cannot be read, or has a key that no release knows.
    #[error("{0}")]
    Layer(#[from] config::ConfigError),
    /// A value that cannot be.
    #[error("{name}: {problem}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl SettingsError {
    pub(crate) fn value(name: &'static str, problem: impl std::fmt::Display) -> Self {
        Self::Value { name, problem: format!("{problem}") }
    }
}

impl Settings {
    /// Reads the layers. `flags` are names of settings, with dots, and values as text.
    ///
    /// # Errors
    /// [`SettingsError`], which names the setting.
    pub fn load(file: Option<&Path>, flags: &[(String, String)]) -> Result<Self, SettingsError> {
        Self::load_from(file, environment(), flags)
    }

    fn load_from(
        file: Option<&Path>,
        environment: Environment,
        flags: &[(String, String)],
    ) -> Result<Self, SettingsError> {
        let mut layers =
            Config::builder().add_source(File::from_str(DEFAULT_TOML, FileFormat::Toml));
        if let Some(file) = file {
            layers = layers.add_source(File::from(file).format(FileFormat::Toml));
        }
        layers = layers.add_source(environment);
        for (name, value) in flags {
            layers = layers.set_override(name, value.as_str())?;
        }
        let settings: Self = layers.build()?.try_deserialize()?;
        settings.parse()?;
        Ok(settings)
    }

    /// The parts that have types of their own.
    pub(crate) fn parse(&self) -> Result<Parsed, SettingsError> {
        let currency = Currency::from_code(&self.currency)
            .map_err(|error| SettingsError::value("currency", error))?;
        let prefix = CodePrefix::parse(&self.code_prefix)
            .map_err(|error| SettingsError::value("code_prefix", error))?;
        let zone = jiff::tz::TimeZone::get(&self.time_zone)
            .map_err(|error| SettingsError::value("time_zone", error))?;
        let limits = self.limits.parse(currency)?;
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            let problem = "tls_cert and tls_key go together";
            return Err(SettingsError::value("tls_cert", problem));
        }
        let encrypted = self.tls_cert.is_some() || self.behind_tls_proxy;
        if !encrypted && !self.listen.ip().is_loopback() {
            let problem = "listening beyond this machine needs tls_cert and tls_key, or \
                           behind_tls_proxy = true when a proxy in front of it ends TLS";
            return Err(SettingsError::value("listen", problem));
        }
        if self.operator_listen.is_some_and(|address| !address.ip().is_loopback()) {
            let problem = "the operator's API is for this machine only; use a tunnel";
            return Err(SettingsError::value("operator_listen", problem));
        }
        if self.operator_socket.is_none() && self.operator_listen.is_none() {
            let problem =
                "set it, or operator_listen; without either nobody can operate the server";
            return Err(SettingsError::value("operator_socket", problem));
        }
        let confirmation = self.confirmation.rules()?;
        let payments = self.payments.rules(self.refunds)?;
        let payouts = self.payouts.rules(currency)?;
        let calendar = Calendar::new(zone);
        let rules = Rules { calendar, limits, confirmation, payments, payouts };
        Ok(Parsed {
            currency,
            prefix,
            rules,
            pin: self.pin.rules()?,
            envelope_life_millis: self.envelopes.life_millis()?,
            devices: DeviceRules {
                new_millis: i64::from(self.devices.new_hours) * MILLIS_OF_HOUR,
                open_registration: self.registration == Registration::Open,
            },
            merchant_codes: self.merchant_codes.defaults()?,
            checkpoint_every: self.journal.every(),
            rates: self.rate_limits.limits()?,
            webhook_timeout: self.webhooks.timeout()?,
            public_authorities: self.public_authorities()?,
        })
    }
}

impl Settings {
    /// The rules by which a server with these settings decides.
    ///
    /// # Errors
    /// [`SettingsError`], which names the setting.
    pub fn rules(&self) -> Result<Rules, SettingsError> {
        Ok(self.parse()?.rules)
    }

    /// The names in `public_authorities`, in lower case.
    fn public_authorities(&self) -> Result<Vec<String>, SettingsError> {
        let names = self.public_authorities.split(',').map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .map(|name| match name.parse::<axum::http::uri::Authority>() {
                Ok(authority) if !name.contains('@') => Ok(authority.as_str().to_lowercase()),
                _ => {
                    let problem = format!("{name} is not a host name, with or without a port");
                    Err(SettingsError::value("public_authorities", problem))
                }
            })
            .collect()
    }
}

/// Values stay text until a setting's type reads them: a prefix of 07 is not the number 7.
fn environment() -> Environment {
    Environment::with_prefix(ENVIRONMENT_PREFIX)
        .prefix_separator(ENVIRONMENT_SEPARATOR)
        .separator(ENVIRONMENT_SEPARATOR)
}

/// Settings with types of their own.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) currency: Currency,
    pub(crate) prefix: CodePrefix,
    pub(crate) rules: Rules,
    pub(crate) pin: PinRules,
    pub(crate) devices: DeviceRules,
    pub(crate) envelope_life_millis: i64,
    pub(crate) merchant_codes: MerchantCodeDefaults,
    pub(crate) checkpoint_every: Option<Duration>,
    pub(crate) rates: RateLimits,
    pub(crate) webhook_timeout: Duration,
    pub(crate) public_authorities: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::{Settings, environment};

    fn with(flags: &[(&str, &str)]) -> Result<Settings, String> {
        let flags: Vec<_> =
            flags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::load(None, &flags).map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_file_is_complete_and_makes_sense() {
        let settings = with(&[]).unwrap();
        assert_eq!(settings.limits.new_payers.payment, "200.00");
        assert!(settings.listen.ip().is_loopback());
    }

    #[test]
    fn flags_override_and_unknown_keys_are_refused() {
        assert_eq!(with(&[("limits.day", "50")]).unwrap().limits.day, "50");
        for unknown in ["limit.day", "limits.dya", "listn"] {
            let error = with(&[(unknown, "50")]).unwrap_err();
            assert!(error.contains("unknown field"), "{unknown}: {error}");
        }
    }

    fn with_environment(variables: &[(&str, &str)]) -> Result<Settings, String> {
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = environment().source(Some(variables.collect()));
        Settings::load_from(None, environment, &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_is_text_that_each_setting_reads_as_its_own_type() {
        let settings = with_environment(&[
            ("WALLETD__LISTEN", "0.0.0.0:7"),
            ("WALLETD__BEHIND_TLS_PROXY", "true"),
            ("WALLETD__KEY_PASSPHRASE_FILE", "1234"),
            ("WALLETD__OPERATOR_LISTEN", "[::1]:8"),
            ("WALLETD__CODE_PREFIX", "07"),
            ("WALLETD__LIMITS__DAY", "0500.00"),
            ("WALLETD__LOG__FORMAT", "json"),
        ])
        .unwrap();
        assert_eq!(settings.listen.to_string(), "0.0.0.0:7");
        assert!(settings.behind_tls_proxy);
        assert_eq!(settings.key_passphrase_file.unwrap().to_str(), Some("1234"));
        assert_eq!(settings.operator_listen.unwrap().port(), 8);
        assert_eq!(
            (settings.code_prefix.as_str(), settings.limits.day.as_str()),
            ("07", "0500.00")
        );
        assert_eq!(settings.log.format, super::LogFormat::Json);
    }

    #[test]
    fn what_kubernetes_puts_into_the_environment_is_not_a_setting_and_a_misspelt_one_is() {
        for service in ["WALLETD", "WALLET_SERVER", "WALLET"] {
            let host = format!("{service}_SERVICE_HOST");
            let port = format!("{service}_PORT_8080_TCP_ADDR");
            with_environment(&[(&host, "10.0.0.1"), (&port, "10.0.0.1")]).unwrap();
        }
        let error = with_environment(&[("WALLETD__LIMTS__DAY", "1")]).unwrap_err();
        assert!(error.contains("limts"), "{error}");
    }

    #[test]
    fn a_file_with_an_unknown_key_is_refused_and_one_with_a_known_key_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wallet.toml");
        std::fs::write(&path, "[limits]\npayment = \"10\"\n").unwrap();
        assert_eq!(Settings::load(Some(&path), &[]).unwrap().limits.payment, "10");
        std::fs::write(&path, "[limits]\npaymnet = \"10\"\n").unwrap();
        assert!(Settings::load(Some(&path), &[]).unwrap_err().to_string().contains("paymnet"));
    }

    #[test]
    fn listening_beyond_this_machine_needs_tls_or_a_proxy() {
        assert!(with(&[("listen", "0.0.0.0:8080")]).unwrap_err().starts_with("listen:"));
        with(&[("listen", "0.0.0.0:8080"), ("behind_tls_proxy", "true")]).unwrap();
        with(&[("listen", "0.0.0.0:8080"), ("tls_cert", "c"), ("tls_key", "k")]).unwrap();
        assert!(with(&[("tls_cert", "c")]).unwrap_err().starts_with("tls_cert:"));
        assert!(with(&[("operator_listen", "0.0.0.0:1")]).unwrap_err().contains("operator"));
    }

    #[test]
    fn public_authorities_are_host_names_between_commas() {
        let parsed = |text| with(&[("public_authorities", text)]).unwrap().parse().unwrap();
        assert!(parsed("").public_authorities.is_empty());
        let names = parsed("Wallet.example, wallet.example:8443,").public_authorities;
        assert_eq!(names, ["wallet.example", "wallet.example:8443"]);
    }

    #[test]
    fn values_that_cannot_be_are_named() {
        for (name, value) in [
            ("currency", "BTC"),
            ("code_prefix", "7"),
            ("time_zone", "Mars/Olympus"),
            ("limits.payment", "1.234"),
            ("limits.day", "-1"),
            ("limits.new_payers.without_pin", "1e3"),
            ("limits.proof.static", ""),
            ("payouts.least", "-1"),
            ("confirmation.wait_seconds", "0"),
            ("envelopes.life_hours", "0"),
            ("pin.memory_kib", "7"),
            ("pin.cpu_percent", "0"),
            ("pin.tries_a_minute", "0"),
            ("rate_limits.api_keys.burst", "0"),
            ("rate_limits.devices.requests_per_second", "1000001"),
            ("webhooks.timeout_seconds", "0"),
            ("webhooks.timeout_seconds", "61"),
            ("public_authorities", "https://wallet.example"),
            ("public_authorities", "me@wallet.example"),
        ] {
            let error = with(&[(name, value)]).unwrap_err();
            assert!(error.starts_with(name), "{name}: {error}");
        }
    }
}
