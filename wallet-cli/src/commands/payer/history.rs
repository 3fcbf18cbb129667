//! `wallet payer history`

use crate::client::Request;
use crate::client::models::{Activity, List, PageArgs};
use crate::failure::Failure;
use crate::output::Output;

use super::DeviceArgs;

/// Show payments and top-ups, the newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer history --limit 10")]
pub(crate) struct Args {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let signer = online.signer()?;
    let request = args.page.apply(Request::get("/v1/wallet/activity")).signed_by(&signer);
    output.show(&online.client.send::<List<Activity>>(request).await?)
}
