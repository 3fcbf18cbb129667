//! What can go wrong between the rules and the disk.

/// An error of the database, or of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("cannot migrate the database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds what no release ever wrote.
    #[error("the database holds an impossible value: {0}")]
    Corrupt(&'static str),
    /// A row cannot be read or written as JSON.
    #[error("a row does not have the expected shape: {0}")]
    Shape(#[from] serde_json::Error),
    /// The database cannot be opened, and why.
    #[error("cannot open the database: {0}")]
    Open(String),
}

impl StoreError {
    /// Whether the same transaction, run again, may succeed: somebody else held a lock.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        /// `SQLITE_BUSY` and `SQLITE_LOCKED`, with their extended codes in the higher bytes.
        const BUSY: [i64; 2] = [5, 6];
        let Self::Database(sqlx::Error::Database(error)) = self else { return false };
        let code = error.code().and_then(|code| code.parse::<i64>().ok());
        code.is_some_and(|code| BUSY.contains(&(code & 0xff)))
    }
}
