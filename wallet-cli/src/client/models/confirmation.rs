//! Payments that wait for their payer.

use core::fmt;

use serde::Deserialize;
use wallet_core::Timestamp;

use super::Row;
use crate::failure::Failure;
use crate::times;

/// The payments that wait, and what time it is for the server.
#[derive(Debug, Deserialize)]
pub(crate) struct Confirmations<T = Confirmation> {
    pub(crate) data: Vec<T>,
}

impl fmt::Display for Confirmations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.data.is_empty() {
            return f.write_str("nothing waits for you");
        }
        f.write_str(&super::rows(&self.data))
    }
}

/// One payment that waits.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Confirmation {
    pub(crate) payment: String,
    /// Whether the code was this device's: no other may confirm.
    #[serde(default = "yes")]
    pub(crate) this_device: bool,
    merchant_name: String,
    terminal_name: Option<String>,
    amount: String,
    currency: String,
    description: Option<String>,
    reason: String,
    expires_at: String,
}

fn yes() -> bool {
    true
}

impl Confirmation {
    /// When it is too late.
    pub(crate) fn expires_at(&self) -> Result<Timestamp, Failure> {
        times::parse(&self.expires_at)
    }

    /// Why the payer is asked.
    fn why(&self) -> &str {
        match self.reason.as_str() {
            "amount" => "it is more than you pay without PIN",
            "count" => "you paid often without PIN today",
            "day" => "you paid much without PIN today",
            "typed" => "the code was typed, not scanned",
            "new_device" => "this device is new",
            "suspected" => "one of your codes was shown at two places",
            "same_amount" => "you have just paid the same amount there",
            other => other,
        }
    }
}

/// What the payer must know before a PIN.
impl fmt::Display for Confirmation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { amount, currency, merchant_name, .. } = self;
        write!(f, "{amount} {currency} to {merchant_name}")?;
        self.terminal_name.iter().try_for_each(|terminal| write!(f, ", {terminal}"))?;
        self.description.iter().try_for_each(|what| write!(f, ", for {what}"))?;
        write!(f, " ({})", self.why())
    }
}

impl Row for Confirmation {
    const COLUMNS: &'static [&'static str] = &["payment", "amount", "", "merchant", "until", "why"];
    const RIGHT_ALIGNED: &'static [usize] = &[1];

    fn row(&self) -> Vec<String> {
        let Self { payment, amount, currency, merchant_name, expires_at, .. } = self;
        [payment, amount, currency, merchant_name, expires_at, self.why()]
            .map(ToString::to_string)
            .to_vec()
    }
}

/// What became of a payment, for its payer.
#[derive(Debug, Deserialize)]
pub(crate) struct DecidedPayment {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    merchant_name: Option<String>,
    decline_code: Option<String>,
    pub(crate) receipt: String,
}

impl fmt::Display for DecidedPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, amount, currency, .. } = self;
        write!(f, "{state}: {amount} {currency}")?;
        self.merchant_name.iter().try_for_each(|merchant| write!(f, " to {merchant}"))?;
        write!(f, ", payment {id}")?;
        self.decline_code.iter().try_for_each(|code| write!(f, " ({code})"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Confirmation, Confirmations};

    #[test]
    fn a_confirmation_says_who_wants_how_much_where_and_why_the_payer_is_asked() {
        let confirmation: Confirmation = serde_json::from_value(json!({
            "payment": "pay_1", "merchant_name": "Tea House", "terminal_name": "till 1",
            "amount": "250.00", "currency": "CNY", "description": "a kettle", "reason": "amount",
            "code_source": "scan", "created_at": "", "expires_at": "2026-11-22T12:01:00.000Z",
        }))
        .unwrap();
        assert_eq!(
            confirmation.to_string(),
            "250.00 CNY to Tea House, till 1, for a kettle (it is more than you pay without PIN)"
        );
        let list = Confirmations { data: vec![confirmation] };
        assert!(list.to_string().contains("pay_1    250.00  CNY  Tea House"), "{list}");
        let none = Confirmations::<Confirmation> { data: Vec::new() };
        assert_eq!(none.to_string(), "nothing waits for you");
    }
}
