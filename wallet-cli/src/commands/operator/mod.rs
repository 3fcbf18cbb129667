//! `wallet operator`: whoever runs the server and keeps the books.

mod device;
mod entries;
mod keys;
mod merchant;
mod payer;
mod payout;
mod payout_batch;
mod top_up;
mod trial_balance;
mod withdrawal;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

/// Run the books: merchants, payers, top-ups, withdrawals, payouts, the trial balance, keys
///
/// The operator is whoever may open the server's Unix socket.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    #[command(subcommand)]
    Merchant(merchant::Command),
    #[command(subcommand)]
    Payer(payer::Command),
    TopUp(top_up::Args),
    #[command(subcommand)]
    Withdrawal(withdrawal::Command),
    #[command(subcommand)]
    Payout(payout::Command),
    #[command(subcommand)]
    PayoutBatch(payout_batch::Command),
    TrialBalance(trial_balance::Args),
    Entries(entries::Args),
    #[command(subcommand)]
    Keys(keys::Command),
    #[command(subcommand)]
    Device(device::Command),
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Merchant(command) => merchant::run(command, output).await,
        Command::Payer(command) => payer::run(command, output).await,
        Command::Withdrawal(command) => withdrawal::run(command, output).await,
        Command::Payout(command) => payout::run(command, output).await,
        Command::PayoutBatch(command) => payout_batch::run(command, output).await,
        Command::TopUp(args) => top_up::run(args, output).await,
        Command::TrialBalance(args) => trial_balance::run(args, output).await,
        Command::Entries(args) => entries::run(args, output).await,
        Command::Keys(command) => keys::run(command, output).await,
        Command::Device(command) => device::run(command, output).await,
    }
}
