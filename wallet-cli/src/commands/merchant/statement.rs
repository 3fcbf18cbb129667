//! `wallet merchant statement`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::client::models::StatementTotals;
use crate::client::{Client, Request};
use crate::commands::{Done, ids};
use crate::failure::{Exit, Failure};
use crate::output::Output;

use super::MerchantArgs;

/// Show what a day comes to, or every movement of it as CSV
///
/// Days are those of the issuer's time zone. A day's statement can be read a minute after its end,
/// and never changes.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant statement 2026-11-22                           what it comes to
  wallet merchant statement 2026-11-22 --csv                     every movement
  wallet merchant statement 2026-11-22 --csv --file november-22.csv")]
pub(crate) struct Args {
    /// The day
    #[arg(value_name = "DATE", value_parser = ids::date)]
    date: String,
    /// The movements, as CSV, instead of what they come to
    #[arg(long)]
    csv: bool,
    /// Into this file [default: standard output]
    #[arg(long, value_name = "FILE", requires = "csv")]
    file: Option<PathBuf>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let client = args.merchant.client()?;
    let path = format!("/v1/statements/{}", args.date);
    let totals = client.send::<StatementTotals>(Request::get(format!("{path}/totals"))).await?;
    if !args.csv {
        return output.show(&totals);
    }
    let sha256 = &totals.value.csv.sha256;
    match args.file {
        Some(file) => {
            save(&client, &path, sha256, &file).await?;
            let (rows, file) = (totals.value.csv.rows, file.display());
            output.show(&Done::new(format!("{rows} movements in {file}")))
        }
        None => download(&client, &path, sha256, &mut io::stdout()).await,
    }
}

/// Writes beside the file and then into its place: what broke off leaves nothing.
async fn save(client: &Client, path: &str, sha256: &str, to: &Path) -> Result<(), Failure> {
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))
        .map_err(|error| Failure::file(to, &error))?;
    download(client, path, sha256, &mut file).await?;
    file.persist(to).map_err(|error| Failure::file(to, &error.error))?;
    Ok(())
}

/// Writes the CSV, which must be the one that the totals are about.
async fn download(
    client: &Client,
    path: &str,
    sha256: &str,
    to: &mut impl Write,
) -> Result<(), Failure> {
    let mut hashing = Hashing { to: &mut *to, digest: Sha256::new() };
    client.download(Request::get(path).accept("text/csv"), &mut hashing).await?;
    let digest = base16ct::lower::encode_string(&hashing.digest.finalize());
    to.flush().map_err(|error| Failure::new(Exit::Local, "output", error.to_string()))?;
    if digest == sha256 {
        return Ok(());
    }
    let sentence = "the CSV is not the one that the totals are about";
    Err(Failure::new(Exit::Unexpected, "statement_altered", sentence))
}

/// Computes the digest of what is written.
struct Hashing<'a, W> {
    to: &'a mut W,
    digest: Sha256,
}

impl<W: Write> Write for Hashing<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
