//! `wallet payer withdrawals`

use crate::client::Request;
use crate::client::models::{List, PageArgs, Withdrawal};
use crate::failure::Failure;
use crate::output::Output;

use super::DeviceArgs;

/// List what was or is to be paid out, the newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer withdrawals --limit 10")]
pub(crate) struct Args {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let request = args.page.apply(Request::get("/v1/wallet/withdrawals"));
    output.show(&online.send::<List<Withdrawal>>(request).await?)
}
