//! `wallet backup`

use core::fmt;
use std::path::PathBuf;

use serde::Serialize;
use wallet_core::Timestamp;
use wallet_server::store::{Backup, BackupError, backup};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::times;

/// Copy the books of an SQLite database into a new file, while the server runs
///
/// The copy holds one committed state; it is on the disk and its structure was checked when this
/// ends. Nobody waits for it. It holds no keys: keep a copy of the key file too, in another place.
/// PostgreSQL is backed up with its own tools.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet backup --to backups/monday.sqlite
  wallet backup --database sqlite:/var/lib/wallet/wallet.sqlite --to /mnt/backup/monday.sqlite")]
pub(crate) struct Args {
    /// Where the books are: sqlite:FILE
    #[arg(long, value_name = "DATABASE", default_value = "sqlite:wallet.sqlite")]
    database: String,
    /// The file to make; there must be none yet
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// What was copied.
#[derive(Serialize)]
struct Copied {
    file: String,
    bytes: u64,
    schema: i64,
    journal_position: i64,
    last_commit: Option<String>,
}

impl fmt::Display for Copied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, bytes, schema, journal_position, .. } = self;
        write!(f, "{file}: {bytes} bytes, schema {schema}, journal up to {journal_position}")?;
        match &self.last_commit {
            Some(time) => write!(f, " ({time})"),
            None => Ok(()),
        }
    }
}

/// Makes a backup.
pub(crate) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let made = backup(&args.database, &args.to).await.map_err(|error| failure(&error))?;
    let Backup { bytes, schema, position, committed_at } = made;
    output.note("The key file is not in it. Without it nobody can open codes or read names.");
    output.show(&Copied {
        file: args.to.display().to_string(),
        bytes,
        schema,
        journal_position: position,
        last_commit: committed_at.map(|at| times::format(Timestamp::from_unix_millis(at))),
    })
}

fn failure(error: &BackupError) -> Failure {
    let (exit, code) = match error {
        BackupError::NotSqlite => (Exit::Usage, "not_sqlite"),
        BackupError::Exists(_) => (Exit::Local, "file_exists"),
        BackupError::File(..) => (Exit::Local, "file"),
        BackupError::Store(_) => (Exit::Local, "database"),
        BackupError::Damaged(_) => (Exit::Unexpected, "backup_damaged"),
    };
    Failure::new(exit, code, error.to_string())
}
