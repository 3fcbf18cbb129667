//! `wallet export`

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use wallet_server::service::books_export::{ExportError, ExportFormat, export_books};
use wallet_server::store::Store;

use crate::failure::{Exit, Failure};
use crate::output::Output;

/// Write the journal for other programs: for hledger, which checks the books by itself, or as CSV
///
/// Opens the database to read it, whether a server runs or not. There are no names in it: accounts
/// are called by what they are and by their ids.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The hledger file ends with what the books say that each account holds, so hledger compares it with
the sum of all entries.

Examples:
  wallet export --format hledger --out books.journal && hledger -f books.journal check --strict
  wallet export --database postgres://auditor@db.example.com/wallet --format csv > entries.csv")]
pub(crate) struct Args {
    /// The books: sqlite:FILE or postgres://…
    #[arg(long, value_name = "DATABASE", default_value = "sqlite:wallet.sqlite")]
    database: String,
    /// How to write it
    #[arg(long, value_enum)]
    format: Format,
    /// Where to; standard output if nothing is said
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How to write it.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A journal with balance assertions
    Hledger,
    /// A line for each entry
    Csv,
}

pub(super) async fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let store = Store::open_to_read(&args.database).await?;
    let format = match args.format {
        Format::Hledger => ExportFormat::Hledger,
        Format::Csv => ExportFormat::Csv,
    };
    let written = if let Some(path) = &args.out {
        to_file(&store, format, path).await
    } else {
        let mut stdout = BufWriter::new(io::stdout());
        export_books(&store, format, &mut stdout)
            .await
            .map_err(|error| failure(Path::new("standard output"), error))
    };
    store.close().await;
    output.note(format!("{} batches", written?));
    Ok(())
}

/// A file that is there in full, or not at all.
async fn to_file(store: &Store, format: ExportFormat, path: &Path) -> Result<u64, Failure> {
    let failed = |error: io::Error| Failure::file(path, &error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))
        .map_err(failed)?;
    let mut file = BufWriter::new(file);
    let end = export_books(store, format, &mut file).await.map_err(|error| failure(path, error))?;
    file.flush().map_err(failed)?;
    let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(end)
}

fn failure(path: &Path, error: ExportError) -> Failure {
    match error {
        ExportError::Store(error) => error.into(),
        ExportError::Io(error) => {
            Failure::new(Exit::Local, "file", format!("{}: {error}", path.display()))
        }
    }
}
