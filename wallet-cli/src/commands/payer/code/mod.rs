//! `wallet payer code`: a code that changes twice a minute.

mod listen;
mod maker;
mod once;
mod rotating;

use std::path::PathBuf;

use wallet_core::TerminalId;

use crate::failure::Failure;
use crate::output::Output;

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
  wallet payer code --once --png code.png
  wallet payer code --text | wallet merchant charge 12.50 --stdin")]
pub(crate) struct Args {
    /// The most that may be charged [default: the issuer's limit for a payment]
    #[arg(long, value_name = "AMOUNT")]
    limit: Option<String>,
    /// The only terminal where the code works: the 32 hexadecimal digits that the till shows
    #[arg(long, value_name = "HEX", value_parser = terminal)]
    terminal: Option<TerminalId>,
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

/// Where to draw codes besides the screen.
#[derive(clap::Args, Clone, Debug)]
struct PictureArgs {
    /// Draw each code into this PNG file
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Draw each code into this SVG file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Pixels a module in the PNG file
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pixels: u8,
}

/// Reads a terminal's id, also in the form in which a till's QR code says it.
fn terminal(text: &str) -> Result<TerminalId, wallet_core::Error> {
    TerminalId::from_hex(text.strip_prefix("wallet:terminal:").unwrap_or(text))
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
