//! Money that merchants have paid out.

use core::fmt;

use serde::Deserialize;

use super::{Row, or_dash};

/// Money on its way to a merchant's bank account.
#[derive(Debug, Deserialize)]
pub(crate) struct Payout {
    id: String,
    state: String,
    amount: String,
    currency: String,
    /// Only the operator sees whose it is.
    merchant: Option<String>,
    destination: Destination,
    /// Only the operator sees which it is in.
    batch: Option<String>,
    external_reference: Option<String>,
    return_reason: Option<String>,
    description: Option<String>,
    created_at: String,
}

/// An account at a bank; a merchant sees only its end.
#[derive(Debug, Deserialize)]
pub(crate) struct Destination {
    holder: String,
    account: String,
    bank: Option<String>,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.holder, self.account)?;
        self.bank.iter().try_for_each(|bank| write!(f, " at {bank}"))
    }
}

impl fmt::Display for Payout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, state, amount, currency, destination, .. } = self;
        write!(f, "{state}: {amount} {currency}, payout {id}, to {destination}")?;
        self.description.iter().try_for_each(|text| write!(f, ", {text}"))?;
        self.batch.iter().try_for_each(|batch| write!(f, ", in {batch}"))?;
        self.external_reference.iter().try_for_each(|reference| write!(f, ", {reference}"))?;
        self.return_reason.iter().try_for_each(|reason| write!(f, ", returned: {reason}"))
    }
}

impl Row for Payout {
    const COLUMNS: &'static [&'static str] =
        &["payout", "created", "state", "amount", "", "merchant", "to", "reference"];
    const RIGHT_ALIGNED: &'static [usize] = &[3];

    fn row(&self) -> Vec<String> {
        let Self { id, state, amount, currency, created_at, .. } = self;
        vec![
            id.clone(),
            created_at.clone(),
            state.clone(),
            amount.clone(),
            currency.clone(),
            or_dash(self.merchant.as_deref()),
            self.destination.to_string(),
            or_dash(self.external_reference.as_deref()),
        ]
    }
}

/// Payouts that the bank is told of together.
#[derive(Debug, Deserialize)]
pub(crate) struct PayoutBatch {
    id: String,
    payouts: u32,
    amount: String,
    currency: String,
    authorized: u32,
    succeeded: u32,
    canceled: u32,
    external_reference: Option<String>,
    created_at: String,
}

impl fmt::Display for PayoutBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, payouts, amount, currency, authorized, succeeded, canceled, .. } = self;
        write!(
            f,
            "batch {id}: {payouts} payouts of {amount} {currency}; \
             {authorized} open, {succeeded} paid, {canceled} returned"
        )?;
        self.external_reference.iter().try_for_each(|reference| write!(f, "; {reference}"))
    }
}

impl Row for PayoutBatch {
    const COLUMNS: &'static [&'static str] =
        &["batch", "created", "payouts", "amount", "", "open", "paid", "returned", "reference"];
    const RIGHT_ALIGNED: &'static [usize] = &[2, 3, 5, 6, 7];

    fn row(&self) -> Vec<String> {
        vec![
            self.id.clone(),
            self.created_at.clone(),
            self.payouts.to_string(),
            self.amount.clone(),
            self.currency.clone(),
            self.authorized.to_string(),
            self.succeeded.to_string(),
            self.canceled.to_string(),
            or_dash(self.external_reference.as_deref()),
        ]
    }
}

/// Where a merchant's payouts go to.
#[derive(Debug, Deserialize)]
pub(crate) struct PayoutDestination {
    merchant: String,
    #[serde(flatten)]
    destination: Destination,
}

impl fmt::Display for PayoutDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "payouts of {} go to {}", self.merchant, self.destination)
    }
}
