//! A payment's row against its records, and the payer's signature.

use wallet_core::code::{EVIDENCE_LENGTH, Freshness, Mark, OpenedCode};
use wallet_core::receipt::{PaymentState, Record, RecordKind};
use wallet_core::requests::SignedEvidence;
use wallet_core::{DeviceKeyId, DevicePublicKey, IssuerId, Mode, Money, TerminalId, Timestamp};

use super::{AuditedEntry, AuditedEvent};
use crate::domain::ids::{AccountId, PaymentId, TransferId};
use crate::domain::ledger::Bucket;

/// A payment's row, with what is known of its payer and device.
#[derive(Clone, Debug)]
pub struct AuditedPayment {
    /// Live or test.
    pub mode: Mode,
    /// The merchant.
    pub merchant: [u8; 16],
    /// The merchant's reference.
    pub reference: String,
    /// What was asked for.
    pub asked: Money,
    /// The payer.
    pub payer: [u8; 16],
    /// The payer's account; none if there is no such payer.
    pub account: Option<AccountId>,
    /// The first movement.
    pub transfer: Option<TransferId>,
    /// The opened code, or the payer's signed request, encrypted.
    pub evidence: Option<Vec<u8>>,
    /// The code that the payer showed, as the row has it.
    pub signed: Option<SignedBy>,
    /// The code that the payer scanned, as the row has it, where there is no shown one.
    pub asked_by: Option<AskedBy>,
    /// Where the code was scanned.
    pub terminal: Option<TerminalId>,
    /// The most that the payer allowed for one payment then, in minor units.
    pub limit_payment: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A code as a payment's row has it, and the device that it names.
#[derive(Clone, Debug)]
pub struct SignedBy {
    /// The device.
    pub device: DeviceKeyId,
    /// What is enrolled; none if there is no such device.
    pub enrolled: Option<Enrolled>,
    /// The code's place in the device's sequence.
    pub mark: Mark,
    /// What the code allowed.
    pub limit: Money,
}

/// A device as the books have it.
#[derive(Clone, Copy, Debug)]
pub struct Enrolled {
    /// The bytes of its public key, which nobody has looked at.
    pub key: [u8; 32],
    /// Its payer.
    pub payer: [u8; 16],
}

/// A merchant's code as the books have it, and the device that asked to pay it.
#[derive(Clone, Debug)]
pub struct AskedBy {
    /// The device.
    pub device: DeviceKeyId,
    /// What is enrolled; none if there is no such device.
    pub enrolled: Option<Enrolled>,
    /// The code's text; none if there is no such order or plate of the payment's merchant.
    pub payload: Option<String>,
    /// What the code asks for, in minor units; none if the payer says how much.
    pub fixed: Option<i64>,
}

/// A payment's row as it is now.
#[derive(Clone, Debug)]
pub struct PaymentEnd {
    /// The state's name.
    pub state: String,
    /// What the merchant got.
    pub amount_settled: i64,
}

/// What an auditor with the evidence key needs beside it.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// Whose books these are.
    pub issuer: IssuerId,
    /// The opened code, decrypted; none when it did not open.
    pub opened: Option<&'a [u8]>,
    /// The signed request, decrypted; none when it did not open.
    pub request: Option<&'a PayRequest>,
    /// The device's key; none when its bytes do not pass the checks of enrolment.
    pub key: Option<&'a DevicePublicKey>,
}

/// What a payer's phone signed to pay a merchant's code.
#[derive(Clone, Debug)]
pub struct PayRequest {
    /// The request.
    pub signed: SignedEvidence,
    /// The code's text, as its body has it.
    pub code: Option<String>,
    /// The amount, if its body says one.
    pub amount: Option<Money>,
}

/// What a payer's phone asks for: what it signed for something else pays nothing.
const METHOD: &str = "POST";
const PATH: &str = "/v1/wallet/payments";

impl AuditedEvent {
    /// Where the payment's row says something else than this record.
    pub(super) fn payment_faults(&self, entries: &[AuditedEntry]) -> Vec<&'static str> {
        let Some(record) = self.record() else { return Vec::new() };
        if record.kind != RecordKind::Payment {
            return Vec::new();
        }
        if !self.payment_known {
            return vec!["the payment of this record is gone"];
        }
        let first = self.payment.iter().filter_map(|payment| payment.fault(&record, entries));
        let last = self.end.iter().filter_map(|end| end.fault(&record));
        first.chain(last).collect()
    }

    /// What is wrong with the payer's signature under a payment that this event made.
    #[must_use]
    pub fn evidence_fault(&self, evidence: Evidence<'_>) -> Option<&'static str> {
        self.payment.as_ref()?.evidence_fault(&self.record()?, evidence)
    }

    /// The payment that this event made, by its id.
    #[must_use]
    pub fn made_payment(&self) -> Option<(PaymentId, &AuditedPayment)> {
        self.payment.as_deref().map(|payment| (PaymentId::from_bytes(self.subject), payment))
    }
}

impl PaymentEnd {
    fn fault(&self, record: &Record) -> Option<&'static str> {
        if self.state != record.state.as_str() {
            return Some("the payment is in another state than its last record says");
        }
        let kept = matches!(
            record.state,
            PaymentState::Succeeded | PaymentState::PartiallyRefunded | PaymentState::Refunded
        );
        (kept && self.amount_settled != record.settled.minor())
            .then_some("the payment's settled amount is not that of its last record")
    }
}

impl AuditedPayment {
    /// The bytes of the key that must have signed for it, if there is such a device.
    #[must_use]
    pub fn device_key(&self) -> Option<[u8; 32]> {
        let shown = self.signed.as_ref().and_then(|signed| signed.enrolled);
        let scanned = self.asked_by.as_ref().and_then(|asked_by| asked_by.enrolled);
        shown.or(scanned).map(|enrolled| enrolled.key)
    }

    /// Where the row says something else than the record that made it.
    fn fault(&self, record: &Record, entries: &[AuditedEntry]) -> Option<&'static str> {
        if self.mode != record.mode || self.merchant != record.merchant {
            return Some("the payment is of another merchant or mode than its record");
        }
        if self.asked != record.asked {
            return Some("the payment's amount is not that of its record");
        }
        if Record::reference_hash(&self.reference) != record.reference_hash {
            return Some("the payment's reference is not that of its record");
        }
        if self.created_at != record.decided_at {
            return Some("the payment was made at another time than its record");
        }
        let Some(account) = self.account else { return Some("there is no such payer") };
        let transfer = self.transfer?;
        let taken = entries
            .iter()
            .filter(|entry| entry.transfer == transfer && entry.entry.account == account)
            .filter(|entry| entry.entry.bucket == Bucket::Available)
            .map(|entry| i128::from(entry.entry.amount.minor()))
            .sum::<i128>();
        if taken != -i128::from(self.asked.minor()) {
            return Some("the payment did not take its amount from its payer");
        }
        (self.limit_payment < self.asked.minor())
            .then_some("the payment is over the limit that the payer had for one")
    }

    /// Whether the payer's device signed for this payment.
    fn evidence_fault(&self, record: &Record, evidence: Evidence<'_>) -> Option<&'static str> {
        let Some(signed) = &self.signed else {
            return match &self.asked_by {
                Some(asked_by) => self.request_fault(asked_by, evidence),
                None => Some("the payment has no code"),
            };
        };
        let opened =
            evidence.opened.and_then(|bytes| <&[u8; EVIDENCE_LENGTH]>::try_from(bytes).ok());
        let Some(opened) = opened.and_then(|bytes| OpenedCode::from_evidence(bytes).ok()) else {
            return Some("the evidence does not open");
        };
        let key = match enrolled(signed.enrolled, evidence.key, self.payer) {
            Ok(key) => key,
            Err(problem) => return Some(problem),
        };
        let verified = opened.verify(key, &evidence.issuer, self.mode, self.terminal.as_ref());
        let Ok(code) = verified else { return Some("the payer's device did not sign the code") };
        let claims = code.claims();
        if claims.device != signed.device || claims.mark != signed.mark {
            return Some("the device signed another code");
        }
        if claims.limit.money() != signed.limit {
            return Some("the device signed another limit");
        }
        let moved = self.transfer.is_some();
        if moved
            && (signed.limit.currency() != self.asked.currency()
                || signed.limit.minor() < self.asked.minor())
        {
            return Some("the device signed for less");
        }
        (Freshness::of(claims.mark.step, record.decided_at) != Freshness::Current)
            .then_some("the code was of another time")
    }

    /// Whether the payer's device asked to pay this code this much.
    fn request_fault(
        &self,
        asked_by: &AskedBy,
        Evidence { request, key, .. }: Evidence<'_>,
    ) -> Option<&'static str> {
        let Some(PayRequest { signed, code, amount }) = request else {
            return Some("the evidence does not open");
        };
        let key = match enrolled(asked_by.enrolled, key, self.payer) {
            Ok(key) => key,
            Err(problem) => return Some(problem),
        };
        if signed.verify(key.as_bytes()).is_err() {
            return Some("the payer's device did not sign the request");
        }
        let said = (signed.component("@method"), signed.component("@path"));
        if said != (Some(METHOD), Some(PATH)) {
            return Some("the device signed another request");
        }
        if asked_by.payload.is_none() || *code != asked_by.payload {
            return Some("the device asked to pay another code");
        }
        let fixed = asked_by.fixed.map(|minor| Money::from_minor(minor, self.asked.currency()));
        let agrees = |it: Option<Money>| it.is_none_or(|amount| amount == self.asked);
        (!agrees(fixed) || !agrees(*amount) || (fixed.is_none() && amount.is_none()))
            .then_some("the device asked to pay another amount")
    }
}

/// The key of the payer's own device.
fn enrolled(
    device: Option<Enrolled>,
    key: Option<&DevicePublicKey>,
    payer: [u8; 16],
) -> Result<&DevicePublicKey, &'static str> {
    // A key that does not pass the checks of enrolment cannot have been enrolled.
    let (Some(device), Some(key)) = (device, key) else { return Err("there is no such device") };
    if device.payer == payer { Ok(key) } else { Err("the device is another payer's") }
}
