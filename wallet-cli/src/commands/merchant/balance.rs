//! `wallet merchant balance`

use crate::client::Request;
use crate::client::models::Balance;
use crate::failure::Failure;
use crate::output::Output;

use super::MerchantArgs;

/// Show what the merchant is owed
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet merchant balance --api-key-file shop.key")]
pub(crate) struct Args {
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    output.show(&client.send::<Balance>(Request::get("/v1/balance")).await?)
}
