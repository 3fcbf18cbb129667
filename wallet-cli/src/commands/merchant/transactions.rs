//! `wallet merchant transactions`

use crate::client::Request;
use crate::client::models::{BalanceTransaction, List, PageArgs};
use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;

use super::MerchantArgs;

/// Show what moved the merchant's money, with its fee, the newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant transactions
  wallet merchant transactions --payment pay_0192f0c1d2e3f4a5b6c7d8e9f0a1b2c3")]
pub(crate) struct Args {
    /// Those of a payment and its refunds
    #[arg(long, value_parser = ids::parse)]
    payment: Option<String>,
    /// Those of such events
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let request = Request::get("/v1/balance/transactions")
        .query("payment", args.payment)
        .query("type", args.event_type);
    output.show(&client.send::<List<BalanceTransaction>>(args.page.apply(request)).await?)
}
