//! `wallet payer envelope list`

use crate::client::Request;
use crate::client::models::{Envelope, List, PageArgs};
use crate::failure::Failure;
use crate::output::Output;

use super::DeviceArgs;

/// List the red envelopes that you sent, the newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer envelope list --limit 10")]
pub(crate) struct Args {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let request = args.page.apply(Request::get("/v1/wallet/envelopes"));
    output.show(&online.send::<List<Envelope>>(request).await?)
}
