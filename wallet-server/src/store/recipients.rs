//! Payers as others find them: by a handle, or by what is in the QR code that they show.

use serde::{Deserialize, Serialize};
use wallet_core::Mode;

use super::connection::Store;
use super::error::StoreError;
use super::hex::{Bytes, Hex};
use super::sql::{Sql, sql};
use crate::domain::ids::PayerId;

/// How many random bytes are in the QR code that a payer shows to be paid.
pub const RECEIVE_TOKEN_LENGTH: usize = 16;

/// Who a payer is, as it is kept: encrypted.
#[derive(Clone, Debug)]
pub struct HiddenPerson {
    /// The payer.
    pub payer: PayerId,
    /// The name, encrypted.
    pub name: Vec<u8>,
    /// The handle, encrypted.
    pub handle: Option<Vec<u8>>,
}

/// A payer who was found.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Who it is.
    pub person: HiddenPerson,
    /// Whether they may be paid: neither frozen nor closed.
    pub active: bool,
}

const BY_HANDLE: Sql = sql!(input { mode: text, handle_hash: blob }
    "select p.id, p.name, p.handle, case when p.state = 'active' then 1 else 0 end as active \
     from input i join payers p on p.mode = i.mode and p.handle_hash = i.handle_hash"
    => { id: blob, name: blob, handle: blob, active: int });

#[derive(Serialize)]
struct ByHandle {
    mode: &'static str,
    handle_hash: Hex<32>,
}

const BY_TOKEN: Sql = sql!(input { mode: text, token: blob }
    "select p.id, p.name, p.handle, case when p.state = 'active' then 1 else 0 end as active \
     from input i join payers p on p.receive_token = i.token and p.mode = i.mode"
    => { id: blob, name: blob, handle: blob, active: int });

#[derive(Serialize)]
struct ByToken {
    mode: &'static str,
    token: Hex<RECEIVE_TOKEN_LENGTH>,
}

#[derive(Deserialize)]
struct RecipientRow {
    id: Hex<16>,
    name: Bytes,
    handle: Option<Bytes>,
    active: u8,
}

impl RecipientRow {
    fn recipient(self) -> Recipient {
        let handle = self.handle.map(|handle| handle.0);
        let payer = PayerId::from_bytes(self.id.0);
        let person = HiddenPerson { payer, name: self.name.0, handle };
        Recipient { person, active: self.active != 0 }
    }
}

const TOKEN: Sql = sql!(input { payer: blob }
    "select p.receive_token from input i join payers p on p.id = i.payer"
    => { receive_token: blob });

#[derive(Serialize)]
struct Payer {
    payer: Hex<16>,
}

#[derive(Deserialize)]
struct TokenRow {
    receive_token: Option<Hex<RECEIVE_TOKEN_LENGTH>>,
}

// A closed account has none, and gets none.
const SET_TOKEN: Sql = sql!(input { payer: blob, token: blob, replace: int }
    "update payers set receive_token = i.token from input i where payers.id = i.payer \
        and payers.state <> 'closed' and (i.replace = 1 or payers.receive_token is null)");

#[derive(Serialize)]
struct NewToken {
    payer: Hex<16>,
    token: Hex<RECEIVE_TOKEN_LENGTH>,
    replace: u8,
}

impl Store {
    /// The payer whose handle has this keyed hash.
    pub async fn recipient_by_handle(
        &self,
        mode: Mode,
        handle_hash: [u8; 32],
    ) -> Result<Option<Recipient>, StoreError> {
        let input = ByHandle { mode: mode.as_str(), handle_hash: Hex(handle_hash) };
        let rows: Vec<RecipientRow> = self.read(&BY_HANDLE, &[input]).await?;
        Ok(rows.into_iter().next().map(RecipientRow::recipient))
    }

    /// The payer who shows this token.
    pub async fn recipient_by_token(
        &self,
        mode: Mode,
        token: [u8; RECEIVE_TOKEN_LENGTH],
    ) -> Result<Option<Recipient>, StoreError> {
        let input = ByToken { mode: mode.as_str(), token: Hex(token) };
        let rows: Vec<RecipientRow> = self.read(&BY_TOKEN, &[input]).await?;
        Ok(rows.into_iter().next().map(RecipientRow::recipient))
    }

    /// What a payer shows to be paid.
    pub async fn receive_token(
        &self,
        payer: PayerId,
    ) -> Result<Option<[u8; RECEIVE_TOKEN_LENGTH]>, StoreError> {
        let input = Payer { payer: Hex(*payer.as_bytes()) };
        let rows: Vec<TokenRow> = self.read(&TOKEN, &[input]).await?;
        Ok(rows.first().and_then(|row| row.receive_token).map(|token| token.0))
    }

    /// Gives a payer a token to show, in place of the one before or only if there is none.
    pub async fn set_receive_token(
        &self,
        payer: PayerId,
        token: [u8; RECEIVE_TOKEN_LENGTH],
        replace: bool,
    ) -> Result<(), StoreError> {
        let payer = Hex(*payer.as_bytes());
        let input = NewToken { payer, token: Hex(token), replace: replace.into() };
        let mut transaction = self.begin().await?;
        transaction.write(&SET_TOKEN, &[input]).await?;
        transaction.commit().await
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("recipients::BY_HANDLE", &BY_HANDLE),
    ("recipients::BY_TOKEN", &BY_TOKEN),
    ("recipients::TOKEN", &TOKEN),
    ("recipients::SET_TOKEN", &SET_TOKEN),
];
