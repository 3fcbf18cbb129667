//! `wallet payer envelope send`

use clap::ValueEnum;
use serde_json::json;

use crate::client::Request;
use crate::client::models::{Envelope, SentEnvelope};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::pictures::PictureArgs;
use crate::receipts::Said;
use crate::secrets::PinArgs;

use super::{DeviceArgs, KeyArgs};

/// Put money into a red envelope and show the code with which others claim a share
///
/// What nobody claims within a day comes back.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer envelope send 88.00 --shares 8 --greeting 恭喜发财 --png envelope.png
  wallet payer envelope send 50.00 --to li.wei")]
pub(crate) struct Args {
    /// How much in all, as in 88.00
    amount: String,
    /// In how many shares
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    shares: u32,
    /// How to share it out
    #[arg(long, value_enum, default_value = "random")]
    split: Split,
    /// The only one who may claim [default: whoever has the code]
    #[arg(long, value_name = "HANDLE")]
    to: Option<String>,
    /// What to write on it
    #[arg(long, value_name = "TEXT")]
    greeting: Option<String>,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// How an envelope is shared out.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Split {
    /// The same for everyone, but for what does not divide
    Equal,
    /// By chance, at least one cent each
    Random,
}

impl Split {
    fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Random => "random",
        }
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let amount = online.profile.amount(&args.amount)?;
    let mut body = json!({
        "amount": amount.amount_text(),
        "currency": amount.currency().code(),
        "shares": args.shares,
        "split": args.split.as_str(),
        "pin": args.pin.ask("PIN to send it: ")?.digits(),
    });
    // Absent rather than null: null is a value.
    if let Some(handle) = args.to {
        body["handle"] = json!(handle);
    }
    if let Some(greeting) = args.greeting {
        body["greeting"] = json!(greeting);
    }
    let request = Request::post("/v1/wallet/envelopes", body);
    let envelope = online.move_money::<Envelope>(request, args.key, output).await?;
    let Envelope { id, state, sent: Some(sent), .. } = &envelope.value else {
        let sentence = "the server's answer does not say what was sent";
        return Err(Failure::new(Exit::Unexpected, "unexpected_answer", sentence));
    };
    let SentEnvelope { token, amount, currency, receipt, .. } = sent;
    online.verify(Said { id, state, amount, currency, receipt })?;
    args.pictures.show(token, output)?;
    output.note(token);
    output.show(&envelope)
}
