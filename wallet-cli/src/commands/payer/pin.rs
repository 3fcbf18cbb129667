//! `wallet payer pin`

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::Request;
use crate::commands::Done;
use crate::failure::Failure;
use crate::output::Output;
use crate::secrets::{NewPinArgs, Pin, PinArgs, ProofArgs, choose_first_pin};

use super::{DeviceArgs, Online};

/// Set, change or reset the PIN that larger payments ask for
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Set(SetArgs),
    Change(ChangeArgs),
    Reset(ResetArgs),
}

/// Choose the first PIN of this account
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer pin set")]
pub(crate) struct SetArgs {
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Choose another PIN; the present one is asked for
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet payer pin change
  WALLET_PIN=… WALLET_NEW_PIN=… wallet payer pin change        for scripts")]
pub(crate) struct ChangeArgs {
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    new_pin: NewPinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Choose another PIN when the present one is locked or forgotten
///
/// Takes a one-time password of your authenticator app, or a recovery code.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer pin reset")]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    proof: ProofArgs,
    #[command(flatten)]
    new_pin: NewPinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Set(args) => {
            let online = args.device.online().await?;
            let pin = args.pin.given()?.map_or_else(choose_first_pin, Ok)?;
            set_first(&online, &pin).await?;
            output.show(&Done::new("the PIN is set"))
        }
        Command::Change(args) => {
            let online = args.device.online().await?;
            let current = args.pin.ask("The present PIN: ")?;
            let new = args.new_pin.choose()?;
            put(&online, json!({"pin": new.digits(), "current_pin": current.digits()})).await?;
            output.show(&Done::new("the PIN is changed"))
        }
        Command::Reset(args) => {
            let online = args.device.online().await?;
            let proof = args.proof.ask()?;
            let mut body = json!({"pin": args.new_pin.choose()?.digits()});
            proof.add_to(&mut body);
            put(&online, body).await?;
            output.show(&Done::new("the PIN is changed, and its count of wrong tries begins anew"))
        }
    }
}

/// Sets the first PIN of an account, which needs no proof but the device's.
pub(super) async fn set_first(online: &Online, pin: &Pin) -> Result<(), Failure> {
    put(online, json!({"pin": pin.digits()})).await
}

async fn put(online: &Online, body: Value) -> Result<(), Failure> {
    online.send::<()>(Request::put("/v1/wallet/pin", body)).await.map(drop)
}
