//! `wallet merchant payment`

use crate::client::Request;
use crate::client::models::{List, PageArgs, Payment};
use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;

use super::MerchantArgs;

/// Look up payments: one by its id or reference, or all, the newest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant payment                        the last ones
  wallet merchant payment --reference order-17   what became of a charge without an answer")]
pub(crate) struct Args {
    /// Its id
    #[arg(value_name = "PAYMENT", value_parser = ids::parse)]
    id: Option<String>,
    /// Its reference
    #[arg(long, conflicts_with = "id")]
    reference: Option<String>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    if let Some(id) = args.id {
        let request = Request::get(format!("/v1/payments/{id}"));
        return output.show(&client.send::<Payment>(request).await?);
    }
    let request = Request::get("/v1/payments").query("reference", args.reference);
    output.show(&client.send::<List<Payment>>(args.page.apply(request)).await?)
}
