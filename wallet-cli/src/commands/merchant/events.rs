//! `wallet merchant events`

use crate::client::Request;
use crate::client::models::{MerchantEvents, PageArgs};
use crate::failure::Failure;
use crate::output::Output;

use super::MerchantArgs;

/// Show what happened to the merchant, the oldest first
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant events
  wallet merchant events --type refund.succeeded
  wallet merchant events --after latest --wait 25          whatever happens next")]
pub(crate) struct Args {
    /// Those of this type
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Wait so long for something to happen
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=25))]
    wait: Option<u32>,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let request = Request::get("/v1/events").query("type", args.event_type);
    let request = args.page.apply(request.query("wait", args.wait));
    output.show(&client.send::<MerchantEvents>(request).await?)
}
