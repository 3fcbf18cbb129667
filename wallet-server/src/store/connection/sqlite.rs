//! SQLite: one file, one process, one writing transaction at a time.

use std::fs::{OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{
    Arguments as _, AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Sqlite,
    SqliteConnection,
};
use tokio::sync::Notify;

use super::changes::Change;
use crate::private_file;
use crate::store::StoreError;

/// How many reads may run at once; more would only queue for two cores.
const READERS_MAX: u32 = 4;
/// How long a statement waits for a lock that an auditor or a backup holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The writer's own memory for pages, in KiB with a minus sign: 32 MiB at most, in which the largest
/// batch has room. With SQLite's default of 2 MiB a batch of some hundred payments does not fit, and
/// its pages go to the disk and back before the commit: that took twice as long. More does harm: a
/// commit after a page was split with its neighbours looks through all pages that are in memory (their
/// order is restored by way of a page number beyond the end, so SQLite believes that the file shrank),
/// which with 128 MiB took an eighth of the writer's time.
const WRITER_CACHE: &str = "-32768";
/// An auditor's, for pages and as much again for what is sorted: 8 MiB. Questions about everything sort
/// everything, and look rows up all over the tables. With 32 MiB the audit of a million payments took
/// 198 MB in all.
const AUDITOR_CACHE: &str = "-8192";
/// After how many pages in the log they are moved to the database: 16 MiB. A page that many
/// payments touch is moved once for all of them; with four times as many, the payments that wait
/// for the moving wait for 30 ms instead of 20, and not one more is settled.
const CHECKPOINT_PAGES: &str = "4096";
/// From how many pages in the log on a part of them is moved beside the writer, so that the writer
/// has little left to move at [`CHECKPOINT_PAGES`]: payments wait for what it moves.
const CHECKPOINT_BESIDE_PAGES: i64 = 3072;
/// How many pages are worth moving beside the writer.
const CHECKPOINT_BESIDE_PAGES_MIN: i64 = 512;
/// From how many pages in the log on the writer stops until they are moved: 64 MiB. On books that are
/// much larger than the memory a full server writes more to the log than is moved beside it, and a
/// log without a bound (2 GB were seen) slows everybody down and takes long to read after a crash.
const CHECKPOINT_WAITING_PAGES: i64 = 16_384;
/// To how many bytes the file of the log is cut when the log begins anew.
const LOG_FILE_MAX: &str = "67108864";
/// Releases before this one can corrupt a database in WAL mode.
const SQLITE_VERSION_MIN: [u32; 3] = [3, 51, 3];

/// A database in a file.
#[derive(Debug)]
pub(super) struct File {
    writer: SqlitePool,
    readers: SqlitePool,
    /// For moving pages from the log to the database, beside the writer.
    mover: SqlitePool,
    /// Told of each commit.
    committed: Arc<Notify>,
    // Held for as long as the file is open: a second server on it must not start.
    lock: Option<std::fs::File>,
}

impl File {
    /// Opens the file, makes it if there is none, and brings its schema up to date.
    pub(super) async fn open(path: PathBuf) -> Result<Self, StoreError> {
        private(&path)?;
        // The lock is on the file, whatever links lead to it.
        let path = path.canonicalize().map_err(|error| StoreError::Open(error.to_string()))?;
        let lock = lock_beside(&path)?;
        close_to_others(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writing = options
            .clone()
            // Without recursive triggers, REPLACE would get past the ones that refuse to delete.
            .pragma("recursive_triggers", "on")
            .pragma("cache_size", WRITER_CACHE)
            // What a statement may have to undo. It is gone after a crash in any case.
            .pragma("temp_store", "memory")
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", LOG_FILE_MAX);
        let committed = Arc::new(Notify::new());
        let tell = Arc::clone(&committed);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            // After a full disk or an I/O error SQLite has rolled back by itself, but the
            // connection still believes that a transaction is open: it is replaced.
            .before_acquire(|connection, _| {
                Box::pin(async move { Ok(!connection.is_in_transaction()) })
            })
            .after_connect(move |connection, _| {
                let tell = Arc::clone(&tell);
                Box::pin(async move {
                    connection.lock_handle().await?.set_commit_hook(move || {
                        tell.notify_one();
                        true
                    });
                    Ok(())
                })
            })
            .connect_with(writing)
            .await?;
        check_version(&writer).await?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await?;
        let mover = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .connect_lazy_with(options.clone());
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            // The file does not go away as a network does, and asking costs as much as a read.
            .test_before_acquire(false)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok(Self { writer, readers, mover, committed, lock: Some(lock) })
    }

    /// Opens a file that is there, beside whoever writes it. Nothing can be written through it.
    pub(super) async fn open_to_read(path: &str) -> Result<Self, StoreError> {
        if path.is_empty() || path.contains([':', '?']) || !Path::new(path).is_file() {
            return Err(StoreError::Open(format!("there is no file {path}")));
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT)
            .pragma("query_only", "on")
            .pragma("cache_size", AUDITOR_CACHE);
        let readers = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .connect_with(options)
            .await?;
        check_version(&readers).await?;
        let found = sqlx::query_scalar(super::SCHEMA).fetch_one(&readers).await;
        let found = found.map_err(|error| StoreError::Open(format!("no books: {error}")))?;
        super::check_schema(found, &sqlx::migrate!("migrations/sqlite"))?;
        // What begins to write is refused by SQLite.
        let (writer, mover) = (readers.clone(), readers.clone());
        Ok(Self { writer, readers, mover, committed: Arc::default(), lock: None })
    }

    pub(super) async fn read(
        &self,
        text: &'static str,
        rows: String,
    ) -> Result<String, StoreError> {
        let mut connection = self.readers.acquire().await?;
        read(&mut connection, text, rows).await
    }

    pub(super) async fn begin(&self) -> Result<sqlx::Transaction<'static, Sqlite>, StoreError> {
        // A plain BEGIN takes the write lock at the first write, when it is too late to wait.
        Ok(self.writer.begin_with("begin immediate").await?)
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Waits until something has been committed since this was last asked.
    pub(super) async fn committed(&self) {
        self.committed.notified().await;
    }

    /// Moves pages from the log to the database if it has become long, beside the writer; if that did
    /// not suffice, in the writer's place. It waits for nobody who reads an old state: what they may
    /// still need is moved another time.
    pub(super) async fn shorten_log(&self) -> Result<(), StoreError> {
        let (pages, moved) = self.log().await?;
        if pages - moved < CHECKPOINT_BESIDE_PAGES_MIN {
            return Ok(());
        }
        let question = "pragma wal_checkpoint(passive)";
        if pages >= CHECKPOINT_WAITING_PAGES {
            // Between two transactions. Once all is moved, the next one begins the log anew.
            let mut writer = self.writer.acquire().await?;
            sqlx::query(question).execute(&mut *writer).await?;
        } else if pages >= CHECKPOINT_BESIDE_PAGES {
            sqlx::query(question).execute(&self.mover).await?;
        }
        Ok(())
    }

    /// How many pages are in the log, and how many of them have been moved.
    pub(super) async fn log(&self) -> Result<(i64, i64), StoreError> {
        let question = "pragma wal_checkpoint(noop)";
        let (_, pages, moved): (i64, i64, i64) =
            sqlx::query_as(question).fetch_one(&self.mover).await?;
        Ok((pages, moved))
    }

    pub(super) async fn close(&self) {
        self.mover.close().await;
        self.readers.close().await;
        self.writer.close().await;
        // Whoever still holds this can do nothing with it; the next server need not wait for them.
        drop(self.lock.as_ref().map(std::fs::File::unlock));
    }

    #[cfg(test)]
    pub(super) async fn prepare(&self, text: &'static str) -> Result<(), StoreError> {
        use sqlx::{Executor, SqlSafeStr};
        let mut connection = self.readers.acquire().await?;
        connection.prepare(text.into_sql_str()).await?;
        Ok(())
    }

    #[cfg(test)]
    pub(super) async fn explain(&self, text: &'static str) -> Result<Vec<String>, StoreError> {
        use sqlx::Row as _;
        let text = AssertSqlSafe(format!("explain query plan {text}"));
        let rows = sqlx::query(text).bind("[]").fetch_all(&self.readers).await?;
        Ok(rows.iter().map(|row| row.get("detail")).collect())
    }

    #[cfg(test)]
    pub(super) async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let pragma = sqlx::AssertSqlSafe(format!("pragma max_page_count = {pages}"));
        sqlx::query(pragma).execute(&self.writer).await?;
        Ok(())
    }
}

/// The file that `sqlite:FILE` names; none if the URL is another database's.
pub(super) fn database_path(url: &str) -> Option<Result<PathBuf, StoreError>> {
    let path = url.strip_prefix("sqlite:")?;
    Some(file_name(path.strip_prefix("//").unwrap_or(path)))
}

/// The issuer whose books are in the file; none if there is no file, or nothing in it.
pub(super) async fn issuer(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut books = options.busy_timeout(BUSY_TIMEOUT).connect().await?;
    let table = "select count(*) from sqlite_schema where type = 'table' and name = 'issuer'";
    let tables: i64 = sqlx::query_scalar(table).fetch_one(&mut books).await?;
    let issuer = match tables {
        0 => None,
        _ => sqlx::query_scalar(super::ISSUER).fetch_optional(&mut books).await?,
    };
    books.close().await?;
    Ok(issuer)
}

fn file_name(path: &str) -> Result<PathBuf, StoreError> {
    if path.is_empty() || path.contains([':', '?']) {
        let message = "sqlite:FILE takes the name of a file, without options";
        return Err(StoreError::Open(message.to_owned()));
    }
    Ok(PathBuf::from(path))
}

pub(super) async fn read(
    connection: &mut SqliteConnection,
    text: &'static str,
    rows: String,
) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar(text).bind(rows).fetch_one(connection).await?)
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    text: &'static str,
    rows: String,
) -> Result<u64, StoreError> {
    let result = sqlx::query(text).bind(rows).execute(connection).await?;
    Ok(result.rows_affected())
}

/// Asks several questions in one text.
pub(super) async fn read_all<const N: usize>(
    connection: &mut SqliteConnection,
    questions: [(&'static str, String); N],
) -> Result<[String; N], StoreError> {
    let text = one_text(questions.iter().map(|question| question.0));
    let mut query = sqlx::query_scalar(AssertSqlSafe(text));
    for (_, json) in questions {
        query = query.bind(json);
    }
    let answers: Vec<String> = query.fetch_all(connection).await?;
    answers.try_into().map_err(|_| StoreError::Corrupt("the number of answers"))
}

/// Makes several changes in one text.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    changes: Vec<Change>,
) -> Result<(), StoreError> {
    let text = one_text(changes.iter().map(|change| change.sql.sqlite));
    let mut arguments = SqliteArguments::default();
    let mut checks = Vec::with_capacity(changes.len());
    for mut change in changes {
        arguments.add(std::mem::take(&mut change.json)).map_err(sqlx::Error::Encode)?;
        checks.push(change);
    }
    let mut results = connection.fetch_many(sqlx::query_with(AssertSqlSafe(text), arguments));
    let mut checks = checks.into_iter();
    while let Some(step) = results.try_next().await? {
        if let Some(result) = step.left() {
            let check = checks.next().ok_or(StoreError::Corrupt("the number of results"))?;
            check.check(result.rows_affected())?;
        }
    }
    match checks.next() {
        None => Ok(()),
        Some(_) => Err(StoreError::Corrupt("the number of results")),
    }
}

/// Several statements as one text, of which each has a parameter of its own. The same statements
/// always give the same text, so that it is prepared once.
fn one_text<'a>(statements: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for (number, statement) in statements.enumerate() {
        text.push_str(&statement.replace("$1", &format!("${}", number + 1)));
        text.push_str(";\n");
    }
    text
}

/// Locks `PATH.lock`, so that a second server on the same file refuses to start.
///
/// Not SQLite's own exclusive mode, which would lock out audit and backup as well.
fn lock_beside(path: &Path) -> Result<std::fs::File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let open = |error: std::io::Error| {
        StoreError::Open(format!("{}: {error}", Path::new(&name).display()))
    };
    let file =
        OpenOptions::new().create(true).write(true).truncate(false).open(&name).map_err(open)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::Open(format!("another server uses {}", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(open(error)),
    }
}

/// Makes the file, if there is none, so that only the server's own user can read the books. SQLite
/// gives the files beside the database the same mode.
fn private(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| StoreError::Open(format!("{}: {error}", path.display())))
}

/// Takes the books from others' eyes where they were put back or moved with another mode: a copy that
/// anybody can read is no reason not to start, and no reason to leave it so.
fn close_to_others(path: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let file = Path::new(&name);
        let closed = private_file::close_to_others(file).map_err(|error| {
            let file = file.display();
            StoreError::Open(format!("{file}: others can open it; run: chmod 600 {file} ({error})"))
        })?;
        if closed {
            tracing::warn!(file = %file.display(), "others could open this file of the books");
        }
    }
    Ok(())
}

async fn check_version(pool: &SqlitePool) -> Result<(), StoreError> {
    let version: String = sqlx::query_scalar("select sqlite_version()").fetch_one(pool).await?;
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if numbers.as_slice() < SQLITE_VERSION_MIN.as_slice() {
        return Err(StoreError::Open(format!(
            "SQLite {version} can corrupt databases in WAL mode; 3.51.3 is needed"
        )));
    }
    Ok(())
}
