//! The books that are measured, opened in this process: before the server has them, and after.

use std::sync::Arc;
use std::thread::available_parallelism;

use sha2::{Digest as _, Sha256};
use wallet_core::keyfile::Cost;
use wallet_core::{Currency, Mode, Timestamp};
use wallet_server::Settings;
use wallet_server::domain::fee::FeeRule;
use wallet_server::domain::settle::Rules;
use wallet_server::entropy::Entropy;
use wallet_server::issuer::{FileKeys, IssuerKeys as _, Purpose};
use wallet_server::store::{
    ApiKey, Approval, Device, KeptSecret, Merchant, MerchantPlace, MerchantWithKey, NewApiKey,
    NewDevice, Payer, PayerWithDevice, Store,
};

use super::parallel::parallel;
use super::people::People;
use super::place::Place;
use super::tally::Progress;
use crate::failure::{Exit, Failure};

/// How many payers are written in one transaction.
const CHUNK: usize = 5_000;
/// What merchants pay, in hundredths of a percent: so that the fee account takes part.
const FEE_BASIS_POINTS: u16 = 60;

/// Opened books.
pub(super) struct Books {
    pub(super) store: Arc<Store>,
    pub(super) keys: Arc<FileKeys>,
    pub(super) rules: Rules,
    pub(super) currency: Currency,
    pub(super) entropy: Arc<Entropy>,
}

impl Books {
    /// Opens the database and the issuer's keys, and makes what is not there yet.
    pub(super) async fn open(place: &Place, settings: &Settings) -> Result<Self, Failure> {
        let entropy = Arc::new(Entropy::system());
        let now = Timestamp::from_unix_millis(place.state.created_at);
        // Before the store migrates them: books of somebody else are left as they are.
        let owner = Store::issuer_of(&settings.database).await?;
        if owner.is_some() && !settings.key_file.exists() {
            let sentence = "the database has books already, whose keys are not here";
            return Err(Failure::new(Exit::Usage, "not_empty", sentence).hint(
                "give a database without books, or --keep with the directory of the run that made them",
            ));
        }
        let currency = Currency::from_code(&settings.currency)
            .map_err(|error| Failure::core(Exit::Unexpected, error))?;
        let keys = FileKeys::open_or_create(
            &settings.key_file,
            None,
            Cost::DEFAULT,
            now,
            Arc::clone(&entropy),
        )
        .map_err(|error| Failure::new(Exit::Local, "key_file", error.to_string()))?;
        if owner.is_some_and(|owner| owner != keys.issuer_id()) {
            let sentence = "the books of the database belong to an issuer with other keys";
            return Err(Failure::new(Exit::Usage, "other_issuer", sentence));
        }
        let rules = settings
            .rules()
            .map_err(|error| Failure::new(Exit::Usage, "invalid_settings", error.to_string()))?;
        let store = Arc::new(Store::open(&settings.database).await?);
        store.claim_for_issuer(keys.issuer_id(), currency, now).await?;
        store.open_own_accounts(currency, now, || entropy.id(now)).await?;
        Ok(Self { store, keys: Arc::new(keys), rules, currency, entropy })
    }

    /// Takes on the merchants from number `known` on.
    pub(super) async fn add_merchants(&self, people: &People, known: usize) -> Result<(), Failure> {
        let fee = FeeRule::new(FEE_BASIS_POINTS, 0).unwrap_or(FeeRule::FREE);
        let numbers: Vec<usize> = (known..people.merchants).collect();
        for chunk in numbers.chunks(CHUNK) {
            let new: Vec<_> = chunk.iter().map(|number| merchant(people, *number, fee)).collect();
            self.store.create_merchants(&new).await?;
        }
        Ok(())
    }

    /// Takes on the payers from number `known` on, each with a device.
    pub(super) async fn add_payers(
        &self,
        people: &People,
        known: usize,
        progress: &Progress,
    ) -> Result<(), Failure> {
        for from in (known..people.payers).step_by(CHUNK) {
            let size = (people.payers - from).min(CHUNK);
            let new = parallel(cores(), size, |index| self.payer(people, from + index));
            self.store.create_payers(&new, people.created_at()).await?;
            progress.add(new.len());
        }
        Ok(())
    }

    /// A payer as the server takes one on.
    fn payer(&self, people: &People, number: usize) -> PayerWithDevice {
        let (id, key_id) = (people.payer(number), people.device_key_id(number));
        let hide =
            |subject: &[u8], name: &str| self.keys.hide(Purpose::Names, subject, name.as_bytes());
        PayerWithDevice {
            payer: Payer {
                id,
                mode: Mode::Live,
                name: hide(id.as_bytes(), &format!("Payer {number}")),
                state: "active".to_owned(),
                currency: people.currency,
                created_at: people.created_at(),
            },
            account: people.payer_account(number),
            device: NewDevice {
                key_id,
                public_key: people.device_key(number).public_key(),
                name: hide(key_id.as_bytes(), "phone"),
                approval: Approval::Given { new_until: None },
            },
        }
    }

    /// Checks that the books know the last of the people, so that what the directory remembers and
    /// what the database holds belong together.
    pub(super) async fn know(&self, people: &People) -> Result<bool, Failure> {
        let last = people.device_key_id(people.payers.saturating_sub(1));
        let devices: Vec<Device> = self.store.devices(&[last]).await?;
        Ok(!devices.is_empty())
    }
}

fn merchant(people: &People, number: usize, fee: FeeRule) -> MerchantWithKey {
    let (id, created_at) = (people.merchant(number), people.created_at());
    MerchantWithKey {
        merchant: Merchant {
            id,
            mode: Mode::Live,
            name: format!("Shop {number}"),
            currency: people.currency,
            fee,
            place: MerchantPlace::default(),
            created_at,
            closed: false,
        },
        account: people.merchant_account(number),
        key: NewApiKey {
            key: ApiKey {
                id: people.api_key_id(number),
                merchant: id,
                mode: Mode::Live,
                scopes: "charge read".to_owned(),
                created_at,
                expires_at: None,
            },
            name: None,
            secret: KeptSecret {
                hash: Sha256::digest(people.api_key_secret(number)).into(),
                end: String::new(),
            },
        },
    }
}

/// How many cores this machine lends us.
pub(super) fn cores() -> usize {
    available_parallelism().map_or(1, std::num::NonZero::get)
}
