//! The `wallet` command.

mod cli;
mod client;
mod commands;
mod failure;
mod merchant_codes;
mod output;
mod pictures;
mod receipts;
mod screen;
mod secrets;
mod system;
mod till;
mod times;
mod wallet_file;

use clap::Parser as _;

use crate::cli::Cli;
use crate::output::Output;

/// A server allocates on every thread and frees on others, which this allocator is made for. It
/// replaces C's as well, and so SQLite's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let output = Output::new(cli.json);
    match commands::run(cli.command, output) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(failure) => {
            output.fail(&failure);
            failure.exit().into()
        }
    }
}
