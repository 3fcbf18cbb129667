//! `wallet merchant`: a shop and its tills.

mod balance;
mod cancel;
mod capture;
mod charge;
mod clock;
mod events;
mod listen;
mod order;
mod payment;
mod payout;
mod plate;
mod refund;
mod statement;
mod terminal;
mod test_code;
mod transactions;
mod trigger;
mod webhook;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::{Map, Value, json};
use wallet_core::{Currency, Money};

pub(crate) use charge::charge_at_once;

use crate::client::{Client, ServerArgs};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Take payments: charge a shown code, show codes, capture, call off, refund; be paid out, and keep
/// the books: events, movements, statements
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Charge(charge::Args),
    Payment(payment::Args),
    Capture(capture::Args),
    Cancel(cancel::Args),
    Refund(refund::Args),
    Refunds(refund::ListArgs),
    #[command(subcommand)]
    Order(order::Command),
    #[command(subcommand)]
    Plate(plate::Command),
    Balance(balance::Args),
    Transactions(transactions::Args),
    Statement(statement::Args),
    Events(events::Args),
    #[command(subcommand)]
    Payout(payout::Command),
    #[command(subcommand)]
    Terminal(terminal::Command),
    Listen(listen::Args),
    #[command(subcommand)]
    Webhook(webhook::Command),
    Trigger(trigger::Args),
    TestCode(test_code::Args),
    Clock(clock::Args),
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Charge(args) => charge::run(args, output).await,
        Command::Payment(args) => payment::run(args, output).await,
        Command::Capture(args) => capture::run(args, output).await,
        Command::Cancel(args) => cancel::run(args, output).await,
        Command::Refund(args) => refund::run(args, output).await,
        Command::Refunds(args) => refund::list(args, output).await,
        Command::Order(command) => order::run(command, output).await,
        Command::Plate(command) => plate::run(command, output).await,
        Command::Payout(command) => payout::run(command, output).await,
        Command::Balance(args) => balance::run(args, output).await,
        Command::Transactions(args) => transactions::run(args, output).await,
        Command::Statement(args) => statement::run(args, output).await,
        Command::Events(args) => events::run(args, output).await,
        Command::Terminal(command) => terminal::run(command, output).await,
        Command::Listen(args) => listen::run(args, output).await,
        Command::Webhook(command) => webhook::run(command, output).await,
        Command::Trigger(args) => trigger::run(args, output).await,
        Command::TestCode(args) => test_code::run(args, output).await,
        Command::Clock(args) => clock::run(args, output).await,
    }
}

/// Which merchant, at which server.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Server")]
pub(crate) struct MerchantArgs {
    /// Read the API key from this file
    ///
    /// Without it, the variable WALLET_API_KEY is used.
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

impl MerchantArgs {
    fn client(&self) -> Result<Client, Failure> {
        self.server.merchant(self.api_key_file.as_deref())
    }
}

/// How much of a payment.
#[derive(clap::Args, Debug)]
struct PartArgs {
    /// How much, as in 12.50 [default: all of it]
    amount: Option<String>,
    /// The currency, as in ISO 4217
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
}

impl PartArgs {
    /// The fields of a body; none for all of it.
    fn body(&self) -> Result<Map<String, Value>, Failure> {
        let mut body = Map::new();
        if let Some(amount) = &self.amount {
            let money = Currency::from_code(&self.currency)
                .and_then(|currency| Money::parse(amount, currency))
                .map_err(|error| Failure::core(Exit::Usage, error))?;
            body.insert("amount".to_owned(), json!(money.amount_text()));
            body.insert("currency".to_owned(), json!(money.currency().code()));
        }
        Ok(body)
    }
}
