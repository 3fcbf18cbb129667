//! `wallet operator keys`

use core::fmt;
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::json;
use wallet_core::keyfile::Cost;
use wallet_server::entropy::Entropy;

use crate::client::models::Issuer;
use crate::client::{OperatorArgs, Request};
use crate::commands::key_files;
use crate::failure::Failure;
use crate::output::Output;

/// List, rotate and hand out the issuer's keys
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    List(ListArgs),
    Rotate(RotateArgs),
    Evidence(EvidenceArgs),
}

/// List the public halves of the issuer's keys
#[derive(clap::Args, Debug)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Make a new key and use it from now on; the old ones stay valid until they retire
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator keys rotate sealing")]
pub(crate) struct RotateArgs {
    /// Which kind
    #[arg(value_enum)]
    kind: Kind,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// Copy the key that opens evidence into a file of its own, for an auditor
///
/// Reads the key file where it lies, without a server. With the new file `wallet audit` verifies that
/// payers signed for their payments; it signs nothing, opens no code and reads no name. It never
/// rotates: one file opens what was kept before and what will be.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator keys evidence --key-file issuer.key --out evidence.key
  wallet audit --evidence-key evidence.key --issuer-document document.txt")]
pub(crate) struct EvidenceArgs {
    /// The issuer's key file
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// A file whose first line is the passphrase of the key file
    #[arg(long, value_name = "FILE")]
    key_passphrase_file: Option<PathBuf>,
    /// The file to make; there must be none yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A file whose first line is the passphrase that the new file will have
    #[arg(long, value_name = "FILE")]
    out_passphrase_file: Option<PathBuf>,
}

/// What was made.
#[derive(Serialize)]
struct Exported {
    file: String,
    issuer: String,
    encrypted: bool,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protected = if self.encrypted { "encrypted" } else { "not encrypted" };
        write!(f, "{}: opens the evidence of issuer {}, {protected}", self.file, self.issuer)
    }
}

fn export_evidence(args: &EvidenceArgs) -> Result<Exported, Failure> {
    let keys = key_files::issuer_keys(&args.key_file, args.key_passphrase_file.as_deref())?;
    let passphrase = args.out_passphrase_file.as_deref().map(key_files::passphrase).transpose()?;
    let key = keys.evidence_key();
    key.write_new(&args.out, passphrase.as_ref(), Cost::DEFAULT, &Entropy::system())
        .map_err(|error| key_files::failure(&error))?;
    Ok(Exported {
        file: args.out.display().to_string(),
        issuer: key.issuer_id().to_string(),
        encrypted: passphrase.is_some(),
    })
}

/// What a key is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// Opens payment codes
    Sealing,
    /// Signs receipts
    Signing,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sealing => "sealing",
            Self::Signing => "signing",
        }
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::List(args) => {
            let request = Request::get("/v1/operator/keys");
            output.show(&args.operator.client()?.send::<Issuer>(request).await?)
        }
        Command::Rotate(args) => {
            let body = json!({"kind": args.kind.as_str()});
            let request = Request::post("/v1/operator/keys/rotate", body);
            output.show(&args.operator.client()?.send::<Issuer>(request).await?)
        }
        Command::Evidence(args) => output.show(&export_evidence(&args)?),
    }
}
