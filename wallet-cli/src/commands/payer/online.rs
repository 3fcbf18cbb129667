//! An enrolled device in touch with its server.

use core::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use wallet_core::receipt::Receipt;
use wallet_core::{DeviceKey, Timestamp};

use crate::client::models::{Account, Issuer};
use crate::client::{Answer, Client, DeviceSigner, Request, ServerArgs};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::receipts::{self, Said};
use crate::secrets::PassphraseArgs;
use crate::system;
use crate::wallet_file::{FileMarkStore, Profile, WalletArgs, WalletDirectory};

/// Which device, and how to reach its server.
#[derive(clap::Args, Debug)]
pub(crate) struct DeviceArgs {
    #[command(flatten)]
    pub(super) wallet: WalletArgs,
    #[command(flatten)]
    pub(super) passphrase: PassphraseArgs,
    #[command(flatten)]
    pub(super) server: ServerArgs,
}

/// An enrolled device in touch with its server.
pub(super) struct Online {
    pub(super) client: Client,
    pub(super) key: DeviceKey,
    pub(super) profile: Profile,
    pub(super) marks: FileMarkStore,
    /// How far the server's clock is ahead of this machine's, for commands that run for long.
    clock_offset_millis: AtomicI64,
}

impl DeviceArgs {
    /// Opens the device and takes over the issuer's current key and time.
    pub(super) async fn online(&self) -> Result<Online, Failure> {
        let directory = self.wallet.directory()?;
        let mut profile = directory.profile()?;
        let client = self.server.client(Some(&profile.server()?))?;
        let key = directory.open_key(&self.passphrase)?;
        let issuer = client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
        refresh(&directory, &mut profile, &issuer)?;
        Ok(Online::new(client, key, profile, &directory))
    }
}

impl Online {
    pub(super) fn new(
        client: Client,
        key: DeviceKey,
        profile: Profile,
        directory: &WalletDirectory,
    ) -> Self {
        let clock_offset_millis = AtomicI64::new(profile.clock_offset_millis);
        Self { client, key, profile, marks: directory.marks(), clock_offset_millis }
    }

    /// Signs requests as this device.
    pub(super) fn signer(&self) -> Result<DeviceSigner<'_>, Failure> {
        let offset = self.clock_offset_millis.load(Ordering::Relaxed);
        Ok(DeviceSigner::enrolled(&self.key, self.profile.device_key_id()?, offset))
    }

    /// The server's time, as well as it is known.
    pub(super) fn now(&self) -> Timestamp {
        system::now().plus_millis(self.clock_offset_millis.load(Ordering::Relaxed))
    }

    /// Takes over the server's clock.
    pub(super) async fn synchronise(&self) -> Result<(), Failure> {
        let issuer = self.client.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
        let ahead = issuer.time()?.unix_millis().saturating_sub(system::now().unix_millis());
        self.clock_offset_millis.store(ahead, Ordering::Relaxed);
        Ok(())
    }

    /// Sends a request as this device; each attempt is signed anew.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
    ) -> Result<Answer<T>, Failure> {
        let signer = self.signer()?;
        self.client.send(request.signed_by(&signer)).await
    }

    /// Sends a request that moves money, under a key that was said before it left.
    pub(super) async fn move_money<T: DeserializeOwned>(
        &self,
        request: Request<'_>,
        key: KeyArgs,
        output: Output,
    ) -> Result<Answer<T>, Failure> {
        self.move_money_under(&key.announced(output)?, request).await
    }

    /// The same under a key that was said already.
    pub(super) async fn move_money_under<T: DeserializeOwned>(
        &self,
        key: &str,
        request: Request<'_>,
    ) -> Result<Answer<T>, Failure> {
        let answer = self.send(request.idempotency_key(key)).await;
        answer.map_err(|failure| match failure.exit() {
            Exit::AskAgain => failure
                .hint(format!("repeat it with --idempotency-key {key}: the money moves once")),
            _ => failure,
        })
    }

    /// Who the payer is, and what protects the account.
    pub(super) async fn account(&self) -> Result<Answer<Account>, Failure> {
        self.send(Request::get("/v1/wallet/account")).await
    }

    /// Checks that the issuer signed what an answer says.
    pub(super) fn verify(&self, said: Said<'_>) -> Result<(), Failure> {
        self.receipt(said).map(drop)
    }

    /// The same, for what the receipt says besides.
    pub(super) fn receipt(&self, said: Said<'_>) -> Result<Receipt, Failure> {
        receipts::verify_own(said, &self.profile.document()?)
    }
}

/// How often a request that moves money may arrive: once.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct KeyArgs {
    /// Repeat an earlier request [default: a new key]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

impl KeyArgs {
    /// Whether the request may have arrived before.
    pub(super) fn repeats(&self) -> bool {
        self.idempotency_key.is_some()
    }

    /// The key, said before anything is sent: whatever happens from here on, the request can be
    /// repeated.
    pub(super) fn announced(self, output: Output) -> Result<String, Failure> {
        let key = Key { idempotency_key: self.idempotency_key.unwrap_or_else(new_key) };
        output.announce(&key)?;
        Ok(key.idempotency_key)
    }
}

/// The name of a request, said before it is sent.
#[derive(Serialize)]
struct Key {
    idempotency_key: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "idempotency key {}", self.idempotency_key)
    }
}

/// A key that no other request has.
pub(super) fn new_key() -> String {
    system::random_hex::<16>()
}

/// Keeps what the issuer says now, if it is new.
pub(super) fn refresh(
    directory: &WalletDirectory,
    profile: &mut Profile,
    issuer: &Issuer,
) -> Result<(), Failure> {
    let before = profile.clone();
    profile.refresh(issuer)?;
    if *profile == before { Ok(()) } else { directory.save_profile(profile) }
}
