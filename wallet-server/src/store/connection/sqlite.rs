//! SQLite: one file, one process, one writing transaction at a time.

mod found;
mod schema;
mod thread;

use std::fs::{OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use self::thread::{Lent, Pool};
use super::changes::{Change, Input};
use crate::private_file;
use crate::store::StoreError;
use crate::store::error::DatabaseError;
use crate::store::row::rows_from_json;
use crate::store::sql::Sql;

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
const WRITER_CACHE: i32 = -32_768;
/// An auditor's, for pages and as much again for what is sorted: 8 MiB. Questions about everything sort
/// everything, and look rows up all over the tables. With 32 MiB the audit of a million payments took
/// 198 MB in all.
const AUDITOR_CACHE: i32 = -8192;
/// After how many pages in the log they are moved to the database: 16 MiB. A page that many
/// payments touch is moved once for all of them; with four times as many, the payments that wait
/// for the moving wait for 30 ms instead of 20, and not one more is settled.
const CHECKPOINT_PAGES: i64 = 4096;
/// From how many pages in the log on a part of them is moved and flushed beside the writer, so that the
/// writer has little left to move and to flush at [`CHECKPOINT_PAGES`]: payments wait for that. With
/// three quarters of them instead of one, the flushing is still under way by then.
const CHECKPOINT_BESIDE_PAGES: i64 = 1024;
/// How many pages are worth moving beside the writer.
const CHECKPOINT_BESIDE_PAGES_MIN: i64 = 512;
/// From how many pages in the log on the writer stops until they are moved: 64 MiB. On books that are
/// much larger than the memory a full server writes more to the log than is moved beside it, and a
/// log without a bound (2 GB were seen) slows everybody down and takes long to read after a crash.
const CHECKPOINT_WAITING_PAGES: i64 = 16_384;
/// To how many bytes the file of the log is cut when the log begins anew.
const LOG_FILE_MAX: i64 = 64 << 20;
/// How many statements a connection keeps as they are compiled: all that there are, more or less.
const STATEMENTS_MAX: usize = 512;
/// Releases before this one can corrupt a database in WAL mode.
const SQLITE_VERSION_MIN: [u32; 3] = [3, 51, 3];

/// A database in a file.
#[derive(Debug)]
pub(super) struct File {
    writer: Pool,
    readers: Pool,
    /// For moving pages from the log to the database, beside the writer.
    mover: Pool,
    /// Told of each commit.
    committed: Arc<Notify>,
    /// The database's own file, to flush what was moved to it; none if nothing is. It is closed after the
    /// connections: to close it before would end their locks on it, which are the process's.
    data: Option<Arc<std::fs::File>>,
    // Held for as long as the file is open: a second server on it must not start.
    lock: Option<std::fs::File>,
}

impl File {
    /// Opens the file, makes it if there is none, and brings its schema up to date.
    pub(super) async fn open(path: PathBuf) -> Result<Self, StoreError> {
        let data = Some(Arc::new(private(&path)?));
        // The lock is on the file, whatever links lead to it.
        let path = path.canonicalize().map_err(|error| StoreError::Open(error.to_string()))?;
        let lock = lock_beside(&path)?;
        close_to_others(&path)?;
        let pool = |name, size, settings: String| {
            let path = path.clone();
            Pool::new(name, size, move || open(&path, READ_AND_WRITE, &settings))
        };
        let usual =
            "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on;";
        let writing = format!(
            // Without recursive triggers, REPLACE would get past the ones that refuse to delete. What
            // a statement may have to undo is kept in memory: it is gone after a crash in any case.
            "{usual} pragma recursive_triggers = on; pragma temp_store = memory; \
             pragma cache_size = {WRITER_CACHE}; pragma wal_autocheckpoint = {CHECKPOINT_PAGES}; \
             pragma journal_size_limit = {LOG_FILE_MAX};"
        );
        let writer = pool("sqlite-writer", 1, writing);
        let prepare = |connection: &mut Connection| {
            check_version(connection)?;
            schema::migrate(connection, &sqlx::migrate!("migrations/sqlite"))
        };
        writer.run(prepare).await??;
        let mover = pool("sqlite-mover", 1, usual.to_owned());
        let readers =
            pool("sqlite-reader", READERS_MAX, format!("{usual} pragma query_only = on;"));
        Ok(Self { writer, readers, mover, committed: Arc::default(), data, lock: Some(lock) })
    }

    /// Opens a file that is there, beside whoever writes it. Nothing can be written through it.
    pub(super) async fn open_to_read(path: &str) -> Result<Self, StoreError> {
        if path.is_empty() || path.contains([':', '?']) || !Path::new(path).is_file() {
            return Err(StoreError::Open(format!("there is no file {path}")));
        }
        let path = PathBuf::from(path);
        let settings = format!("pragma query_only = on; pragma cache_size = {AUDITOR_CACHE};");
        let readers = Pool::new("sqlite-auditor", 1, move || open(&path, READ_ONLY, &settings));
        let found = |connection: &mut Connection| {
            check_version(connection)?;
            let found = connection.query_row(super::SCHEMA, [], |row| row.get(0));
            found.map_err(|error| StoreError::Open(format!("no books: {error}")))
        };
        let found = readers.run(found).await??;
        super::check_schema(found, &sqlx::migrate!("migrations/sqlite"))?;
        // What begins to write is refused by SQLite.
        let (writer, mover) = (readers.clone(), readers.clone());
        Ok(Self { writer, readers, mover, committed: Arc::default(), data: None, lock: None })
    }

    pub(super) async fn read<Row: DeserializeOwned + Send + 'static>(
        &self,
        sql: Sql,
        input: Input,
    ) -> Result<Vec<Row>, StoreError> {
        self.readers.run(move |connection| read(connection, &sql, &input)).await?
    }

    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        let lent = self.writer.lend().await?;
        lent.run(|connection| {
            undo(connection)?;
            // A plain BEGIN takes the write lock at the first write, when it is too late to wait.
            Ok::<_, StoreError>(connection.execute_batch("begin immediate")?)
        })
        .await??;
        Ok(Transaction { lent, open: true, committed: Arc::clone(&self.committed) })
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.readers.run(|connection| connection.execute_batch("select 1")).await??;
        Ok(())
    }

    /// Waits until something has been committed since this was last asked.
    pub(super) async fn committed(&self) {
        self.committed.notified().await;
    }

    /// Moves pages from the log to the database if it has become long, and flushes them, beside the
    /// writer; if that did not suffice, in the writer's place. It waits for nobody who reads an old
    /// state: what they may still need is moved another time.
    ///
    /// SQLite flushes the database only when all of the log has been moved. While payments come in, that
    /// is when the writer has moved the rest: it would wait there for all that was moved here.
    pub(super) async fn shorten_log(&self) -> Result<(), StoreError> {
        let (pages, moved) = self.log().await?;
        if pages - moved < CHECKPOINT_BESIDE_PAGES_MIN {
            return Ok(());
        }
        let moving = |connection: &mut Connection| {
            connection.query_row("pragma wal_checkpoint(passive)", [], |_| Ok(()))
        };
        if pages >= CHECKPOINT_WAITING_PAGES {
            // Between two transactions. Once all is moved, the next one begins the log anew.
            self.writer.run(moving).await??;
        } else if pages >= CHECKPOINT_BESIDE_PAGES {
            let data = self.data.clone();
            let moving_and_flushing = move |connection: &mut Connection| {
                moving(connection)?;
                data.map_or(Ok(()), |data| data.sync_data()).map_err(StoreError::Flush)
            };
            self.mover.run(moving_and_flushing).await??;
        }
        Ok(())
    }

    /// How many pages are in the log, and how many of them have been moved.
    pub(super) async fn log(&self) -> Result<(i64, i64), StoreError> {
        let looking = |connection: &mut Connection| {
            let question = "pragma wal_checkpoint(noop)";
            connection.query_row(question, [], |row| Ok((row.get(1)?, row.get(2)?)))
        };
        Ok(self.mover.run(looking).await??)
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
        Ok(self.readers.run(move |connection| connection.prepare(text).map(drop)).await??)
    }

    #[cfg(test)]
    pub(super) async fn explain(&self, text: &'static str) -> Result<Vec<String>, StoreError> {
        let explain = move |connection: &mut Connection| {
            let mut statement = connection.prepare(&format!("explain query plan {text}"))?;
            // Parameters that are not given are null.
            let rows = statement.raw_query();
            rows.mapped(|row| row.get("detail")).collect::<Result<_, _>>()
        };
        Ok(self.readers.run(explain).await??)
    }

    #[cfg(test)]
    pub(super) async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let limit = move |connection: &mut Connection| {
            connection.execute_batch(&format!("pragma max_page_count = {pages}"))
        };
        Ok(self.writer.run(limit).await??)
    }
}

/// The writing transaction; rolled back when dropped.
#[derive(Debug)]
pub(crate) struct Transaction {
    lent: Lent,
    /// Whether it may still have to be undone.
    open: bool,
    committed: Arc<Notify>,
}

impl Transaction {
    pub(super) async fn read<Row: DeserializeOwned + Send + 'static>(
        &mut self,
        sql: Sql,
        input: Input,
    ) -> Result<Vec<Row>, StoreError> {
        self.lent.run(move |connection| read(connection, &sql, &input)).await?
    }

    /// Asks two questions at once.
    pub(super) async fn read_both<A, B>(
        &mut self,
        (first, first_input): (Sql, Input),
        (second, second_input): (Sql, Input),
    ) -> Result<(Vec<A>, Vec<B>), StoreError>
    where
        A: DeserializeOwned + Send + 'static,
        B: DeserializeOwned + Send + 'static,
    {
        let both = move |connection: &mut Connection| {
            let answer = read(connection, &first, &first_input)?;
            Ok((answer, read(connection, &second, &second_input)?))
        };
        self.lent.run(both).await?
    }

    pub(super) async fn write(&mut self, sql: Sql, input: Input) -> Result<u64, StoreError> {
        self.lent.run(move |connection| write(connection, &sql, &input)).await?
    }

    pub(super) async fn roll_back(mut self) -> Result<(), StoreError> {
        self.lent.run(undo).await??;
        self.open = false;
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        self.commit_with(Vec::new()).await
    }

    /// Makes several changes, and commits, without asking the thread twice.
    pub(super) async fn commit_with(mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let committed = Arc::clone(&self.committed);
        let commit = move |connection: &mut Connection| {
            apply(connection, &changes)?;
            let commit = connection.execute_batch("commit");
            commit.map_err(|error| StoreError::Commit(error.into()))?;
            // Told also where nobody waits any more for this commit.
            committed.notify_one();
            Ok(())
        };
        match self.lent.run(commit).await {
            Ok(outcome) => {
                self.open = outcome.is_err();
                outcome
            }
            // The thread ended in the middle of it.
            Err(StoreError::Database(error)) => Err(StoreError::Commit(error)),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.open {
            // If it fails, whoever begins the next one tries again and hears why.
            self.lent.begin(|connection| drop(undo(connection)));
        }
    }
}

/// Undoes what a transaction did, unless it has come to its end. After a full disk or an I/O error
/// SQLite has done so by itself.
fn undo(connection: &mut Connection) -> Result<(), StoreError> {
    if !connection.is_autocommit() {
        connection.execute_batch("rollback")?;
    }
    Ok(())
}

fn read<Row: DeserializeOwned>(
    connection: &mut Connection,
    sql: &Sql,
    input: &Input,
) -> Result<Vec<Row>, StoreError> {
    tracing::trace!(statement = sql.sqlite, "asks");
    match input {
        Input::Json(json) => {
            let mut statement = connection.prepare_cached(sql.sqlite)?;
            let answer = |row: &rusqlite::Row<'_>| {
                let json = row.get_ref(0)?.as_str()?;
                Ok(rows_from_json(sql.output, json))
            };
            Ok(statement.query_row([json], answer)??)
        }
        Input::Rows(rows) => {
            let mut statement = connection.prepare_cached(sql.each)?;
            let mut found = Vec::new();
            rows.each(&mut statement, |statement| {
                let mut answer = statement.raw_query();
                while let Some(row) = answer.next()? {
                    found.push(found::read_row(sql.output, row)?);
                }
                Ok(())
            })?;
            Ok(found)
        }
    }
}

fn apply(connection: &mut Connection, changes: &[Change]) -> Result<(), StoreError> {
    for Change { sql, input, expected } in changes {
        expected.check(write(connection, sql, input)?)?;
    }
    Ok(())
}

/// Changes rows and says how many.
fn write(connection: &mut Connection, sql: &Sql, input: &Input) -> Result<u64, StoreError> {
    tracing::trace!(statement = sql.sqlite, "writes");
    let mut changed = 0;
    match input {
        Input::Json(json) => changed = connection.prepare_cached(sql.sqlite)?.execute([json])?,
        Input::Rows(rows) => {
            let mut statement = connection.prepare_cached(sql.each)?;
            rows.each(&mut statement, |statement| {
                changed += statement.raw_execute()?;
                Ok(())
            })?;
        }
    }
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
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
    let path = path.to_owned();
    let issuer = move || {
        let books = open(&path, READ_ONLY, "")?;
        let table = "select count(*) from sqlite_schema where type = 'table' and name = 'issuer'";
        let tables: i64 = books.query_row(table, [], |row| row.get(0))?;
        if tables == 0 {
            return Ok(None);
        }
        Ok(books.query_row(super::ISSUER, [], |row| row.get(0)).optional()?)
    };
    blocking(issuer).await
}

/// Runs something that waits for the disk, where it holds up no other task.
pub(super) async fn blocking<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(StoreError::from(DatabaseError::ThreadEnded).into()))
}

const READ_ONLY: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
const READ_AND_WRITE: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

fn open(path: &Path, flags: OpenFlags, settings: &str) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(settings)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(connection)
}

/// Opens a file to read it and no more.
pub(super) fn open_copy(path: &Path) -> Result<Connection, StoreError> {
    open(path, READ_ONLY, "")
}

fn file_name(path: &str) -> Result<PathBuf, StoreError> {
    if path.is_empty() || path.contains([':', '?']) {
        let message = "sqlite:FILE takes the name of a file, without options";
        return Err(StoreError::Open(message.to_owned()));
    }
    Ok(PathBuf::from(path))
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
fn private(path: &Path) -> Result<std::fs::File, StoreError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
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

fn check_version(connection: &Connection) -> Result<(), StoreError> {
    let version: String = connection.query_row("select sqlite_version()", [], |row| row.get(0))?;
    let numbers: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if numbers.as_slice() < SQLITE_VERSION_MIN.as_slice() {
        return Err(StoreError::Open(format!(
            "SQLite {version} can corrupt databases in WAL mode; 3.51.3 is needed"
        )));
    }
    Ok(())
}
