//! `wallet payer envelope show`

use crate::client::Request;
use crate::client::models::Envelope;
use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;

use super::DeviceArgs;

/// Show what became of a red envelope, with its claims in order
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:\n  wallet payer envelope show env_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3")]
pub(crate) struct Args {
    /// Its id
    #[arg(value_name = "ENVELOPE", value_parser = ids::parse)]
    id: String,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let request = Request::get(format!("/v1/wallet/envelopes/{}", args.id));
    output.show(&args.device.online().await?.send::<Envelope>(request).await?)
}
