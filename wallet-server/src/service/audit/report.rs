//! What an audit found.

use std::collections::BTreeMap;

use wallet_core::proof::SignedCheckpoint;

use crate::domain::audit::{Check, Fault};
use crate::domain::tree::GrowingTree;
use crate::store::Finding;

/// What an audit found, and what it looked at.
#[derive(Clone, Debug)]
pub struct AuditReport {
    /// Every check, with how often it failed and where first; those that look at single rows come
    /// first, in the order in which they were looked at.
    pub findings: Vec<Finding>,
    /// The first thing that was found wrong: the check, and the row.
    pub first: Option<(&'static str, String)>,
    /// The position after which the walk began.
    pub began_after: u64,
    /// The journal as it was at the end of the walk, to go on from.
    pub tree: GrowingTree,
    /// How many payments were looked at.
    pub payments: u64,
    /// How many checkpoints are of this journal.
    pub checkpoints: u64,
    /// The newest of them; none where signatures could not be verified.
    pub newest: Option<SignedCheckpoint>,
    /// Which signatures were verified.
    pub signatures: Signatures,
}

/// Which signatures an audit could verify with what it was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signatures {
    /// The issuer's, under checkpoints.
    pub checkpoints: bool,
    /// The payers', under payments.
    pub payments: bool,
}

impl AuditReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(Finding::is_ok)
    }
}

/// Findings as they come.
pub(super) struct Findings {
    order: Vec<&'static str>,
    found: BTreeMap<&'static str, Finding>,
    first: Option<(&'static str, String)>,
    pub(super) payments: u64,
    pub(super) checkpoints: u64,
    signatures: Signatures,
}

/// What the walk looks at beside the checks of single batches.
const ALONG: [&str; 2] = ["journal_tree", "checkpoints"];

impl Findings {
    pub(super) fn new(checkpoints: bool, payments: bool) -> Self {
        let signatures = Signatures { checkpoints, payments };
        let mut findings = Self {
            order: Vec::new(),
            found: BTreeMap::new(),
            first: None,
            payments: 0,
            checkpoints: 0,
            signatures,
        };
        let looked_at = Check::ALL.iter().filter(|check| payments || **check != Check::Evidence);
        for check in looked_at.map(|check| check.as_str()).chain(ALONG) {
            findings.looked_at(check);
        }
        findings
    }

    /// A check that is part of this audit.
    pub(super) fn looked_at(&mut self, check: &'static str) {
        let nothing = Finding { check, wrong: 0, example: None };
        if !self.order.contains(&check) {
            self.order.push(check);
            self.found.insert(check, nothing);
        }
    }

    /// Something is wrong.
    pub(super) fn add(&mut self, check: &'static str, row: String) {
        self.looked_at(check);
        if self.first.is_none() {
            self.first = Some((check, row.clone()));
        }
        if let Some(finding) = self.found.get_mut(check) {
            finding.wrong += 1;
            finding.example.get_or_insert(row);
        }
    }

    pub(super) fn fault(&mut self, fault: &Fault) {
        self.add(fault.check.as_str(), format!("{}: {}", fault.row, fault.problem));
    }

    pub(super) fn report(
        self,
        asked: Vec<Finding>,
        (began_after, tree): (u64, GrowingTree),
        newest: Option<SignedCheckpoint>,
    ) -> AuditReport {
        let Self { order, mut found, first, payments, checkpoints, signatures } = self;
        let walked = order.iter().filter_map(|check| found.remove(check));
        let findings: Vec<Finding> = walked.chain(asked).collect();
        let first = first.or_else(|| {
            let wrong = findings.iter().find(|finding| !finding.is_ok())?;
            Some((wrong.check, wrong.example.clone().unwrap_or_default()))
        });
        AuditReport {
            findings,
            first,
            began_after,
            tree,
            payments,
            checkpoints,
            newest,
            signatures,
        }
    }
}
