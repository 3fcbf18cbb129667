//! Somebody takes out a wallet: a payer and the first device, in one commit.

use serde::{Deserialize, Serialize};
use wallet_core::{DeviceKeyId, DevicePublicKey, Timestamp};

use super::{DeviceState, PayerChange, PayerStanding};
use crate::domain::ids::{AccountId, MerchantId, PayerId};
use crate::domain::test_payer::TestOutcome;
use crate::store::StoreError;
use crate::store::connection::Store;
use crate::store::hex::Hex;
use crate::store::payers::{self, NewDevice, Payer};
use crate::store::sql::{Sql, sql};
use crate::store::test_payers;

/// Whose device has a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyOwner {
    /// What the issuer calls it.
    pub key_id: DeviceKeyId,
    /// Whose it is.
    pub payer: PayerId,
    /// Whether it may act.
    pub state: DeviceState,
}

const KEY_OWNER: Sql = sql!(input { public_key: blob }
    "select d.key_id, d.payer, case when d.approved_at is null then 0 else 1 end as approved, \
        case when d.revoked_at is null then 0 else 1 end as revoked \
     from input i join devices d on d.public_key = i.public_key"
    => { key_id: blob, payer: blob, approved: int, revoked: int });

#[derive(Serialize)]
struct PublicKey {
    public_key: Hex<32>,
}

#[derive(Deserialize)]
struct KeyOwnerRow {
    key_id: Hex<8>,
    payer: Hex<16>,
    approved: u8,
    revoked: u8,
}

impl KeyOwnerRow {
    fn owner(&self) -> KeyOwner {
        let state = match (self.approved, self.revoked) {
            (_, 1..) => DeviceState::Revoked,
            (1.., 0) => DeviceState::Active,
            (0, 0) => DeviceState::Pending,
        };
        KeyOwner {
            key_id: DeviceKeyId::from_bytes(self.key_id.0),
            payer: PayerId::from_bytes(self.payer.0),
            state,
        }
    }
}

impl Store {
    /// Whose device has this key.
    pub async fn key_owner(&self, key: &DevicePublicKey) -> Result<Option<KeyOwner>, StoreError> {
        let input = PublicKey { public_key: Hex(*key.as_bytes()) };
        let rows: Vec<KeyOwnerRow> = self.read(&KEY_OWNER, &[input]).await?;
        Ok(rows.first().map(KeyOwnerRow::owner))
    }

    /// Begins to take on a payer with a first device; `None` when its key is enrolled already.
    pub async fn begin_registration(
        &self,
        payer: &Payer,
        account: AccountId,
        device: &NewDevice,
    ) -> Result<Option<PayerChange>, StoreError> {
        let mut transaction = self.begin().await?;
        payers::write_payers(&mut transaction, &[(payer, account)]).await?;
        let devices = [(device, payer.id)];
        let enrolled = payers::write_devices(&mut transaction, &devices, payer.created_at).await?;
        if enrolled == 0 {
            transaction.roll_back().await?;
            return Ok(None);
        }
        Ok(Some(PayerChange {
            transaction,
            payer: payer.id,
            mode: payer.mode,
            currency: payer.currency,
            standing: PayerStanding::Active,
            events: Vec::new(),
        }))
    }
}

impl PayerChange {
    /// Keeps for which merchant's test the payer was made, and what is to come of it.
    pub async fn keep_test_payer(
        &mut self,
        merchant: MerchantId,
        outcome: TestOutcome,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        test_payers::keep(&mut self.transaction, self.payer, merchant, outcome, now).await
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("identity::KEY_OWNER", &KEY_OWNER)];
