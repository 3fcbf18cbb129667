//! What an audit prints.

use core::fmt;

use serde::Serialize;
use wallet_core::IssuerId;
use wallet_server::service::audit::AuditReport;

use crate::output::table;

/// A report, for people and for programs.
#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a word of its own to a program")]
pub(super) struct Report {
    clean: bool,
    issuer: String,
    /// After which position this audit began.
    began_after: u64,
    /// The last position that it looked at.
    position: u64,
    payments: u64,
    checkpoints: u64,
    /// Whether signatures under checkpoints were verified.
    checkpoint_signatures_verified: bool,
    /// Whether payers' signatures were.
    payer_signatures_verified: bool,
    /// Whether the journal was compared with what a witness saw.
    witness_compared: bool,
    checks: Vec<CheckLine>,
}

#[derive(Serialize)]
struct CheckLine {
    check: &'static str,
    wrong: u64,
    first: Option<String>,
}

impl Report {
    pub(super) fn new(report: &AuditReport, issuer: IssuerId, witness_compared: bool) -> Self {
        let checks = report.findings.iter().map(|finding| CheckLine {
            check: finding.check,
            wrong: finding.wrong,
            first: finding.example.clone(),
        });
        Self {
            clean: report.is_clean(),
            issuer: issuer.to_string(),
            began_after: report.began_after,
            position: report.tree.size(),
            payments: report.payments,
            checkpoints: report.checkpoints,
            checkpoint_signatures_verified: report.signatures.checkpoints,
            payer_signatures_verified: report.signatures.payments,
            witness_compared,
            checks: checks.collect(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |line: &CheckLine| {
            let found = if line.wrong == 0 { "right".to_owned() } else { line.wrong.to_string() };
            vec![line.check.to_owned(), found, line.first.clone().unwrap_or_default()]
        };
        let rows: Vec<_> = self.checks.iter().map(line).collect();
        writeln!(f, "{}", table(&rows, &[]))?;
        writeln!(f, "issuer {}", self.issuer)?;
        let Self { began_after, position, payments, checkpoints, .. } = self;
        writeln!(
            f,
            "positions {} to {position}: {payments} payments, {checkpoints} checkpoints",
            began_after + 1
        )?;
        if !self.checkpoint_signatures_verified {
            writeln!(f, "not verified: the issuer's signatures (--key-file or --issuer-document)")?;
        }
        if !self.payer_signatures_verified {
            writeln!(f, "not verified: the payers' signatures (--key-file or --evidence-key)")?;
        }
        f.write_str(if self.witness_compared {
            "compared with the witness\n"
        } else {
            "not compared with a witness (--witness)\n"
        })?;
        f.write_str(if self.clean { "the books are right" } else { "the books are WRONG" })
    }
}
