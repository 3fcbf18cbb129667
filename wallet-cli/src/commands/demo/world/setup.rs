//! The first steps: a server, a shop and a payer with money.

use std::path::PathBuf;

use serde_json::{Value, json};
use wallet_server::Settings;

use crate::client::models::{CreatedMerchant, Invitation, Issuer, Payer, TopUp};
use crate::client::{Request, on_loopback, over_socket};
use crate::commands::payer::{ENROLMENTS, Joined, Joining, join};
use crate::commands::serve;
use crate::failure::{Exit, Failure};
use crate::secrets::PassphraseArgs;
use crate::system;
use crate::wallet_file::{Protection, WalletDirectory};

use super::super::scenario::{FEE_BASIS_POINTS, Observation, TOP_UP};
use super::{Invited, Phone, Running, World, out_of_order};

impl World {
    pub(super) async fn start_server(&mut self) -> Result<Observation, Failure> {
        let server = serve::start(&self.settings()?).await?;
        let public = on_loopback(server.public_url())?;
        let operator = over_socket(&self.socket())?;
        let issuer = public.send::<Issuer>(Request::get("/v1/issuer")).await?.value;
        let document = issuer.document(None)?;
        let address = server.public_url().trim_start_matches("http://");
        let said = format!("{address}, new SQLite file");
        self.server = Some(Running { server, public, operator, issuer, document });
        Ok(Observation::Done(said))
    }

    /// The defaults, but with every file in the demo's directory and a port that is free.
    fn settings(&self) -> Result<Settings, Failure> {
        let file = |name: &str| self.directory.join(name).display().to_string();
        let flags = [
            ("listen", "127.0.0.1:0".to_owned()),
            ("database", format!("sqlite:{}", file("wallet.sqlite"))),
            ("key_file", file("issuer.key")),
            ("operator_socket", self.socket().display().to_string()),
            ("operator_key_file", file("operator.key")),
        ];
        let flags = flags.map(|(name, value)| (name.to_owned(), value));
        Settings::load(None, &flags)
            .map_err(|error| Failure::new(Exit::Usage, "invalid_settings", error.to_string()))
    }

    fn socket(&self) -> PathBuf {
        self.directory.join("operator.sock")
    }

    pub(super) async fn create_merchant(&mut self) -> Result<Observation, Failure> {
        let running = self.running()?;
        let body = json!({
            "name": "Corner Café",
            "fee": {"basis_points": FEE_BASIS_POINTS, "fixed": "0.00"},
        });
        let request = Request::post("/v1/operator/merchants", body);
        let merchant = running.operator.send::<CreatedMerchant>(request).await?.value;
        let said = format!("Corner Café, {}", short(&merchant.merchant.id));
        self.shop = Some(running.public.clone().with_key(merchant.api_key.secret.into()));
        Ok(Observation::Done(said))
    }

    pub(super) async fn create_payer(&mut self) -> Result<Observation, Failure> {
        let invited = self.take_on("Li").await?;
        let said = format!("Li, {}, invited", short(&invited.id));
        self.payer = Some(invited);
        Ok(Observation::Done(said))
    }

    /// A new payer with an invitation.
    pub(super) async fn take_on(&self, name: &str) -> Result<Invited, Failure> {
        let request = Request::post("/v1/operator/payers", json!({"name": name}));
        let id = self.running()?.operator.send::<Payer>(request).await?.value.id;
        let invitation = self.invite(&id).await?;
        Ok(Invited { id, invitation })
    }

    /// An invitation for one more device of a payer.
    pub(super) async fn invite(&self, payer: &str) -> Result<String, Failure> {
        let path = format!("/v1/operator/payers/{payer}/invitations");
        let request = Request::post(path, json!({}));
        Ok(self.running()?.operator.send::<Invitation>(request).await?.value.secret)
    }

    pub(super) async fn enrol(&mut self) -> Result<Observation, Failure> {
        let invited = self.payer.as_ref().ok_or_else(out_of_order)?;
        let body = json!({"invitation": invited.invitation});
        let phone = self.join("payer", body).await?.ok_or_else(out_of_order)?;
        let said = format!("device {}", phone.rotation.device().key_id());
        self.phone = Some(phone);
        Ok(Observation::Done(said))
    }

    /// Enrols a phone with a wallet of its own, or asks again for one that waits; none while it
    /// does.
    pub(super) async fn join(&self, wallet: &str, body: Value) -> Result<Option<Phone>, Failure> {
        let running = self.running()?;
        let wallet = WalletDirectory::at(&self.directory.join(wallet));
        let key = if wallet.has_key() {
            wallet.open_key(&PassphraseArgs::default())?
        } else {
            // The wallet is gone with the demo, unless it is kept to be played with.
            wallet.create_key(&Protection::None)?
        };
        let joining = Joining {
            client: &running.public,
            issuer: &running.issuer,
            issuer_id: running.document.issuer_id(),
            key: &key,
            device_name: "demo phone",
        };
        match join(&joining, ENROLMENTS, body).await? {
            Joined::Active(profile) => {
                wallet.save_profile(&profile)?;
                Phone::open(wallet, key).map(Some)
            }
            Joined::Pending { .. } => Ok(None),
        }
    }

    pub(super) async fn top_up(&mut self) -> Result<Observation, Failure> {
        let invited = self.payer.as_ref().ok_or_else(out_of_order)?;
        let body = json!({
            "payer": invited.id,
            "amount": TOP_UP,
            "currency": "CNY",
            "external_reference": "demo-bank-transfer-1",
        });
        let request = Request::post("/v1/operator/top_ups", body)
            .idempotency_key(&system::random_hex::<16>());
        self.running()?.operator.send::<TopUp>(request).await?;
        Ok(Observation::Done(format!("{TOP_UP} CNY paid in")))
    }
}

/// The start of an id, for lines that have no room for all of it.
fn short(id: &str) -> String {
    let end = id.find('_').map_or(8, |underscore| underscore + 9);
    format!("{}…", id.get(..end).unwrap_or(id))
}
