//! `wallet payer refuse`

use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;

use super::confirmations::{Decision, decide, find};
use super::{DeviceArgs, KeyArgs};

/// Refuse a payment that waits: nothing is paid
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer refuse")]
pub(crate) struct Args {
    /// Its id [default: the only one that waits]
    #[arg(value_name = "PAYMENT", value_parser = ids::parse)]
    payment: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let (payment, _) = find(&online, args.payment).await?;
    output.show(&decide(&online, &payment, &Decision::Refuse, args.key, output).await?)
}
