//! Whether a payer may pay, what the payer may spend, and the end of an account.

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::{Id, PayerChange, PayerStanding};
use crate::domain::limits::OwnLimits;
use crate::store::StoreError;
use crate::store::hex::{Bytes, Hex};
use crate::store::sql::{Sql, sql};

const SET_STANDING: Sql = sql!(input { payer: blob, state: text, frozen_by: text }
    "update payers set state = i.state, frozen_by = i.frozen_by from input i \
     where payers.id = i.payer");

#[derive(Serialize)]
struct NewStanding {
    payer: Hex<16>,
    state: &'static str,
    frozen_by: Option<&'static str>,
}

const SET_LIMITS: Sql = sql!(input { payer: blob, payment: int, day: int, month: int,
        without_pin: int, without_pin_count: int }
    "update payers set limit_payment = coalesce(i.payment, payers.limit_payment), \
        limit_day = coalesce(i.day, payers.limit_day), \
        limit_month = coalesce(i.month, payers.limit_month), \
        limit_without_pin = coalesce(i.without_pin, payers.limit_without_pin), \
        limit_without_pin_count = coalesce(i.without_pin_count, payers.limit_without_pin_count) \
     from input i where payers.id = i.payer");

#[derive(Serialize)]
struct LimitsRow {
    payer: Hex<16>,
    payment: Option<i64>,
    day: Option<i64>,
    month: Option<i64>,
    without_pin: Option<i64>,
    without_pin_count: Option<i64>,
}

const MONEY: Sql = sql!(input { payer: blob }
    "select b.available, b.held from input i join accounts a on a.owner = i.payer \
     join balances b on b.account = a.id" => { available: int, held: int });

#[derive(Deserialize)]
struct MoneyRow {
    available: i64,
    held: i64,
}

#[derive(Serialize)]
struct Closing {
    payer: Hex<16>,
    now: i64,
    empty: Bytes,
}

const CLOSE: Sql = sql!(input { payer: blob, now: int, empty: blob }
    "update payers set state = 'closed', frozen_by = null, name = i.empty, handle = null, \
        handle_hash = null, receive_token = null from input i where payers.id = i.payer");

const CLOSE_DEVICES: Sql = sql!(input { payer: blob, now: int, empty: blob }
    "update devices set revoked_at = coalesce(devices.revoked_at, i.now), name = i.empty \
     from input i where devices.payer = i.payer");

const FORGET_DESTINATIONS: Sql = sql!(input { payer: blob, now: int, empty: blob }
    "update withdrawals set destination = null from input i where withdrawals.payer = i.payer");

const FORGET_GREETINGS: Sql = sql!(input { payer: blob, now: int, empty: blob }
    "update envelopes set greeting = null from input i where envelopes.payer = i.payer");

// Nobody can repeat a request of the payer any more, so nobody is shown this again.
const FORGET_SHOWN: Sql = sql!(input { payer: blob, now: int, empty: blob }
    "update idempotency_keys set shown = null from input i \
     where idempotency_keys.caller_kind = 'payer' and idempotency_keys.caller = i.payer");

// The operator may still repeat a request: it is answered without the destination.
const FORGET_TOLD: Sql = sql!(input { payer: blob, now: int, empty: blob }
    "update idempotency_keys set shown = null \
     from input i join withdrawals w on w.payer = i.payer \
     where idempotency_keys.caller_kind = 'operator' and idempotency_keys.shown is not null \
        and idempotency_keys.subject = w.id");

const FORGET_NOTES: Sql = sql!(input { payer: blob, now: int, empty: blob }
    "update payer_transfers set note = null from input i where payer_transfers.payer = i.payer");

impl PayerChange {
    /// Freezes, or lets the payer pay again.
    pub async fn set_standing(&mut self, standing: PayerStanding) -> Result<(), StoreError> {
        let payer = Hex(*self.payer.as_bytes());
        let row = NewStanding { payer, state: standing.as_str(), frozen_by: standing.frozen_by() };
        self.transaction.write(&SET_STANDING, &[row]).await?;
        self.standing = standing;
        Ok(())
    }

    /// Sets the payer's own limits; those that are not given stay.
    pub async fn set_limits(&mut self, limits: &OwnLimits) -> Result<(), StoreError> {
        let row = LimitsRow {
            payer: Hex(*self.payer.as_bytes()),
            payment: limits.payment,
            day: limits.day,
            month: limits.month,
            without_pin: limits.without_pin,
            without_pin_count: limits.without_pin_count,
        };
        self.transaction.write(&SET_LIMITS, &[row]).await.map(drop)
    }

    /// Closes the account and forgets whose it was; false while there is money in it. The ledger
    /// keeps what moved.
    pub async fn close(&mut self, now: Timestamp) -> Result<bool, StoreError> {
        let money: Vec<MoneyRow> = self.transaction.read(&MONEY, &[Id::of(self.payer)]).await?;
        if money.iter().any(|row| (row.available, row.held) != (0, 0)) {
            return Ok(false);
        }
        self.give_up_handle(None, now).await?;
        let payer = Hex(*self.payer.as_bytes());
        let row = Closing { payer, now: now.unix_millis(), empty: Bytes(Vec::new()) };
        let rows = [row];
        for sql in [
            &CLOSE,
            &CLOSE_DEVICES,
            &FORGET_DESTINATIONS,
            &FORGET_GREETINGS,
            &FORGET_SHOWN,
            &FORGET_TOLD,
            &FORGET_NOTES,
        ] {
            self.transaction.write(sql, &rows).await?;
        }
        self.forget_secrets().await?;
        self.standing = PayerStanding::Closed;
        Ok(true)
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("identity::SET_STANDING", &SET_STANDING),
    ("identity::SET_LIMITS", &SET_LIMITS),
    ("identity::MONEY", &MONEY),
    ("identity::CLOSE", &CLOSE),
    ("identity::CLOSE_DEVICES", &CLOSE_DEVICES),
    ("identity::FORGET_DESTINATIONS", &FORGET_DESTINATIONS),
    ("identity::FORGET_GREETINGS", &FORGET_GREETINGS),
    ("identity::FORGET_SHOWN", &FORGET_SHOWN),
    ("identity::FORGET_TOLD", &FORGET_TOLD),
    ("identity::FORGET_NOTES", &FORGET_NOTES),
];
