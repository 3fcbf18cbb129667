//! `wallet operator payout-batch`

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::models::{List, PageArgs, PayoutBatch};
use crate::client::{OperatorArgs, Request};
use crate::commands::{ModeArg, ids};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

/// Pay out what merchants asked for, many at once, with a file for the bank
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Create(CreateArgs),
    List(ListArgs),
    /// Show a batch
    Show(ShowArgs),
    /// Print a batch for the bank, as CSV
    File(ShowArgs),
    Pay(PayArgs),
    Return(ReturnArgs),
}

/// Put the oldest open payouts into a batch; merchants cannot call them off any more
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  batch=$(wallet operator payout-batch create --json | jq -r .id)
  wallet operator payout-batch file $batch > for-the-bank.csv")]
pub(crate) struct CreateArgs {
    /// At most this many
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: Option<u32>,
    /// Real or play money
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeArg,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// List batches, the newest first
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    /// Real or play money
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeArg,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Which batch to show or to print.
#[derive(clap::Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its id
    #[arg(value_name = "BATCH", value_parser = ids::parse)]
    id: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Record that the bank has paid all of a batch, as one order
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator payout-batch pay pob_0192f0c1 --external-reference bank-2026-11-22")]
pub(crate) struct PayArgs {
    #[command(flatten)]
    which: Which,
    /// What the bank calls the order
    #[arg(long, value_name = "TEXT")]
    external_reference: String,
}

/// Give the money of a batch's payouts that the bank cannot pay back to their merchants
#[derive(clap::Args, Debug)]
pub(crate) struct ReturnArgs {
    #[command(flatten)]
    which: Which,
    /// Why, for the merchants to read
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Also of those that were paid: the bank has sent the money back
    #[arg(long)]
    include_paid: bool,
}

/// Which batch, at which server.
#[derive(clap::Args, Debug)]
struct Which {
    /// Its id
    #[arg(value_name = "BATCH", value_parser = ids::parse)]
    id: String,
    /// Repeat an earlier request [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl Which {
    async fn ask(self, action: &str, body: Value, output: Output) -> Result<(), Failure> {
        let path = format!("/v1/operator/payout_batches/{}/{action}", self.id);
        let key = self.idempotency_key.unwrap_or_else(system::random_hex::<16>);
        let request = Request::post(path, body).idempotency_key(&key);
        let answer = self.operator.client()?.send::<PayoutBatch>(request).await;
        output.show(&answer.map_err(|failure| match failure.exit() {
            Exit::AskAgain => {
                failure.hint(format!(
                    "repeat it with --idempotency-key {key}: it goes on with the rest"
                ))
            }
            _ => failure,
        })?)
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Create(args) => {
            let mut body = json!({ "mode": args.mode.as_str() });
            if let Some(limit) = args.limit {
                body["limit"] = json!(limit);
            }
            let request = Request::post("/v1/operator/payout_batches", body);
            output.show(&args.operator.client()?.send::<PayoutBatch>(request).await?)
        }
        Command::List(args) => {
            let request =
                Request::get("/v1/operator/payout_batches").query("mode", Some(args.mode.as_str()));
            let request = args.page.apply(request);
            output.show(&args.operator.client()?.send::<List<PayoutBatch>>(request).await?)
        }
        Command::Show(args) => {
            let request = Request::get(format!("/v1/operator/payout_batches/{}", args.id));
            output.show(&args.operator.client()?.send::<PayoutBatch>(request).await?)
        }
        Command::File(args) => {
            let path = format!("/v1/operator/payout_batches/{}/payouts.csv", args.id);
            let client = args.operator.client()?;
            client.download(Request::get(path), &mut std::io::stdout()).await.map(drop)
        }
        Command::Pay(args) => {
            let body = json!({ "external_reference": args.external_reference });
            args.which.ask("pay", body, output).await
        }
        Command::Return(args) => {
            let body = json!({ "reason": args.reason, "include_paid": args.include_paid });
            args.which.ask("return", body, output).await
        }
    }
}
