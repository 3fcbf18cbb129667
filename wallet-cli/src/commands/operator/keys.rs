//! `wallet operator keys`

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::client::models::Issuer;
use crate::client::{OperatorArgs, Request};
use crate::failure::Failure;
use crate::output::Output;

/// List and rotate the issuer's keys
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    List(ListArgs),
    Rotate(RotateArgs),
}

/// List the public halves of the issuer's keys
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Make a new key and use it from now on; the old ones stay valid until they retire
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator keys rotate sealing")]
pub(crate) struct RotateArgs {
    /// Which kind
    #[arg(value_enum)]
    kind: Kind,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Opens payment codes
    Sealing,
    /// Signs receipts
    Signing,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::Signing => "signing",
        }
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::List(args) => {
            let request = Request::get("/v1/operator/keys");
            output.show(&args.operator.client()?.send::<Issuer>(request).await?)
        }
        Command::Rotate(args) => {
            let body = json!({"kind": args.kind.as_str()});
            let request = Request::post("/v1/operator/keys/rotate", body);
            output.show(&args.operator.client()?.send::<Issuer>(request).await?)
        }
    }
}
