//! `wallet merchant cancel`

use serde_json::json;

use crate::client::models::Payment;
use crate::client::{Answer, Client, Request};
use crate::commands::ids;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

use super::MerchantArgs;

/// Call off a payment that waits for its payer
///
/// If the payer confirms at the same moment, one of the two wins; a payment that can't be called
/// off any more ends with exit code 3.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet merchant cancel pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3")]
pub(crate) struct Args {
    /// Its id
    #[arg(value_name = "PAYMENT", value_parser = ids::parse)]
    payment: String,
    /// Repeat an earlier cancellation [default: a new key]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let key = args.idempotency_key.unwrap_or_else(system::random_hex::<16>);
    output.show(&cancel(&client, &args.payment, &key).await?)
}

/// Calls a payment off, again and again if need be.
pub(super) async fn cancel(
    client: &Client,
    payment: &str,
    key: &str,
) -> Result<Answer<Payment>, Failure> {
    let path = format!("/v1/payments/{payment}/cancel");
    let request = Request::post(path, json!({})).idempotency_key(key);
    client.send(request).await.map_err(|failure| match failure.exit() {
        Exit::AskAgain => failure
            .hint(format!("`wallet merchant cancel {payment} --idempotency-key {key}` asks again")),
        _ => failure,
    })
}
