//! `wallet operator entries`

use crate::client::models::{Entry, Whole};
use crate::client::{OperatorArgs, Request};
use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;

/// Show the ledger's postings of a payment or of anything else that moved money
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator entries pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3")]
pub(crate) struct Args {
    /// The id of a payment, refund, top-up, payout, transfer, withdrawal, envelope or claim, or of
    /// money in suspense
    #[arg(value_parser = ids::parse)]
    subject: String,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let request = Request::get("/v1/operator/entries").query("subject", Some(args.subject));
    output.show(&args.operator.client()?.send::<Whole<Entry>>(request).await?)
}
