//! `wallet payer code`: a code that changes twice a minute.

mod listen;
mod maker;
mod once;
mod rotating;

use crate::commands::terminal::TerminalArg;
use crate::failure::Failure;
use crate::output::Output;
use crate::pictures::PictureArgs;

use super::DeviceArgs;
use maker::CodeMaker;

/// Show a payment code, and a new one twice a minute; works without a network
///
/// On a terminal the code stays on the screen with a countdown, and a payment shows at once when
/// the server can be reached. Otherwise one code is printed.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Keys: space, n or Enter for a fresh code; q, Esc or Ctrl-C to leave.

Examples:
  wallet payer code
  wallet payer code --limit 20.00 --terminal 000102030405060708090a0b0c0d0e0f
  wallet payer code --terminal counter-1.jpg      a photograph of the code on the till
  wallet payer code --once --png code.png
  wallet payer code --text | wallet merchant charge 12.50 --stdin")]
pub(crate) struct Args {
    /// The most that may be charged [default: the issuer's limit for a payment]
    #[arg(long, value_name = "AMOUNT")]
    limit: Option<String>,
    /// The only terminal where the code works: its 32 hexadecimal digits, or a picture of the QR
    /// code on it
    #[arg(long, value_name = "HEX|PHOTO")]
    terminal: Option<TerminalArg>,
    /// Make one code and end
    #[arg(long)]
    once: bool,
    /// Print the digits of one code instead of drawing it
    #[arg(long)]
    text: bool,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let mut maker = CodeMaker::open(args)?;
    if args.once || args.text || !output.is_interactive() {
        return once::run(args, &mut maker, output);
    }
    let runtime = super::runtime()?;
    let news = runtime.block_on(async { listen::start(args, &maker) })?;
    let shown = rotating::run(&mut maker, &news);
    // A poll may wait for half a minute; nobody waits for it.
    runtime.shutdown_background();
    shown
}
