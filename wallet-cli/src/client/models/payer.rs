//! What payers see, and what the operator sees of them.

use core::fmt;

use serde::Deserialize;
use wallet_core::Step;
use wallet_core::code::Mark;

use super::{Issuer, Row, or_dash};

/// What a device gets when it enrols.
#[derive(Debug, Deserialize)]
pub(crate) struct Enrolment {
    pub(crate) device_key_id: String,
    pub(crate) payer: String,
    pub(crate) mode: String,
    pub(crate) currency: String,
    pub(crate) issuer: Issuer,
    pub(crate) limits: Limits,
    pub(crate) server_time: String,
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
    kind: String,
    state: String,
    amount: String,
    currency: String,
    merchant_name: Option<String>,
    decline_code: Option<String>,
    created_at: String,
}

impl Row for Activity {
    const COLUMNS: &'static [&'static str] =
        &["created", "kind", "state", "amount", "", "with", "why", "id"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let Activity { id, kind, state, amount, currency, created_at, .. } = self;
        vec![
            created_at.clone(),
            kind.clone(),
            state.clone(),
            amount.clone(),
            currency.clone(),
            or_dash(self.merchant_name.as_deref()),
            or_dash(self.decline_code.as_deref()),
            id.clone(),
        ]
    }
}

/// What happened to a payer's codes and money since a cursor, oldest first.
#[derive(Debug, Deserialize)]
pub(crate) struct PayerEvents {
    pub(crate) data: Vec<PayerEvent>,
    pub(crate) next: Option<String>,
}

/// One thing that happened.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct PayerEvent {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) amount: String,
    currency: String,
    merchant_name: Option<String>,
    decline_code: Option<String>,
    pub(crate) code: Option<CodeMark>,
}

/// Which code an event is about.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct CodeMark {
    pub(crate) step: u32,
    pub(crate) seq: u8,
}

impl From<CodeMark> for Mark {
    fn from(CodeMark { step, seq }: CodeMark) -> Self {
        Self { step: Step::from_number(step), seq }
    }
}

impl fmt::Display for PayerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, amount, currency, .. } = self;
        let merchant = self.merchant_name.as_deref().unwrap_or("a merchant");
        match kind.as_str() {
            "payment.succeeded" => write!(f, "paid {amount} {currency} at {merchant}"),
            "payment.declined" => {
                let why = self.decline_code.as_deref().unwrap_or("declined");
                write!(f, "not paid: {amount} {currency} at {merchant} ({why})")
            }
            "top_up.succeeded" => write!(f, "{amount} {currency} paid in"),
            other => write!(f, "{other}: {amount} {currency}"),
        }
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
