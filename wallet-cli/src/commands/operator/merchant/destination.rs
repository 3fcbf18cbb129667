//! `wallet operator merchant destination`

use serde_json::json;

use crate::client::models::PayoutDestination;
use crate::client::{OperatorArgs, Request};
use crate::commands::ids;
use crate::failure::Failure;
use crate::output::Output;

/// Show where a merchant's payouts go to, or set it
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet operator merchant destination mer_0192f0c1
  wallet operator merchant destination mer_0192f0c1 --holder 'Corner Café Ltd' --account DE89370400440532013000")]
pub(crate) struct Args {
    /// The merchant's id
    #[arg(value_name = "MERCHANT", value_parser = ids::parse)]
    merchant: String,
    /// Who has the account
    #[arg(long, value_name = "NAME", requires = "account")]
    holder: Option<String>,
    /// An IBAN or another account number: capital letters and digits
    #[arg(long, value_name = "NUMBER", requires = "holder")]
    account: Option<String>,
    /// The bank's name or code, where the account does not say it
    #[arg(long, value_name = "TEXT", requires = "account")]
    bank: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let path = format!("/v1/operator/merchants/{}/payout_destination", args.merchant);
    let request = match (args.holder, args.account) {
        (Some(holder), Some(account)) => {
            let mut body = json!({ "holder": holder, "account": account });
            if let Some(bank) = args.bank {
                body["bank"] = json!(bank);
            }
            Request::put(path, body)
        }
        _ => Request::get(path),
    };
    output.show(&args.operator.client()?.send::<PayoutDestination>(request).await?)
}
