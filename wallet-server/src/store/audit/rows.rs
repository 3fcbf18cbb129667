//! The auditor's rows as they come from the database.
//!
//! A row that cannot be what it should be is no reason to stop: an auditor must name it. So what
//! does not parse becomes something that no check lets pass, where there is such a thing.

use serde::Deserialize;
use wallet_core::code::Mark;
use wallet_core::receipt::RECORD_LENGTH;
use wallet_core::{DeviceKeyId, Mode, Money, Step, TerminalId, Timestamp};

use super::{AuditCursor, AuditedBalance, PlacedBatch};
use crate::domain::audit::{
    AccountOf, AskedBy, AuditedEntry, AuditedEvent, AuditedPayment, Enrolled, PaymentEnd, SignedBy,
};
use crate::domain::ids::{AccountId, BatchId, TransferId};
use crate::domain::ledger::{AccountKind, Bucket, Entry, Shard};
use crate::store::StoreError;
use crate::store::accounts::currency;
use crate::store::hex::{Bytes, Hex};
use crate::store::merchants::mode;

#[derive(Deserialize)]
pub(super) struct PositionRow {
    position: u64,
    batch: Hex<16>,
    leaf: Hex<32>,
    committed_at: Option<i64>,
}

impl PositionRow {
    pub(super) fn placed(self) -> PlacedBatch {
        PlacedBatch {
            position: self.position,
            id: BatchId::from_bytes(self.batch.0),
            leaf: self.leaf.0,
            committed_at: self.committed_at.map(Timestamp::from_unix_millis),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct EntryRow {
    position: u64,
    n: i64,
    transfer: Hex<16>,
    account: Hex<16>,
    shard: u16,
    bucket: String,
    currency: u16,
    amount: i64,
    kind: Option<String>,
    mode: Option<String>,
}

impl EntryRow {
    pub(super) fn audited(self) -> Result<(AuditCursor, AuditedEntry), StoreError> {
        let bucket = match self.bucket.as_str() {
            "available" => Bucket::Available,
            "held" => Bucket::Held,
            _ => return Err(StoreError::Corrupt("entries.bucket")),
        };
        let entry = Entry {
            account: AccountId::from_bytes(self.account.0),
            shard: Shard(self.shard),
            bucket,
            amount: Money::from_minor(self.amount, currency(self.currency)?),
        };
        let cursor = AuditCursor { position: self.position, n: self.n };
        let account = account_of(self.mode.as_deref(), self.kind.as_deref());
        let transfer = TransferId::from_bytes(self.transfer.0);
        Ok((cursor, AuditedEntry { transfer, entry, account }))
    }
}

fn account_of(mode: Option<&str>, kind: Option<&str>) -> Option<AccountOf> {
    Some(AccountOf {
        mode: mode.and_then(Mode::from_name)?,
        kind: kind.and_then(AccountKind::from_name)?,
    })
}

#[derive(Deserialize)]
pub(super) struct BalanceRow {
    id: Hex<16>,
    mode: String,
    kind: String,
    currency: u16,
    available: i64,
    held: i64,
}

impl BalanceRow {
    pub(super) fn audited(self) -> Result<AuditedBalance, StoreError> {
        let of = account_of(Some(&self.mode), Some(&self.kind));
        let currency = currency(self.currency)?;
        Ok(AuditedBalance {
            account: AccountId::from_bytes(self.id.0),
            of: of.ok_or(StoreError::Corrupt("accounts.kind"))?,
            available: Money::from_minor(self.available, currency),
            held: Money::from_minor(self.held, currency),
        })
    }
}

#[derive(Deserialize)]
pub(super) struct EventRow {
    position: u64,
    n: i64,
    mode: String,
    r#type: String,
    subject: Hex<16>,
    merchant: Option<Hex<16>>,
    record: Bytes,
    payment: Option<Hex<16>>,
    first: u8,
    last: u8,
    #[serde(flatten)]
    row: PaymentRow,
}

#[derive(Deserialize)]
struct PaymentRow {
    payment_mode: Option<String>,
    payment_merchant: Option<Hex<16>>,
    reference: Option<String>,
    state: Option<String>,
    currency: Option<u16>,
    amount: Option<i64>,
    amount_settled: Option<i64>,
    payer: Option<Hex<16>>,
    device: Option<Hex<8>>,
    code_step: Option<u32>,
    code_seq: Option<u8>,
    code_limit: Option<i64>,
    code_currency: Option<u16>,
    evidence: Option<Bytes>,
    merchant_code: Option<Hex<16>>,
    payload: Option<String>,
    fixed: Option<i64>,
    terminal: Option<Hex<16>>,
    transfer: Option<Hex<16>>,
    limit_payment: Option<i64>,
    created_at: Option<i64>,
    public_key: Option<Hex<32>>,
    owner: Option<Hex<16>>,
    account: Option<Hex<16>>,
}

impl EventRow {
    pub(super) fn audited(self) -> Result<(AuditCursor, AuditedEvent), StoreError> {
        // Bytes that are no record: zeros are none either.
        let record = <[u8; RECORD_LENGTH]>::try_from(self.record.0).unwrap_or([0; RECORD_LENGTH]);
        let known = self.payment.is_some();
        let (end, payment) = if known { self.row.audited()? } else { (None, None) };
        let event = AuditedEvent {
            n: self.n,
            mode: self.mode,
            event_type: self.r#type,
            subject: self.subject.0,
            merchant: self.merchant.map(|id| id.0),
            record,
            payment: payment.filter(|_| self.first == 1).map(Box::new),
            end: end.filter(|_| self.last == 1),
            payment_known: known,
        };
        Ok((AuditCursor { position: self.position, n: self.n }, event))
    }
}

impl PaymentRow {
    fn audited(self) -> Result<(Option<PaymentEnd>, Option<AuditedPayment>), StoreError> {
        const CORRUPT: StoreError = StoreError::Corrupt("payments");
        let signed = self.signed()?;
        let asked_by = self.asked_by();
        let end = self.state.zip(self.amount_settled);
        let end = end.map(|(state, amount_settled)| PaymentEnd { state, amount_settled });
        let asked = Money::from_minor(
            self.amount.ok_or(CORRUPT)?,
            currency(self.currency.ok_or(CORRUPT)?)?,
        );
        let payment = AuditedPayment {
            mode: mode(self.payment_mode.as_deref().ok_or(CORRUPT)?)?,
            merchant: self.payment_merchant.ok_or(CORRUPT)?.0,
            reference: self.reference.ok_or(CORRUPT)?,
            asked,
            payer: self.payer.ok_or(CORRUPT)?.0,
            account: self.account.map(|id| AccountId::from_bytes(id.0)),
            transfer: self.transfer.map(|id| TransferId::from_bytes(id.0)),
            evidence: self.evidence.map(|evidence| evidence.0),
            signed,
            asked_by,
            terminal: self.terminal.map(|id| TerminalId::from_bytes(id.0)),
            limit_payment: self.limit_payment.ok_or(CORRUPT)?,
            created_at: Timestamp::from_unix_millis(self.created_at.ok_or(CORRUPT)?),
        };
        Ok((end, Some(payment)))
    }

    /// The device's key and its payer.
    fn enrolled(&self) -> Option<Enrolled> {
        let (key, payer) = (self.public_key?.0, self.owner?.0);
        Some(Enrolled { key, payer })
    }

    /// What there is about a merchant's code, if the payer scanned one.
    fn asked_by(&self) -> Option<AskedBy> {
        let device = self.device.filter(|_| self.merchant_code.is_some())?;
        Some(AskedBy {
            device: DeviceKeyId::from_bytes(device.0),
            enrolled: self.enrolled(),
            payload: self.payload.clone(),
            fixed: self.fixed,
        })
    }

    /// What the row says about its code, if it has one with everything in it.
    fn signed(&self) -> Result<Option<SignedBy>, StoreError> {
        let (Some(device), Some(step), Some(seq), Some(limit), Some(numeric)) =
            (self.device, self.code_step, self.code_seq, self.code_limit, self.code_currency)
        else {
            return Ok(None);
        };
        Ok(Some(SignedBy {
            device: DeviceKeyId::from_bytes(device.0),
            enrolled: self.enrolled(),
            mark: Mark { step: Step::from_number(step), seq },
            limit: Money::from_minor(limit, currency(numeric)?),
        }))
    }
}
