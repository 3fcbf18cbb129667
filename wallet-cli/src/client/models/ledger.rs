//! The operator's books.

use core::fmt;

use serde::Deserialize;

use super::Whole;
use crate::output::table;

/// The sums of all accounts.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct TrialBalance {
    mode: String,
    pub(crate) accounts: Vec<Sum>,
    pub(crate) totals: Vec<Total>,
}

/// The sum of one kind of account in one currency.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sum {
    pub(crate) account: String,
    currency: String,
    pub(crate) debit: String,
    pub(crate) credit: String,
}

/// The sum of all accounts in one currency.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Total {
    currency: String,
    debit: String,
    credit: String,
    balanced: bool,
}

impl TrialBalance {
    /// Whether debits equal credits in every currency, in the server's words and in its numbers.
    pub(crate) fn is_balanced(&self) -> bool {
        !self.totals.is_empty()
            && self.totals.iter().all(|total| total.balanced && total.debit == total.credit)
    }

    /// One row an account, then the totals.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let head = ["account", "debit", "credit", ""].map(ToOwned::to_owned).to_vec();
        let accounts = self.accounts.iter().map(|sum| {
            let Sum { account, currency, debit, credit } = sum;
            [account, debit, credit, currency].map(Clone::clone).to_vec()
        });
        let totals = self.totals.iter().map(|total| {
            let Total { currency, debit, credit, .. } = total;
            ["total", debit, credit, currency].map(ToOwned::to_owned).to_vec()
        });
        std::iter::once(head).chain(accounts).chain(totals).collect()
    }
}

impl fmt::Display for TrialBalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let balanced = if self.is_balanced() { "balanced" } else { "NOT BALANCED" };
        write!(f, "{}\n{} books: {balanced}", table(&self.rows(), &[1, 2]), self.mode)
    }
}

/// One line of a transfer.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Entry {
    pub(crate) account: String,
    bucket: String,
    pub(crate) debit: String,
    pub(crate) credit: String,
    currency: String,
}

impl Whole<Entry> {
    /// One row an entry.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let head = ["account", "", "debit", "credit", ""].map(ToOwned::to_owned).to_vec();
        let entries = self.data.iter().map(|entry| {
            let Entry { account, bucket, debit, credit, currency } = entry;
            [account, bucket, debit, credit, currency].map(Clone::clone).to_vec()
        });
        std::iter::once(head).chain(entries).collect()
    }
}

impl fmt::Display for Whole<Entry> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&table(&self.rows(), &[2, 3]))
    }
}
