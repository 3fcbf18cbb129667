//! The first steps: a server, a shop and a payer with money.

use std::path::PathBuf;

use serde_json::json;
use wallet_core::code::Rotation;
use wallet_server::Settings;

use crate::client::models::{CreatedMerchant, Invitation, Issuer, Payer, TopUp};
use crate::client::{Request, on_loopback, over_socket};
use crate::commands::payer::{ENROLMENTS, Joined, Joining, join};
use crate::commands::serve;
use crate::failure::{Exit, Failure};
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
        let operator = &self.running()?.operator;
        let request = Request::post("/v1/operator/payers", json!({"name": "Li"}));
        let id = operator.send::<Payer>(request).await?.value.id;
        let path = format!("/v1/operator/payers/{id}/invitations");
        let request = Request::post(path, json!({}));
        let invitation = operator.send::<Invitation>(request).await?.value.secret;
        let said = format!("Li, {}, invited", short(&id));
        self.payer = Some(Invited { id, invitation });
        Ok(Observation::Done(said))
    }

    pub(super) async fn enrol(&mut self) -> Result<Observation, Failure> {
        let running = self.running()?;
        let invited = self.payer.as_ref().ok_or_else(out_of_order)?;
        let wallet = WalletDirectory::at(&self.directory.join("payer"));
        // The wallet is gone with the demo, unless it is kept to be played with.
        let key = wallet.create_key(&Protection::None)?;
        let joining = Joining {
            client: &running.public,
            issuer: &running.issuer,
            issuer_id: running.document.issuer_id(),
            key: &key,
            device_name: "demo phone",
        };
        let body = json!({"invitation": invited.invitation});
        let Joined::Active(profile) = join(&joining, ENROLMENTS, body).await? else {
            return Err(out_of_order());
        };
        wallet.save_profile(&profile)?;
        let (device, profile) = wallet.device(&crate::secrets::PassphraseArgs::default())?;
        let terms = wallet_core::code::CodeTerms::up_to(profile.limit(None)?);
        let said = format!("device {}", device.key_id());
        let rotation = Rotation::new(device, terms);
        self.phone = Some(Phone { wallet, key, profile, rotation });
        Ok(Observation::Done(said))
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
