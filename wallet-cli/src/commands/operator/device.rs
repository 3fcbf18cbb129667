//! `wallet operator device`

use clap::Subcommand;
use serde_json::json;

use crate::client::{OperatorArgs, Request};
use crate::commands::{Done, ids};
use crate::failure::Failure;
use crate::output::Output;

/// Revoke a payer's device
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Revoke(RevokeArgs),
}

/// Refuse a device's codes and requests from now on
#[derive(clap::Args, Debug)]
pub(crate) struct RevokeArgs {
    /// The device's key id: 16 hexadecimal digits
    #[arg(value_parser = ids::parse)]
    device: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    let Command::Revoke(args) = command;
    let path = format!("/v1/operator/devices/{}/revoke", args.device);
    args.operator.client()?.send::<()>(Request::post(path, json!({}))).await?;
    output.show(&Done::new(format!("device {} is revoked", args.device)))
}
