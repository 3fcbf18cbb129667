//! What payers see, and what the operator sees of them.

use core::fmt;

use serde::Deserialize;

use super::events::CodeMark;
use super::{Issuer, Person, Row, or_dash};

/// What a device gets when it enrols.
#[derive(Debug, Deserialize)]
pub(crate) struct Enrolment {
    /// `pending` while the payer has not approved it from another device.
    #[serde(default)]
    pub(crate) state: EnrolmentState,
    pub(crate) device_key_id: String,
    pub(crate) payer: String,
    pub(crate) mode: String,
    pub(crate) currency: String,
    pub(crate) issuer: Issuer,
    pub(crate) limits: Limits,
    pub(crate) server_time: String,
}

/// Whether a device may act.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EnrolmentState {
    /// It may.
    #[default]
    Active,
    /// Once the payer proved to be behind it.
    Pending,
    /// No more.
    Revoked,
}

/// What a payer may spend.
#[derive(Debug, Deserialize)]
pub(crate) struct Limits {
    pub(crate) payment: String,
    pub(crate) day: String,
    /// What is left today; not told at enrolment.
    day_left: Option<String>,
}

/// What a payer has.
#[derive(Debug, Deserialize)]
pub(crate) struct PayerBalance {
    pub(crate) currency: String,
    pub(crate) available: String,
    held: String,
    limits: Limits,
    /// The highest code of this device that the issuer has decided on.
    pub(crate) mark: Option<CodeMark>,
}

impl fmt::Display for PayerBalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { currency, available, held, limits, .. } = self;
        writeln!(f, "{available} {currency} available, {held} {currency} held")?;
        write!(
            f,
            "limits: {} {currency} a payment, {} {currency} a day",
            limits.payment, limits.day
        )?;
        limits.day_left.iter().try_for_each(|left| write!(f, ", {left} {currency} left today"))
    }
}

/// One movement of a payer's money, or a try.
#[derive(Debug, Deserialize)]
pub(crate) struct Activity {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    amount: Option<String>,
    currency: Option<String>,
    merchant_name: Option<String>,
    counterparty: Option<Person>,
    direction: Option<String>,
    decline_code: Option<String>,
    created_at: String,
}

impl Row for Activity {
    const COLUMNS: &'static [&'static str] =
        &["created", "what", "amount", "", "with", "why", "id"];
    const RIGHT_ALIGNED: &'static [usize] = &[2];

    fn row(&self) -> Vec<String> {
        let Activity { id, kind, amount, currency, created_at, .. } = self;
        let other = self.counterparty.as_ref().map(|person| {
            let way = if self.direction.as_deref() == Some("in") { "from" } else { "to" };
            format!("{way} {person}")
        });
        vec![
            created_at.clone(),
            kind.clone(),
            or_dash(amount.as_deref()),
            currency.clone().filter(|_| amount.is_some()).unwrap_or_default(),
            or_dash(self.merchant_name.as_deref().or(other.as_deref())),
            or_dash(self.decline_code.as_deref()),
            id.clone(),
        ]
    }
}

/// A payer, as the operator sees it.
#[derive(Debug, Deserialize)]
pub(crate) struct Payer {
    pub(crate) id: String,
    name: String,
    mode: String,
    currency: String,
    state: String,
}

impl fmt::Display for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, mode, currency, state } = self;
        write!(f, "payer {id}: {name} ({mode}, {currency}, {state})")
    }
}

impl Row for Payer {
    const COLUMNS: &'static [&'static str] = &["payer", "mode", "currency", "state", "name"];

    fn row(&self) -> Vec<String> {
        let Payer { id, name, mode, currency, state } = self;
        [id, mode, currency, state, name].map(Clone::clone).to_vec()
    }
}

/// An invitation to enrol one device: shown once.
#[derive(Debug, Deserialize)]
pub(crate) struct Invitation {
    #[serde(rename = "invitation")]
    pub(crate) secret: String,
    payer: String,
    expires_at: String,
}

impl fmt::Display for Invitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { secret, payer, expires_at } = self;
        write!(
            f,
            "invitation for {payer}, for one device until {expires_at}, shown this once:\n{secret}"
        )
    }
}

/// Money that a payer paid in.
#[derive(Debug, Deserialize)]
pub(crate) struct TopUp {
    id: String,
    payer: String,
    amount: String,
    currency: String,
    external_reference: String,
}

impl fmt::Display for TopUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, payer, amount, currency, external_reference } = self;
        write!(f, "{amount} {currency} to {payer}, top-up {id}, {external_reference}")
    }
}
