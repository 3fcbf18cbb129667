//! `wallet payer envelope claim`

use std::path::PathBuf;

use serde_json::json;
use zeroize::Zeroizing;

use crate::client::Request;
use crate::client::models::EnvelopeClaim;
use crate::failure::Failure;
use crate::output::Output;
use crate::receipts::Said;
use crate::{pictures, secrets};

use super::{DeviceArgs, KeyArgs};

/// Claim a share of a red envelope
///
/// Its token is as good as the money, so it does not stand on the command line: it is read from a
/// picture, a file or a line of standard input, or asked for.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer envelope claim --scan envelope.png
  wallet payer envelope claim                    asks for the token")]
pub(crate) struct Args {
    /// A picture of the envelope's code
    #[arg(long, value_name = "PHOTO")]
    scan: Option<PathBuf>,
    /// Read the envelope's token from this file; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "scan")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    fn token(&self) -> Result<Zeroizing<String>, Failure> {
        match &self.scan {
            Some(photo) => pictures::read_with_prefix(photo, "wallet:envelope:", "envelope")
                .map(Zeroizing::new),
            None => secrets::token(self.token_file.as_deref(), "token", "use --token-file"),
        }
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let token = args.token()?;
    let online = args.device.online().await?;
    let body = json!({"token": token.as_str()});
    let request = Request::post("/v1/wallet/envelopes/claim", body);
    let claimed = online.move_money::<EnvelopeClaim>(request, args.key, output).await?;
    let EnvelopeClaim { id, amount, currency, receipt, .. } = &claimed.value;
    online.verify(Said { id, state: "succeeded", amount, currency, receipt })?;
    output.show(&claimed)
}
