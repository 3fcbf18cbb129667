//! `wallet merchant`: a shop and its tills.

mod balance;
mod cancel;
mod charge;
mod clock;
mod payment;
mod terminal;
mod test_code;
mod trigger;

use std::path::PathBuf;

use clap::Subcommand;

pub(crate) use charge::charge_at_once;

use crate::client::{Client, ServerArgs};
use crate::failure::Failure;
use crate::output::Output;

/// Take payments: charge a shown code, look payments up, call them off, register tills
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Charge(charge::Args),
    Payment(payment::Args),
    Cancel(cancel::Args),
    Balance(balance::Args),
    #[command(subcommand)]
    Terminal(terminal::Command),
    Trigger(trigger::Args),
    TestCode(test_code::Args),
    Clock(clock::Args),
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Charge(args) => charge::run(args, output).await,
        Command::Payment(args) => payment::run(args, output).await,
        Command::Cancel(args) => cancel::run(args, output).await,
        Command::Balance(args) => balance::run(args, output).await,
        Command::Terminal(command) => terminal::run(command, output).await,
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
