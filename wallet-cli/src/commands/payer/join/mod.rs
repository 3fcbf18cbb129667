//! How this machine becomes a payer's device: with an invitation, or by registering.
//!
//! | step | a crash after it leaves |
//! |---|---|
//! | the key is made and kept | a key with which the same again gets the same answer |
//! | the server answers: the device is active | the same |
//! | …or pending: the invitation is kept | a wallet that asks again with what it kept |
//! | the profile is kept | an enrolled wallet |
//! | PIN, one-time passwords | an enrolled wallet; `wallet payer pin` and `totp` do the rest |

pub(super) mod enrol;
pub(super) mod register;
mod secure;

use core::fmt;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};
use wallet_core::keyfile::Cost;
use wallet_core::{DeviceKey, IssuerId};

use crate::client::models::{Enrolment, EnrolmentState, Issuer, IssuerArgs};
use crate::client::{Client, DeviceSigner, Request, ServerArgs};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::secrets::PassphraseArgs;
use crate::system;
use crate::wallet_file::{Profile, Protection, WalletArgs, WalletDirectory};

use super::Online;
use secure::SecureArgs;

/// What both ways need.
#[derive(clap::Args, Debug)]
pub(super) struct JoinArgs {
    /// What to call this device
    #[arg(long, value_name = "NAME", default_value = "wallet command")]
    device_name: String,
    #[command(flatten)]
    secure: SecureArgs,
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

/// An issuer that answered, whose document was verified.
pub(crate) struct Joining<'a> {
    pub(crate) client: &'a Client,
    pub(crate) issuer: &'a Issuer,
    pub(crate) issuer_id: IssuerId,
    pub(crate) key: &'a DeviceKey,
    pub(crate) device_name: &'a str,
}

/// What came of it.
pub(crate) enum Joined {
    /// The device may act.
    Active(Box<Profile>),
    /// Another device of the payer must let it in first.
    Pending {
        /// How that device knows it.
        device_key_id: String,
    },
}

/// Asks the server to take a key on: the signature proves that the device has it.
///
/// `body` holds what the way of joining needs besides.
pub(crate) async fn join(
    joining: &Joining<'_>,
    path: &str,
    mut body: Value,
) -> Result<Joined, Failure> {
    let Joining { client, issuer, issuer_id, key, device_name } = joining;
    let offset = issuer.time()?.unix_millis() - system::now().unix_millis();
    let signer = DeviceSigner::enrolling(key, offset);
    body["public_key"] = json!(base16ct::lower::encode_string(key.public_key().as_bytes()));
    body["device_name"] = json!(device_name);
    let request = Request::post(path, body).signed_by(&signer);
    let answer = client.send::<Enrolment>(request).await?.value;
    match answer.state {
        EnrolmentState::Active => {
            Profile::enrolled(client.url(), &answer, issuer_id).map(Box::new).map(Joined::Active)
        }
        EnrolmentState::Pending => Ok(Joined::Pending { device_key_id: answer.device_key_id }),
        EnrolmentState::Revoked => {
            let sentence = "this device was enrolled and has been revoked";
            Err(Failure::new(Exit::Refused, "device_revoked", sentence)
                .hint("--wallet names another directory, for a new key"))
        }
    }
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

impl JoinArgs {
    /// The wallet's directory, in which no device is enrolled yet.
    fn directory(&self) -> Result<WalletDirectory, Failure> {
        let directory = self.wallet.directory()?;
        if directory.is_enrolled() {
            let sentence =
                format!("a device is enrolled in {} already", directory.path().display());
            return Err(Failure::new(Exit::Local, "already_enrolled", sentence)
                .hint("--wallet names another directory"));
        }
        Ok(directory)
    }

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

    /// Keeps what an active device learnt, says so, and goes on to protect the account.
    async fn finish(
        &self,
        directory: &WalletDirectory,
        (client, key): (Client, DeviceKey),
        profile: Profile,
        output: Output,
    ) -> Result<(), Failure> {
        directory.save_profile(&profile)?;
        directory.forget_invitation()?;
        output.show(&Enrolled {
            payer: profile.payer.clone(),
            currency: profile.currency.clone(),
            issuer: profile.document()?.issuer_id().to_string(),
            wallet: directory.path().to_owned(),
        })?;
        let online = Online::new(client, key, profile, directory);
        self.secure.protect(&online, output).await.map_err(|failure| {
            failure.hint("the device is enrolled: `wallet payer pin` and `totp` do the rest")
        })
    }
}
