//! Invitations, and the devices that join with them.

use serde::{Deserialize, Serialize};
use wallet_core::{DeviceKeyId, Timestamp};

use super::PayerChange;
use crate::domain::ids::{InvitationId, PayerId};
use crate::store::StoreError;
use crate::store::connection::Store;
use crate::store::hex::Hex;
use crate::store::payers::{self, NewDevice};
use crate::store::sql::{Sql, sql};

/// An invitation to enrol one device.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// Whose device it enrols.
    pub payer: PayerId,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// The payer's device that made it, and approves the one that it enrols; none: the operator.
    pub made_by: Option<DeviceKeyId>,
    /// The device that it enrolled.
    pub device: Option<DeviceKeyId>,
}

const NEW_INVITATION: Sql = sql!(input { id: blob, payer: blob, secret_hash: blob, created_at: int,
        expires_at: int, made_by: blob }
    "insert into invitations (id, payer, secret_hash, created_at, expires_at, made_by) \
     select id, payer, secret_hash, created_at, expires_at, made_by from input");

#[derive(Serialize)]
struct NewInvitationRow {
    id: Hex<16>,
    payer: Hex<16>,
    secret_hash: Hex<32>,
    created_at: i64,
    expires_at: i64,
    made_by: Option<Hex<8>>,
}

const INVITATION: Sql = sql!(input { secret_hash: blob }
    "select n.id, n.payer, n.expires_at, n.made_by, n.device from input i \
     join invitations n on n.secret_hash = i.secret_hash"
    => { id: blob, payer: blob, expires_at: int, made_by: blob, device: blob });

#[derive(Serialize)]
struct SecretHash {
    secret_hash: Hex<32>,
}

#[derive(Deserialize)]
struct InvitationRow {
    id: Hex<16>,
    payer: Hex<16>,
    expires_at: i64,
    made_by: Option<Hex<8>>,
    device: Option<Hex<8>>,
}

impl InvitationRow {
    fn invitation(self) -> Invitation {
        Invitation {
            id: InvitationId::from_bytes(self.id.0),
            payer: PayerId::from_bytes(self.payer.0),
            expires_at: Timestamp::from_unix_millis(self.expires_at),
            made_by: self.made_by.map(|id| DeviceKeyId::from_bytes(id.0)),
            device: self.device.map(|id| DeviceKeyId::from_bytes(id.0)),
        }
    }
}

const USE_INVITATION: Sql = sql!(input { id: blob, device: blob }
    "update invitations set device = i.device from input i where invitations.id = i.id \
     and invitations.device is null");

#[derive(Serialize)]
struct UsedInvitation {
    id: Hex<16>,
    device: Hex<8>,
}

impl Store {
    /// Whom an invitation is for.
    pub async fn invited_payer(
        &self,
        secret_hash: [u8; 32],
    ) -> Result<Option<PayerId>, StoreError> {
        let input = SecretHash { secret_hash: Hex(secret_hash) };
        let rows: Vec<InvitationRow> = self.read(&INVITATION, &[input]).await?;
        Ok(rows.first().map(|row| PayerId::from_bytes(row.payer.0)))
    }
}

impl PayerChange {
    /// Keeps an invitation, known by the hash of its secret.
    pub async fn invite(
        &mut self,
        invitation: &Invitation,
        secret_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = NewInvitationRow {
            id: Hex(*invitation.id.as_bytes()),
            payer: Hex(*invitation.payer.as_bytes()),
            secret_hash: Hex(secret_hash),
            created_at: now.unix_millis(),
            expires_at: invitation.expires_at.unix_millis(),
            made_by: invitation.made_by.map(|id| Hex(*id.as_bytes())),
        };
        self.transaction.write(&NEW_INVITATION, &[row]).await.map(drop)
    }

    /// An invitation of the payer, which nobody else can use before this is committed.
    pub async fn invitation(
        &mut self,
        secret_hash: [u8; 32],
    ) -> Result<Option<Invitation>, StoreError> {
        let input = SecretHash { secret_hash: Hex(secret_hash) };
        let rows: Vec<InvitationRow> = self.transaction.read(&INVITATION, &[input]).await?;
        let invitation = rows.into_iter().next().map(InvitationRow::invitation);
        Ok(invitation.filter(|invitation| invitation.payer == self.payer))
    }

    /// Enrols a device with an invitation; false when its key is enrolled already.
    pub async fn enrol(
        &mut self,
        invitation: InvitationId,
        device: &NewDevice,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let new = [(device, self.payer)];
        if payers::write_devices(&mut self.transaction, &new, now).await? == 0 {
            return Ok(false);
        }
        let device = Hex(*device.key_id.as_bytes());
        let used = UsedInvitation { id: Hex(*invitation.as_bytes()), device };
        if self.transaction.write(&USE_INVITATION, &[used]).await? != 1 {
            return Err(StoreError::Corrupt("invitation"));
        }
        Ok(true)
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("identity::NEW_INVITATION", &NEW_INVITATION),
    ("identity::INVITATION", &INVITATION),
    ("identity::USE_INVITATION", &USE_INVITATION),
];
