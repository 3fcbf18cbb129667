//! `wallet payer handle`

use serde_json::json;

use crate::client::Request;
use crate::client::models::Account;
use crate::failure::Failure;
use crate::output::Output;

use super::DeviceArgs;

/// Choose the name that others send money to
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer handle li.wei")]
pub(crate) struct Args {
    /// 3 to 30 of a–z, 0–9, dot and underscore, beginning with a letter
    handle: String,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let request = Request::put("/v1/wallet/handle", json!({"handle": args.handle}));
    output.show(&args.device.online().await?.send::<Account>(request).await?)
}
