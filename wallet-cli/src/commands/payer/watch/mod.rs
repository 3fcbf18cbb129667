//! `wallet payer watch`: what happens, as it happens, and what waits for the payer's PIN.
//!
//! | file | |
//! |---|---|
//! | [`listen`] | asks the server, in the background, whatever the payer is doing |
//! | [`desk`] | what waits, what is typed, what comes of it: pure |
//! | [`screen`] | a person at a terminal |
//! | [`lines`] | a program |

mod desk;
mod lines;
mod listen;
mod screen;

use std::sync::Arc;

use crate::failure::Failure;
use crate::output::Output;

use super::DeviceArgs;

/// Watch what happens to your codes and your money, and confirm the payments that wait for you
///
/// On a terminal it asks for the PIN as soon as a payment waits, and counts the seconds that are
/// left. Otherwise it prints JSON, a line for each event and each payment that waits or waits no
/// longer; `wallet payer confirm` and `refuse` answer them.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Keys: six digits and Enter to confirm, r to refuse, q or Ctrl-C to leave.

Examples:
  wallet payer watch
  wallet payer watch --json | jq -c .confirmation")]
pub(crate) struct Args {
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let runtime = super::runtime()?;
    let online = Arc::new(runtime.block_on(args.device.online())?);
    let (sender, news) = std::sync::mpsc::channel();
    listen::start(&runtime, &online, &sender);
    let watched = if output.is_interactive() {
        screen::Screen::new(&runtime, &online, sender).run(&news)
    } else {
        // Only the listeners may tell something from here on: when they end, so does this.
        drop(sender);
        lines::run(&news, output)
    };
    // A poll may wait for half a minute; nobody waits for it.
    runtime.shutdown_background();
    watched
}
