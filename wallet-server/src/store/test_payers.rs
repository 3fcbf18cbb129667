//! Payers that were made for a test, and what they still have to do by themselves.

use serde::{Deserialize, Serialize};
use wallet_core::{DeviceKeyId, Timestamp};

use super::connection::{Store, Transaction};
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::ids::{MerchantId, PayerId, PaymentId};
use crate::domain::test_payer::TestOutcome;

const KEEP: Sql = sql!(input { payer: blob, merchant: blob, outcome: text, due: int,
        created_at: int }
    "insert into test_payers (payer, merchant, outcome, due, created_at) \
     select payer, merchant, outcome, due, created_at from input");

#[derive(Serialize)]
struct NewRow {
    payer: Hex<16>,
    merchant: Hex<16>,
    outcome: &'static str,
    due: u8,
    created_at: i64,
}

/// Keeps what a payer was made for.
pub(super) async fn keep(
    transaction: &mut Transaction,
    payer: PayerId,
    merchant: MerchantId,
    outcome: TestOutcome,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = NewRow {
        payer: Hex(*payer.as_bytes()),
        merchant: Hex(*merchant.as_bytes()),
        outcome: outcome.as_str(),
        due: u8::from(outcome.acts()),
        created_at: now.unix_millis(),
    };
    transaction.write(&KEEP, &[row]).await.map(drop)
}

const DUE: Sql = sql!(input { payer: blob }
    "select t.outcome from input i join test_payers t on t.payer = i.payer and t.due = 1"
    => { outcome: text });

#[derive(Serialize)]
struct PayerKey {
    payer: Hex<16>,
}

#[derive(Deserialize)]
struct DueRow {
    outcome: String,
}

const DONE: Sql = sql!(input { payer: blob, outcome: text }
    "update test_payers set due = 0 from input i \
     where test_payers.payer = i.payer and test_payers.outcome = i.outcome and test_payers.due = 1");

#[derive(Serialize)]
struct DoneRow {
    payer: Hex<16>,
    outcome: &'static str,
}

const DECIDING: Sql = sql!(input { since: int, size: int }
    "select t.payer, t.outcome, p.id, p.merchant, p.device from input i \
     cross join test_payers t \
     cross join payments p \
     where p.payer = t.payer and p.state = 'requires_confirmation' and t.due = 1 and t.created_at > i.since and t.outcome in ('confirmed', 'refused') \
     order by t.created_at limit (select size from input)"
    => { payer: blob, outcome: text, id: blob, merchant: blob, device: blob });

#[derive(Serialize)]
struct Since {
    since: i64,
    size: u16,
}

/// A payment that waits for a test payer, who is to decide.
#[derive(Clone, Copy, Debug)]
pub struct Deciding {
    /// Who pays.
    pub payer: PayerId,
    /// What the payer is to do.
    pub outcome: TestOutcome,
    /// The payment.
    pub payment: PaymentId,
    /// Who is paid.
    pub merchant: MerchantId,
    /// Whose code was charged.
    pub device: DeviceKeyId,
}

#[derive(Deserialize)]
struct DecidingRow {
    payer: Hex<16>,
    outcome: String,
    id: Hex<16>,
    merchant: Hex<16>,
    device: Hex<8>,
}

impl DecidingRow {
    fn deciding(self) -> Result<Deciding, StoreError> {
        Ok(Deciding {
            payer: PayerId::from_bytes(self.payer.0),
            outcome: TestOutcome::from_name(&self.outcome).ok_or(StoreError::Corrupt("outcome"))?,
            payment: PaymentId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            device: DeviceKeyId::from_bytes(self.device.0),
        })
    }
}

const PAYMENT: Sql = sql!(input { id: blob, merchant: blob }
    "select p.payer, p.device, case when t.payer is null then 0 else 1 end as made \
     from input i join payments p on p.id = i.id and p.merchant = i.merchant and p.mode = 'test' \
     left join test_payers t on t.payer = p.payer"
    => { payer: blob, device: blob, made: int });

#[derive(Serialize)]
struct PaymentKey {
    id: Hex<16>,
    merchant: Hex<16>,
}

/// Who pays a payment in test mode.
#[derive(Clone, Copy, Debug)]
pub struct TestPaymentPayer {
    /// The payer.
    pub payer: PayerId,
    /// Whose code was charged, if the payer came with one.
    pub device: Option<DeviceKeyId>,
    /// Whether the payer was made for a test, and has no phone.
    pub is_test_payer: bool,
}

#[derive(Deserialize)]
struct PayerRow {
    payer: Hex<16>,
    device: Option<Hex<8>>,
    made: u8,
}

impl Store {
    /// What a payer still has to do who was made for a test.
    pub async fn test_payer_due(&self, payer: PayerId) -> Result<Option<TestOutcome>, StoreError> {
        let input = PayerKey { payer: Hex(*payer.as_bytes()) };
        let rows: Vec<DueRow> = self.read(&DUE, &[input]).await?;
        let outcome = rows
            .first()
            .map(|row| TestOutcome::from_name(&row.outcome).ok_or(StoreError::Corrupt("outcome")));
        outcome.transpose()
    }

    /// Notes that a test payer has done what it had to do; false when it had nothing to do.
    pub async fn test_payer_has_acted(
        &self,
        payer: PayerId,
        outcome: TestOutcome,
    ) -> Result<bool, StoreError> {
        let row = DoneRow { payer: Hex(*payer.as_bytes()), outcome: outcome.as_str() };
        let mut transaction = self.begin().await?;
        let changed = transaction.write(&DONE, &[row]).await?;
        transaction.commit().await?;
        Ok(changed > 0)
    }

    /// The payments about which test payers made since then are to decide, oldest first.
    pub async fn deciding_test_payers(
        &self,
        since: Timestamp,
        size: u16,
    ) -> Result<Vec<Deciding>, StoreError> {
        let input = Since { since: since.unix_millis(), size };
        let rows: Vec<DecidingRow> = self.read(&DECIDING, &[input]).await?;
        rows.into_iter().map(DecidingRow::deciding).collect()
    }

    /// Who pays a merchant's payment in test mode.
    pub async fn test_payment_payer(
        &self,
        merchant: MerchantId,
        id: PaymentId,
    ) -> Result<Option<TestPaymentPayer>, StoreError> {
        let input = PaymentKey { id: Hex(*id.as_bytes()), merchant: Hex(*merchant.as_bytes()) };
        let rows: Vec<PayerRow> = self.read(&PAYMENT, &[input]).await?;
        Ok(rows.into_iter().next().map(|row| TestPaymentPayer {
            payer: PayerId::from_bytes(row.payer.0),
            device: row.device.map(|id| DeviceKeyId::from_bytes(id.0)),
            is_test_payer: row.made != 0,
        }))
    }
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("test_payers::KEEP", &KEEP),
    ("test_payers::DUE", &DUE),
    ("test_payers::DONE", &DONE),
    ("test_payers::DECIDING", &DECIDING),
    ("test_payers::PAYMENT", &PAYMENT),
];
