//! `wallet payer recovery-codes`

use serde_json::json;

use crate::client::Request;
use crate::client::models::RecoveryCodes;
use crate::failure::Failure;
use crate::output::Output;
use crate::secrets::{PinArgs, ProofArgs};

use super::DeviceArgs;

/// Make ten new recovery codes and print them, this once; the old ones die
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer recovery-codes > codes.txt")]
pub(crate) struct Args {
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    proof: ProofArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let mut body = json!({"pin": args.pin.ask("PIN: ")?.digits()});
    args.proof.ask()?.add_to(&mut body);
    let request = Request::post("/v1/wallet/recovery_codes", body);
    output.show(&online.send::<RecoveryCodes>(request).await?)
}
