//! Payments, and what undoes them, as merchants see them.

use core::fmt;

use serde::Deserialize;
use wallet_core::{Currency, Money};

use super::Row;
use crate::failure::{Exit, Failure};

/// One payment.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    pub(crate) amount_settled: String,
    #[serde(default)]
    pub(crate) amount_refunded: String,
    pub(crate) fee: String,
    pub(crate) net: String,
    pub(crate) reference: String,
    pub(crate) decline_code: Option<String>,
    pub(crate) created_at: String,
    /// Until when the payer may confirm, while it waits, or the merchant capture what is held.
    pub(crate) expires_at: Option<String>,
    pub(crate) receipt: String,
}

impl Payment {
    /// Whether its payer must confirm it.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == "requires_confirmation"
    }

    /// What was given back, if anything was.
    fn refunded(&self) -> Option<&str> {
        Some(&*self.amount_refunded).filter(|text| text.bytes().any(|b| matches!(b, b'1'..=b'9')))
    }

    /// What was asked for.
    pub(crate) fn asked(&self) -> Result<Money, Failure> {
        amount_of(&self.amount, &self.currency)
    }
}

impl fmt::Display for Payment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, amount, currency, reference, .. } = self;
        writeln!(f, "{state}: {amount} {currency}, payment {id}")?;
        if let Some(code) = &self.decline_code {
            writeln!(f, "  declined because  {code}")?;
        }
        if let (true, Some(until)) = (self.is_waiting(), &self.expires_at) {
            writeln!(f, "  the payer must confirm it until {until}")?;
        } else if let ("authorized", Some(until)) = (state.as_str(), &self.expires_at) {
            writeln!(f, "  held until        {until}, to be captured")?;
        } else {
            writeln!(f, "  settled           {} {currency}", self.amount_settled)?;
            writeln!(f, "  fee, net          {} {currency}, {} {currency}", self.fee, self.net)?;
            if let Some(refunded) = self.refunded() {
                writeln!(f, "  given back        {refunded} {currency}")?;
            }
        }
        writeln!(f, "  reference         {reference}")?;
        write!(f, "  created           {}", self.created_at)
    }
}

impl Row for Payment {
    const COLUMNS: &'static [&'static str] =
        &["payment", "created", "state", "amount", "", "reference"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let Payment { id, created_at, state, amount, currency, reference, .. } = self;
        [id, created_at, state, amount, currency, reference].map(Clone::clone).to_vec()
    }
}

/// An amount as the server writes it.
pub(crate) fn amount_of(amount: &str, currency: &str) -> Result<Money, Failure> {
    Currency::from_code(currency)
        .and_then(|currency| Money::parse(amount, currency))
        .map_err(|error| Failure::core(Exit::Unexpected, error))
}

/// What became of a reference that was called off.
#[derive(Debug, Deserialize)]
pub(crate) struct Cancellation {
    reference: String,
    payment: Option<Payment>,
}

impl fmt::Display for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(payment) = &self.payment {
            return payment.fmt(f);
        }
        let reference = &self.reference;
        write!(f, "called off: no payment was there, and none will come under {reference}")
    }
}

/// Money that was given back.
#[derive(Debug, Deserialize)]
pub(crate) struct Refund {
    id: String,
    state: String,
    payment: String,
    amount: String,
    currency: String,
    fee_returned: String,
    reason: Option<String>,
    created_at: String,
}

impl fmt::Display for Refund {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, payment, amount, currency, fee_returned, .. } = self;
        writeln!(f, "{state}: {amount} {currency} given back, refund {id}")?;
        writeln!(f, "  payment           {payment}")?;
        writeln!(f, "  fee returned      {fee_returned} {currency}")?;
        if let Some(reason) = &self.reason {
            writeln!(f, "  reason            {reason}")?;
        }
        write!(f, "  created           {}", self.created_at)
    }
}

impl Row for Refund {
    const COLUMNS: &'static [&'static str] =
        &["refund", "created", "state", "amount", "", "payment"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let Self { id, created_at, state, amount, currency, payment, .. } = self;
        [id, created_at, state, amount, currency, payment].map(Clone::clone).to_vec()
    }
}
