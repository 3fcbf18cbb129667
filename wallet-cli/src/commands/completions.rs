//! `wallet completions`: scripts that complete commands in a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output::Output;

/// Print a script that completes commands in a shell
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet completions bash > ~/.local/share/bash-completion/completions/wallet")]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wallet", &mut script);
    output.line(&String::from_utf8_lossy(&script).trim_end())
}
