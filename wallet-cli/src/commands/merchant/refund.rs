//! `wallet merchant refund` and `wallet merchant refunds`

use serde_json::json;

use crate::client::Request;
use crate::client::models::{List, PageArgs, Refund};
use crate::commands::ids;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

use super::{MerchantArgs, PartArgs};

/// Give back what was paid, or a part of it
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant refund pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3            all that is left
  wallet merchant refund pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3 5.00 --reason 'one cup broken'")]
pub(crate) struct Args {
    /// The payment's id
    #[arg(value_name = "PAYMENT", value_parser = ids::parse)]
    payment: String,
    #[command(flatten)]
    part: PartArgs,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Repeat an earlier refund [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Look up refunds: one by its id, those of a payment, or all, the newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet merchant refunds --payment pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3")]
pub(crate) struct ListArgs {
    /// Its id
    #[arg(value_name = "REFUND", value_parser = ids::parse)]
    id: Option<String>,
    /// The payment's id
    #[arg(long, value_parser = ids::parse, conflicts_with = "id")]
    payment: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let key = args.idempotency_key.unwrap_or_else(system::random_hex::<16>);
    let mut body = args.part.body()?;
    body.insert("payment".to_owned(), json!(args.payment));
    if let Some(reason) = args.reason {
        body.insert("reason".to_owned(), json!(reason));
    }
    let request = Request::post("/v1/refunds", body.into()).idempotency_key(&key);
    let answer = client.send::<Refund>(request).await.map_err(|failure| match failure.exit() {
        Exit::AskAgain => failure
            .hint(format!("repeat it with --idempotency-key {key}: the money is given back once")),
        _ => failure,
    })?;
    output.show(&answer)
}

pub(super) async fn list(args: ListArgs, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    if let Some(id) = args.id {
        let request = Request::get(format!("/v1/refunds/{id}"));
        return output.show(&client.send::<Refund>(request).await?);
    }
    let request = Request::get("/v1/refunds").query("payment", args.payment);
    output.show(&client.send::<List<Refund>>(args.page.apply(request)).await?)
}
