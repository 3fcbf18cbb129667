//! `wallet payer enrol`

use std::path::PathBuf;

use core::fmt;

use serde::Serialize;
use serde_json::json;
use wallet_core::keyfile::Cost;
use wallet_core::{DeviceKey, IssuerId};

use crate::client::models::{Enrolment, Issuer, IssuerArgs};
use crate::client::{Client, DeviceSigner, Request, ServerArgs};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::secrets::{self, PassphraseArgs};
use crate::system;
use crate::wallet_file::{Profile, Protection, WalletArgs, WalletDirectory};

/// Enrol this machine as a payer's device, with an invitation from the operator
///
/// Makes a key that never leaves the wallet's directory. If the connection breaks, run the same
/// again: the same invitation and key get the same answer. The wallet keeps the issuer's id and
/// accepts no other issuer's keys; --issuer makes sure of the first time, too.
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
    /// What to call this device
    #[arg(long, value_name = "NAME", default_value = "wallet command")]
    device_name: String,
    /// Store the device key unencrypted, guarded by its file permissions alone
    #[arg(long, conflicts_with = "passphrase_file")]
    no_passphrase: bool,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    wallet: WalletArgs,
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    issuer: IssuerArgs,
}

#[derive(Serialize)]
struct Enrolled {
    payer: String,
    currency: String,
    issuer: String,
    wallet: PathBuf,
}

impl fmt::Display for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { payer, currency, issuer, wallet } = self;
        writeln!(f, "enrolled as a device of {payer}, which pays in {currency}")?;
        writeln!(f, "its issuer, from now on the only one it accepts: {issuer}")?;
        write!(f, "its key is in {}; `wallet payer code` shows a code", wallet.display())
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let directory = args.wallet.directory()?;
    if directory.is_enrolled() {
        let sentence = format!("a device is enrolled in {} already", directory.path().display());
        return Err(Failure::new(Exit::Local, "already_enrolled", sentence)
            .hint("--wallet names another directory"));
    }
    let client = args.server.client(None)?;
    let invitation = secrets::invitation(args.invitation_file.as_deref())?;
    // Asked first: it tells whether the server is there before a passphrase is chosen.
    let issuer = client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
    // Before the invitation is given away.
    let id = issuer.document(args.issuer.id.as_ref())?.issuer_id();
    let key = args.key(&directory)?;
    let profile = enrol(&client, &key, &invitation, &args.device_name, (&issuer, &id)).await?;
    directory.save_profile(&profile)?;
    let (payer, currency) = (profile.payer, profile.currency);
    let (issuer, wallet) = (id.to_string(), directory.path().to_owned());
    output.show(&Enrolled { payer, currency, issuer, wallet })
}

impl Args {
    /// The key of an enrolment that was interrupted, or a new one.
    fn key(&self, directory: &WalletDirectory) -> Result<DeviceKey, Failure> {
        if directory.has_key() {
            return directory.open_key(&self.passphrase);
        }
        directory.create_key(&if self.no_passphrase {
            Protection::None
        } else {
            Protection::Passphrase(self.passphrase.choose()?, Cost::DEFAULT)
        })
    }
}

/// Enrols a key with the issuer of this id: the signature proves that the device has it.
pub(crate) async fn enrol(
    client: &Client,
    key: &DeviceKey,
    invitation: &str,
    device_name: &str,
    (issuer, id): (&Issuer, &IssuerId),
) -> Result<Profile, Failure> {
    let offset = issuer.time()?.unix_millis() - system::now().unix_millis();
    let signer = DeviceSigner::enrolling(key, offset);
    let body = json!({
        "invitation": invitation,
        "public_key": base16ct::lower::encode_string(key.public_key().as_bytes()),
        "device_name": device_name,
    });
    let request = Request::post("/v1/wallet/enrolments", body).signed_by(&signer);
    let answer = client.send::<Enrolment>(request).await?.value;
    Profile::enrolled(client.url(), &answer, id)
}
