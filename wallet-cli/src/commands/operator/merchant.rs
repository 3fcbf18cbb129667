//! `wallet operator merchant`

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::client::models::{ApiKey, CreatedMerchant, List, Merchant, PageArgs};
use crate::client::{OperatorArgs, Request};
use crate::commands::{Done, ModeArg, ids};
use crate::failure::Failure;
use crate::output::Output;

/// Create and list merchants, give them API keys and take keys away
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    List(ListArgs),
    CreateKey(CreateKeyArgs),
    RevokeKey(RevokeKeyArgs),
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

/// List the merchants
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Give a merchant another API key and print it, this once
#[derive(clap::Args, Debug)]
pub(crate) struct CreateKeyArgs {
    /// The merchant's id
    #[arg(value_parser = ids::parse)]
    merchant: String,
    /// What the key may do [default: everything]
    #[arg(long, value_enum, value_delimiter = ',')]
    scopes: Option<Vec<Scope>>,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// What an API key may do.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Scope {
    /// Take payments
    Charge,
    /// Give money back
    Refund,
    /// Have money paid out
    Payout,
    /// Look things up
    Read,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Payout => "payout",
            Self::Read => "read",
        }
    }
}

/// Make an API key useless, at once and for ever
#[derive(clap::Args, Debug)]
pub(crate) struct RevokeKeyArgs {
    /// The key's id, not its secret
    #[arg(value_parser = ids::parse)]
    key: String,
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
        Command::CreateKey(args) => {
            let path = format!("/v1/operator/merchants/{}/api_keys", args.merchant);
            let body = args.scopes.map_or(json!({}), |scopes| {
                json!({"scopes": scopes.into_iter().map(Scope::as_str).collect::<Vec<_>>()})
            });
            output.show(&args.operator.client()?.send::<ApiKey>(Request::post(path, body)).await?)
        }
        Command::RevokeKey(args) => {
            let request = Request::delete(format!("/v1/operator/api_keys/{}", args.key));
            args.operator.client()?.send::<()>(request).await?;
            output.show(&Done::new(format!("key {} is revoked", args.key)))
        }
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
