//! `wallet payer freeze` and `wallet payer unfreeze`

use serde_json::json;

use crate::client::Request;
use crate::client::models::Account;
use crate::failure::Failure;
use crate::output::Output;
use crate::secrets::{PinArgs, ProofArgs};

use super::DeviceArgs;

/// Stop everything at once: no code and no device of yours pays any more
///
/// For a phone that was lost, or a PIN that somebody knows.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer freeze")]
pub(crate) struct Args {
    #[command(flatten)]
    device: DeviceArgs,
}

/// Let your devices pay again; what the operator froze, only the operator can
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer unfreeze")]
pub(crate) struct UnfreezeArgs {
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    proof: ProofArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let request = Request::post("/v1/wallet/freeze", json!({}));
    output.show(&args.device.online().await?.send::<Account>(request).await?)
}

pub(super) async fn unfreeze(args: UnfreezeArgs, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let needs_proof = online.account().await?.value.totp_set;
    let mut body = json!({"pin": args.pin.ask("PIN: ")?.digits()});
    if needs_proof {
        args.proof.ask()?.add_to(&mut body);
    }
    let request = Request::post("/v1/wallet/unfreeze", body);
    output.show(&online.send::<Account>(request).await?)
}
