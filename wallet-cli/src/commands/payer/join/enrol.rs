//! `wallet payer enrol`

use std::path::PathBuf;

use core::fmt;

use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::client::Request;
use crate::client::models::Issuer;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::secrets::{self, Proof, ProofArgs};
use crate::wallet_file::WalletDirectory;

use super::{JoinArgs, Joined, Joining, join};

/// Where invitations are taken.
pub(crate) const PATH: &str = "/v1/wallet/enrolments";

/// Enrol this machine as a payer's device, with an invitation from the operator or another device
///
/// Makes a key that never leaves the wallet's directory. If the connection breaks, run the same
/// again: the same invitation and key get the same answer. The wallet keeps the issuer's id and
/// accepts no other issuer's keys; --issuer makes sure of the first time, too.
///
/// On a terminal it goes on to set your PIN and to teach an authenticator app your one-time
/// passwords. A payer's second device needs such a password, or approval on the first one: until
/// then it waits, and running the same again finishes it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer enrol                              asks for the invitation and a passphrase
  wallet payer enrol --invitation-file inv.txt --no-passphrase
  wallet operator payer invite PAYER --json | jq -r .invitation | wallet payer enrol")]
pub(crate) struct Args {
    /// Read the invitation from this file; - is standard input
    #[arg(long, value_name = "FILE")]
    invitation_file: Option<PathBuf>,
    #[command(flatten)]
    proof: ProofArgs,
    #[command(flatten)]
    join: JoinArgs,
}

/// A device that waits to be let in.
#[derive(Serialize)]
struct Waiting {
    state: &'static str,
    device_key_id: String,
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { device_key_id, .. } = self;
        writeln!(f, "device {device_key_id} waits: the payer has another device already")?;
        writeln!(f, "  on that one:  wallet payer device approve {device_key_id}")?;
        write!(f, "  or here again, with a one-time password; either way run this again")
    }
}

pub(in super::super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let directory = args.join.directory()?;
    let client = args.join.server.client(None)?;
    let invitation = args.invitation(&directory)?;
    // Asked first: it tells whether the server is there before a passphrase is chosen.
    let issuer = client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
    // Before the invitation is given away.
    let issuer_id = issuer.document(args.join.issuer.id.as_ref())?.issuer_id();
    let key = args.join.key(&directory)?;
    let device_name = &args.join.device_name;
    let joining = Joining { client: &client, issuer: &issuer, issuer_id, key: &key, device_name };
    let mut joined = ask(&joining, &invitation, args.proof.given()?.as_ref()).await?;
    if let Joined::Pending { .. } = joined {
        // From here on nothing but patience is needed to finish it.
        directory.keep_invitation(&invitation)?;
        if output.is_interactive() {
            joined = with_password(&joining, &invitation, joined, output).await?;
        }
    }
    match joined {
        Joined::Active(profile) => {
            args.join.finish(&directory, (client, key), *profile, output).await
        }
        Joined::Pending { device_key_id } => {
            output.show(&Waiting { state: "pending", device_key_id })?;
            let sentence = "the device is not enrolled yet";
            Err(Failure::new(Exit::AskAgain, "enrolment_pending", sentence))
        }
    }
}

impl Args {
    /// The invitation that was given, or the one that waits for approval already.
    fn invitation(&self, directory: &WalletDirectory) -> Result<Zeroizing<String>, Failure> {
        if self.invitation_file.is_none()
            && let Some(kept) = directory.pending_invitation()?
        {
            return Ok(kept);
        }
        secrets::invitation(self.invitation_file.as_deref())
    }
}

/// Asks to be let in.
async fn ask(
    joining: &Joining<'_>,
    invitation: &str,
    password: Option<&Zeroizing<String>>,
) -> Result<Joined, Failure> {
    let mut body = json!({"invitation": invitation});
    if let Some(password) = password {
        Proof::parse(password).add_to(&mut body);
    }
    join(joining, PATH, body).await
}

/// Asks for a one-time password, until it is right or the payer would rather wait.
async fn with_password(
    joining: &Joining<'_>,
    invitation: &str,
    mut joined: Joined,
    output: Output,
) -> Result<Joined, Failure> {
    let question = "One-time password or recovery code, or Enter to wait for approval: ";
    while let Joined::Pending { .. } = joined {
        let password = secrets::ask_one_time_password(question)?;
        if password.is_empty() {
            break;
        }
        match ask(joining, invitation, Some(&password)).await {
            Err(failure) if matches!(failure.code(), "otp_wrong" | "otp_used") => {
                output.note(&failure);
            }
            answer => joined = answer?,
        }
    }
    Ok(joined)
}
