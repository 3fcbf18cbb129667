//! What merchants see.

use core::fmt;

use serde::Deserialize;

use super::{ApiKey, Row, or_dash};

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
    state: Option<String>,
    fee: Option<Fee>,
}

impl fmt::Display for Merchant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, mode, state, fee } = self;
        write!(f, "merchant {id}: {name} ({mode})")?;
        if let Some(state) = state.as_deref().filter(|state| *state != "active") {
            write!(f, ", {state}")?;
        }
        match fee {
            Some(Fee { basis_points, fixed }) => {
                write!(f, "\n  fee  {basis_points} bp + {fixed}")
            }
            None => Ok(()),
        }
    }
}

/// What the issuer keeps of a payment.
#[derive(Debug, Deserialize)]
struct Fee {
    basis_points: u32,
    fixed: String,
}

impl Row for Merchant {
    const COLUMNS: &'static [&'static str] = &["merchant", "mode", "state", "fee", "name"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let Merchant { id, name, mode, state, fee } = self;
        let fee = fee.as_ref().map(|fee| format!("{} bp + {}", fee.basis_points, fee.fixed));
        let (state, fee) = (or_dash(state.as_deref()), or_dash(fee.as_deref()));
        vec![id.clone(), mode.clone(), state, fee, name.clone()]
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
