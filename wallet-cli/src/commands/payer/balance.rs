//! `wallet payer balance`

use crate::client::Request;
use crate::client::models::PayerBalance;
use crate::failure::Failure;
use crate::output::Output;

use super::DeviceArgs;

/// Show what the wallet holds and may spend
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer balance --json")]
pub(crate) struct Args {
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let signer = online.signer()?;
    let request = Request::get("/v1/wallet/balance").signed_by(&signer);
    output.show(&online.client.send::<PayerBalance>(request).await?)
}
