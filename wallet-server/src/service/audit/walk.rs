//! The walk along the journal: three streams of rows, merged batch by batch, checked on all cores and put
//! together in order.

use std::collections::VecDeque;

use wallet_core::proof::SignedCheckpoint;

use super::checker::{Checked, Checker};
use super::report::Findings;
use super::{Audit, AuditProgress, after};
use crate::domain::audit::{AuditedBatch, AuditedEntry, AuditedEvent, Check, Fault};
use crate::domain::tree::{self, Group, GrowingTree};
use crate::store::{AuditCursor, KeptCheckpoint, PlacedBatch, Store, StoreError};

/// How many stored subtrees are compared at a time.
const GROUPS_MAX: usize = 256;
/// How many checkpoints are read at a time.
const CHECKPOINTS_PAGE: usize = 1000;
/// After how many payments, or batches without one, progress is told: a second, or a few.
const TELL_EVERY: u64 = 10_000;

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
    /// What was looked at since progress was told.
    untold: u64,
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
            untold: 0,
        }
    }

    /// Looks at everything; returns the tree as it is at the end, and the newest checkpoint that
    /// is of it.
    pub(super) async fn run(
        mut self,
        findings: &mut Findings,
        tell: &mut impl FnMut(AuditProgress),
    ) -> Result<(GrowingTree, Option<SignedCheckpoint>), StoreError> {
        let mut checker = Checker::new(self.audit.issuer, self.audit.evidence.clone());
        while let Some(batch) = self.batches.next().await? {
            for checked in checker.add(batch).await {
                self.go_on(&checked, findings, tell).await?;
            }
        }
        loop {
            let rest = checker.rest().await;
            if rest.is_empty() {
                break;
            }
            for checked in rest {
                self.go_on(&checked, findings, tell).await?;
            }
        }
        self.compare_groups(findings).await?;
        Ok((self.tree, self.newest))
    }

    /// Puts a batch that was checked into its place.
    async fn go_on(
        &mut self,
        checked: &Checked,
        findings: &mut Findings,
        tell: &mut impl FnMut(AuditProgress),
    ) -> Result<(), StoreError> {
        let expected = self.position + 1;
        self.position = checked.position;
        if checked.position != expected {
            findings.fault(&Fault {
                check: Check::Positions,
                row: format!("position {expected}"),
                problem: "the position is missing",
            });
        }
        checked.faults.iter().for_each(|fault| findings.fault(fault));
        findings.payments += checked.payments;
        self.groups.extend(self.tree.push(tree::leaf_hash(&checked.root)));
        if self.groups.len() >= GROUPS_MAX {
            self.compare_groups(findings).await?;
        }
        self.compare_checkpoint(findings).await?;
        self.untold += checked.payments.max(1);
        if self.untold >= TELL_EVERY || checked.position == self.end {
            self.untold = 0;
            tell(AuditProgress::Walked {
                position: checked.position,
                end: self.end,
                payments: findings.payments,
            });
        }
        Ok(())
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
