//! The command line as a whole.

use clap::Parser;

use crate::commands::Command;

/// A QR-code payment wallet: payers show codes, merchants scan them, the operator keeps the books
///
/// `wallet demo` shows all of it in one command.
#[derive(Parser, Debug)]
#[command(name = "wallet", version, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    /// Print JSON, one value a line, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Examples, and the exit codes of [`crate::failure::Exit`].
const AFTER_HELP: &str = "\
Examples:
  wallet demo                              the main job, from a new database to the receipt
  wallet serve                             a server on http://127.0.0.1:8080
  wallet payer code                        show a code that changes twice a minute
  wallet merchant charge 12.50 --scan photo.png

Secrets never stand on the command line. They come from files, from a prompt, or from
WALLET_API_KEY, WALLET_OPERATOR_KEY, WALLET_PASSPHRASE, WALLET_PIN, WALLET_NEW_PIN, WALLET_OTP.

Exit codes:
  0  done
  1  something unexpected: a bug, an answer that makes no sense, a receipt that does not verify
  2  the command line is wrong
  3  refused, and the same again stays so: declined, expired, used, unauthorized, not found,
     no code in the picture
  4  the outcome is not known, or nothing was decided yet: ask again with the same key
  5  the server can't be reached
  6  a file of this machine: not enrolled, wrong passphrase, not writable";

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use clap::{CommandFactory as _, Parser as _};

    use super::Cli;

    #[test]
    fn the_command_line_has_no_contradictions() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_help_of_every_command_is_as_reviewed() {
        let mut text = String::new();
        let mut command = Cli::command().term_width(100).disable_help_subcommand(true);
        command.build();
        write_help(&mut command, &mut text);
        insta::assert_snapshot!("help", text);
    }

    /// The help of a command and of all below it.
    fn write_help(command: &mut clap::Command, text: &mut String) {
        let name = command.get_bin_name().unwrap_or_default().to_owned();
        let help = command.render_long_help();
        writeln!(text, "==== {name}\n{help}").unwrap();
        for subcommand in command.get_subcommands_mut() {
            write_help(subcommand, text);
        }
    }

    #[test]
    fn json_may_stand_anywhere_on_the_line() {
        for line in ["wallet --json payer balance", "wallet payer balance --json"] {
            assert!(Cli::try_parse_from(line.split(' ')).unwrap().json, "{line}");
        }
    }

    #[test]
    fn a_charge_takes_exactly_one_source_of_the_code() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(|_| ());
        parse("wallet merchant charge 12.50 --scan p.png").unwrap();
        parse("wallet merchant charge 12.50 --code 70").unwrap();
        parse("wallet merchant charge 12.50 --stdin").unwrap();
        parse("wallet merchant charge 12.50").unwrap_err();
        parse("wallet merchant charge 12.50 --stdin --code 70").unwrap_err();
        parse("wallet merchant charge --resume").unwrap();
        parse("wallet merchant charge --resume order-17").unwrap();
        parse("wallet merchant charge 12.50 --resume order-17").unwrap_err();
        parse("wallet merchant charge --scan p.png").unwrap_err();
    }

    #[test]
    fn a_cancellation_takes_an_id_or_a_reference() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(|_| ());
        parse("wallet merchant cancel pay_1").unwrap();
        parse("wallet merchant cancel --reference order-17").unwrap();
        parse("wallet merchant cancel").unwrap_err();
        parse("wallet merchant cancel pay_1 --reference order-17").unwrap_err();
    }

    #[test]
    fn a_transfer_takes_exactly_one_recipient() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' ')).map(|_| ());
        parse("wallet payer transfer 20.00 --to li.wei").unwrap();
        parse("wallet payer transfer 20.00 --scan me.png").unwrap();
        parse("wallet payer transfer 20.00").unwrap_err();
        parse("wallet payer transfer 20.00 --to li.wei --scan me.png").unwrap_err();
    }

    #[test]
    fn no_flag_takes_a_secret() {
        for line in [
            "wallet merchant balance --api-key sk_live_1",
            "wallet payer balance --passphrase secret",
            "wallet payer enrol inv_1",
            "wallet operator keys list --operator-key op_1",
            "wallet payer confirm --pin 048213",
            "wallet payer pin set 048213",
            "wallet payer totp --confirm 287082",
            "wallet payer enrol --otp 287082",
            "wallet payer envelope claim wallet:envelope:00",
            "wallet payer unfreeze --recovery-code abcd",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_err();
        }
    }
}
