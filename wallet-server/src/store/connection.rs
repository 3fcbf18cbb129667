//! Opening the database, and the two ways to speak to it: reads, and one writing transaction at
//! a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection as _, Sqlite, SqliteConnection};

use super::StoreError;
use super::sql::{Dialect, Sql};

/// How many reads may run at once; more would only queue for two cores.
const READERS_MAX: u32 = 4;
/// How long a statement waits for a lock that an auditor or a backup holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Releases before this one can corrupt a database in WAL mode.
const SQLITE_VERSION_MIN: [u32; 3] = [3, 51, 3];

/// The database.
#[derive(Debug)]
pub struct Store {
    dialect: Dialect,
    writer: SqlitePool,
    readers: SqlitePool,
    // Held for as long as the store is open: a second server on the same file must not start.
    _lock: File,
}

impl Store {
    /// Opens `sqlite:PATH`, makes the file if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the URL is not understood or another server has the file,
    /// [`StoreError::Migrate`] when the schema is newer than this program.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let path = match parse_url(url) {
            Some((Dialect::Sqlite, path)) if path.is_empty() || path.contains([':', '?']) => {
                let message = "sqlite:FILE takes the name of a file, without options";
                return Err(StoreError::Open(message.to_owned()));
            }
            Some((Dialect::Sqlite, path)) => PathBuf::from(path),
            Some((Dialect::Postgres, _)) => {
                let message = "PostgreSQL comes with a later release; use sqlite:FILE";
                return Err(StoreError::Open(message.to_owned()));
            }
            None => {
                let message = "a database is sqlite:FILE or postgres://USER@HOST/NAME";
                return Err(StoreError::Open(message.to_owned()));
            }
        };
        private(&path)?;
        // The lock is on the file, whatever links lead to it.
        let path = path.canonicalize().map_err(|error| StoreError::Open(error.to_string()))?;
        let lock = lock_beside(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        // Without recursive triggers, REPLACE would get past the ones that refuse to delete.
        let writing = options.clone().pragma("recursive_triggers", "on");
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            // After a full disk or an I/O error SQLite has rolled back by itself, but the
            // connection still believes that a transaction is open: it is replaced.
            .before_acquire(|connection, _| {
                Box::pin(async move { Ok(!connection.is_in_transaction()) })
            })
            .connect_with(writing)
            .await?;
        check_version(&writer).await?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            // The file does not go away as a network does, and asking costs as much as a read.
            .test_before_acquire(false)
            .connect_with(options.pragma("query_only", "on"))
            .await?;
        Ok(Self { dialect: Dialect::Sqlite, writer, readers, _lock: lock })
    }

    /// Asks a question outside of any transaction.
    pub(crate) async fn read<Row: DeserializeOwned>(
        &self,
        sql: &Sql,
        input: &[impl Serialize],
    ) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        read(&mut connection, self.dialect, sql, input).await
    }

    /// Begins the one writing transaction that there can be at a time.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        // A plain BEGIN takes the write lock at the first write, when it is too late to wait.
        let inner = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Transaction { dialect: self.dialect, inner })
    }

    /// Checks that the database understands a statement.
    #[cfg(test)]
    pub(super) async fn prepare(&self, sql: &Sql) -> Result<(), StoreError> {
        use sqlx::{Executor, SqlSafeStr};
        let mut connection = self.readers.acquire().await?;
        connection.prepare(self.dialect.text(sql).into_sql_str()).await?;
        Ok(())
    }

    /// Makes the disk seem full beyond this many pages.
    #[cfg(test)]
    pub(super) async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let pragma = sqlx::AssertSqlSafe(format!("pragma max_page_count = {pages}"));
        sqlx::query(pragma).execute(&self.writer).await?;
        Ok(())
    }

    /// Whether the database answers, to readers and to the writer.
    pub async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query("select 1").execute(&self.readers).await?;
        self.begin().await?.roll_back().await
    }

    /// Ends all connections once they are idle.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// A writing transaction; rolled back when dropped.
#[derive(Debug)]
pub(crate) struct Transaction {
    dialect: Dialect,
    inner: sqlx::Transaction<'static, Sqlite>,
}

impl Transaction {
    /// Asks a question; with no input rows the answer is known to be empty.
    pub(crate) async fn read<Row: DeserializeOwned>(
        &mut self,
        sql: &Sql,
        input: &[impl Serialize],
    ) -> Result<Vec<Row>, StoreError> {
        if input.is_empty() {
            return Ok(Vec::new());
        }
        read(&mut self.inner, self.dialect, sql, input).await
    }

    /// Changes rows and says how many; with no input rows there is nothing to do.
    pub(crate) async fn write(
        &mut self,
        sql: &Sql,
        input: &[impl Serialize],
    ) -> Result<u64, StoreError> {
        if input.is_empty() {
            return Ok(0);
        }
        let result = sqlx::query(self.dialect.text(sql))
            .bind(serde_json::to_string(input)?)
            .execute(&mut *self.inner)
            .await?;
        Ok(result.rows_affected())
    }

    /// Undoes it, and waits until that is done, so that the connection is free for the next one.
    pub(crate) async fn roll_back(self) -> Result<(), StoreError> {
        Ok(self.inner.rollback().await?)
    }

    /// Makes it durable.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.inner.commit().await?)
    }
}

async fn read<Row: DeserializeOwned>(
    connection: &mut SqliteConnection,
    dialect: Dialect,
    sql: &Sql,
    input: &[impl Serialize],
) -> Result<Vec<Row>, StoreError> {
    let json: String = sqlx::query_scalar(dialect.text(sql))
        .bind(serde_json::to_string(input)?)
        .fetch_one(connection)
        .await?;
    Ok(serde_json::from_str(&json)?)
}

/// Which database a URL names, and where it is.
fn parse_url(url: &str) -> Option<(Dialect, &str)> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        return Some((Dialect::Sqlite, path.strip_prefix("//").unwrap_or(path)));
    }
    let schemes = ["postgres:", "postgresql:"];
    schemes.iter().find_map(|scheme| url.strip_prefix(scheme)).map(|rest| (Dialect::Postgres, rest))
}

/// Locks `PATH.lock`, so that a second server on the same file refuses to start.
///
/// Not SQLite's own exclusive mode, which would lock out audit and backup as well.
fn lock_beside(path: &Path) -> Result<File, StoreError> {
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

/// Makes sure that only the server's own user can read the books. SQLite gives the files beside
/// the database the same mode.
fn private(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
        .map(drop)
        .map_err(|error| StoreError::Open(format!("{}: {error}", path.display())))
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
