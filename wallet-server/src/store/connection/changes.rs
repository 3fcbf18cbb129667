//! Changes that a transaction makes together.

use serde::Serialize;

use crate::store::StoreError;
use crate::store::sql::Sql;

/// A list of statements with their rows.
///
/// With SQLite they go to its thread as one text, because waking that thread and being woken by
/// it costs more than most of the statements: fifteen times for each batch took a third of the
/// time of a payment. PostgreSQL takes them one after the other.
#[derive(Default, Debug)]
pub(crate) struct Changes(Vec<Change>);

/// A statement and its rows.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) sql: &'static Sql,
    pub(super) json: String,
    /// How many rows must change, and what one of them is called.
    expected: Option<(usize, &'static str)>,
}

impl Changes {
    /// Adds a statement, unless there are no rows.
    pub(crate) fn add(
        &mut self,
        sql: &'static Sql,
        rows: &[impl Serialize],
    ) -> Result<(), StoreError> {
        self.push(sql, rows, None)
    }

    /// Adds a statement whose rows must all be there to be changed: they were read in the same
    /// transaction.
    pub(crate) fn add_to_existing(
        &mut self,
        sql: &'static Sql,
        rows: &[impl Serialize],
        what: &'static str,
    ) -> Result<(), StoreError> {
        self.push(sql, rows, Some((rows.len(), what)))
    }

    fn push(
        &mut self,
        sql: &'static Sql,
        rows: &[impl Serialize],
        expected: Option<(usize, &'static str)>,
    ) -> Result<(), StoreError> {
        if !rows.is_empty() {
            self.0.push(Change { sql, json: serde_json::to_string(rows)?, expected });
        }
        Ok(())
    }

    pub(super) fn into_list(self) -> Vec<Change> {
        self.0
    }
}

impl Change {
    /// Whether as many rows changed as must.
    pub(super) fn check(&self, changed: u64) -> Result<(), StoreError> {
        match self.expected {
            Some((rows, what)) if usize::try_from(changed) != Ok(rows) => {
                Err(StoreError::Corrupt(what))
            }
            _ => Ok(()),
        }
    }
}
