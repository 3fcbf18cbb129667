//! Makes the codes of a wallet and draws them into files.

use wallet_core::code::{Ask, CodeTerms, Mark, PayerDevice, Rotation, Showing};
use wallet_core::qr::{Medium, Qr};
use wallet_core::{DeviceKey, Timestamp};

use crate::client::models::Issuer;
use crate::commands::terminal::TerminalArg;
use crate::failure::{Exit, Failure};
use crate::pictures::PictureArgs;
use crate::system;
use crate::wallet_file::{FileMarkStore, Profile, WalletDirectory};

use super::Args;

/// A wallet that shows codes under unchanging terms.
pub(super) struct CodeMaker {
    directory: WalletDirectory,
    pub(super) profile: Profile,
    terms: CodeTerms,
    rotation: Rotation,
    marks: FileMarkStore,
    pictures: PictureArgs,
}

impl CodeMaker {
    pub(super) fn open(args: &Args) -> Result<Self, Failure> {
        let directory = args.device.wallet.directory()?;
        let (device, profile) = directory.device(&args.device.passphrase)?;
        let terms = CodeTerms {
            terminal: args.terminal.as_ref().map(TerminalArg::id).transpose()?,
            ..CodeTerms::up_to(profile.limit(args.limit.as_deref())?)
        };
        let marks = directory.marks();
        let rotation = Rotation::new(device, terms);
        Ok(Self { directory, profile, terms, rotation, marks, pictures: args.pictures.clone() })
    }

    /// The device's key, for requests.
    pub(super) fn device(&self) -> &PayerDevice {
        self.rotation.device()
    }

    pub(super) fn terms(&self) -> &CodeTerms {
        &self.terms
    }

    /// The time by which codes are made.
    pub(super) fn now(&self) -> Timestamp {
        self.profile.now()
    }

    /// The code to show, drawn; its pictures are written.
    pub(super) fn show(&mut self, ask: Ask) -> Result<(Showing, Qr), Failure> {
        let showing = self
            .rotation
            .show(self.now(), ask, &mut self.marks, &mut system::rng())
            .map_err(|error| self.explain(error))?;
        let qr = Qr::new(showing.code.digits(), Medium::Screen)
            .map_err(|error| Failure::core(Exit::Unexpected, error))?;
        self.pictures.draw(&qr)?;
        Ok((showing, qr))
    }

    /// Takes over the issuer's current key and clock.
    pub(super) fn refresh(&mut self, issuer: &Issuer) -> Result<(), Failure> {
        super::super::online::refresh(&self.directory, &mut self.profile, issuer)?;
        let current = self.profile.issuer_profile()?;
        let device = self.rotation.device();
        if *device.issuer() != current {
            let key = DeviceKey::from_seed(&device.key().seed());
            let device = PayerDevice::new(key, device.key_id(), current);
            self.rotation = Rotation::new(device, self.terms);
        }
        Ok(())
    }

    /// Takes over which of this device's codes the issuer has decided on.
    pub(super) fn adopt(&mut self, issuers: Option<Mark>) -> Result<(), Failure> {
        let adopted = self.rotation.adopt(issuers, self.profile.now(), &mut self.marks);
        adopted.map(|_| ()).map_err(|error| self.explain(error))
    }

    fn explain(&mut self, error: wallet_core::Error) -> Failure {
        let failure = Failure::core(Exit::Local, error);
        match self.marks.cause() {
            Some(cause) => failure.hint(format!("{}: {cause}", self.directory.path().display())),
            None if error.code() == "clock_behind" => {
                failure.hint("`wallet payer balance` synchronises with the issuer")
            }
            None => failure,
        }
    }
}
