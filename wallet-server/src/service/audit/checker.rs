//! Checks batches on all cores while the next ones are read.
//!
//! A payer's signature takes longer than everything else that is done about a payment. Batches are
//! gathered until there is enough for a job, and come back in their order, so that the first fault
//! that is told is the first in the journal.

use std::collections::VecDeque;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::available_parallelism;

use quick_cache::sync::Cache;
use serde::Deserialize;
use tokio::task::{JoinHandle, spawn_blocking};
use wallet_core::proof::TreeHash;
use wallet_core::requests::SignedEvidence;
use wallet_core::{Currency, DevicePublicKey, IssuerId, Money};

use crate::domain::audit::{AuditedBatch, Check, Evidence, Fault, PayRequest};
use crate::issuer::EvidenceKey;
use crate::service::merchant_codes::evidence_subject;

/// How many records are checked in one job: a twentieth of a second of signatures.
const JOB_RECORDS: usize = 500;
/// How many jobs may wait beside those that are computed: one, so that no core waits for it.
const WAITING_MAX: usize = 1;
/// How many devices' keys are remembered, 250 bytes each. To check a key anew takes as long as to
/// verify a signature.
const DEVICES_REMEMBERED: usize = 65_536;

/// What came of a batch.
pub(super) struct Checked {
    /// Its position.
    pub(super) position: u64,
    /// The root over the records that are there.
    pub(super) root: TreeHash,
    /// What is wrong with it, in order.
    pub(super) faults: Vec<Fault>,
    /// How many payments it made.
    pub(super) payments: u64,
}

/// The batches that are looked at.
pub(super) struct Checker {
    with: Arc<With>,
    gathered: Vec<AuditedBatch>,
    records: usize,
    under_way: VecDeque<JoinHandle<Vec<Checked>>>,
    under_way_max: usize,
}

impl Checker {
    /// Evidence is looked at where there is a key for it.
    pub(super) fn new(issuer: IssuerId, evidence: Option<EvidenceKey>) -> Self {
        let devices = Cache::new(DEVICES_REMEMBERED);
        Self {
            with: Arc::new(With { issuer, evidence, devices }),
            gathered: Vec::new(),
            records: 0,
            under_way: VecDeque::new(),
            under_way_max: available_parallelism().map_or(1, NonZero::get) + WAITING_MAX,
        }
    }

    /// Takes the next batch; returns what came of earlier ones, once there are enough under way.
    pub(super) async fn add(&mut self, batch: AuditedBatch) -> Vec<Checked> {
        self.records += batch.events.len().max(1);
        self.gathered.push(batch);
        if self.records < JOB_RECORDS {
            return Vec::new();
        }
        self.begin();
        if self.under_way.len() < self.under_way_max { Vec::new() } else { self.oldest().await }
    }

    /// What came of the batches that are under way still; none when there are no more.
    pub(super) async fn rest(&mut self) -> Vec<Checked> {
        if !self.gathered.is_empty() {
            self.begin();
        }
        self.oldest().await
    }

    fn begin(&mut self) {
        let (batches, with) = (std::mem::take(&mut self.gathered), Arc::clone(&self.with));
        self.records = 0;
        let job = move || batches.iter().map(|batch| with.check(batch)).collect();
        self.under_way.push_back(spawn_blocking(job));
    }

    async fn oldest(&mut self) -> Vec<Checked> {
        let Some(job) = self.under_way.pop_front() else { return Vec::new() };
        match job.await {
            Ok(checked) => checked,
            // As if it had been computed here.
            Err(error) => resume_unwind(error.into_panic()),
        }
    }
}

/// What batches are checked with.
struct With {
    issuer: IssuerId,
    evidence: Option<EvidenceKey>,
    devices: Cache<[u8; 32], DevicePublicKey>,
}

impl With {
    fn check(&self, batch: &AuditedBatch) -> Checked {
        let mut faults = Vec::new();
        batch.check(|fault| faults.push(fault));
        if let Some(key) = &self.evidence {
            self.check_evidence(key, batch, &mut faults);
        }
        let payments = batch.events.iter().filter(|event| event.payment.is_some()).count();
        Checked {
            position: batch.position,
            root: batch.root(),
            faults,
            payments: u64::try_from(payments).unwrap_or(0),
        }
    }

    /// Whether the payers of new payments signed for them.
    fn check_evidence(&self, key: &EvidenceKey, batch: &AuditedBatch, faults: &mut Vec<Fault>) {
        for event in &batch.events {
            let Some((id, payment)) = event.made_payment() else { continue };
            let hidden = payment.evidence.as_deref();
            let reveal = |subject: &[u8]| hidden.and_then(|hidden| key.open(subject, hidden));
            let asked = payment.asked_by.as_ref();
            let request = asked.and_then(|_| pay_request(&reveal(&evidence_subject(id))?));
            let opened = if asked.is_none() { reveal(id.as_bytes()) } else { None };
            let device = payment.device_key().and_then(|key| self.device(&key));
            let evidence = Evidence {
                issuer: self.issuer,
                opened: opened.as_deref(),
                request: request.as_ref(),
                key: device.as_ref(),
            };
            if let Some(problem) = event.evidence_fault(evidence) {
                faults.push(Fault {
                    check: Check::Evidence,
                    row: format!("{id}, position {}", batch.position),
                    problem,
                });
            }
        }
    }

    /// The key, if it passes the checks of enrolment.
    fn device(&self, bytes: &[u8; 32]) -> Option<DevicePublicKey> {
        let parse = || DevicePublicKey::from_bytes(bytes);
        self.devices.get_or_insert_with(bytes, parse).ok()
    }
}

/// The body of a request to pay a merchant's code, as far as it says for what the payer paid.
#[derive(Deserialize)]
struct PayBody {
    code: Option<String>,
    amount: Option<String>,
    currency: Option<String>,
}

/// Reads the kept request of a payment.
fn pay_request(bytes: &[u8]) -> Option<PayRequest> {
    let signed = SignedEvidence::from_bytes(bytes).ok()?;
    let PayBody { code, amount, currency } = serde_json::from_slice(signed.body()).ok()?;
    let amount = match (amount, currency) {
        (Some(amount), Some(currency)) => {
            Some(Money::parse(&amount, Currency::from_code(&currency).ok()?).ok()?)
        }
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return None,
    };
    Some(PayRequest { signed, code, amount })
}
