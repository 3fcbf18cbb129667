//! `wallet merchant test-code`

use serde_json::json;

use crate::client::models::TestCode;
use crate::client::{Answer, Client, Request};
use crate::failure::Failure;
use crate::output::Output;
use crate::pictures::PictureArgs;

use super::MerchantArgs;
use super::trigger::code_outcome;

/// Show a code that comes to an outcome when a till charges it (test keys)
///
/// For a till that is to be tested with its scanner: it is a real code, to be charged once within
/// its minute, of a payer who was made for it. `wallet merchant trigger --list` explains the
/// outcomes.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant test-code refused --png code.png
  wallet merchant charge 12.50 --code $(wallet merchant test-code insufficient_funds)")]
pub(crate) struct Args {
    /// What charging it is to come to
    #[arg(value_parser = code_outcome())]
    outcome: String,
    /// The most that it allows [default: the most that comes to this outcome]
    #[arg(long, value_name = "AMOUNT")]
    limit: Option<String>,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let made = make(&client, &args.outcome, args.limit.as_deref()).await?;
    args.pictures.show(&made.value.code, output)?;
    if output.is_json() {
        return output.show(&made);
    }
    output.note(&made);
    output.line(&made.value.code)
}

/// Asks for a code.
pub(super) async fn make(
    client: &Client,
    outcome: &str,
    limit: Option<&str>,
) -> Result<Answer<TestCode>, Failure> {
    let mut body = json!({ "outcome": outcome });
    // Absent rather than null: null is a value.
    if let Some(limit) = limit {
        body["limit"] = json!(limit);
    }
    client.send(Request::post("/v1/test/codes", body)).await
}
