//! `wallet payer device`

use clap::Subcommand;
use serde_json::json;

use crate::client::Request;
use crate::client::models::{Device, DeviceInvitation, List};
use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;
use crate::pictures::PictureArgs;
use crate::secrets::PinArgs;

use super::DeviceArgs;

/// List, name, approve and revoke the devices that pay for you, and invite another one
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    List(ListArgs),
    Name(NameArgs),
    Approve(ApproveArgs),
    Revoke(RevokeArgs),
    Invite(InviteArgs),
}

/// List your devices, those that wait for approval among them
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer device list")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    device: DeviceArgs,
}

/// Call a device something else
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer device name 9f627a6f4e85940c 'blue phone'")]
pub(crate) struct NameArgs {
    #[command(flatten)]
    which: Which,
    /// What to call it
    name: String,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Let a device in that waits for it; its limits are lower at first
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer device approve 9f627a6f4e85940c")]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Shut a device out, at once and for ever: its codes and its requests are refused
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer device revoke 9f627a6f4e85940c")]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Invite one more device of yours: print the invitation, this once
///
/// Whoever enrols with it needs no further approval.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example, on one machine with two wallets:
  wallet payer device invite --json | jq -r .invitation |
      wallet payer enrol --wallet tablet --invitation-file -")]
pub(crate) struct InviteArgs {
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Which device.
#[derive(clap::Args, Debug)]
struct Which {
    /// The device's key id: 16 hexadecimal digits
    #[arg(value_name = "DEVICE", value_parser = ids::parse)]
    key_id: String,
}

impl Which {
    fn path(&self, action: &str) -> String {
        format!("/v1/wallet/devices/{}{action}", self.key_id)
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::List(args) => {
            let request = Request::get("/v1/wallet/devices");
            output.show(&args.device.online().await?.send::<List<Device>>(request).await?)
        }
        Command::Name(args) => {
            let request = Request::patch(args.which.path(""), json!({"name": args.name}));
            output.show(&args.device.online().await?.send::<Device>(request).await?)
        }
        Command::Approve(args) => {
            let online = args.device.online().await?;
            let body = json!({"pin": args.pin.ask("PIN: ")?.digits()});
            let request = Request::post(args.which.path("/approve"), body);
            output.show(&online.send::<Device>(request).await?)
        }
        Command::Revoke(args) => {
            let request = Request::post(args.which.path("/revoke"), json!({}));
            output.show(&args.device.online().await?.send::<Device>(request).await?)
        }
        Command::Invite(args) => invite(args, output).await,
    }
}

async fn invite(args: InviteArgs, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let body = json!({"pin": args.pin.ask("PIN: ")?.digits()});
    let request = Request::post("/v1/wallet/devices/invitations", body);
    let invitation = online.send::<DeviceInvitation>(request).await?;
    args.pictures.show(&invitation.value.invitation, output)?;
    output.show(&invitation)
}
