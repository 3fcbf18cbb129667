//! What a payer proves with: the PIN, the secret of the one-time passwords, recovery codes.

use serde::{Deserialize, Serialize};
use wallet_core::{Step, Timestamp};

use super::{Id, PayerChange};
use crate::store::StoreError;
use crate::store::hex::{Bytes, Hex};
use crate::store::pins::{KeptPin, LOCK_TOLD};
use crate::store::sql::{Sql, sql};

/// The state of a payer's one-time passwords.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TotpState {
    /// The secret in use, encrypted.
    pub secret: Option<Vec<u8>>,
    /// One that was shown and not confirmed yet, encrypted.
    pub new_secret: Option<Vec<u8>>,
    /// The last step that was used.
    pub step: Option<Step>,
    /// How many wrong ones there were since the last right one.
    pub failures: u32,
    /// Until then none is looked at.
    pub locked_until: Option<Timestamp>,
}

const PIN_SALT: Sql = sql!(input { payer: blob }
    "select s.pin_salt from input i join payer_secrets s on s.payer = i.payer" => { pin_salt: blob });

// Only these columns: the tries are counted without the payer's lock.
const SET_PIN: Sql = sql!(input { payer: blob, salt: blob, hash: blob }
    "insert into payer_secrets (payer, pin_salt, pin_hash) select payer, salt, hash from input \
     where true on conflict (payer) do update set pin_salt = excluded.pin_salt, \
        pin_hash = excluded.pin_hash, pin_failures = 0");

// In one with what tells of it, so that it is told once.
const MARK_LOCK_TOLD: Sql = sql!(input { payer: blob, salt: blob, tries: int, told: int }
    "update payer_secrets set pin_failures = i.told from input i \
     where payer_secrets.payer = i.payer and payer_secrets.pin_salt = i.salt \
     and payer_secrets.pin_failures >= i.tries and payer_secrets.pin_failures < i.told");

#[derive(Serialize)]
struct LockTold {
    payer: Hex<16>,
    salt: Hex<16>,
    tries: u32,
    told: u32,
}

const FORGET_SECRETS: Sql = sql!(input { payer: blob }
    "delete from payer_secrets where payer in (select payer from input)");

#[derive(Deserialize)]
struct SaltRow {
    pin_salt: Option<Hex<16>>,
}

#[derive(Serialize)]
struct PinRow {
    payer: Hex<16>,
    salt: Hex<16>,
    hash: Bytes,
}

const TOTP: Sql = sql!(input { payer: blob }
    "select s.totp_secret, s.totp_new_secret, s.totp_step, s.totp_failures, s.totp_locked_until \
     from input i join payer_secrets s on s.payer = i.payer"
    => { totp_secret: blob, totp_new_secret: blob, totp_step: int, totp_failures: int,
        totp_locked_until: int });

const SET_TOTP: Sql = sql!(input { payer: blob, totp_secret: blob, totp_new_secret: blob,
        totp_step: int, totp_failures: int, totp_locked_until: int }
    "insert into payer_secrets (payer, totp_secret, totp_new_secret, totp_step, totp_failures, \
        totp_locked_until) \
     select payer, totp_secret, totp_new_secret, totp_step, totp_failures, totp_locked_until \
     from input where true \
     on conflict (payer) do update set totp_secret = excluded.totp_secret, \
        totp_new_secret = excluded.totp_new_secret, totp_step = excluded.totp_step, \
        totp_failures = excluded.totp_failures, totp_locked_until = excluded.totp_locked_until");

#[derive(Serialize, Deserialize)]
struct TotpRow {
    #[serde(skip_deserializing, default = "nobody")]
    payer: Hex<16>,
    totp_secret: Option<Bytes>,
    totp_new_secret: Option<Bytes>,
    totp_step: Option<u32>,
    totp_failures: u32,
    totp_locked_until: Option<i64>,
}

fn nobody() -> Hex<16> {
    Hex([0; 16])
}

const USE_RECOVERY_CODE: Sql = sql!(input { payer: blob, code_hash: blob, now: int }
    "update recovery_codes set used_at = i.now from input i where recovery_codes.payer = i.payer \
     and recovery_codes.code_hash = i.code_hash and recovery_codes.used_at is null");

const FORGET_RECOVERY_CODES: Sql = sql!(input { payer: blob }
    "delete from recovery_codes where payer in (select payer from input)");

const NEW_RECOVERY_CODES: Sql = sql!(input { payer: blob, code_hash: blob, now: int }
    "insert into recovery_codes (payer, code_hash) select payer, code_hash from input");

#[derive(Serialize)]
struct CodeRow {
    payer: Hex<16>,
    code_hash: Hex<32>,
    now: i64,
}

impl PayerChange {
    /// The salt of the PIN that is set, which no other PIN has.
    pub async fn pin_salt(&mut self) -> Result<Option<[u8; 16]>, StoreError> {
        let rows: Vec<SaltRow> = self.transaction.read(&PIN_SALT, &[Id::of(self.payer)]).await?;
        Ok(rows.into_iter().next().and_then(|row| row.pin_salt).map(|salt| salt.0))
    }

    /// Sets the PIN; no try of it has been made.
    pub async fn set_pin(&mut self, pin: &KeptPin) -> Result<(), StoreError> {
        let payer = Hex(*self.payer.as_bytes());
        let row = PinRow { payer, salt: Hex(pin.salt), hash: Bytes(pin.hash.clone()) };
        self.transaction.write(&SET_PIN, &[row]).await.map(drop)
    }

    /// Remembers that the payer is told that the PIN with this salt is locked; false when it is not
    /// that any more, or when that was told before. So many tries lock it.
    pub async fn mark_lock_told(&mut self, salt: [u8; 16], tries: u32) -> Result<bool, StoreError> {
        let payer = Hex(*self.payer.as_bytes());
        let row = LockTold { payer, salt: Hex(salt), tries, told: LOCK_TOLD };
        Ok(self.transaction.write(&MARK_LOCK_TOLD, &[row]).await? == 1)
    }

    /// The state of the one-time passwords.
    pub async fn totp(&mut self) -> Result<TotpState, StoreError> {
        let rows: Vec<TotpRow> = self.transaction.read(&TOTP, &[Id::of(self.payer)]).await?;
        let Some(row) = rows.into_iter().next() else { return Ok(TotpState::default()) };
        Ok(TotpState {
            secret: row.totp_secret.map(|bytes| bytes.0),
            new_secret: row.totp_new_secret.map(|bytes| bytes.0),
            step: row.totp_step.map(Step::from_number),
            failures: row.totp_failures,
            locked_until: row.totp_locked_until.map(Timestamp::from_unix_millis),
        })
    }

    /// Keeps the state of the one-time passwords.
    pub async fn keep_totp(&mut self, state: &TotpState) -> Result<(), StoreError> {
        let row = TotpRow {
            payer: Hex(*self.payer.as_bytes()),
            totp_secret: state.secret.clone().map(Bytes),
            totp_new_secret: state.new_secret.clone().map(Bytes),
            totp_step: state.step.map(Step::number),
            totp_failures: state.failures,
            totp_locked_until: state.locked_until.map(Timestamp::unix_millis),
        };
        self.transaction.write(&SET_TOTP, &[row]).await.map(drop)
    }

    /// Uses a recovery code up; false when there is no such one, or it was used before.
    pub async fn use_recovery_code(
        &mut self,
        code_hash: [u8; 32],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = self.code_row(code_hash, now);
        Ok(self.transaction.write(&USE_RECOVERY_CODE, &[row]).await? == 1)
    }

    /// Puts new recovery codes in the place of all that there were.
    pub async fn replace_recovery_codes(
        &mut self,
        code_hashes: &[[u8; 32]],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transaction.write(&FORGET_RECOVERY_CODES, &[Id::of(self.payer)]).await?;
        let rows: Vec<_> = code_hashes.iter().map(|hash| self.code_row(*hash, now)).collect();
        self.transaction.write(&NEW_RECOVERY_CODES, &rows).await.map(drop)
    }

    /// Forgets the PIN, the one-time passwords and the recovery codes.
    pub async fn forget_secrets(&mut self) -> Result<(), StoreError> {
        let input = [Id::of(self.payer)];
        self.transaction.write(&FORGET_SECRETS, &input).await?;
        self.transaction.write(&FORGET_RECOVERY_CODES, &input).await.map(drop)
    }

    fn code_row(&self, code_hash: [u8; 32], now: Timestamp) -> CodeRow {
        let payer = Hex(*self.payer.as_bytes());
        CodeRow { payer, code_hash: Hex(code_hash), now: now.unix_millis() }
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("identity::PIN_SALT", &PIN_SALT),
    ("identity::SET_PIN", &SET_PIN),
    ("identity::MARK_LOCK_TOLD", &MARK_LOCK_TOLD),
    ("identity::FORGET_SECRETS", &FORGET_SECRETS),
    ("identity::TOTP", &TOTP),
    ("identity::SET_TOTP", &SET_TOTP),
    ("identity::USE_RECOVERY_CODE", &USE_RECOVERY_CODE),
    ("identity::FORGET_RECOVERY_CODES", &FORGET_RECOVERY_CODES),
    ("identity::NEW_RECOVERY_CODES", &NEW_RECOVERY_CODES),
];
