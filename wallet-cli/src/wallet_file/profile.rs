//! What a device knows of its issuer and of itself, without secrets.

use reqwest::Url;
use serde::{Deserialize, Serialize};
use wallet_core::code::{CodeLimit, CodePrefix, IssuerProfile};
use wallet_core::{
    Currency, DeviceKeyId, Error, IssuerId, Mode, Money, SealingPublicKey, Slot, Timestamp,
};

use crate::client::models::{Enrolment, Issuer};
use crate::failure::{Exit, Failure};
use crate::{system, times};

/// Clocks that differ by less are called equal: half of it is how long an answer travels.
const CLOCK_TOLERANCE_MILLIS: i64 = 2_000;

/// The content of `profile.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    server: String,
    device_key_id: String,
    pub(crate) payer: String,
    mode: String,
    pub(crate) currency: String,
    /// The most that a payment may take by the issuer's rules; the usual limit of a code.
    pub(crate) payment_limit: String,
    /// How far the issuer's clock is ahead of this machine's.
    pub(crate) clock_offset_millis: i64,
    issuer: StoredIssuer,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredIssuer {
    id: String,
    prefix: String,
    slot: u8,
    sealing_key: String,
    sealing_key_retires_at: String,
}

impl Profile {
    /// What an enrolled device keeps of the answer.
    pub(crate) fn enrolled(server: &Url, answer: &Enrolment) -> Result<Self, Failure> {
        let mode = Mode::from_name(&answer.mode)
            .ok_or_else(|| malformed("the mode is neither live nor test"))?;
        let profile = Self {
            server: server.to_string(),
            device_key_id: answer.device_key_id.clone(),
            payer: answer.payer.clone(),
            mode: answer.mode.clone(),
            currency: answer.currency.clone(),
            payment_limit: answer.limits.payment.clone(),
            clock_offset_millis: offset(times::parse(&answer.server_time)?),
            issuer: StoredIssuer::from(&answer.issuer.profile(mode)?),
        };
        // Whatever can't be used later is refused now.
        profile.device_key_id()?;
        profile.limit(None)?;
        Ok(profile)
    }

    /// Takes over what the issuer says now: its current sealing key and its clock.
    ///
    /// Another issuer under the same address is refused, since codes sealed to it would tell it
    /// who pays.
    pub(crate) fn refresh(&mut self, issuer: &Issuer) -> Result<(), Failure> {
        let profile = issuer.profile(self.mode()?)?;
        if profile.id.to_string() != self.issuer.id {
            return Err(Failure::new(
                Exit::Refused,
                "other_issuer",
                "the server is not of the issuer that this wallet enrolled with",
            ));
        }
        self.issuer = StoredIssuer::from(&profile);
        self.synchronise(issuer.time()?);
        Ok(())
    }

    /// Takes over the server's clock, if it differs by more than an answer's journey.
    pub(crate) fn synchronise(&mut self, server_time: Timestamp) {
        let offset = offset(server_time);
        if (offset - self.clock_offset_millis).abs() > CLOCK_TOLERANCE_MILLIS {
            self.clock_offset_millis = offset;
        }
    }

    /// Where the device enrolled.
    pub(crate) fn server(&self) -> Result<Url, Failure> {
        self.server.parse().map_err(|_| malformed("the server is no URL"))
    }

    /// The issuer's time, as well as the device knows it.
    pub(crate) fn now(&self) -> Timestamp {
        system::now().plus_millis(self.clock_offset_millis)
    }

    pub(crate) fn device_key_id(&self) -> Result<DeviceKeyId, Failure> {
        DeviceKeyId::from_hex(&self.device_key_id).map_err(unusable)
    }

    pub(crate) fn issuer_profile(&self) -> Result<IssuerProfile, Failure> {
        self.issuer.parse(self.mode()?)
    }

    /// The limit of a code: the one that is asked for, or the issuer's for a payment.
    pub(crate) fn limit(&self, asked: Option<&str>) -> Result<CodeLimit, Failure> {
        let currency = Currency::from_code(&self.currency).map_err(unusable)?;
        let limit = |text| Money::parse(text, currency).and_then(CodeLimit::new);
        match asked {
            Some(text) => limit(text).map_err(|error| Failure::core(Exit::Usage, error)),
            None => limit(&self.payment_limit).map_err(unusable),
        }
    }

    fn mode(&self) -> Result<Mode, Failure> {
        Mode::from_name(&self.mode).ok_or_else(|| malformed("the mode is neither live nor test"))
    }
}

impl StoredIssuer {
    fn from(issuer: &IssuerProfile) -> Self {
        Self {
            id: issuer.id.to_string(),
            prefix: issuer.prefix.to_string(),
            slot: issuer.slot.number(),
            sealing_key: base16ct::lower::encode_string(issuer.sealing_key.as_bytes()),
            sealing_key_retires_at: times::format(issuer.sealing_key_retires_at),
        }
    }

    fn parse(&self, mode: Mode) -> Result<IssuerProfile, Failure> {
        let sealing_key = crate::client::models::key_bytes(&self.sealing_key)?;
        Ok(IssuerProfile {
            id: IssuerId::from_hex(&self.id).map_err(unusable)?,
            mode,
            prefix: CodePrefix::parse(&self.prefix).map_err(unusable)?,
            slot: Slot::from_number(self.slot).map_err(unusable)?,
            sealing_key: SealingPublicKey::from_bytes(sealing_key),
            sealing_key_retires_at: times::parse(&self.sealing_key_retires_at)?,
        })
    }
}

fn offset(server_time: Timestamp) -> i64 {
    server_time.unix_millis().saturating_sub(system::now().unix_millis())
}

fn unusable(error: Error) -> Failure {
    Failure::core(Exit::Local, error).hint("the wallet's profile is not usable")
}

fn malformed(why: &str) -> Failure {
    Failure::new(Exit::Local, "profile_malformed", why)
}
