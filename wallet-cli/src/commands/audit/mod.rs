//! `wallet audit`: the books, computed anew from the database.

mod files;
mod report;

use std::path::{Path, PathBuf};

use wallet_core::issuer::IssuerDocument;
use wallet_core::{IssuerId, SigningPublicKey};
use wallet_server::Settings;
use wallet_server::domain::limits::LimitRules;
use wallet_server::issuer::{EvidenceKey, IssuerKeys as _};
use wallet_server::service::audit::{Audit, AuditProgress, AuditReport, Signatures};
use wallet_server::store::Store;

use super::key_files;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use files::State;

pub(super) use files::Witness;
use report::Report;

/// Check that the books are as they must be, and that nothing in them was changed
///
/// Opens the database to read it, whether a server runs or not. Walks the journal: every record has
/// its leaf, its entries and its payment, every payment its payer's signature, and the tree over all
/// of it is the one that the issuer signed in its checkpoints. Then every sum, limit and balance.
/// Names the first row that is wrong and ends with exit code 1.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Without --key-file or --evidence-key no signature of a payer is verified, because evidence is kept
encrypted. With --issuer-document the issuer's own signatures are: together with --evidence-key that
is all that --key-file does, without the issuer's secrets.

With --config the past is held against the issuer's limits, also those by the strength of the proof
and without the PIN, which are not kept with payments. If they were changed, give the highest.

A witness is what shows that a database was put back to an older copy: the highest checkpoint that was
ever seen, in a file outside of the database. Keep it where whoever keeps the books cannot write. If
the file is missing that is an error: only --new-witness begins one.

Examples:
  wallet audit --key-file issuer.key --witness /mnt/auditor/witness --new-witness    the first time
  wallet audit --key-file issuer.key --witness /mnt/auditor/witness
  wallet audit --evidence-key evidence.key --issuer-document document.txt
  wallet audit --database postgres://auditor@db.example.com/wallet --issuer-document document.txt
  wallet audit --key-file issuer.key --state audit.json      goes on where the last clean one ended")]
pub(crate) struct Args {
    /// The books: sqlite:FILE or postgres://…
    #[arg(long, value_name = "DATABASE", default_value = "sqlite:wallet.sqlite")]
    database: String,
    /// The issuer's key file: opens the evidence, so that payers' signatures are verified
    #[arg(long, value_name = "FILE", conflicts_with_all = ["issuer_document", "evidence_key"])]
    key_file: Option<PathBuf>,
    /// A file whose first line is the passphrase of the key file
    #[arg(long, value_name = "FILE", requires = "key_file")]
    key_passphrase_file: Option<PathBuf>,
    /// The key that `wallet operator keys evidence` made: opens the evidence and nothing else
    #[arg(long, value_name = "FILE")]
    evidence_key: Option<PathBuf>,
    /// A file whose first line is the passphrase of the evidence key
    #[arg(long, value_name = "FILE", requires = "evidence_key")]
    evidence_passphrase_file: Option<PathBuf>,
    /// A file with the `document` of GET /v1/issuer: the issuer's public keys
    #[arg(long, value_name = "FILE")]
    issuer_document: Option<PathBuf>,
    /// The server's configuration: nothing may ever have been allowed beyond the issuer's limits in it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The issuer that these books must be of: 64 hexadecimal digits
    #[arg(long, value_name = "ID", value_parser = issuer_id)]
    issuer: Option<IssuerId>,
    /// Compare with the checkpoint in this file, and keep the newest one there
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// Begin the witness: there is none yet, and nothing to compare with
    #[arg(long, requires = "witness")]
    new_witness: bool,
    /// Go on where the last clean audit ended, which this file remembers
    ///
    /// If that one verified fewer signatures than this one can, this one begins anew.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

pub(super) fn issuer_id(text: &str) -> Result<IssuerId, String> {
    IssuerId::from_hex(text).map_err(|error| error.to_string())
}

/// Who the issuer is, and what its signatures are verified with.
struct Issuer {
    id: IssuerId,
    signing: Option<Vec<SigningPublicKey>>,
    evidence: Option<EvidenceKey>,
}

pub(super) async fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let store = Store::open_to_read(&args.database).await?;
    let audited = audit(args, &store, output).await;
    store.close().await;
    let Audited { report, issuer, verified_before, witness_compared } = audited?;
    let clean = report.is_clean();
    output.show(&Report::new(&report, issuer, witness_compared))?;
    if clean {
        return keep(args, &report, (issuer, verified_before), output);
    }
    let (check, row) = report.first.unwrap_or_default();
    Err(Failure::new(Exit::Unexpected, "books_wrong", format!("{check}: {row}"))
        .hint("keep the database as it is, and a copy of it: it is evidence"))
}

/// An audit, and what it went on from.
struct Audited {
    report: AuditReport,
    issuer: IssuerId,
    /// Which signatures were verified of what lies before the walk.
    verified_before: Signatures,
    witness_compared: bool,
}

async fn audit(args: &Args, store: &Store, output: Output) -> Result<Audited, Failure> {
    let issuer = issuer(args, store).await?;
    let witness = witness(args, &issuer)?;
    let witness_compared = witness.is_some();
    let state = args.state.as_deref().map(State::read).transpose()?.flatten();
    let verified_before = state.as_ref().map_or(EVERYTHING, State::verified);
    let anew = (issuer.signing.is_some() && !verified_before.checkpoints)
        || (issuer.evidence.is_some() && !verified_before.payments);
    if anew {
        output.note("the last audit verified fewer signatures: beginning anew");
    }
    let since = state.map(|state| state.tree(issuer.id)).transpose()?;
    let audit = Audit {
        store,
        issuer: issuer.id,
        signing: issuer.signing.clone(),
        evidence: issuer.evidence.clone(),
        rules: args.config.as_deref().map(rules).transpose()?,
        since,
        anew,
        witness: witness
            .map(|witness| witness.checkpoint(&issuer.id, issuer.signing.as_deref()))
            .transpose()?,
    };
    let report = audit.run(|progress| show_progress(&progress, output)).await?;
    Ok(Audited { report, issuer: issuer.id, verified_before, witness_compared })
}

/// Of no batches every signature was verified.
const EVERYTHING: Signatures = Signatures { checkpoints: true, payments: true };

/// The witness to compare with; none if nobody asks for one, or if it is to begin.
fn witness(args: &Args, issuer: &Issuer) -> Result<Option<Witness>, Failure> {
    let Some(path) = &args.witness else { return Ok(None) };
    if !args.new_witness {
        return Witness::expected(path).map(Some);
    }
    Witness::none_yet(path)?;
    if issuer.signing.is_none() {
        let sentence = "a witness begins with a checkpoint that the issuer is known to have signed";
        return Err(Failure::new(Exit::Usage, "no_keys", sentence)
            .hint("give --key-file or --issuer-document"));
    }
    Ok(None)
}

fn show_progress(progress: &AuditProgress, output: Output) {
    if !output.shows_progress() {
        return;
    }
    match progress {
        AuditProgress::Walked { position, end, payments } => {
            let percent = position.saturating_mul(100).checked_div(*end).unwrap_or(100);
            output.note(format!(
                "journal: {position} of {end} batches ({percent} %), {payments} payments"
            ));
        }
        AuditProgress::Asking { check, number, of } => {
            output.note(format!("question {number} of {of}: {check}"));
        }
        AuditProgress::Asked(finding) if finding.is_ok() => {}
        AuditProgress::Asked(finding) => {
            output.note(format!("{}: {} wrong", finding.check, finding.wrong));
        }
    }
}

async fn issuer(args: &Args, store: &Store) -> Result<Issuer, Failure> {
    let issuer = if let Some(path) = &args.key_file {
        let keys = key_files::issuer_keys(path, args.key_passphrase_file.as_deref())?;
        let signing = Some(keys.public().signing.clone());
        Issuer { id: keys.issuer_id(), signing, evidence: Some(keys.evidence_key()) }
    } else if let Some(path) = &args.issuer_document {
        let text = files::read(path)?;
        let document = IssuerDocument::parse(text.trim())
            .and_then(|document| {
                let id = args.issuer.unwrap_or_else(|| document.claimed_issuer_id());
                document.verify(&id)
            })
            .map_err(|error| Failure::core(Exit::Local, error))?;
        Issuer { id: document.issuer_id(), signing: Some(document.signing_keys()), evidence: None }
    } else if let Some(path) = &args.evidence_key {
        let key = key_files::evidence_key(path, args.evidence_passphrase_file.as_deref())?;
        Issuer { id: key.issuer_id(), signing: None, evidence: Some(key) }
    } else {
        let none = || Failure::new(Exit::Local, "database", "these books are nobody's yet");
        let id = match args.issuer {
            Some(id) => id,
            None => store.issuer().await?.ok_or_else(none)?,
        };
        Issuer { id, signing: None, evidence: None }
    };
    let issuer = with_evidence_key(args, store, issuer).await?;
    if args.issuer.is_some_and(|expected| expected != issuer.id) {
        let sentence = "the keys are those of another issuer than --issuer";
        return Err(Failure::new(Exit::Usage, "other_issuer", sentence));
    }
    Ok(issuer)
}

/// The evidence key beside the document. One of another issuer would open nothing, and all payments
/// would seem invented.
async fn with_evidence_key(args: &Args, store: &Store, issuer: Issuer) -> Result<Issuer, Failure> {
    let Some(path) = &args.evidence_key else { return Ok(issuer) };
    let key = match issuer.evidence {
        Some(key) => key,
        None => key_files::evidence_key(path, args.evidence_passphrase_file.as_deref())?,
    };
    let of_books = store.issuer().await?.unwrap_or(issuer.id);
    if key.issuer_id() != issuer.id || key.issuer_id() != of_books {
        let sentence = format!(
            "{}: the evidence key is of issuer {}, and the books or the document are another's",
            path.display(),
            key.issuer_id()
        );
        return Err(Failure::new(Exit::Usage, "other_issuer", sentence));
    }
    Ok(Issuer { evidence: Some(key), ..issuer })
}

/// The issuer's limits in a configuration file.
fn rules(path: &Path) -> Result<LimitRules, Failure> {
    let settings = Settings::load(Some(path), &[]).and_then(|settings| settings.rules());
    let rules = settings
        .map_err(|error| Failure::new(Exit::Usage, "invalid_settings", error.to_string()))?;
    Ok(rules.limits)
}

/// After a clean audit: what the next one compares with.
fn keep(
    args: &Args,
    report: &AuditReport,
    (issuer, before): (IssuerId, Signatures),
    output: Output,
) -> Result<(), Failure> {
    if let Some(path) = &args.state {
        // What this audit did not walk over was verified by an earlier one, or not at all.
        let before = if report.began_after == 0 { EVERYTHING } else { before };
        let verified = Signatures {
            checkpoints: before.checkpoints && report.signatures.checkpoints,
            payments: before.payments && report.signatures.payments,
        };
        State::of(issuer, &report.tree, verified).write(path)?;
    }
    if let Some(path) = &args.witness {
        match &report.newest {
            Some(newest) => Witness::keep(path, newest)?,
            None if args.new_witness => {
                output.note("the witness has not begun: there is no checkpoint yet");
            }
            None if report.signatures.checkpoints => {}
            None => output.note(
                "the witness stays as it is: without --key-file or --issuer-document no checkpoint \
                 can be believed",
            ),
        }
    }
    Ok(())
}
