//! `wallet payer confirm`

use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;
use crate::secrets::PinArgs;

use super::confirmations::{Decision, decide, find};
use super::{DeviceArgs, KeyArgs};

/// Confirm a payment that waits, with your PIN
///
/// Shows merchant and amount before it asks.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer confirm                           the one that waits
  wallet payer confirm pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3")]
pub(crate) struct Args {
    /// Its id [default: the only one that waits]
    #[arg(value_name = "PAYMENT", value_parser = ids::parse)]
    payment: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let (payment, waiting) = find(&online, args.payment).await?;
    if let Some(waiting) = waiting {
        output.note(waiting);
    }
    let decision = Decision::Confirm(args.pin.ask("PIN to pay: ")?);
    output.show(&decide(&online, &payment, &decision, args.key, output).await?)
}
