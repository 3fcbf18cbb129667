//! A copy of an SQLite database while a server writes to it.
//!
//! `VACUUM INTO` reads one committed state, as any reader does: nobody waits for it, and it needs
//! none of the server's locks. The copy has a name of its own until it is complete, flushed and
//! checked, so that a file under the final name is always a whole backup.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rusqlite::OptionalExtension as _;

use super::sqlite::{blocking, database_path, open_copy};
use crate::store::StoreError;

/// A backup that was made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backup {
    /// Its size.
    pub bytes: u64,
    /// The number of the newest migration in it.
    pub schema: i64,
    /// The position of the journal's last batch in it; 0 if there is none.
    pub position: i64,
    /// When that batch was committed, Unix milliseconds; none if there is none.
    pub committed_at: Option<i64>,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// PostgreSQL brings better tools of its own.
    #[error(
        "PostgreSQL is backed up with its own tools: pg_dump, or pg_basebackup with an archive of \
         the log"
    )]
    NotSqlite,
    /// A backup never takes another file's place.
    #[error("{0}: there is a file already")]
    Exists(PathBuf),
    /// A file can't be read or written.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The database says no.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The copy is not what a database should be. It has been deleted.
    #[error("the copy is damaged, and so may be the original: {0}")]
    Damaged(String),
}

impl From<rusqlite::Error> for BackupError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Copies the books in `sqlite:FILE` into a new file, whether a server runs on them or not.
///
/// When it returns, the copy is on the disk, whole, and passes SQLite's check of its structure.
///
/// # Errors
/// [`BackupError`]; there is no file at `to` then, unless there was one before.
pub async fn backup(url: &str, to: &Path) -> Result<Backup, BackupError> {
    let from = database_path(url).ok_or(BackupError::NotSqlite)??;
    let to = to.to_owned();
    blocking(move || make(&from, &to)).await
}

fn make(from: &Path, to: &Path) -> Result<Backup, BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let made = copy(from, &part, to);
    if made.is_err() && !matches!(made, Err(BackupError::Exists(_))) {
        // What is there of it is no backup. If it cannot be removed, its name says so.
        drop(std::fs::remove_file(&part));
    }
    made
}

fn copy(from: &Path, part: &Path, to: &Path) -> Result<Backup, BackupError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| BackupError::File(path, error)
    };
    // An empty file, which SQLite fills, so that nobody else can read it at any time.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part);
    let file = file.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(part.to_owned()),
        _ => BackupError::File(part.to_owned(), error),
    })?;
    let books = open_copy(from)?;
    let name = part.to_str().ok_or_else(|| {
        BackupError::File(part.to_owned(), io::Error::other("the name is not Unicode"))
    })?;
    books.execute("vacuum into ?1", [name])?;
    drop(books);
    file.sync_all().map_err(at(part))?;
    let backup = check(part)?;
    // A link does not take the place of a file that has appeared meanwhile.
    std::fs::hard_link(part, to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => BackupError::File(to.to_owned(), error),
    })?;
    std::fs::remove_file(part).map_err(at(part))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(at(folder))?;
    Ok(backup)
}

/// Reads the whole copy, and says what is in it.
fn check(copy: &Path) -> Result<Backup, BackupError> {
    let books = open_copy(copy)?;
    let found: Vec<String> = books
        .prepare("pragma integrity_check")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if found != ["ok"] {
        return Err(BackupError::Damaged(found.join("; ")));
    }
    let schema = "select coalesce(max(version), 0) from _sqlx_migrations where success";
    let schema = books.query_row(schema, [], |row| row.get(0))?;
    let end = "select j.position, b.committed_at from journal j join batches b on b.id = j.batch \
               order by j.position desc limit 1";
    let end = books.query_row(end, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (position, committed_at) = end.map_or((0, None), |(position, at)| (position, Some(at)));
    let bytes =
        std::fs::metadata(copy).map_err(|error| BackupError::File(copy.to_owned(), error))?.len();
    Ok(Backup { bytes, schema, position, committed_at })
}
