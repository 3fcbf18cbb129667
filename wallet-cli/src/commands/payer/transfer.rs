//! `wallet payer transfer`

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::client::Request;
use crate::client::models::{PayerTransfer, Person};
use crate::failure::Failure;
use crate::output::Output;
use crate::pictures;
use crate::receipts::Said;
use crate::secrets::PinArgs;

use super::{DeviceArgs, KeyArgs};

/// What the code that receives money begins with.
const RECEIVE_PREFIX: &str = "wallet:receive:";

/// Send money to another payer
///
/// Shows who that is before it asks for the PIN.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer transfer 20.00 --to li.wei --note lunch
  wallet payer transfer 20.00 --scan me.png      the picture of `wallet payer receive`")]
pub(crate) struct Args {
    /// How much, as in 20.00
    amount: String,
    #[command(flatten)]
    to: Recipient,
    /// What to tell the recipient
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Who gets the money.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Recipient {
    /// Their handle, or the text of the code that they show
    #[arg(long, value_name = "HANDLE")]
    to: Option<String>,
    /// A picture of the code that they show
    #[arg(long, value_name = "PHOTO")]
    scan: Option<PathBuf>,
}

impl Recipient {
    /// As the server is told.
    fn body(&self) -> Result<Value, Failure> {
        let text = match (&self.scan, &self.to) {
            (Some(photo), _) => pictures::read_with_prefix(photo, RECEIVE_PREFIX, "receive code")?,
            (None, to) => to.clone().unwrap_or_default(),
        };
        let is_code = text.starts_with(RECEIVE_PREFIX);
        Ok(if is_code { json!({"receive_code": text}) } else { json!({"handle": text}) })
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let amount = online.profile.amount(&args.amount)?;
    let mut body = args.to.body()?;
    let request = Request::post("/v1/wallet/recipients", body.clone());
    let recipient = online.send::<Person>(request).await?.value;
    output.note(format!("{amount} to {recipient}"));
    body["pin"] = json!(args.pin.ask("PIN to send it: ")?.digits());
    body["amount"] = json!(amount.amount_text());
    body["currency"] = json!(amount.currency().code());
    // Absent rather than null: null is a value.
    if let Some(note) = args.note {
        body["note"] = json!(note);
    }
    let request = Request::post("/v1/wallet/transfers", body);
    let sent = online.move_money::<PayerTransfer>(request, args.key, output).await?;
    let PayerTransfer { id, state, amount, currency, receipt, .. } = &sent.value;
    online.verify(Said { id, state, amount, currency, receipt })?;
    output.show(&sent)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wallet_core::qr::{Medium, Qr};

    use super::Recipient;

    #[test]
    fn a_recipient_is_a_handle_a_receive_code_or_a_picture_of_one() {
        let code = format!("wallet:receive:{}", "0".repeat(32));
        let to = |text: &str| Recipient { to: Some(text.to_owned()), scan: None }.body().unwrap();
        assert_eq!(to("li.wei"), json!({"handle": "li.wei"}));
        assert_eq!(to(&code), json!({"receive_code": code}));
        let temporary = tempfile::tempdir().unwrap();
        let photo = temporary.path().join("me.png");
        std::fs::write(&photo, Qr::new(&code, Medium::Screen).unwrap().to_png(8).unwrap()).unwrap();
        let scanned = Recipient { to: None, scan: Some(photo) };
        assert_eq!(scanned.body().unwrap(), json!({"receive_code": code}));
    }
}
