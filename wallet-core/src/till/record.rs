//! What of a sale outlives a crash: one line of JSON.
//!
//! Each record replaces the one before, so the last one that is whole is all that counts. The code
//! is in it only while it may have to be sent again.

use std::collections::BTreeMap;

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::order::{Capture, CodeSource, Keys, Order, Patience};
use super::outcome::Outcome;
use super::pace::Pace;
use super::sale::Sale;
use super::state::{Charging, Following, Reversing, State};
use crate::{Currency, Error, Money, PositiveMoney, TerminalId, Timestamp};

const MALFORMED: Error = Error::new(
    "till_record_malformed",
    "the text is not the record of a sale, or of a release that this one does not know",
);

/// The first field of every record.
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u8,
    reference: String,
    amount: String,
    currency: String,
    code_source: CodeSource,
    capture: Capture,
    #[serde(skip_serializing_if = "Option::is_none")]
    terminal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
    charge_key: String,
    reversal_key: String,
    patience_millis: u64,
    begun_at_unix_millis: i64,
    state: Stored,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Stored {
    Charging { code: String },
    Reversing,
    Ended(Outcome),
}

/// Writes what has to be durable now.
pub(super) fn write(sale: &Sale) -> String {
    let Order { reference, amount, code_source, capture, terminal, description, metadata } =
        sale.order.clone();
    let amount = amount.money();
    let record = Record {
        version: VERSION,
        reference,
        amount: amount.amount_text(),
        currency: amount.currency().code().to_owned(),
        code_source,
        capture,
        terminal: terminal.map(|id| id.to_string()),
        description,
        metadata,
        charge_key: sale.keys.charge.clone(),
        reversal_key: sale.keys.reversal.clone(),
        patience_millis: u64::try_from(sale.patience.duration().as_millis()).unwrap_or(u64::MAX),
        begun_at_unix_millis: sale.begun_at.unix_millis(),
        state: match &sale.state {
            State::Charging(Charging { code, .. }) | State::Following(Following { code, .. }) => {
                Stored::Charging { code: code.clone() }
            }
            State::Reversing(_) => Stored::Reversing,
            State::Ended(outcome) => Stored::Ended(outcome.clone()),
        },
    };
    // Text, numbers and maps with text for keys: nothing in it can fail to be written.
    serde_json::to_string(&record).unwrap_or_default()
}

/// Reads the record back. What was on its way when it was written may have arrived.
pub(super) fn read(text: &str, now: Timestamp) -> Result<Sale, Error> {
    let record: Record = serde_json::from_str(text).map_err(|_| MALFORMED)?;
    if record.version != VERSION {
        return Err(MALFORMED);
    }
    let amount = Money::parse(&record.amount, Currency::from_code(&record.currency)?)?;
    let order = Order {
        reference: record.reference,
        amount: PositiveMoney::new(amount)?,
        code_source: record.code_source,
        capture: record.capture,
        terminal: record.terminal.map(|id| TerminalId::from_hex(&id)).transpose()?,
        description: record.description,
        metadata: record.metadata,
    };
    let pace = Pace::new(now);
    let begun_at = Timestamp::from_unix_millis(record.begun_at_unix_millis);
    Ok(Sale {
        order,
        keys: Keys { charge: record.charge_key, reversal: record.reversal_key },
        patience: Patience::of(Duration::from_millis(record.patience_millis)),
        begun_at,
        state: match record.state {
            Stored::Charging { code } => State::Charging(Charging { code, pace, open: true }),
            Stored::Reversing => State::Reversing(Reversing { pace, open: true, looks: false }),
            Stored::Ended(outcome) => State::Ended(outcome),
        },
        stored: true,
        // A clock that was turned back can't tell how long the customer has waited.
        hurried: now < begun_at,
        sent: 0,
        in_flight: None,
    })
}
