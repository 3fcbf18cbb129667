//! `wallet witness`

use core::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wallet_core::IssuerId;
use wallet_core::issuer::IssuerDocument;
use wallet_core::proof::{Checkpoint, SignedCheckpoint, TreeHash, verify_consistency};

use super::audit::Witness;
use crate::client::{Client, Request, ServerArgs};
use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Keep the newest checkpoint of a server's journal, if it is the journal of before, grown
///
/// For whoever wants to see that an issuer's books are not changed afterwards, without seeing them:
/// run it from time to time, from another machine. Ends with exit code 1 if the journal is shorter
/// than it was or another one.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet witness witness.txt --server https://pay.example.com")]
pub(crate) struct Args {
    /// The file that holds the checkpoint; it is made if it is not there
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The issuer that must answer, the first time: 64 hexadecimal digits
    #[arg(long, value_name = "ID", value_parser = super::audit::issuer_id)]
    issuer: Option<IssuerId>,
    #[command(flatten)]
    server: ServerArgs,
}

/// What there is to be said.
#[derive(Serialize)]
struct Kept {
    issuer: String,
    /// How many batches the journal had before; none the first time.
    before: Option<u64>,
    size: u64,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.before {
            Some(before) => write!(f, "{before} batches are as they were, now {}", self.size)?,
            None => write!(f, "the first checkpoint: {} batches", self.size)?,
        }
        write!(f, ", of issuer {}", self.issuer)
    }
}

#[derive(Deserialize)]
struct IssuerAnswer {
    document: String,
}

#[derive(Deserialize)]
struct GrowthAnswer {
    hashes: Vec<String>,
}

pub(super) async fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let client = args.server.client(None)?;
    let known = Witness::read(&args.file)?.map(|known| *known.claimed());
    let core = |error| Failure::core(Exit::Unexpected, error);
    let answer = client.send::<IssuerAnswer>(Request::get("/v1/issuer")).await?.value;
    let document = IssuerDocument::parse(&answer.document).map_err(core)?;
    // Whom the file or the command line names, or else whoever answers the first time.
    let expected = known.map(|known| known.issuer).or(args.issuer);
    let issuer = expected.unwrap_or_else(|| document.claimed_issuer_id());
    let keys = document.verify(&issuer).map_err(core)?.signing_keys();
    let mut note = Vec::new();
    client.download(Request::get("/v1/journal/checkpoint"), &mut note).await?;
    let note = String::from_utf8_lossy(&note);
    let newest = SignedCheckpoint::parse(&note)
        .and_then(|note| note.verify(&issuer, &keys))
        .map_err(core)?;
    if let Some(known) = &known {
        let path = path_between(&client, known, newest.checkpoint()).await?;
        verify_consistency(known, newest.checkpoint(), &path).map_err(|error| {
            let sentence = format!(
                "the journal of {} batches is not the one of {} that the witness saw: {error}",
                newest.checkpoint().size,
                known.size
            );
            Failure::new(Exit::Unexpected, "books_wrong", sentence)
                .hint("keep both: the file, and what the server says now")
        })?;
    }
    Witness::keep(&args.file, &newest)?;
    output.show(&Kept {
        issuer: issuer.to_string(),
        before: known.map(|known| known.size),
        size: newest.checkpoint().size,
    })
}

/// The server's proof; none where there is nothing to prove, or no proof can be.
async fn path_between(
    client: &Client,
    older: &Checkpoint,
    newer: &Checkpoint,
) -> Result<Vec<TreeHash>, Failure> {
    if older.size == 0 || older.size >= newer.size {
        return Ok(Vec::new());
    }
    let request = Request::get("/v1/journal/consistency")
        .query("from", Some(older.size))
        .query("to", Some(newer.size));
    let answer = client.send::<GrowthAnswer>(request).await?.value;
    let hash = |digits: &String| {
        base16ct::lower::decode_vec(digits).ok().and_then(|bytes| bytes.try_into().ok())
    };
    let hashes = answer.hashes.iter().map(hash).collect::<Option<Vec<_>>>();
    hashes.ok_or_else(|| {
        Failure::new(Exit::Unexpected, "unexpected_answer", "a hash has 64 hexadecimal digits")
    })
}
