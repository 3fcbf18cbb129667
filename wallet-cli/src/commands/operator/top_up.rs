//! `wallet operator top-up`

use serde_json::json;
use wallet_core::{Currency, Money};

use crate::client::models::TopUp;
use crate::client::{OperatorArgs, Request};
use crate::commands::ids;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

/// Credit a payer with money that arrived at the bank
///
/// The external reference names the transfer at the bank. Run again with the same key, the money is
/// credited once.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator top-up payer_0192f0c1 500.00 --external-reference bank-2026-11-22-0001")]
pub(crate) struct Args {
    /// The payer's id
    #[arg(value_parser = ids::parse)]
    payer: String,
    /// How much, as in 500.00
    amount: String,
    /// The currency, as in ISO 4217
    #[arg(long, value_name = "CODE", default_value = "CNY")]
    currency: String,
    /// What the bank calls the transfer
    #[arg(long, value_name = "TEXT")]
    external_reference: String,
    /// Repeat an earlier top-up [default: a new key]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let amount = Currency::from_code(&args.currency)
        .and_then(|currency| Money::parse(&args.amount, currency))
        .map_err(|error| Failure::core(Exit::Usage, error))?;
    let key = args.idempotency_key.unwrap_or_else(system::random_hex::<16>);
    let body = json!({
        "payer": args.payer,
        "amount": amount.amount_text(),
        "currency": amount.currency().code(),
        "external_reference": args.external_reference,
    });
    let request = Request::post("/v1/operator/top_ups", body).idempotency_key(&key);
    let answer = args.operator.client()?.send::<TopUp>(request).await;
    output.show(&answer.map_err(|failure| match failure.exit() {
        Exit::AskAgain => failure.hint(format!("repeat it with --idempotency-key {key}")),
        _ => failure,
    })?)
}
