//! Orders and plates, for merchants and for payers.

use core::fmt;

use serde::Deserialize;

use super::{Row, or_dash};

/// What a merchant asks to be paid, once.
#[derive(Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) state: String,
    amount: String,
    currency: String,
    reference: String,
    description: Option<String>,
    /// The text of its QR code.
    pub(crate) payload: String,
    payment: Option<String>,
    created_at: String,
    expires_at: String,
}

impl Order {
    /// Whether it can be paid.
    pub(crate) fn is_open(&self) -> bool {
        self.state == "open"
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, amount, currency, reference, .. } = self;
        writeln!(f, "{state}: {amount} {currency}, order {id}")?;
        writeln!(f, "  reference         {reference}")?;
        if let Some(description) = &self.description {
            writeln!(f, "  description       {description}")?;
        }
        if let Some(payment) = &self.payment {
            writeln!(f, "  payment           {payment}")?;
        }
        write!(f, "  created           {}", self.created_at)?;
        if self.is_open() {
            write!(f, "\n  can be paid until {}", self.expires_at)?;
        }
        Ok(())
    }
}

impl Row for Order {
    const COLUMNS: &'static [&'static str] =
        &["order", "created", "state", "amount", "", "reference", "payment"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let Self { id, created_at, state, amount, currency, reference, payment, .. } = self;
        let mut row =
            [id, created_at, state, amount, currency, reference].map(Clone::clone).to_vec();
        row.push(or_dash(payment.as_deref()));
        row
    }
}

/// A printed code that is paid many times.
#[derive(Debug, Deserialize)]
pub(crate) struct Plate {
    id: String,
    state: String,
    label: String,
    /// None: the payer says how much.
    amount: Option<String>,
    currency: String,
    /// The text of its QR code.
    pub(crate) payload: String,
    created_at: String,
}

impl fmt::Display for Plate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, label, currency, created_at, .. } = self;
        writeln!(f, "{state}: {label}, plate {id}")?;
        match &self.amount {
            Some(amount) => writeln!(f, "  amount            {amount} {currency}")?,
            None => writeln!(f, "  amount            what the payer says, in {currency}")?,
        }
        write!(f, "  created           {created_at}")
    }
}

impl Row for Plate {
    const COLUMNS: &'static [&'static str] = &["plate", "created", "state", "amount", "", "label"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let Self { id, created_at, state, amount, currency, label, .. } = self;
        let amount = &or_dash(amount.as_deref());
        [id, created_at, state, amount, currency, label].map(Clone::clone).to_vec()
    }
}

/// What a merchant's code stands for, as the server says.
#[derive(Debug, Deserialize)]
pub(crate) struct ScannedCode {
    pub(crate) id: String,
    pub(crate) merchant: MerchantOfCode,
    label: Option<String>,
    description: Option<String>,
    pub(crate) state: String,
    pin: String,
}

/// Whose it is.
#[derive(Debug, Deserialize)]
pub(crate) struct MerchantOfCode {
    pub(crate) id: String,
    name: String,
}

impl ScannedCode {
    /// Whether paying it takes the PIN, as things stand.
    pub(crate) fn needs_pin(&self) -> bool {
        self.pin == "required"
    }

    /// What it is for, in the merchant's words.
    pub(crate) fn what(&self) -> Option<&str> {
        self.description.as_deref().or(self.label.as_deref())
    }
}

/// A payment of a merchant's code, for its payer.
#[derive(Debug, Deserialize)]
pub(crate) struct CodePayment {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) amount: String,
    pub(crate) currency: String,
    pub(crate) merchant: MerchantOfCode,
    pub(crate) order: Option<String>,
    pub(crate) plate: Option<String>,
    pub(crate) receipt: String,
}

impl fmt::Display for CodePayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, amount, currency, merchant, .. } = self;
        writeln!(f, "{state}: {amount} {currency} to {}, payment {id}", merchant.name)?;
        write!(f, "receipt {}", self.receipt)
    }
}
