//! What merchants see.

use core::fmt;

use serde::Deserialize;
use wallet_core::{Currency, Money};

use super::{ApiKey, Row, or_dash};
use crate::failure::{Exit, Failure};

/// One payment.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    pub(crate) amount_settled: String,
    pub(crate) fee: String,
    pub(crate) net: String,
    pub(crate) reference: String,
    pub(crate) decline_code: Option<String>,
    pub(crate) created_at: String,
    /// Until when the payer may confirm, while it waits.
    pub(crate) expires_at: Option<String>,
    pub(crate) receipt: String,
}

impl Payment {
    /// Whether its payer must confirm it.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == "requires_confirmation"
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
        } else {
            writeln!(f, "  settled           {} {currency}", self.amount_settled)?;
            writeln!(f, "  fee, net          {} {currency}, {} {currency}", self.fee, self.net)?;
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

/// What a merchant is owed.
#[derive(Debug, Deserialize)]
pub(crate) struct Balance {
    pub(crate) balances: Vec<CurrencyBalance>,
}

/// What a merchant is owed in one currency.
#[derive(Debug, Deserialize)]
pub(crate) struct CurrencyBalance {
    pub(crate) currency: String,
    pub(crate) available: String,
    pub(crate) held: String,
}

impl Balance {
    /// What is available in a currency: nothing, if no money ever came in.
    pub(crate) fn available(&self, currency: &str) -> String {
        let balance = self.balances.iter().find(|balance| balance.currency == currency);
        balance.map_or_else(|| "0.00".to_owned(), |balance| balance.available.clone())
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.balances.is_empty() {
            return f.write_str("nothing yet");
        }
        let lines = self.balances.iter().map(|balance| {
            let CurrencyBalance { currency, available, held } = balance;
            format!("{available} {currency} available, {held} {currency} held")
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// A till.
#[derive(Debug, Deserialize)]
pub(crate) struct Terminal {
    id: String,
    name: String,
    /// What its printed QR code says.
    pub(crate) qr_text: String,
    created_at: String,
}

impl fmt::Display for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "terminal {}: {}", self.id, self.name)
    }
}

impl Row for Terminal {
    const COLUMNS: &'static [&'static str] = &["terminal", "name", "created"];

    fn row(&self) -> Vec<String> {
        let Terminal { id, name, created_at, .. } = self;
        [id, name, created_at].map(Clone::clone).to_vec()
    }
}

/// A merchant, as the operator sees it.
#[derive(Debug, Deserialize)]
pub(crate) struct Merchant {
    pub(crate) id: String,
    name: String,
    mode: String,
    fee: Option<Fee>,
}

/// What the issuer keeps of a payment.
#[derive(Debug, Deserialize)]
struct Fee {
    basis_points: u32,
    fixed: String,
}

impl Row for Merchant {
    const COLUMNS: &'static [&'static str] = &["merchant", "mode", "fee", "name"];
    const RIGHT_ALIGNED: &'static [usize] = &[2];

    fn row(&self) -> Vec<String> {
        let Merchant { id, name, mode, fee } = self;
        let fee = fee.as_ref().map(|fee| format!("{} bp + {}", fee.basis_points, fee.fixed));
        vec![id.clone(), mode.clone(), or_dash(fee.as_deref()), name.clone()]
    }
}

/// A new merchant with its first API key.
#[derive(Debug, Deserialize)]
pub(crate) struct CreatedMerchant {
    #[serde(flatten)]
    pub(crate) merchant: Merchant,
    pub(crate) api_key: ApiKey,
}

impl fmt::Display for CreatedMerchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Merchant { id, name, mode, .. } = &self.merchant;
        write!(f, "merchant {id}: {name} ({mode})\n{}", self.api_key)
    }
}
