//! `wallet payer totp`

use serde_json::json;

use crate::client::models::{RecoveryCodes, TotpSecret};
use crate::client::{Answer, Request};
use crate::failure::Failure;
use crate::output::Output;
use crate::pictures::PictureArgs;
use crate::secrets::{Pin, PinArgs, Proof, ProofArgs, ask_one_time_password};

use super::{DeviceArgs, Online};

/// Teach an authenticator app to make your one-time passwords
///
/// Shows a QR code for the app and asks for its first password; only then it is in use, and ten
/// recovery codes are shown, once. Run again, it replaces the app, which the old one or a recovery
/// code must allow.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer totp
  wallet payer totp --json | jq -r .otpauth_uri      without a terminal, in two steps:
  WALLET_OTP=… wallet payer totp --confirm")]
pub(crate) struct Args {
    /// Take the first password of a secret that was shown before
    #[arg(long)]
    confirm: bool,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    proof: ProofArgs,
    #[command(flatten)]
    pictures: PictureArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let online = args.device.online().await?;
    if args.confirm {
        let password = args.proof.ask_password("The first password of the app: ")?;
        return output.show(&confirm(&online, &password).await?);
    }
    let replaces = online.account().await?.value.totp_set;
    let pin = args.pin.ask("PIN: ")?;
    let proof = if replaces { Some(args.proof.ask()?) } else { None };
    let secret = begin(&online, &pin, proof.as_ref()).await?;
    args.pictures.show(&secret.value.otpauth_uri, output)?;
    output.show(&secret)?;
    if output.is_interactive() {
        return finish(&online, output).await;
    }
    output.note("not in use before `wallet payer totp --confirm` takes the app's first password");
    Ok(())
}

/// Has the server make a secret.
pub(super) async fn begin(
    online: &Online,
    pin: &Pin,
    proof: Option<&Proof>,
) -> Result<Answer<TotpSecret>, Failure> {
    let mut body = json!({"pin": pin.digits()});
    if let Some(proof) = proof {
        proof.add_to(&mut body);
    }
    online.send(Request::post("/v1/wallet/totp", body)).await
}

/// Takes the first password of the secret that is shown, and shows the recovery codes.
pub(super) async fn finish(online: &Online, output: Output) -> Result<(), Failure> {
    output.note("scan it with an authenticator app, or type the secret in");
    loop {
        let password = ask_one_time_password("Its first password: ")?;
        match confirm(online, &password).await {
            Err(failure) if failure.code() == "otp_wrong" => output.note(&failure),
            confirmed => return output.show(&confirmed?),
        }
    }
}

async fn confirm(online: &Online, password: &str) -> Result<Answer<RecoveryCodes>, Failure> {
    online.send(Request::post("/v1/wallet/totp/confirm", json!({"totp": password}))).await
}
