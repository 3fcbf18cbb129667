//! The audit: everything that the books must be, computed anew from the rows, with a server running
//! beside it or not.
//!
//! It walks the journal once, in order, with a bounded number of rows in memory, and asks the
//! questions that are about everything. What was committed after it began is left for the next one.
//!
//! | step | finds |
//! |---|---|
//! | the walk, batch by batch | a changed record, entry, leaf or payment; a payment that its payer did not sign |
//! | the tree that grows along | a stored subtree or a checkpoint that is not of this journal |
//! | the witness | a journal that is shorter than it was, or another one: a restored old copy |
//! | the questions | sums, marks, limits and states that do not fit together |

mod checker;
mod report;
mod walk;

use wallet_core::proof::{Checkpoint, SignedCheckpoint, verify_consistency};
use wallet_core::{IssuerId, SigningPublicKey};

use crate::domain::limits::LimitRules;
use crate::domain::tree::{self, GrowingTree};
use crate::issuer::EvidenceKey;
use crate::store::{AuditCursor, Finding, Store, StoreError};
use report::Findings;

pub(super) use walk::Batches;

pub use report::{AuditReport, Signatures};

/// What an audit works with.
pub struct Audit<'a> {
    /// The books.
    pub store: &'a Store,
    /// Whose they must be.
    pub issuer: IssuerId,
    /// The issuer's signing keys, past and present; without them signatures under checkpoints are
    /// not verified.
    pub signing: Option<Vec<SigningPublicKey>>,
    /// What opens the evidence; without it payers' signatures are not verified.
    pub evidence: Option<EvidenceKey>,
    /// What the issuer allowed at most, as long as these books go back; without it only the limits
    /// that are kept with payments are compared.
    pub rules: Option<LimitRules>,
    /// The journal as an earlier audit left it; without it the walk begins at the beginning.
    pub since: Option<GrowingTree>,
    /// Whether the walk begins at the beginning all the same, because the earlier audit looked at
    /// less. The journal must still be the one of then.
    pub anew: bool,
    /// The highest checkpoint that was seen before, kept outside of the database.
    pub witness: Option<Checkpoint>,
}

/// How far an audit is.
#[derive(Clone, Debug)]
pub enum AuditProgress {
    /// The walk has come to this position, of so many.
    Walked {
        /// The last position that was looked at.
        position: u64,
        /// The last one that will be.
        end: u64,
        /// How many payments it has looked at.
        payments: u64,
    },
    /// A question about everything is being asked.
    Asking {
        /// The check.
        check: &'static str,
        /// Which one it is, from 1.
        number: usize,
        /// Of how many.
        of: usize,
    },
    /// It was answered.
    Asked(Finding),
}

impl Audit<'_> {
    /// Runs it. Rows that are wrong are in the report; an error is a database that fails.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run(self, mut tell: impl FnMut(AuditProgress)) -> Result<AuditReport, StoreError> {
        let end = self.end().await?;
        let mut findings = Findings::new(self.signing.is_some(), self.evidence.is_some());
        if self.store.issuer().await? != Some(self.issuer) {
            findings.add("issuer", "the books are another issuer's".to_owned());
        }
        let tree = self.begin(end, &mut findings).await?;
        let began_at = tree.size();
        let walk = walk::Walk::new(&self, tree, end);
        let (tree, newest) = walk.run(&mut findings, &mut tell).await?;
        self.check_witness(end, &tree, &mut findings).await?;
        let questions = Store::audit_questions(self.rules.as_ref());
        let mut asked = Vec::with_capacity(questions.len());
        for (question, number) in questions.iter().zip(1..) {
            let (check, of) = (question.check(), questions.len());
            tell(AuditProgress::Asking { check, number, of });
            let finding = self.store.ask(question).await?;
            tell(AuditProgress::Asked(finding.clone()));
            asked.push(finding);
        }
        Ok(findings.report(asked, (began_at, tree), newest))
    }

    async fn end(&self) -> Result<u64, StoreError> {
        let end = self.store.journal_end().await?.position;
        u64::try_from(end).map_err(|_| StoreError::Corrupt("a position"))
    }

    /// The tree to go on from: what an earlier audit left, if the journal still has that root.
    async fn begin(&self, end: u64, findings: &mut Findings) -> Result<GrowingTree, StoreError> {
        let Some(since) = &self.since else { return Ok(GrowingTree::default()) };
        if since.size() > end {
            let problem =
                format!("the journal has {end} batches, and an earlier audit saw {}", since.size());
            findings.add("earlier_audit", problem);
            return Ok(GrowingTree::default());
        }
        if since.size() > 0 && self.stored_root(since.size()).await? != Some(since.root()) {
            let problem = format!("the first {} batches are not those of then", since.size());
            findings.add("earlier_audit", problem);
            return Ok(GrowingTree::default());
        }
        Ok(if self.anew { GrowingTree::default() } else { since.clone() })
    }

    /// The root over the first entries, as far as the stored tree gives it.
    async fn stored_root(&self, size: u64) -> Result<Option<[u8; 32]>, StoreError> {
        match self.store.tree_root(size).await {
            Ok(root) => Ok(Some(root)),
            Err(StoreError::Corrupt(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether the journal is the one that the witness saw, grown. Where the walk began behind the
    /// witness's size, the walk itself has compared the roots.
    async fn check_witness(
        &self,
        end: u64,
        tree: &GrowingTree,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let Some(witness) = &self.witness else { return Ok(()) };
        findings.looked_at("witness");
        if witness.issuer != self.issuer {
            findings.add("witness", "the witness is of another issuer's journal".to_owned());
            return Ok(());
        }
        if witness.size > end {
            let problem =
                format!("the journal has {end} batches, and the witness saw {}", witness.size);
            findings.add("witness", problem);
            return Ok(());
        }
        if witness.size == 0 || tree.size() == 0 {
            return Ok(());
        }
        let now = Checkpoint { issuer: self.issuer, size: tree.size(), root: tree.root() };
        let ranges = tree::consistency_ranges(witness.size, tree.size());
        let path = match self.store.tree_roots(&ranges).await {
            Ok(path) => path,
            Err(StoreError::Corrupt(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        if verify_consistency(witness, &now, &path).is_err() {
            let problem =
                format!("the first {} batches are not those that the witness saw", witness.size);
            findings.add("witness", problem);
        }
        Ok(())
    }

    /// What a note says, and the note itself if its signature could be verified.
    fn read(
        &self,
        note: &str,
    ) -> Result<(Checkpoint, Option<SignedCheckpoint>), wallet_core::Error> {
        let unverified = SignedCheckpoint::parse(note)?;
        let claimed = *unverified.claimed();
        let verified = self.signing.as_ref().map(|keys| unverified.verify(&self.issuer, keys));
        Ok((claimed, verified.transpose()?))
    }
}

/// Where the walk goes on: after everything at a position.
fn after(position: u64) -> AuditCursor {
    AuditCursor { position, n: i64::MAX }
}
