//! `wallet payer close`

use serde_json::json;

use crate::client::Request;
use crate::commands::Done;
use crate::failure::Failure;
use crate::output::Output;
use crate::secrets::PinArgs;

use super::DeviceArgs;

/// Close the account for ever; the money must be out first
///
/// Erases your name, your handle and the names of your devices, and revokes these. The books keep
/// what moved, without your name.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer export --file me.json && wallet payer close")]
pub(crate) struct Args {
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let body = json!({"pin": args.pin.ask("PIN, to close the account for ever: ")?.digits()});
    online.send::<()>(Request::post("/v1/wallet/close", body)).await?;
    output.show(&Done::new("the account is closed; the wallet's directory is of no more use"))
}
