//! `wallet merchant capture`

use crate::client::Request;
use crate::client::models::Payment;
use crate::commands::ids;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

use super::{MerchantArgs, PartArgs};

/// Take the money that a payment holds, or a part of it
///
/// The rest is the payer's again. A payment is captured once.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant charge 80.00 --scan photo.png --capture manual
  wallet merchant capture pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3 64.50")]
pub(crate) struct Args {
    /// The payment's id
    #[arg(value_name = "PAYMENT", value_parser = ids::parse)]
    payment: String,
    #[command(flatten)]
    part: PartArgs,
    /// Repeat an earlier capture [default: a new key]
    #[arg(long, value_name = "KEY", value_parser = ids::idempotency_key)]
    idempotency_key: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let Args { payment, part, .. } = args;
    let key = args.idempotency_key.unwrap_or_else(system::random_hex::<16>);
    let path = format!("/v1/payments/{payment}/capture");
    let request = Request::post(path, part.body()?.into()).idempotency_key(&key);
    let answer = client.send::<Payment>(request).await.map_err(|failure| match failure.exit() {
        Exit::AskAgain => {
            failure.hint(format!("repeat it with --idempotency-key {key}: the money is taken once"))
        }
        _ => failure,
    })?;
    output.show(&answer)
}
