//! `wallet operator merchant key`

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use crate::client::models::{ApiKey, ApiKeyEvent, ApiKeyUse, KnownApiKey, List, PageArgs};
use crate::client::{OperatorArgs, Request};
use crate::commands::{Done, ids};
use crate::failure::Failure;
use crate::output::Output;

/// Make, list, rotate and revoke a merchant's API keys, and see what they were used for
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    List(ListArgs),
    Rotate(RotateArgs),
    Revoke(RevokeArgs),
    /// See what an API key was used for, by the hour, and how that ended
    Uses(TrailArgs),
    /// See what was done to an API key, and by whom
    Events(TrailArgs),
}

/// Give a merchant another API key and print it, this once
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator merchant key create mer_0192f0c1 --scopes read --name accounting")]
pub(crate) struct CreateArgs {
    /// The merchant's id
    #[arg(value_parser = ids::parse)]
    merchant: String,
    /// What the key may do [default: everything]
    #[arg(long, value_enum, value_delimiter = ',')]
    scopes: Option<Vec<Scope>>,
    /// What to call it
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
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
    /// Say where the merchant is told of events
    Manage,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Payout => "payout",
            Self::Read => "read",
            Self::Manage => "manage",
        }
    }
}

/// List a merchant's API keys, without their secrets
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    /// The merchant's id
    #[arg(value_parser = ids::parse)]
    merchant: String,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Give a merchant a key in place of another one, which goes on working for some hours
///
/// The new key may do what the old one may, and is printed this once. If it is lost, rotate it.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  wallet operator merchant key rotate key_0192f0c1 --overlap-hours 72"
)]
pub(crate) struct RotateArgs {
    #[command(flatten)]
    which: Which,
    /// How long the old key goes on working [default: 24]
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u16).range(0..=720))]
    overlap_hours: Option<u16>,
}

/// Make an API key useless, at once and for ever
#[derive(clap::Args, Debug)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    which: Which,
}

/// Which key, at which server.
#[derive(clap::Args, Debug)]
struct Which {
    /// The key's id, not its secret
    #[arg(value_parser = ids::parse)]
    key: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// A page about a key.
#[derive(clap::Args, Debug)]
pub(crate) struct TrailArgs {
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    which: Which,
}

impl TrailArgs {
    fn request<'a>(&self, what: &str) -> Request<'a> {
        let path = format!("/v1/operator/api_keys/{}/{what}", self.which.key);
        self.page.apply(Request::get(path))
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args, output).await,
        Command::List(args) => {
            let path = format!("/v1/operator/merchants/{}/api_keys", args.merchant);
            let request = args.page.apply(Request::get(path));
            output.show(&args.operator.client()?.send::<List<KnownApiKey>>(request).await?)
        }
        Command::Rotate(args) => {
            let path = format!("/v1/operator/api_keys/{}/rotate", args.which.key);
            let body =
                args.overlap_hours.map_or(json!({}), |hours| json!({"overlap_hours": hours}));
            let client = args.which.operator.client()?;
            output.show(&client.send::<ApiKey>(Request::post(path, body)).await?)
        }
        Command::Revoke(RevokeArgs { which }) => {
            let request = Request::delete(format!("/v1/operator/api_keys/{}", which.key));
            which.operator.client()?.send::<()>(request).await?;
            output.show(&Done::new(format!("key {} is revoked", which.key)))
        }
        Command::Uses(args) => {
            let client = args.which.operator.client()?;
            output.show(&client.send::<List<ApiKeyUse>>(args.request("uses")).await?)
        }
        Command::Events(args) => {
            let client = args.which.operator.client()?;
            output.show(&client.send::<List<ApiKeyEvent>>(args.request("events")).await?)
        }
    }
}

async fn create(args: CreateArgs, output: Output) -> Result<(), Failure> {
    let path = format!("/v1/operator/merchants/{}/api_keys", args.merchant);
    let mut body = json!({});
    if let Some(scopes) = args.scopes {
        body["scopes"] = scopes.into_iter().map(Scope::as_str).collect();
    }
    if let Some(name) = args.name {
        body["name"] = name.into();
    }
    output.show(&args.operator.client()?.send::<ApiKey>(Request::post(path, body)).await?)
}
