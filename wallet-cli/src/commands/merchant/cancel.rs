//! `wallet merchant cancel`

use serde_json::json;

use crate::client::models::{Cancellation, Payment};
use crate::client::{Answer, Client, Request};
use crate::commands::ids;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

use super::MerchantArgs;

/// Call a payment off: by its id, or by its reference whether it has arrived or not
///
/// What waits or is held is the payer's again; what was taken lately is given back, fee included.
/// By its reference a payment is also kept from arriving later. If the payer confirms at the same
/// moment, one of the two wins; a payment that can't be called off any more ends with exit code 3.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant cancel pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3
  wallet merchant cancel --reference order-17        a charge that was never answered")]
pub(crate) struct Args {
    #[command(flatten)]
    which: Which,
    /// Repeat an earlier cancellation [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Which payment.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Which {
    /// Its id
    #[arg(value_name = "PAYMENT", value_parser = ids::parse)]
    payment: Option<String>,
    /// Its reference
    #[arg(long)]
    reference: Option<String>,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let key = args.idempotency_key.unwrap_or_else(system::random_hex::<16>);
    if let Some(payment) = args.which.payment {
        return output.show(&cancel(&client, &payment, &key).await?);
    }
    let reference = args.which.reference.unwrap_or_default();
    let body = json!({ "reference": reference });
    let request = Request::post("/v1/payments/cancel", body).idempotency_key(&key);
    let answer = client.send::<Cancellation>(request).await;
    let which = format!("--reference {reference}");
    output.show(&answer.map_err(|failure| again(failure, &which, &key))?)
}

/// Calls a payment off, again and again if need be.
pub(super) async fn cancel(
    client: &Client,
    payment: &str,
    key: &str,
) -> Result<Answer<Payment>, Failure> {
    let path = format!("/v1/payments/{payment}/cancel");
    let request = Request::post(path, json!({})).idempotency_key(key);
    client.send(request).await.map_err(|failure| again(failure, payment, key))
}

/// Says how to ask again, where that helps.
fn again(failure: Failure, which: &str, key: &str) -> Failure {
    match failure.exit() {
        Exit::AskAgain => {
            let command = format!("wallet merchant cancel {which} --idempotency-key {key}");
            failure.hint(format!("`{command}` asks again"))
        }
        _ => failure,
    }
}
