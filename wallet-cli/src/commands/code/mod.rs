//! `wallet code`: looking at codes, with no wallet and no server.

mod inspect;
mod read;

use clap::Subcommand;

use crate::failure::Failure;
use crate::output::Output;

/// Look at payment codes: read them from pictures, see what anyone may see
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Read(read::Args),
    Inspect(inspect::Args),
}

pub(super) fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Read(args) => read::run(&args, output),
        Command::Inspect(args) => inspect::run(&args, output),
    }
}
