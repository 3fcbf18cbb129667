//! `wallet payer receive`

use serde_json::json;

use crate::client::Request;
use crate::client::models::ReceiveCode;
use crate::failure::Failure;
use crate::output::Output;
use crate::pictures::PictureArgs;

use super::DeviceArgs;

/// Show the code that others send money to
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer receive --png me.png
  wallet payer receive --new                     a new one; the old one dies")]
pub(crate) struct Args {
    /// Make a new one, for instance because the old one is in the wrong hands
    #[arg(long)]
    new: bool,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    const PATH: &str = "/v1/wallet/receive_code";
    let request = if args.new { Request::post(PATH, json!({})) } else { Request::get(PATH) };
    let code = args.device.online().await?.send::<ReceiveCode>(request).await?;
    args.pictures.show(&code.value.receive_code, output)?;
    output.show(&code)
}
