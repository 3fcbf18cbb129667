//! `wallet payer envelope`: red envelopes.

mod claim;
mod list;
mod send;
mod show;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

use super::{DeviceArgs, KeyArgs};

/// Red envelopes: money in shares for whoever has the code, or for one person
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Send(send::Args),
    Claim(claim::Args),
    Show(show::Args),
    List(list::Args),
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Send(args) => send::run(args, output).await,
        Command::Claim(args) => claim::run(args, output).await,
        Command::Show(args) => show::run(args, output).await,
        Command::List(args) => list::run(args, output).await,
    }
}
