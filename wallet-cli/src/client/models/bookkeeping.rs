//! What happened to a merchant, what moved its money, and how that adds up.

use core::fmt;

use serde::Deserialize;

use super::{Row, or_dash, rows};
use crate::output::table;

/// Something that happened to a merchant.
#[derive(Debug, Deserialize)]
pub(crate) struct MerchantEvent {
    id: String,
    r#type: String,
    created_at: String,
    data: EventSubject,
}

/// As much of what it is about as one line has room for.
#[derive(Debug, Deserialize)]
struct EventSubject {
    id: String,
    amount: Option<String>,
    currency: Option<String>,
    reference: Option<String>,
}

impl Row for MerchantEvent {
    const COLUMNS: &'static [&'static str] =
        &["event", "time", "type", "about", "amount", "", "reference"];
    const RIGHT_ALIGNED: &'static [usize] = &[4];

    fn row(&self) -> Vec<String> {
        let Self { id, r#type, created_at, data } = self;
        let EventSubject { id: about, amount, currency, reference } = data;
        let mut row = [id, created_at, r#type, about].map(Clone::clone).to_vec();
        row.extend([amount, currency, reference].map(|text| or_dash(text.as_deref())));
        row
    }
}

/// Events, and where they go on.
#[derive(Debug, Deserialize)]
pub(crate) struct MerchantEvents {
    data: Vec<MerchantEvent>,
    next: String,
}

impl fmt::Display for MerchantEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.data.is_empty() {
            writeln!(f, "none")?;
        } else {
            writeln!(f, "{}", rows(&self.data))?;
        }
        write!(f, "go on with --after {}", self.next)
    }
}

/// A movement of a merchant's money.
#[derive(Debug, Deserialize)]
pub(crate) struct BalanceTransaction {
    id: String,
    r#type: String,
    subject: String,
    reference: Option<String>,
    currency: String,
    gross: String,
    fee: String,
    net: String,
    balance: String,
    created_at: String,
}

impl Row for BalanceTransaction {
    const COLUMNS: &'static [&'static str] =
        &["time", "type", "about", "gross", "fee", "net", "balance", "", "reference", "event"];
    const RIGHT_ALIGNED: &'static [usize] = &[3, 4, 5, 6];

    fn row(&self) -> Vec<String> {
        let Self { id, r#type, subject, reference, currency, gross, fee, net, balance, created_at } =
            self;
        let cells = [created_at, r#type, subject, gross, fee, net, balance, currency];
        let mut row = cells.map(Clone::clone).to_vec();
        row.extend([or_dash(reference.as_deref()), id.clone()]);
        row
    }
}

/// What a day comes to.
#[derive(Debug, Deserialize)]
pub(crate) struct StatementTotals {
    date: String,
    time_zone: String,
    totals: Vec<CurrencyTotals>,
    pub(crate) csv: StatementCsv,
}

/// The statement as CSV.
#[derive(Debug, Deserialize)]
pub(crate) struct StatementCsv {
    pub(crate) rows: u64,
    pub(crate) sha256: String,
}

#[derive(Debug, Deserialize)]
struct CurrencyTotals {
    currency: String,
    opening_balance: String,
    closing_balance: String,
    #[serde(flatten)]
    all: Sums,
    types: Vec<TypeTotals>,
}

#[derive(Debug, Deserialize)]
struct TypeTotals {
    r#type: String,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Debug, Deserialize)]
struct Sums {
    count: u64,
    gross: String,
    fee: String,
    net: String,
}

impl Sums {
    fn line(&self, name: &str) -> Vec<String> {
        let Self { count, gross, fee, net } = self;
        vec![name.to_owned(), count.to_string(), gross.clone(), fee.clone(), net.clone()]
    }
}

impl fmt::Display for StatementTotals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}: {} movements", self.date, self.time_zone, self.csv.rows)?;
        for totals in &self.totals {
            let CurrencyTotals { currency, opening_balance, closing_balance, all, types } = totals;
            let head = ["", "count", "gross", "fee", "net"].map(str::to_owned).to_vec();
            let mut lines = vec![head];
            lines.extend(types.iter().map(|of_type| of_type.sums.line(&of_type.r#type)));
            lines.push(all.line("together"));
            write!(f, "\n\n{opening_balance} {currency} before\n")?;
            writeln!(f, "{}", table(&lines, &[1, 2, 3, 4]))?;
            write!(f, "{closing_balance} {currency} after")?;
        }
        write!(f, "\n\nSHA-256 of the CSV: {}", self.csv.sha256)
    }
}
