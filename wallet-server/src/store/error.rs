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

/// SQLite's primary result codes (the lowest byte of the extended ones).
mod sqlite {
    /// Somebody else holds a lock.
    pub(super) const BUSY: [i64; 2] = [5, 6];
    /// A constraint or trigger refused a row, or a number left its range.
    pub(super) const OF_ROWS: [i64; 3] = [1, 19, 20];
}

impl StoreError {
    /// Whether the same transaction, run again, may succeed: somebody else held a lock.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.sqlite_code().is_some_and(|code| sqlite::BUSY.contains(&code))
    }

    /// Whether it lies in the rows that were written, so that others might have been written.
    #[must_use]
    pub fn concerns_rows(&self) -> bool {
        match self {
            Self::Corrupt(_) | Self::Shape(_) => true,
            Self::Database(_) => {
                self.sqlite_code().is_some_and(|code| sqlite::OF_ROWS.contains(&code))
            }
            Self::Migrate(_) | Self::Open(_) => false,
        }
    }

    fn sqlite_code(&self) -> Option<i64> {
        let Self::Database(sqlx::Error::Database(error)) = self else { return None };
        error.code()?.parse::<i64>().ok().map(|code| code & 0xff)
    }
}
