//! `wallet audit`: the books, computed anew from the database.

mod files;
mod report;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wallet_core::issuer::IssuerDocument;
use wallet_core::keyfile::Passphrase;
use wallet_core::{IssuerId, SigningPublicKey};
use wallet_server::entropy::Entropy;
use wallet_server::issuer::{FileKeys, IssuerKeys};
use wallet_server::service::audit::{Audit, AuditProgress, AuditReport};
use wallet_server::store::Store;
use zeroize::Zeroizing;

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
Without --key-file no signature of a payer is verified, because evidence is kept encrypted. With
--issuer-document instead of it, the issuer's own signatures are.

A witness is what shows that a database was put back to an older copy: the highest checkpoint that was
ever seen, in a file outside of the database. Keep it where whoever keeps the books cannot write.

Examples:
  wallet audit --key-file issuer.key --witness /mnt/auditor/witness
  wallet audit --database postgres://auditor@db.example.com/wallet --issuer-document document.txt
  wallet audit --key-file issuer.key --state audit.json      goes on where the last clean one ended")]
pub(crate) struct Args {
    /// The books: sqlite:FILE or postgres://…
    #[arg(long, value_name = "DATABASE", default_value = "sqlite:wallet.sqlite")]
    database: String,
    /// The issuer's key file: opens the evidence, so that payers' signatures are verified
    #[arg(long, value_name = "FILE", conflicts_with = "issuer_document")]
    key_file: Option<PathBuf>,
    /// A file whose first line is the passphrase of the key file
    #[arg(long, value_name = "FILE", requires = "key_file")]
    key_passphrase_file: Option<PathBuf>,
    /// A file with the `document` of GET /v1/issuer: the issuer's public keys
    #[arg(long, value_name = "FILE")]
    issuer_document: Option<PathBuf>,
    /// The issuer that these books must be of: 64 hexadecimal digits
    #[arg(long, value_name = "ID", value_parser = issuer_id)]
    issuer: Option<IssuerId>,
    /// Compare with the checkpoint in this file, and keep the newest one there
    #[arg(long, value_name = "FILE")]
    witness: Option<PathBuf>,
    /// Go on where the last clean audit ended, which this file remembers
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
    evidence: Option<FileKeys>,
}

pub(super) async fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let store = Store::open_to_read(&args.database).await?;
    let audited = audit(args, &store, output).await;
    store.close().await;
    let (report, issuer) = audited?;
    let clean = report.is_clean();
    output.show(&Report::new(&report, issuer))?;
    if clean {
        return keep(args, &report, issuer, output);
    }
    let (check, row) = report.first.unwrap_or_default();
    Err(Failure::new(Exit::Unexpected, "books_wrong", format!("{check}: {row}"))
        .hint("keep the database as it is, and a copy of it: it is evidence"))
}

async fn audit(
    args: &Args,
    store: &Store,
    output: Output,
) -> Result<(AuditReport, IssuerId), Failure> {
    let issuer = issuer(args, store).await?;
    let witness = args.witness.as_deref().map(Witness::read).transpose()?.flatten();
    let state = args.state.as_deref().map(State::read).transpose()?.flatten();
    let since = state.map(|state| state.tree(issuer.id)).transpose()?;
    let audit = Audit {
        store,
        issuer: issuer.id,
        signing: issuer.signing.clone(),
        evidence: issuer.evidence.as_ref().map(|keys| keys as &dyn IssuerKeys),
        since,
        witness: witness
            .map(|witness| witness.checkpoint(&issuer.id, issuer.signing.as_deref()))
            .transpose()?,
    };
    let report = audit.run(|progress| show_progress(&progress, output)).await?;
    Ok((report, issuer.id))
}

fn show_progress(progress: &AuditProgress, output: Output) {
    if !output.shows_progress() {
        return;
    }
    match progress {
        AuditProgress::Walked { position, end } => {
            output.note(format!("{position} of {end} batches"));
        }
        AuditProgress::Asked(finding) => {
            output.note(format!("{}: {}", finding.check, finding.wrong));
        }
    }
}

async fn issuer(args: &Args, store: &Store) -> Result<Issuer, Failure> {
    let issuer = if let Some(path) = &args.key_file {
        let keys = open_keys(path, args.key_passphrase_file.as_deref())?;
        let signing = Some(keys.public().signing);
        Issuer { id: keys.issuer_id(), signing, evidence: Some(keys) }
    } else if let Some(path) = &args.issuer_document {
        let text = files::read(path)?;
        let document = IssuerDocument::parse(text.trim())
            .and_then(|document| {
                let id = args.issuer.unwrap_or_else(|| document.claimed_issuer_id());
                document.verify(&id)
            })
            .map_err(|error| Failure::core(Exit::Local, error))?;
        Issuer { id: document.issuer_id(), signing: Some(document.signing_keys()), evidence: None }
    } else {
        let none = || Failure::new(Exit::Local, "database", "these books are nobody's yet");
        let id = match args.issuer {
            Some(id) => id,
            None => store.issuer().await?.ok_or_else(none)?,
        };
        Issuer { id, signing: None, evidence: None }
    };
    if args.issuer.is_some_and(|expected| expected != issuer.id) {
        let sentence = "the keys are those of another issuer than --issuer";
        return Err(Failure::new(Exit::Usage, "other_issuer", sentence));
    }
    Ok(issuer)
}

fn open_keys(path: &Path, passphrase_file: Option<&Path>) -> Result<FileKeys, Failure> {
    let passphrase = passphrase_file
        .map(|path| {
            let text = Zeroizing::new(files::read(path)?);
            let line = text.lines().next().unwrap_or_default();
            Passphrase::new(line.as_bytes().to_vec())
                .map_err(|error| Failure::core(Exit::Local, error))
        })
        .transpose()?;
    FileKeys::open(path, passphrase, Arc::new(Entropy::system()))
        .map_err(|error| Failure::new(Exit::Local, "key_file", error.to_string()))
}

/// After a clean audit: what the next one compares with.
fn keep(
    args: &Args,
    report: &AuditReport,
    issuer: IssuerId,
    output: Output,
) -> Result<(), Failure> {
    if let Some(path) = &args.state {
        State::of(issuer, &report.tree).write(path)?;
    }
    if let Some(path) = &args.witness {
        match &report.newest {
            Some(newest) => Witness::keep(path, newest)?,
            None if report.signatures.checkpoints => {}
            None => output.note(
                "the witness stays as it is: without --key-file or --issuer-document no checkpoint \
                 can be believed",
            ),
        }
    }
    Ok(())
}
