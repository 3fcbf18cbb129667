//! The walk along the journal: three streams of rows, merged batch by batch.

use std::collections::VecDeque;

use serde::Deserialize;
use wallet_core::proof::SignedCheckpoint;
use wallet_core::requests::SignedEvidence;
use wallet_core::{Currency, Money};

use super::report::Findings;
use super::{Audit, AuditProgress, after};
use crate::domain::audit::{
    AuditedBatch, AuditedEntry, AuditedEvent, Check, Evidence, Fault, PayRequest,
};
use crate::domain::tree::{self, Group, GrowingTree};
use crate::issuer::Purpose;
use crate::service::merchant_codes::evidence_subject;
use crate::store::{AuditCursor, KeptCheckpoint, PlacedBatch, Store, StoreError};

/// How many stored subtrees are compared at a time.
const GROUPS_MAX: usize = 256;
/// How many checkpoints are read at a time.
const CHECKPOINTS_PAGE: usize = 1000;
/// After how many batches progress is told.
const TELL_EVERY: u64 = 1000;

/// Batches in the journal's order, each with all of its rows.
pub(crate) struct Batches<'a> {
    store: &'a Store,
    end: u64,
    positions: Stream<PlacedBatch>,
    events: Stream<(AuditCursor, AuditedEvent)>,
    entries: Stream<(AuditCursor, AuditedEntry)>,
}

/// Rows that are read ahead, and where to go on.
struct Stream<Row> {
    rows: VecDeque<Row>,
    cursor: AuditCursor,
    at_end: bool,
}

impl<Row> Stream<Row> {
    fn after(cursor: AuditCursor) -> Self {
        Self { rows: VecDeque::new(), cursor, at_end: false }
    }

    fn refill(&mut self, rows: Vec<Row>, place: impl Fn(&Row) -> AuditCursor) {
        match rows.last() {
            Some(last) => self.cursor = place(last),
            None => self.at_end = true,
        }
        self.rows.extend(rows);
    }
}

impl<'a> Batches<'a> {
    /// Those after one position and up to another.
    pub(crate) fn between(store: &'a Store, position: u64, end: u64) -> Self {
        let cursor = after(position);
        Self {
            store,
            end,
            positions: Stream::after(cursor),
            events: Stream::after(cursor),
            entries: Stream::after(cursor),
        }
    }

    /// The next one; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<AuditedBatch>, StoreError> {
        if self.positions.rows.is_empty() && !self.positions.at_end {
            let rows = self.store.audit_positions(self.positions.cursor, self.end).await?;
            self.positions.refill(rows, |placed| after(placed.position));
        }
        let Some(placed) = self.positions.rows.pop_front() else { return Ok(None) };
        let PlacedBatch { position, id, leaf, committed_at } = placed;
        let (mut events, mut entries) = (Vec::new(), Vec::new());
        loop {
            if self.events.rows.is_empty() && !self.events.at_end {
                let rows = self.store.audit_events(self.events.cursor, self.end).await?;
                self.events.refill(rows, |row| row.0);
            }
            match self.events.rows.front() {
                Some((cursor, _)) if cursor.position == position => {
                    events.extend(self.events.rows.pop_front().map(|row| row.1));
                }
                _ => break,
            }
        }
        loop {
            if self.entries.rows.is_empty() && !self.entries.at_end {
                let rows = self.store.audit_entries(self.entries.cursor, self.end).await?;
                self.entries.refill(rows, |row| row.0);
            }
            match self.entries.rows.front() {
                Some((cursor, _)) if cursor.position == position => {
                    entries.extend(self.entries.rows.pop_front().map(|row| row.1));
                }
                _ => break,
            }
        }
        Ok(Some(AuditedBatch { position, id, leaf, committed_at, events, entries }))
    }
}

/// The walk, and what it carries along.
pub(super) struct Walk<'a> {
    audit: &'a Audit<'a>,
    batches: Batches<'a>,
    tree: GrowingTree,
    /// The last position that was there.
    position: u64,
    end: u64,
    groups: Vec<Group>,
    checkpoints: VecDeque<KeptCheckpoint>,
    checkpoints_after: Option<u64>,
    newest: Option<SignedCheckpoint>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(audit: &'a Audit<'a>, tree: GrowingTree, end: u64) -> Self {
        Self {
            audit,
            batches: Batches::between(audit.store, tree.size(), end),
            checkpoints_after: Some(tree.size()),
            position: tree.size(),
            tree,
            end,
            groups: Vec::new(),
            checkpoints: VecDeque::new(),
            newest: None,
        }
    }

    /// Looks at everything; returns the tree as it is at the end, and the newest checkpoint that
    /// is of it.
    pub(super) async fn run(
        mut self,
        findings: &mut Findings,
        tell: &mut impl FnMut(AuditProgress),
    ) -> Result<(GrowingTree, Option<SignedCheckpoint>), StoreError> {
        while let Some(batch) = self.batches.next().await? {
            let expected = self.position + 1;
            self.position = batch.position;
            if batch.position != expected {
                findings.fault(&Fault {
                    check: Check::Positions,
                    row: format!("position {expected}"),
                    problem: "the position is missing",
                });
            }
            batch.check(|fault| findings.fault(&fault));
            self.check_evidence(&batch, findings);
            findings.count(&batch);
            self.groups.extend(self.tree.push(tree::leaf_hash(&batch.root())));
            if self.groups.len() >= GROUPS_MAX {
                self.compare_groups(findings).await?;
            }
            self.compare_checkpoint(findings).await?;
            if batch.position % TELL_EVERY == 0 || batch.position == self.end {
                tell(AuditProgress::Walked { position: batch.position, end: self.end });
            }
        }
        self.compare_groups(findings).await?;
        Ok((self.tree, self.newest))
    }

    /// Whether the payers of new payments signed for them.
    fn check_evidence(&self, batch: &AuditedBatch, findings: &mut Findings) {
        let Some(keys) = self.audit.evidence else { return };
        for event in &batch.events {
            let Some((id, payment)) = event.made_payment() else { continue };
            let hidden = payment.evidence.as_deref();
            let reveal = |subject: &[u8]| {
                hidden.and_then(|hidden| keys.reveal(Purpose::Evidence, subject, hidden))
            };
            let asked = payment.asked_by.as_ref();
            let request = asked.and_then(|_| pay_request(&reveal(&evidence_subject(id))?));
            let opened = if asked.is_none() { reveal(id.as_bytes()) } else { None };
            let evidence = Evidence {
                issuer: self.audit.issuer,
                opened: opened.as_deref(),
                request: request.as_ref(),
            };
            if let Some(problem) = event.evidence_fault(evidence) {
                findings.fault(&Fault {
                    check: Check::Evidence,
                    row: format!("{id}, position {}", batch.position),
                    problem,
                });
            }
        }
    }

    /// What is stored of the tree is what it must be. A group that is not stored yet is no fault:
    /// the worker stores it, with the next checkpoint.
    async fn compare_groups(&mut self, findings: &mut Findings) -> Result<(), StoreError> {
        let groups = std::mem::take(&mut self.groups);
        let kept = self.audit.store.kept_groups(&groups).await?;
        for (group, kept) in groups.iter().zip(kept) {
            if kept.is_some_and(|kept| kept != group.hash) {
                let row = format!("subtree {} of level {}", group.number, group.level);
                findings.add("journal_tree", row);
            }
        }
        Ok(())
    }

    /// A checkpoint of this very size is of this very tree, and signed.
    async fn compare_checkpoint(&mut self, findings: &mut Findings) -> Result<(), StoreError> {
        if self.checkpoints.is_empty()
            && let Some(size) = self.checkpoints_after
        {
            let store = self.audit.store;
            let page = store.checkpoints_after(size, self.end, CHECKPOINTS_PAGE).await?;
            self.checkpoints_after = page.last().map(|kept| kept.size);
            self.checkpoints.extend(page);
        }
        let size = self.tree.size();
        while let Some(kept) = self.checkpoints.pop_front_if(|kept| kept.size <= size) {
            let row = |problem: &str| format!("checkpoint of size {}: {problem}", kept.size);
            match self.audit.read(&kept.note) {
                Err(error) => findings.add("checkpoints", row(&error.to_string())),
                Ok((checkpoint, _))
                    if checkpoint.size != kept.size
                        || kept.size != size
                        || checkpoint.root != self.tree.root() =>
                {
                    findings.add("checkpoints", row("the journal before it is another one"));
                }
                Ok((_, verified)) => {
                    findings.checkpoints += 1;
                    self.newest = verified;
                }
            }
        }
        Ok(())
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
