//! `wallet merchant payout`

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::Request;
use crate::client::models::{List, PageArgs, Payout};
use crate::commands::ids;
use crate::commands::payout_state::PayoutState;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

use super::{MerchantArgs, PartArgs};

/// Have money paid out to your bank account
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    List(ListArgs),
    Show(ShowArgs),
    Cancel(CancelArgs),
}

/// Ask for money to be paid out; it is held from now on
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant payout create                                          all that is available
  wallet merchant payout create 250.00 --description 'rent'
  wallet merchant payout create --idempotency-key \"day-$(date +%F)\"     once a day, as from cron")]
pub(crate) struct CreateArgs {
    #[command(flatten)]
    part: PartArgs,
    /// For yourself to read
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Repeat an earlier request [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// List payouts, the newest first
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    /// Only these
    #[arg(long, value_enum)]
    state: Option<PayoutState>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Show a payout
#[derive(clap::Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its id
    #[arg(value_name = "PAYOUT", value_parser = ids::parse)]
    id: String,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Call a payout off, as long as the bank may not have been told of it
#[derive(clap::Args, Debug)]
pub(crate) struct CancelArgs {
    /// Its id
    #[arg(value_name = "PAYOUT", value_parser = ids::parse)]
    id: String,
    /// Repeat an earlier request [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(args) => {
            let mut body = args.part.body()?;
            if let Some(description) = args.description {
                body.insert("description".to_owned(), json!(description));
            }
            ask(&args.merchant, "/v1/payouts".to_owned(), body.into(), args.idempotency_key, output)
                .await
        }
        Command::List(args) => {
            let state = args.state.map(PayoutState::as_str);
            let request = args.page.apply(Request::get("/v1/payouts").query("state", state));
            output.show(&args.merchant.client()?.send::<List<Payout>>(request).await?)
        }
        Command::Show(args) => {
            let request = Request::get(format!("/v1/payouts/{}", args.id));
            output.show(&args.merchant.client()?.send::<Payout>(request).await?)
        }
        Command::Cancel(args) => {
            let path = format!("/v1/payouts/{}/cancel", args.id);
            ask(&args.merchant, path, json!({}), args.idempotency_key, output).await
        }
    }
}

async fn ask(
    merchant: &MerchantArgs,
    path: String,
    body: Value,
    key: Option<String>,
    output: Output,
) -> Result<(), Failure> {
    let key = key.unwrap_or_else(system::random_hex::<16>);
    let request = Request::post(path, body).idempotency_key(&key);
    let answer = merchant.client()?.send::<Payout>(request).await;
    output.show(&answer.map_err(|failure| match failure.exit() {
        Exit::AskAgain => {
            failure.hint(format!("repeat it with --idempotency-key {key}: the money moves once"))
        }
        _ => failure,
    })?)
}
