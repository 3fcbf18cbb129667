//! Where the demo's steps happen: a server in this process, a shop, a phone.

mod books;
mod envelope;
mod payments;
mod security;
mod setup;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use wallet_core::code::{Ask, CodeLimit, CodeTerms, PayerDevice, Rotation, Showing};
use wallet_core::issuer::IssuerDocument;
use wallet_core::qr::{Medium, Qr};
use wallet_core::{DeviceKey, Timestamp};
use wallet_server::Server;

use crate::client::models::{Issuer, Payment};
use crate::client::{Client, DeviceSigner, Request};
use crate::failure::{Exit, Failure};
use crate::secrets::PassphraseArgs;
use crate::wallet_file::{Profile, WalletDirectory};
use crate::{pictures, system};

use super::scenario::{Observation, Step};

/// Pixels a module in the picture of the code.
const PIXELS_PER_MODULE: u8 = 8;

/// What the steps have built so far.
pub(super) struct World {
    directory: PathBuf,
    server: Option<Running>,
    shop: Option<Client>,
    payer: Option<Invited>,
    phone: Option<Phone>,
    /// The code on the phone's screen.
    shown: Option<(Showing, Qr)>,
    /// The digits that the till read.
    scanned: Option<String>,
    paid: Option<Paid>,
}

/// The server, and who may talk to it without being a merchant or a payer.
struct Running {
    server: Server,
    public: Client,
    operator: Client,
    issuer: Issuer,
    document: IssuerDocument,
}

/// A payer who has no device yet.
struct Invited {
    id: String,
    invitation: String,
}

/// The payer's device.
struct Phone {
    wallet: WalletDirectory,
    key: DeviceKey,
    profile: Profile,
    rotation: Rotation,
}

/// The payment, and what the phone can be asked about it.
struct Paid {
    payment: Payment,
    digits: String,
    showing: Showing,
    events_after: Option<String>,
}

impl World {
    /// A world whose files are in this directory.
    pub(super) fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            server: None,
            shop: None,
            payer: None,
            phone: None,
            shown: None,
            scanned: None,
            paid: None,
        }
    }

    /// Does one step.
    pub(super) async fn perform(&mut self, step: Step) -> Result<Observation, Failure> {
        match step {
            Step::StartServer => self.start_server().await,
            Step::CreateMerchant => self.create_merchant().await,
            Step::CreatePayer => self.create_payer().await,
            Step::Enrol => self.enrol().await,
            Step::TopUp => self.top_up().await,
            Step::ShowCode => self.show_code(Ask::Fresh),
            Step::ScanPicture => self.scan_picture(),
            Step::Charge => self.charge().await,
            Step::VerifyReceipt => self.verify_receipt(),
            Step::HearOfIt => self.hear_of_it().await,
            Step::Balances | Step::NothingMoved => self.balances().await,
            Step::Postings => self.postings().await,
            Step::TrialBalance | Step::BooksAtTheEnd => self.trial_balance().await,
            Step::UsedCode => self.used_code().await,
            Step::CodeLimit => self.over_the_code_limit().await,
            Step::ExpiredCode => self.expired_code().await,
            Step::ForgedCode => self.forged_code().await,
            Step::SetPin => self.set_pin().await,
            Step::Confirm => self.confirm().await,
            Step::SecondPhone => self.second_phone().await,
            Step::Envelope => self.envelope().await,
        }
    }

    /// The code on the phone's screen, if the demo has come so far.
    pub(super) fn shown(&self) -> Option<&(Showing, Qr)> {
        self.shown.as_ref()
    }

    /// The time by which codes are made.
    pub(super) fn now(&self) -> Timestamp {
        self.phone.as_ref().map_or_else(system::now, |phone| phone.profile.now())
    }

    /// Shows a code and writes its picture.
    pub(super) fn show_code(&mut self, ask: Ask) -> Result<Observation, Failure> {
        let phone = self.phone.as_mut().ok_or_else(out_of_order)?;
        let now = phone.profile.now();
        let mut marks = phone.wallet.marks();
        let showing = phone
            .rotation
            .show(now, ask, &mut marks, &mut system::rng())
            .map_err(|error| Failure::core(Exit::Local, error))?;
        let qr = Qr::new(showing.code.digits(), Medium::Screen).map_err(unexpected)?;
        let png = qr.to_png(PIXELS_PER_MODULE).map_err(unexpected)?;
        let path = self.picture();
        pictures::write(&path, &png)?;
        let side = qr.side();
        let said = format!("{} digits, {side} × {side} modules", showing.code.digits().len());
        let details = vec![format!("also in {}", path.display())];
        self.shown = Some((showing, qr));
        Ok(Observation::Checked { ok: side == 41, said, details })
    }

    /// Ends the server; the files stay.
    pub(super) async fn shut_down(self) {
        if let Some(running) = self.server {
            running.server.shutdown().await;
        }
    }

    /// Where the code is drawn.
    fn picture(&self) -> PathBuf {
        self.directory.join("code.png")
    }

    /// Asks the server in the name of a phone.
    async fn ask<T: DeserializeOwned>(
        &self,
        phone: &Phone,
        request: Request<'_>,
    ) -> Result<T, Failure> {
        let signer = phone.signer()?;
        Ok(self.running()?.public.send(request.signed_by(&signer)).await?.value)
    }

    fn running(&self) -> Result<&Running, Failure> {
        self.server.as_ref().ok_or_else(out_of_order)
    }

    fn shop(&self) -> Result<&Client, Failure> {
        self.shop.as_ref().ok_or_else(out_of_order)
    }

    fn phone(&self) -> Result<&Phone, Failure> {
        self.phone.as_ref().ok_or_else(out_of_order)
    }

    fn paid(&self) -> Result<&Paid, Failure> {
        self.paid.as_ref().ok_or_else(out_of_order)
    }
}

impl Phone {
    fn open(wallet: WalletDirectory, key: DeviceKey) -> Result<Self, Failure> {
        let (device, profile) = wallet.device(&PassphraseArgs::default())?;
        let terms = CodeTerms::up_to(profile.limit(None)?);
        Ok(Self { wallet, key, profile, rotation: Rotation::new(device, terms) })
    }

    /// A code that the phone has not shown yet.
    fn fresh_code(&self, limit: Option<&str>) -> Result<Showing, Failure> {
        let mut rotation = Rotation::new(self.device(&self.key)?, self.terms(limit)?);
        let mut marks = self.wallet.marks();
        let now = self.profile.now();
        rotation.show(now, Ask::Fresh, &mut marks, &mut system::rng()).map_err(unexpected)
    }

    /// The device under its own key, or, to forge, under another.
    fn device(&self, key: &DeviceKey) -> Result<PayerDevice, Failure> {
        let key = DeviceKey::from_seed(&key.seed());
        Ok(PayerDevice::new(key, self.profile.device_key_id()?, self.profile.issuer_profile()?))
    }

    fn terms(&self, limit: Option<&str>) -> Result<CodeTerms, Failure> {
        let limit: CodeLimit = self.profile.limit(limit)?;
        Ok(CodeTerms::up_to(limit))
    }

    fn signer(&self) -> Result<DeviceSigner<'_>, Failure> {
        let Self { key, profile, .. } = self;
        Ok(DeviceSigner::enrolled(key, profile.device_key_id()?, profile.clock_offset_millis))
    }
}

/// A step needs another one that was not done; the scenario's order makes this impossible.
fn out_of_order() -> Failure {
    Failure::new(Exit::Unexpected, "out_of_order", "a step was done before those it needs")
}

fn unexpected(error: wallet_core::Error) -> Failure {
    Failure::core(Exit::Unexpected, error)
}
