//! `wallet operator merchant`

mod destination;
mod key;

use clap::Subcommand;
use serde_json::json;

use crate::client::models::{CreatedMerchant, List, Merchant, PageArgs};
use crate::client::{OperatorArgs, Request};
use crate::commands::{ModeArg, ids};
use crate::failure::Failure;
use crate::output::Output;

/// Create and list merchants, and look after their API keys and bank accounts
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    List(ListArgs),
    Fee(FeeArgs),
    Close(CloseArgs),
    #[command(subcommand)]
    Key(key::Command),
    Destination(destination::Args),
}

/// Create a merchant and print its first API key, this once
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator merchant create 'Corner Café' --fee-basis-points 60 --json | jq -r .api_key.secret")]
pub(crate) struct CreateArgs {
    /// Its name, as payers see it
    name: String,
    /// Real or play money
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeArg,
    /// The fee in hundredths of a percent of each payment
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    fee_basis_points: Option<u32>,
    /// The fee for each payment whatever its amount, as in 0.10
    #[arg(long, value_name = "AMOUNT")]
    fee_fixed: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Change what a merchant pays, for what is captured from now on
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator merchant fee mer_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3 --basis-points 60 --fixed 0.10")]
pub(crate) struct FeeArgs {
    /// The merchant's id
    #[arg(value_parser = ids::parse)]
    merchant: String,
    /// Hundredths of a percent of each payment
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=10_000))]
    basis_points: u32,
    /// For each payment whatever its amount, as in 0.10
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    fixed: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Close a merchant: it takes no payments any more
///
/// What it took before can still be refunded, and what it is owed be paid out. It stays closed.
#[derive(clap::Args, Debug)]
pub(crate) struct CloseArgs {
    /// The merchant's id
    #[arg(value_parser = ids::parse)]
    merchant: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// List the merchants
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args, output).await,
        Command::List(args) => {
            let request = args.page.apply(Request::get("/v1/operator/merchants"));
            output.show(&args.operator.client()?.send::<List<Merchant>>(request).await?)
        }
        Command::Destination(args) => destination::run(args, output).await,
        Command::Fee(args) => {
            let body = json!({ "basis_points": args.basis_points, "fixed": args.fixed });
            let path = format!("/v1/operator/merchants/{}/fee", args.merchant);
            output.show(&args.operator.client()?.send::<Merchant>(Request::post(path, body)).await?)
        }
        Command::Close(args) => {
            let path = format!("/v1/operator/merchants/{}/close", args.merchant);
            let client = args.operator.client()?;
            output.show(&client.send::<Merchant>(Request::post(path, json!({}))).await?)
        }
        Command::Key(command) => key::run(command, output).await,
    }
}

async fn create(args: CreateArgs, output: Output) -> Result<(), Failure> {
    let mut body = json!({"name": args.name, "mode": args.mode.as_str()});
    if args.fee_basis_points.is_some() || args.fee_fixed.is_some() {
        body["fee"] = json!({
            "basis_points": args.fee_basis_points.unwrap_or_default(),
            "fixed": args.fee_fixed.as_deref().unwrap_or("0"),
        });
    }
    let request = Request::post("/v1/operator/merchants", body);
    output.show(&args.operator.client()?.send::<CreatedMerchant>(request).await?)
}
