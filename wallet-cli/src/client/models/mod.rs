//! What the server answers, as far as people see it. `--json` prints the answers as they came.

mod account;
mod api_key;
mod bookkeeping;
mod confirmation;
mod events;
mod heard_events;
mod issuer;
mod ledger;
mod merchant;
mod merchant_code;
mod payer;
mod payment;
mod payout;
mod people;
mod testing;
mod webhook;

use core::fmt;

use serde::Deserialize;

use crate::output::table;

pub(crate) use account::{
    Account, Device, DeviceInvitation, RecoveryCodes, SpendingLimits, TotpSecret,
};
pub(crate) use api_key::{ApiKey, ApiKeyEvent, ApiKeyUse, KnownApiKey};
pub(crate) use bookkeeping::{BalanceTransaction, MerchantEvents, StatementTotals};
pub(crate) use confirmation::{Confirmation, Confirmations, DecidedPayment};
pub(crate) use events::{PayerEvent, PayerEvents};
pub(crate) use heard_events::{HeardEvent, HeardEvents};
pub(crate) use issuer::{Issuer, IssuerArgs, device_profile};
pub(crate) use ledger::{Entry, TrialBalance};
pub(crate) use merchant::{Balance, CreatedMerchant, Merchant, Terminal};
pub(crate) use merchant_code::{CodePayment, Order, Plate, ScannedCode};
pub(crate) use payer::{
    Activity, Enrolment, EnrolmentState, Invitation, Payer, PayerBalance, TopUp,
};
pub(crate) use payment::{Cancellation, Payment, Refund};
pub(crate) use payout::{Payout, PayoutBatch, PayoutDestination};
pub(crate) use people::{
    Envelope, EnvelopeClaim, PayerTransfer, Person, ReceiveCode, SentEnvelope, Withdrawal,
};
pub(crate) use testing::{TestClock, TestCode};
pub(crate) use webhook::{WebhookDelivery, WebhookEndpoint};

/// One page of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct List<T> {
    pub(crate) data: Vec<T>,
    #[serde(default)]
    pub(crate) has_more: bool,
    pub(crate) next: Option<String>,
}

/// A list of which the server never sends a part.
#[derive(Debug, Deserialize)]
pub(crate) struct Whole<T> {
    pub(crate) data: Vec<T>,
}

/// How people see one item of a list: a row of a table.
pub(crate) trait Row {
    /// The heads of the columns.
    const COLUMNS: &'static [&'static str];
    /// Which of them hold numbers.
    const RIGHT_ALIGNED: &'static [usize] = &[];

    /// The cells.
    fn row(&self) -> Vec<String>;
}

impl<T: Row> fmt::Display for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.data.is_empty() {
            return f.write_str("none");
        }
        f.write_str(&rows(&self.data))?;
        match &self.next {
            Some(next) if self.has_more => write!(f, "\nmore: --after {next}"),
            _ => Ok(()),
        }
    }
}

/// The items under their heads.
fn rows<T: Row>(items: &[T]) -> String {
    let head = T::COLUMNS.iter().map(ToString::to_string).collect();
    let rows: Vec<_> = std::iter::once(head).chain(items.iter().map(T::row)).collect();
    table(&rows, T::RIGHT_ALIGNED)
}

/// Which page of a list.
#[derive(clap::Args, Debug)]
pub(crate) struct PageArgs {
    /// At most this many
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: Option<u32>,
    /// Go on where the last page ended
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
}

impl PageArgs {
    /// Adds the page to a request.
    pub(crate) fn apply<'a>(&self, request: super::Request<'a>) -> super::Request<'a> {
        request.query("limit", self.limit).query("after", self.after.as_ref())
    }
}

/// Text, or a dash where there is none.
fn or_dash(text: Option<&str>) -> String {
    text.unwrap_or("-").to_owned()
}
