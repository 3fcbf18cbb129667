//! `wallet payer account`

use crate::failure::Failure;
use crate::output::Output;

use super::DeviceArgs;

/// Show who you are to the issuer, and what protects the account
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer account --json | jq .recovery_codes_left")]
pub(crate) struct Args {
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    output.show(&args.device.online().await?.account().await?)
}
