//! `wallet merchant charge`

mod counter;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::Value;
use wallet_core::till::{Capture, CodeSource, Order, Patience};
use wallet_core::{Currency, Money, PositiveMoney};

use crate::client::models::{IssuerArgs, Payment};
use crate::client::{Answer, Client, Request};
use crate::commands::ids;
use crate::commands::terminal::TerminalArg;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::till::{Journal, Till};
use crate::{pictures, secrets, system, times};

use super::MerchantArgs;
use counter::Counter;

/// `--resume` without a reference; no reference is empty.
const ALL: &str = "";

/// Charge the code that a payer shows, and verify the receipt
///
/// The charge is repeated, always with the same key, until its outcome is certain, and a payment
/// that its payer must confirm is waited for. When the patience ends, or at Ctrl-C, the charge is
/// called off. What has to be remembered is on the disk before anything is sent: after a crash the
/// same charge again, or --resume, goes on, and the payer pays once.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant charge 12.50 --scan photo.png
  wallet merchant charge 12.50 --stdin --reference order-17     a keyboard-wedge scanner types it
  wallet merchant charge --resume order-17                      after a crash or without a network
  wallet merchant charge --resume                               all that is open
  wallet merchant charge 80.00 --scan photo.png --capture manual

A payment that was declined, refused by its payer, called off or whose code was refused ends with
exit code 3. Exit code 4 says that the outcome is not known, as when the network is gone: the sale
stays open until --resume ends it. A look-up that finds nothing proves nothing yet.

The receipt is verified with the keys that the issuer's root key certifies. With --issuer, that
proves whose receipt it is; without, only that it is the receipt of the issuer that is printed.")]
pub(crate) struct Args {
    /// How much, as in 12.50
    #[arg(required_unless_present = "resume")]
    amount: Option<String>,
    /// The currency, as in ISO 4217
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    #[command(flatten)]
    source: Source,
    /// Your name for this payment, unique for ever [default: made up and printed]
    #[arg(long, conflicts_with = "resume")]
    reference: Option<String>,
    /// When the money is taken
    #[arg(long, value_name = "WHEN", default_value = "automatic")]
    capture: CaptureArg,
    /// The till that scanned; codes that are bound to a terminal need it
    #[arg(long, value_name = "HEX|PHOTO")]
    terminal: Option<TerminalArg>,
    /// What was bought
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Repeat an earlier charge of which this machine knows nothing [default: a new key]
    ///
    /// Somebody may have paid it already. So if its outcome cannot be heard, it is called off, or
    /// stays open.
    #[arg(long, value_name = "KEY", requires = "reference", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    /// How long to ask, and to wait for a payer who must confirm, before it is called off
    #[arg(long, value_name = "SECONDS", default_value_t = 45)]
    patience: u32,
    /// Leave open what is not decided in time, instead of calling it off
    #[arg(long)]
    no_cancel: bool,
    #[command(flatten)]
    journal: JournalArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
    #[command(flatten)]
    issuer: IssuerArgs,
}

/// Where the code comes from.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Source {
    /// Read the code from a PNG or JPEG picture
    #[arg(long, value_name = "PHOTO")]
    scan: Option<PathBuf>,
    /// The digits of the code
    #[arg(long, value_name = "DIGITS")]
    code: Option<String>,
    /// Read the digits from a line of standard input
    #[arg(long)]
    stdin: bool,
    /// End what an earlier run left open: this sale, or all of them
    #[arg(
        long,
        value_name = "REFERENCE",
        num_args = 0..=1,
        default_missing_value = ALL,
        conflicts_with = "amount"
    )]
    resume: Option<String>,
}

/// What this machine remembers of its sales.
#[derive(clap::Args, Debug)]
struct JournalArgs {
    /// The directory with the journal of sales [default: ~/.local/state/wallet/till]
    ///
    /// Each merchant has one of its own.
    #[arg(long, value_name = "DIR", env = "WALLET_JOURNAL", hide_env_values = true)]
    journal: Option<PathBuf>,
    /// Go on with a sale that was begun with another API key of the same merchant
    #[arg(long)]
    other_key: bool,
}

/// When the money is taken.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum CaptureArg {
    /// With the payment
    Automatic,
    /// Later, with `wallet merchant capture`; until then it is held
    Manual,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let journal = args.journal.open(&client)?;
    let counter = Counter {
        till: Till { client: &client, output, leaves_alone: args.no_cancel },
        journal: &journal,
        issuer: args.issuer.id,
    };
    match args.source.resume.as_deref() {
        Some(ALL) => counter.resume_all().await,
        Some(reference) => counter.resume(reference).await,
        None => {
            let patience = Patience::of(Duration::from_secs(args.patience.into()));
            let key = args.idempotency_key.clone();
            let (order, code) = args.order()?;
            counter.charge(order, &code, key, patience).await
        }
    }
}

impl Args {
    /// What is sold, and the code.
    fn order(self) -> Result<(Order, String), Failure> {
        let amount = Currency::from_code(&self.currency)
            .and_then(|currency| Money::parse(&self.amount.unwrap_or_default(), currency))
            .and_then(PositiveMoney::new)
            .map_err(|error| Failure::core(Exit::Usage, error))?;
        let (code, code_source) = self.source.read()?;
        let reference = self.reference.unwrap_or_else(made_up_reference);
        let order = Order {
            code_source,
            capture: match self.capture {
                CaptureArg::Automatic => Capture::Automatic,
                CaptureArg::Manual => Capture::Manual,
            },
            terminal: self.terminal.as_ref().map(TerminalArg::id).transpose()?,
            description: self.description,
            ..Order::new(&reference, amount)
        };
        Ok((order, code))
    }
}

impl Source {
    /// The digits, and the way they came.
    fn read(self) -> Result<(String, CodeSource), Failure> {
        if let Some(path) = self.scan {
            return Ok((pictures::read_payment_code(&path)?, CodeSource::Scan));
        }
        match self.code {
            Some(digits) => Ok((digits, CodeSource::Typed)),
            None => Ok((secrets::line_of_stdin()?.trim().to_owned(), CodeSource::Scan)),
        }
    }
}

impl JournalArgs {
    /// The directory that was named, or the one that the platform has for such data.
    fn open(&self, client: &Client) -> Result<Journal, Failure> {
        let state = || {
            let state = system::variable("XDG_STATE_HOME").map(PathBuf::from);
            let state =
                state.or_else(|| Some(std::env::home_dir()?.join(".local").join("state")))?;
            Some(state.join("wallet").join("till"))
        };
        let directory = self.journal.clone().or_else(state).ok_or_else(|| {
            Failure::new(Exit::Usage, "no_home", "there is no home directory; use --journal")
        })?;
        Journal::open(&directory, client, self.other_key)
    }
}

/// Charges a code without a journal, for programs that end with their server.
pub(crate) async fn charge_at_once(
    client: &Client,
    order: &Order,
    code: &str,
) -> Result<Answer<Payment>, Failure> {
    let body: Value = serde_json::from_str(&order.body(code))
        .map_err(|error| Failure::new(Exit::Unexpected, "request", error.to_string()))?;
    let key = system::random_hex::<16>();
    client.send(Request::post("/v1/payments", body).idempotency_key(&key)).await
}

/// A reference that no other payment has and that sorts by time.
fn made_up_reference() -> String {
    let now: String =
        times::format(system::now()).chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{now}-{}", system::random_hex::<4>())
}
