//! What a payer may know of the own account.

use serde::Deserialize;
use wallet_core::Timestamp;

use super::{Id, PayerStanding};
use crate::domain::ids::PayerId;
use crate::store::StoreError;
use crate::store::connection::Store;
use crate::store::hex::{Bytes, Hex};
use crate::store::sql::{Sql, sql};

/// A payer's account.
#[derive(Clone, Debug)]
pub struct Account {
    /// How the payer stands.
    pub standing: PayerStanding,
    /// The name, encrypted.
    pub name: Vec<u8>,
    /// The handle, encrypted.
    pub handle: Option<Vec<u8>>,
    /// What stands in the code that others pay to.
    pub receive_token: Option<[u8; 16]>,
    /// Whether a PIN is set.
    pub pin_set: bool,
    /// Whether one-time passwords are in use.
    pub totp_set: bool,
    /// How many recovery codes were not used.
    pub recovery_codes_left: u32,
    /// Since when.
    pub created_at: Timestamp,
}

const ACCOUNT: Sql = sql!(input { payer: blob }
    "select p.state, p.frozen_by, p.name, p.handle, p.receive_token, p.created_at, \
        case when s.pin_hash is null then 0 else 1 end as pin_set, \
        case when s.totp_secret is null then 0 else 1 end as totp_set, \
        (select count(*) from recovery_codes r where r.payer = p.id and r.used_at is null) \
            as recovery_codes_left \
     from input i join payers p on p.id = i.payer left join payer_secrets s on s.payer = p.id"
    => { state: text, frozen_by: text, name: blob, handle: blob, receive_token: blob,
        created_at: int, pin_set: int, totp_set: int, recovery_codes_left: int });

#[derive(Deserialize)]
struct AccountRow {
    state: String,
    frozen_by: Option<String>,
    name: Bytes,
    handle: Option<Bytes>,
    receive_token: Option<Hex<16>>,
    created_at: i64,
    pin_set: u8,
    totp_set: u8,
    recovery_codes_left: u32,
}

impl Store {
    /// A payer's account; `None` when there is no such payer.
    pub async fn account(&self, payer: PayerId) -> Result<Option<Account>, StoreError> {
        let rows: Vec<AccountRow> = self.read(&ACCOUNT, &[Id::of(payer)]).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        Ok(Some(Account {
            standing: PayerStanding::read(&row.state, row.frozen_by.as_deref())?,
            name: row.name.0,
            handle: row.handle.map(|bytes| bytes.0),
            receive_token: row.receive_token.map(|token| token.0),
            pin_set: row.pin_set != 0,
            totp_set: row.totp_set != 0,
            recovery_codes_left: row.recovery_codes_left,
            created_at: Timestamp::from_unix_millis(row.created_at),
        }))
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[("identity::ACCOUNT", &ACCOUNT)];
