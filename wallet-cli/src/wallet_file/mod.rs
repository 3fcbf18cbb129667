//! The directory of a payer's wallet on this machine.
//!
//! | file | holds | mode |
//! |---|---|---|
//! | `device.key` | the device's secret key, encrypted with a passphrase | 0600 |
//! | `profile.json` | what the device learnt at enrolment and since | 0600 |
//! | `mark.json` | the mark of the last code shown | 0600 |
//! | `merchants.json` | whom this wallet paid where, to notice replaced codes | 0600 |
//! | `invitation` | the invitation that waits for approval on another device | 0600 |
//! | `lock` | nothing; locked while the mark moves, or a merchant is remembered | 0600 |
//!
//! The key comes first and the profile last when a device enrols, so a crash between them leaves
//! a key with which enrolling again gets the same answer.

pub(crate) mod durable;
mod known_merchants;
mod marks;
mod profile;

use std::path::{Path, PathBuf};

use wallet_core::code::PayerDevice;
use wallet_core::keyfile::{self, Cost, Passphrase};
use wallet_core::merchant_code::{KnownMerchant, KnownMerchants};
use wallet_core::{DeviceKey, Error};
use zeroize::Zeroizing;

pub(crate) use durable::replace as replace_file;
pub(crate) use marks::FileMarkStore;
pub(crate) use profile::Profile;

use crate::failure::{Exit, Failure};
use crate::secrets::PassphraseArgs;
use crate::system;

/// What the key file says it is for.
const KEY_KIND: &str = "device";

/// Which wallet a command is about.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Wallet")]
pub(crate) struct WalletArgs {
    /// The wallet's directory [default: ~/.local/share/wallet]
    #[arg(long, value_name = "DIR", env = "WALLET_HOME", hide_env_values = true)]
    wallet: Option<PathBuf>,
}

impl WalletArgs {
    /// The directory that was named, or the one that the platform has for such data.
    pub(crate) fn directory(&self) -> Result<WalletDirectory, Failure> {
        if let Some(path) = &self.wallet {
            return Ok(WalletDirectory::at(path));
        }
        let data = system::variable("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::home_dir().map(|home| home.join(".local").join("share")));
        data.map(|data| WalletDirectory::at(&data.join("wallet"))).ok_or_else(|| {
            Failure::new(Exit::Usage, "no_home", "there is no home directory; use --wallet")
        })
    }
}

/// A wallet's directory, which may not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct WalletDirectory(PathBuf);

/// How a new key file is protected.
pub(crate) enum Protection {
    /// Encrypted.
    Passphrase(Passphrase, Cost),
    /// By its permissions alone.
    None,
}

impl WalletDirectory {
    pub(crate) fn at(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether a device has enrolled here.
    pub(crate) fn is_enrolled(&self) -> bool {
        self.profile_path().exists()
    }

    /// Whether there is a device key, enrolled or about to be.
    pub(crate) fn has_key(&self) -> bool {
        self.key_path().exists()
    }

    /// Makes the directory and a new device key in it.
    pub(crate) fn create_key(&self, protection: &Protection) -> Result<DeviceKey, Failure> {
        durable::create_private_directory(&self.0)
            .map_err(|error| Failure::file(&self.0, &error))?;
        let key = DeviceKey::generate(&mut system::rng());
        let text = seal(&key, protection).map_err(local)?;
        write(&self.key_path(), text.as_bytes())?;
        Ok(key)
    }

    /// Opens the device key, asking for its passphrase if it has one.
    pub(crate) fn open_key(&self, passphrase: &PassphraseArgs) -> Result<DeviceKey, Failure> {
        let path = self.key_path();
        let file =
            Zeroizing::new(std::fs::read(&path).map_err(|error| self.absent(&path, &error))?);
        let seed = if keyfile::is_encrypted(&file).map_err(local)? {
            keyfile::open(&passphrase.ask()?, &file, KEY_KIND)
        } else {
            keyfile::open_plain(&file, KEY_KIND)
        };
        let seed: &[u8; 32] = &seed.map_err(local)?.as_slice().try_into().map_err(|_| {
            Failure::new(Exit::Local, "keyfile_malformed", "the key file holds no device key")
        })?;
        Ok(DeviceKey::from_seed(seed))
    }

    /// What the device knows.
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        let path = self.profile_path();
        let text = std::fs::read(&path).map_err(|error| self.absent(&path, &error))?;
        serde_json::from_slice(&text).map_err(|error| {
            let sentence = format!("{}: {error}", path.display());
            Failure::new(Exit::Local, "profile_malformed", sentence)
        })
    }

    /// Keeps what the device learnt.
    pub(crate) fn save_profile(&self, profile: &Profile) -> Result<(), Failure> {
        let mut text = serde_json::to_vec_pretty(profile)
            .map_err(|error| Failure::new(Exit::Unexpected, "profile", error.to_string()))?;
        text.push(b'\n');
        write(&self.profile_path(), &text)
    }

    /// The invitation with which this device asked to be let in, while it waits for approval.
    pub(crate) fn pending_invitation(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        let path = self.invitation_path();
        if path.exists() { crate::secrets::from_file(&path).map(Some) } else { Ok(None) }
    }

    /// Keeps the invitation, so that enrolling again finishes what waits.
    pub(crate) fn keep_invitation(&self, invitation: &str) -> Result<(), Failure> {
        write(&self.invitation_path(), invitation.as_bytes())
    }

    /// Forgets the invitation, which has done its work.
    pub(crate) fn forget_invitation(&self) -> Result<(), Failure> {
        let path = self.invitation_path();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::file(&path, &error))
            }
            _ => Ok(()),
        }
    }

    /// The enrolled device, with what it knows.
    pub(crate) fn device(
        &self,
        passphrase: &PassphraseArgs,
    ) -> Result<(PayerDevice, Profile), Failure> {
        let profile = self.profile()?;
        let key = self.open_key(passphrase)?;
        Ok((PayerDevice::new(key, profile.device_key_id()?, profile.issuer_profile()?), profile))
    }

    /// Where the mark of the last code is kept.
    pub(crate) fn marks(&self) -> FileMarkStore {
        FileMarkStore::in_directory(&self.0)
    }

    /// Whom this wallet paid where.
    pub(crate) fn known_merchants(&self) -> Result<KnownMerchants, Failure> {
        let path = self.known_merchants_path();
        known_merchants::load(&path).map_err(|error| Failure::file(&path, &error))
    }

    /// Remembers a merchant who was paid.
    pub(crate) fn remember_merchant(&self, paid: KnownMerchant) -> Result<(), Failure> {
        let path = self.known_merchants_path();
        known_merchants::remember(&path, &self.0.join("lock"), paid)
            .map_err(|error| Failure::file(&path, &error))
    }

    fn known_merchants_path(&self) -> PathBuf {
        self.0.join("merchants.json")
    }

    fn key_path(&self) -> PathBuf {
        self.0.join("device.key")
    }

    fn invitation_path(&self) -> PathBuf {
        self.0.join("invitation")
    }

    fn profile_path(&self) -> PathBuf {
        self.0.join("profile.json")
    }

    fn absent(&self, path: &Path, error: &std::io::Error) -> Failure {
        if error.kind() != std::io::ErrorKind::NotFound {
            return Failure::file(path, error);
        }
        let sentence = format!("no device is enrolled in {}", self.0.display());
        Failure::new(Exit::Local, "not_enrolled", sentence)
            .hint("`wallet payer enrol` takes an invitation; --wallet names another directory")
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    durable::replace(path, bytes).map_err(|error| Failure::file(path, &error))
}

fn seal(key: &DeviceKey, protection: &Protection) -> Result<Zeroizing<String>, Error> {
    let seed = key.seed();
    match protection {
        Protection::Passphrase(passphrase, cost) => {
            keyfile::seal(passphrase, &*seed, KEY_KIND, *cost, &mut system::rng())
                .map(Zeroizing::new)
        }
        Protection::None => keyfile::seal_plain(&*seed, KEY_KIND),
    }
}

fn local(error: Error) -> Failure {
    Failure::core(Exit::Local, error)
}

#[cfg(test)]
mod tests;
