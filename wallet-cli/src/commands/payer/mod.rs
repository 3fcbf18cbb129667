//! `wallet payer`: a device that pays.

mod balance;
mod code;
mod enrol;
mod history;

use clap::Subcommand;
use wallet_core::DeviceKey;

use super::{block_on, runtime};
pub(crate) use enrol::enrol;

use crate::client::models::Issuer;
use crate::client::{Client, DeviceSigner, Request, ServerArgs};
use crate::failure::Failure;
use crate::output::Output;
use crate::secrets::PassphraseArgs;
use crate::wallet_file::{FileMarkStore, Profile, WalletArgs, WalletDirectory};

/// Pay: enrol this machine as a device, show codes, see the balance
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Enrol(enrol::Args),
    Code(code::Args),
    Balance(balance::Args),
    History(history::Args),
}

pub(super) fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Enrol(args) => block_on(enrol::run(args, output)),
        Command::Code(args) => code::run(&args, output),
        Command::Balance(args) => block_on(balance::run(args, output)),
        Command::History(args) => block_on(history::run(args, output)),
    }
}

/// Which device, and how to reach its server.
#[derive(clap::Args, Debug)]
pub(crate) struct DeviceArgs {
    #[command(flatten)]
    wallet: WalletArgs,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    #[command(flatten)]
    server: ServerArgs,
}

/// An enrolled device in touch with its server.
struct Online {
    client: Client,
    key: DeviceKey,
    profile: Profile,
    marks: FileMarkStore,
}

impl DeviceArgs {
    /// Opens the device and takes over the issuer's current key and time.
    async fn online(&self) -> Result<Online, Failure> {
        let directory = self.wallet.directory()?;
        let mut profile = directory.profile()?;
        let client = self.server.client(Some(&profile.server()?))?;
        let key = directory.open_key(&self.passphrase)?;
        let issuer = client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
        refresh(&directory, &mut profile, &issuer)?;
        Ok(Online { client, key, profile, marks: directory.marks() })
    }
}

impl Online {
    fn signer(&self) -> Result<DeviceSigner<'_>, Failure> {
        let Self { key, profile, .. } = self;
        Ok(DeviceSigner::enrolled(key, profile.device_key_id()?, profile.clock_offset_millis))
    }
}

/// Keeps what the issuer says now, if it is new.
fn refresh(
    directory: &WalletDirectory,
    profile: &mut Profile,
    issuer: &Issuer,
) -> Result<(), Failure> {
    let before = profile.clone();
    profile.refresh(issuer)?;
    if *profile == before { Ok(()) } else { directory.save_profile(profile) }
}
