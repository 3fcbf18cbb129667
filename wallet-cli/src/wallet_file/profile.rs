//! What a device knows of its issuer and of itself, without secrets.

use reqwest::Url;
use serde::{Deserialize, Serialize};
use wallet_core::code::{CodeLimit, IssuerProfile};
use wallet_core::issuer::IssuerDocument;
use wallet_core::{Currency, DeviceKeyId, Error, IssuerId, Mode, Money, Timestamp};

use crate::client::models::{Enrolment, Issuer, device_profile};
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
    /// The id of the issuer that the device enrolled with, the only one it makes codes for.
    issuer: String,
    /// The newest document of that issuer.
    issuer_document: String,
}

impl Profile {
    /// What an enrolled device keeps of the answer.
    pub(crate) fn enrolled(
        server: &Url,
        answer: &Enrolment,
        issuer: &IssuerId,
    ) -> Result<Self, Failure> {
        let profile = Self {
            server: server.to_string(),
            device_key_id: answer.device_key_id.clone(),
            payer: answer.payer.clone(),
            mode: answer.mode.clone(),
            currency: answer.currency.clone(),
            payment_limit: answer.limits.payment.clone(),
            clock_offset_millis: offset(times::parse(&answer.server_time)?),
            issuer: issuer.to_string(),
            issuer_document: answer.issuer.document_text.clone(),
        };
        // Whatever can't be used later is refused now.
        answer.issuer.document(Some(issuer))?;
        profile.issuer_profile()?;
        profile.device_key_id()?;
        profile.limit(None)?;
        Ok(profile)
    }

    /// Takes over what the issuer says now: its current sealing key and its clock.
    ///
    /// Keys that the issuer did not certify are refused, since codes sealed to somebody else's
    /// would tell him who pays; and so are keys that it has replaced since.
    pub(crate) fn refresh(&mut self, issuer: &Issuer) -> Result<(), Failure> {
        let document = issuer.document(Some(&self.issuer_id()?))?;
        device_profile(&document, self.mode()?)?;
        let known = self.document()?;
        if !document.says_the_same_as(&known) {
            if !document.is_newer_than(&known) {
                return Err(Failure::new(
                    Exit::Refused,
                    "issuer_document_outdated",
                    "the server names keys that the issuer has replaced",
                ));
            }
            self.issuer_document.clone_from(&issuer.document_text);
        }
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
        device_profile(&self.document()?, self.mode()?)
    }

    fn issuer_id(&self) -> Result<IssuerId, Failure> {
        IssuerId::from_hex(&self.issuer).map_err(unusable)
    }

    /// The newest document of the issuer, verified.
    pub(crate) fn document(&self) -> Result<IssuerDocument, Failure> {
        let document = IssuerDocument::parse(&self.issuer_document).map_err(unusable)?;
        document.verify(&self.issuer_id()?).map_err(unusable)
    }

    /// An amount in the wallet's currency.
    pub(crate) fn amount(&self, text: &str) -> Result<Money, Failure> {
        let currency = Currency::from_code(&self.currency).map_err(unusable)?;
        Money::parse(text, currency).map_err(|error| Failure::core(Exit::Usage, error))
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

    pub(crate) fn mode(&self) -> Result<Mode, Failure> {
        Mode::from_name(&self.mode).ok_or_else(|| malformed("the mode is neither live nor test"))
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
