//! What can go wrong between the rules and the disk.

use std::io;

/// What one of the databases says.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// PostgreSQL, or what speaks to it.
    #[error(transparent)]
    Postgres(#[from] sqlx::Error),
    /// SQLite.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// This process has closed it.
    #[error("the books are closed")]
    Closed,
    /// The thread that spoke to SQLite has ended.
    #[error("the connection to the books has ended")]
    ThreadEnded,
}

/// An error of the database, or of what is in it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database said no.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The database was told to commit and did not say that it did: it may have.
    #[error(transparent)]
    Commit(DatabaseError),
    /// The schema could not be brought up to date.
    #[error("cannot migrate the database: {0}")]
    Migrate(sqlx::migrate::MigrateError),
    /// The schema has changes that this program does not know.
    #[error("the database was made by a newer release; use that release, or restore a copy")]
    Newer,
    /// The database said nothing for too long, and was not told to commit.
    #[error("the database says nothing")]
    Silent,
    /// A row holds what no release ever wrote.
    #[error("the database holds an impossible value: {0}")]
    Corrupt(&'static str),
    /// A row cannot be written, or read, as what it should be.
    #[error("a row does not have the expected shape: {0}")]
    Shape(#[from] serde_json::Error),
    /// The disk did not take what was moved from SQLite's log to the database. The log still has it.
    #[error("the disk does not take what is in the log: {0}")]
    Flush(io::Error),
    /// The database cannot be opened, and why.
    #[error("cannot open the database: {0}")]
    Open(String),
}

/// What to do about a transaction that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// Somebody else was in the way, and is gone now: run it again.
    Again,
    /// The database went away: run it again when it is back. If it went away during the commit,
    /// it may have happened; then running it again finds the answers that were kept.
    Wait,
    /// The rows that were written are to blame, so others might have been written: leave out.
    LeaveOut,
    /// Nothing: it concerns everybody.
    GiveUp,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::VersionMissing(_) => Self::Newer,
            error => Self::Migrate(error),
        }
    }
}

/// SQLite's primary result codes (the lowest byte of the extended ones).
mod sqlite {
    /// Somebody else holds a lock.
    pub(super) const BUSY: [i32; 2] = [5, 6];
    /// A constraint or trigger refused a row, or a number left its range.
    pub(super) const OF_ROWS: [i32; 3] = [1, 19, 20];
}

/// PostgreSQL's error codes (SQLSTATE).
mod postgres {
    /// Serialisation failure, deadlock, lock not available; and two processes wrote one key at
    /// once: the one that was later sees the other's answer when it looks again.
    pub(super) const CONFLICT: [&str; 4] = ["40001", "40P01", "55P03", "23505"];
    /// The server is shutting down, has crashed or is starting, has no connection to spare, only
    /// reads, or ended a transaction or session that was idle for too long or was called off.
    pub(super) const AWAY: [&str; 8] =
        ["57P01", "57P02", "57P03", "53300", "25006", "25P03", "57P05", "57014"];
    /// Connection exceptions.
    pub(super) const AWAY_CLASS: &str = "08";
    /// Values that do not fit, constraints, and exceptions that triggers raise.
    pub(super) const OF_ROWS_CLASSES: [&str; 3] = ["22", "23", "P0"];
}

impl StoreError {
    /// A transaction that was told to commit, or may have been, before the database fell silent.
    pub(crate) fn unheard_commit() -> Self {
        let silent = io::Error::new(io::ErrorKind::TimedOut, "the database says nothing");
        Self::Commit(sqlx::Error::Io(silent).into())
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Corrupt(_) | Self::Shape(_) => Remedy::LeaveOut,
            Self::Silent => Remedy::Wait,
            Self::Database(error) | Self::Commit(error) => error.remedy(),
            Self::Migrate(_) | Self::Newer | Self::Flush(_) | Self::Open(_) => Remedy::GiveUp,
        }
    }

    /// Whether the transaction may have been committed: it was told to, or may have been, and did
    /// not say what came of it. A database that names somebody who was in the way has rolled it
    /// back.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        match self {
            Self::Commit(_) => self.remedy() != Remedy::Again,
            _ => false,
        }
    }

    /// Whether this connection to the database is dead; another one may live.
    pub(crate) fn is_lost_connection(&self) -> bool {
        let (Self::Database(error) | Self::Commit(error)) = self else { return false };
        error.is_lost_connection()
    }
}

impl DatabaseError {
    fn remedy(&self) -> Remedy {
        match self {
            Self::Postgres(sqlx::Error::PoolTimedOut) => Remedy::Wait,
            _ if self.is_lost_connection() => Remedy::Wait,
            Self::Postgres(sqlx::Error::Database(error)) => {
                of_postgres(&error.code().unwrap_or_default())
            }
            Self::Sqlite(error) => {
                error.sqlite_error().map_or(Remedy::GiveUp, |error| of_sqlite(error.extended_code))
            }
            Self::Postgres(_) | Self::ThreadEnded | Self::Closed => Remedy::GiveUp,
        }
    }

    fn is_lost_connection(&self) -> bool {
        match self {
            Self::Postgres(sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed) | Self::ThreadEnded => {
                true
            }
            Self::Postgres(sqlx::Error::Database(error)) => {
                let code = error.code().unwrap_or_default();
                postgres::AWAY.contains(&&*code) || code.starts_with(postgres::AWAY_CLASS)
            }
            _ => false,
        }
    }
}

fn of_sqlite(code: i32) -> Remedy {
    match code & 0xff {
        code if sqlite::BUSY.contains(&code) => Remedy::Again,
        code if sqlite::OF_ROWS.contains(&code) => Remedy::LeaveOut,
        _ => Remedy::GiveUp,
    }
}

fn of_postgres(code: &str) -> Remedy {
    if postgres::CONFLICT.contains(&code) {
        Remedy::Again
    } else if postgres::OF_ROWS_CLASSES.iter().any(|class| code.starts_with(class)) {
        Remedy::LeaveOut
    } else {
        Remedy::GiveUp
    }
}

#[cfg(test)]
mod tests {
    use super::{Remedy, StoreError, of_postgres, of_sqlite};

    #[test]
    fn a_database_that_fell_silent_may_have_done_what_it_was_told_to_commit_and_nothing_else() {
        assert!(!StoreError::Silent.is_uncertain());
        assert!(StoreError::unheard_commit().is_uncertain());
        for error in [StoreError::Silent, StoreError::unheard_commit()] {
            assert_eq!(error.remedy(), Remedy::Wait, "{error}");
        }
    }

    #[test]
    fn what_somebody_else_caused_is_run_again_and_what_the_rows_caused_is_left_out() {
        for (code, remedy) in [
            ("40001", Remedy::Again),
            ("40P01", Remedy::Again),
            ("23505", Remedy::Again),
            ("23514", Remedy::LeaveOut),
            ("22003", Remedy::LeaveOut),
            ("P0001", Remedy::LeaveOut),
            ("53100", Remedy::GiveUp),
            ("42P01", Remedy::GiveUp),
        ] {
            assert_eq!(of_postgres(code), remedy, "{code}");
        }
        // Extended codes: the primary one is the lowest byte.
        for (code, remedy) in [
            (5, Remedy::Again),
            (517, Remedy::Again),
            (2067, Remedy::LeaveOut),
            (1811, Remedy::LeaveOut),
            (13, Remedy::GiveUp),
        ] {
            assert_eq!(of_sqlite(code), remedy, "{code}");
        }
    }
}
