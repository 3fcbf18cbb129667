//! `wallet payer withdraw`

use serde_json::json;

use crate::client::Request;
use crate::client::models::Withdrawal;
use crate::failure::Failure;
use crate::output::Output;
use crate::receipts::Said;
use crate::secrets::PinArgs;

use super::{DeviceArgs, KeyArgs};

/// Have money paid out, through the operator
///
/// It is held until the operator has paid it or given it back.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer withdraw 100.00 --to 'account 6222 0000 1234'")]
pub(crate) struct Args {
    /// How much, as in 100.00
    amount: String,
    /// Where to, as the operator is to read it
    #[arg(long, value_name = "TEXT")]
    to: String,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    let amount = online.profile.amount(&args.amount)?;
    output.note(format!("{amount} to {}", args.to));
    let body = json!({
        "amount": amount.amount_text(),
        "currency": amount.currency().code(),
        "destination": args.to,
        "pin": args.pin.ask("PIN to withdraw it: ")?.digits(),
    });
    let request = Request::post("/v1/wallet/withdrawals", body);
    let withdrawal = online.move_money::<Withdrawal>(request, args.key, output).await?;
    let Withdrawal { id, state, amount, currency, receipt, .. } = &withdrawal.value;
    online.verify(Said { id, state, amount, currency, receipt })?;
    output.show(&withdrawal)
}
