//! `wallet payer balance`

use wallet_core::code::{Mark, adopt_mark};

use crate::client::Request;
use crate::client::models::PayerBalance;
use crate::failure::{Exit, Failure};
use crate::output::Output;

use super::DeviceArgs;

/// Show what the wallet holds and may spend
///
/// Also takes over the issuer's clock, its keys, and which codes it has seen: what a wallet needs
/// that was restored, or whose clock was wrong.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet payer balance --json")]
pub(crate) struct Args {
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let mut online = args.device.online().await?;
    let signer = online.signer()?;
    let request = Request::get("/v1/wallet/balance").signed_by(&signer);
    let balance = online.client.send::<PayerBalance>(request).await?;
    output.show(&balance)?;
    let mark = balance.value.mark.map(Mark::from);
    let adopted = adopt_mark(mark, online.profile.now(), &mut online.marks);
    adopted.map(|_| ()).map_err(|error| Failure::core(Exit::Local, error))
}
