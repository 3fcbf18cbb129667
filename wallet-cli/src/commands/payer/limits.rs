//! `wallet payer limits`

use serde_json::{Value, json};

use crate::client::Request;
use crate::client::models::SpendingLimits;
use crate::failure::Failure;
use crate::output::Output;
use crate::secrets::PinArgs;

use super::{DeviceArgs, Online};

/// Show what you may spend, or set limits of your own below the issuer's
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer limits
  wallet payer limits --payment 100.00 --day 300.00 --without-pin 20.00")]
pub(crate) struct Args {
    #[command(flatten)]
    new: NewLimits,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// The limits that are to change.
#[derive(clap::Args, Debug)]
struct NewLimits {
    /// The most that one payment may take
    #[arg(long, value_name = "AMOUNT")]
    payment: Option<String>,
    /// The most that a day's payments may take
    #[arg(long, value_name = "AMOUNT")]
    day: Option<String>,
    /// The most that a month's payments may take
    #[arg(long, value_name = "AMOUNT")]
    month: Option<String>,
    /// The most that a payment may take without asking for the PIN
    #[arg(long, value_name = "AMOUNT")]
    without_pin: Option<String>,
    /// How many payments a day may go without the PIN
    #[arg(long, value_name = "COUNT")]
    without_pin_count: Option<u32>,
}

impl NewLimits {
    /// The body of the request, without the PIN; none where nothing is to change.
    fn body(&self, online: &Online) -> Result<Option<Value>, Failure> {
        let mut body = json!({});
        let Self { payment, day, month, without_pin, .. } = self;
        let amounts =
            [("payment", payment), ("day", day), ("month", month), ("without_pin", without_pin)];
        for (name, text) in amounts {
            if let Some(text) = text {
                body[name] = json!(online.profile.amount(text)?.amount_text());
            }
        }
        if let Some(count) = self.without_pin_count {
            body["without_pin_count"] = json!(count);
        }
        Ok(body.as_object().is_some_and(|fields| !fields.is_empty()).then_some(body))
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let request = match args.new.body(&online)? {
        None => Request::get("/v1/wallet/limits"),
        Some(mut body) => {
            body["pin"] = json!(args.pin.ask("PIN: ")?.digits());
            Request::put("/v1/wallet/limits", body)
        }
    };
    output.show(&online.send::<SpendingLimits>(request).await?)
}
