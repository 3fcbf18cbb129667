//! One command a file.

mod audit;
mod backup;
mod bench;
mod code;
mod completions;
mod demo;
mod export;
mod ids;
mod key_files;
mod merchant;
mod operator;
mod payer;
mod payout_state;
mod serve;
mod terminal;
mod witness;

use clap::{Subcommand, ValueEnum};

use crate::failure::{Exit, Failure};
use crate::output::Output;

/// What the program can do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Demo(demo::Args),
    Serve(serve::Args),
    Bench(bench::Args),
    Backup(backup::Args),
    #[command(subcommand)]
    Payer(payer::Command),
    #[command(subcommand)]
    Merchant(merchant::Command),
    #[command(subcommand)]
    Operator(operator::Command),
    #[command(subcommand)]
    Code(code::Command),
    Audit(audit::Args),
    Export(export::Args),
    Witness(witness::Args),
    Completions(completions::Args),
}

/// Runs one command.
pub(crate) fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(&args, output),
        Command::Serve(args) => serve::run(&args, output),
        Command::Bench(args) => bench::run(&args, output),
        Command::Backup(args) => block_on(backup::run(args, output)),
        Command::Payer(command) => payer::run(command, output),
        Command::Merchant(command) => block_on(merchant::run(command, output)),
        Command::Operator(command) => block_on(operator::run(command, output)),
        Command::Code(command) => code::run(command, output),
        Command::Audit(args) => block_on(audit::run(&args, output)),
        Command::Export(args) => block_on(export::run(&args, output)),
        Command::Witness(args) => block_on(witness::run(&args, output)),
        Command::Completions(args) => completions::run(&args, output),
    }
}

/// The threads that network requests run on.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Unexpected, "runtime", error.to_string()))
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    runtime()?.block_on(command)
}

/// An answer without content, in words.
#[derive(serde::Serialize)]
struct Done {
    done: String,
}

impl Done {
    fn new(done: impl Into<String>) -> Self {
        Self { done: done.into() }
    }
}

impl std::fmt::Display for Done {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.done)
    }
}

/// Real money or play money.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeArg {
    /// Real money
    Live,
    /// Play money, for integrators
    Test,
}

impl ModeArg {
    fn as_str(self) -> &'static str {
        match self {
            Self::Live => wallet_core::Mode::Live.as_str(),
            Self::Test => wallet_core::Mode::Test.as_str(),
        }
    }
}
