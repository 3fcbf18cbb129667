//! `wallet operator payer`

use clap::Subcommand;
use serde_json::json;

use crate::client::models::{Invitation, List, PageArgs, Payer};
use crate::client::{OperatorArgs, Request};
use crate::commands::{ModeArg, ids};
use crate::failure::Failure;
use crate::output::Output;

/// Create, invite, list, freeze, unfreeze and help payers
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    Invite(InviteArgs),
    List(ListArgs),
    /// Stop everything that a payer does; only the operator can let it go on
    Freeze(FreezeArgs),
    /// Let a payer go on
    Unfreeze(FreezeArgs),
    /// Forget the PIN, one-time passwords and recovery codes of a payer who has lost them
    ///
    /// Make sure first who it is. The payer sets others on the phone; for a day the payer's devices
    /// have the lower limits of new ones.
    ResetSecrets(FreezeArgs),
}

/// Create a payer
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator payer create Li --json | jq -r .id")]
pub(crate) struct CreateArgs {
    /// The payer's name
    name: String,
    /// Real or play money
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeArg,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Invite a payer to enrol one device: print the invitation, this once
#[derive(clap::Args, Debug)]
pub(crate) struct InviteArgs {
    /// The payer's id
    #[arg(value_parser = ids::parse)]
    payer: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// List the payers
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    /// Real or play money [default: both]
    #[arg(long, value_enum)]
    mode: Option<ModeArg>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

// No doc comment: the two commands have their own words.
#[derive(clap::Args, Debug)]
pub(crate) struct FreezeArgs {
    /// The payer's id
    #[arg(value_parser = ids::parse)]
    payer: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl FreezeArgs {
    async fn ask(&self, action: &str, output: Output) -> Result<(), Failure> {
        let path = format!("/v1/operator/payers/{}/{action}", self.payer);
        let request = Request::post(path, json!({}));
        output.show(&self.operator.client()?.send::<Payer>(request).await?)
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(args) => {
            let body = json!({"name": args.name, "mode": args.mode.as_str()});
            let request = Request::post("/v1/operator/payers", body);
            output.show(&args.operator.client()?.send::<Payer>(request).await?)
        }
        Command::Invite(args) => {
            let path = format!("/v1/operator/payers/{}/invitations", args.payer);
            let request = Request::post(path, json!({}));
            output.show(&args.operator.client()?.send::<Invitation>(request).await?)
        }
        Command::List(args) => {
            let mode = args.mode.map(ModeArg::as_str);
            let request = Request::get("/v1/operator/payers").query("mode", mode);
            let request = args.page.apply(request);
            output.show(&args.operator.client()?.send::<List<Payer>>(request).await?)
        }
        Command::Freeze(args) => args.ask("freeze", output).await,
        Command::Unfreeze(args) => args.ask("unfreeze", output).await,
        Command::ResetSecrets(args) => args.ask("reset_secrets", output).await,
    }
}
