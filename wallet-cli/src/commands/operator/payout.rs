//! `wallet operator payout`

use clap::Subcommand;
use serde_json::{Value, json};

use crate::client::models::{List, PageArgs, Payout};
use crate::client::{OperatorArgs, Request};
use crate::commands::payout_state::PayoutState;
use crate::commands::{ModeArg, ids};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

/// Pay out what merchants asked for, one by one, or give it back
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    List(ListArgs),
    Show(ShowArgs),
    Create(CreateArgs),
    Pay(PayArgs),
    Return(ReturnArgs),
}

/// List payouts, with where the money is to go
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator payout list --state authorized")]
pub(crate) struct ListArgs {
    /// Only these
    #[arg(long, value_enum)]
    state: Option<PayoutState>,
    /// Only those of this merchant
    #[arg(long, value_parser = ids::parse)]
    merchant: Option<String>,
    /// Real or play money
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeArg,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Show a payout
#[derive(clap::Args, Debug)]
pub(crate) struct ShowArgs {
    /// Its id
    #[arg(value_name = "PAYOUT", value_parser = ids::parse)]
    id: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Have money of a merchant paid out on its behalf, such as a closed one's
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator payout create mer_0192f0c1")]
pub(crate) struct CreateArgs {
    /// The merchant's id
    #[arg(value_name = "MERCHANT", value_parser = ids::parse)]
    merchant: String,
    /// How much, as in 12.50 [default: all that is available]
    amount: Option<String>,
    /// The currency, as in ISO 4217
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    /// For the merchant to read
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Repeat an earlier request [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Record that the bank has paid a payout
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator payout pay po_0192f0c1 --external-reference bank-2026-11-22-0007")]
pub(crate) struct PayArgs {
    #[command(flatten)]
    which: Which,
    /// What the bank calls the transfer
    #[arg(long, value_name = "TEXT")]
    external_reference: String,
}

/// Give the money of a payout back to its merchant, also when the bank sent it back
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator payout return po_0192f0c1 --reason 'no such account'")]
pub(crate) struct ReturnArgs {
    #[command(flatten)]
    which: Which,
    /// Why, for the merchant to read
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Which payout, at which server.
#[derive(clap::Args, Debug)]
struct Which {
    /// Its id
    #[arg(value_name = "PAYOUT", value_parser = ids::parse)]
    id: String,
    /// Repeat an earlier request [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl Which {
    async fn ask(self, action: &str, body: Value, output: Output) -> Result<(), Failure> {
        let path = format!("/v1/operator/payouts/{}/{action}", self.id);
        ask(&self.operator, path, body, self.idempotency_key, output).await
    }
}

async fn ask(
    operator: &OperatorArgs,
    path: String,
    body: Value,
    key: Option<String>,
    output: Output,
) -> Result<(), Failure> {
    let key = key.unwrap_or_else(system::random_hex::<16>);
    let request = Request::post(path, body).idempotency_key(&key);
    let answer = operator.client()?.send::<Payout>(request).await;
    output.show(&answer.map_err(|failure| match failure.exit() {
        Exit::AskAgain => failure.hint(format!("repeat it with --idempotency-key {key}")),
        _ => failure,
    })?)
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::List(args) => {
            let request = Request::get("/v1/operator/payouts")
                .query("mode", Some(args.mode.as_str()))
                .query("state", args.state.map(PayoutState::as_str))
                .query("merchant", args.merchant);
            let request = args.page.apply(request);
            output.show(&args.operator.client()?.send::<List<Payout>>(request).await?)
        }
        Command::Show(args) => {
            let request = Request::get(format!("/v1/operator/payouts/{}", args.id));
            output.show(&args.operator.client()?.send::<Payout>(request).await?)
        }
        Command::Create(args) => {
            let mut body = json!({ "merchant": args.merchant });
            if let Some(amount) = args.amount {
                (body["amount"], body["currency"]) = (json!(amount), json!(args.currency));
            }
            if let Some(description) = args.description {
                body["description"] = json!(description);
            }
            let path = "/v1/operator/payouts".to_owned();
            ask(&args.operator, path, body, args.idempotency_key, output).await
        }
        Command::Pay(args) => {
            let body = json!({ "external_reference": args.external_reference });
            args.which.ask("pay", body, output).await
        }
        Command::Return(args) => {
            args.which.ask("return", json!({ "reason": args.reason }), output).await
        }
    }
}
