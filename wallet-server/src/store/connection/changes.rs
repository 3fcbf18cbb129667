//! Changes that a transaction makes together.

use serde::Serialize;

use crate::store::StoreError;
use crate::store::row::rows_to_json;
use crate::store::sql::Sql;

/// A list of statements with their rows.
///
/// They travel together, because asking the database costs more than most of the statements:
/// SQLite's thread has to be woken and to wake again, PostgreSQL is a round trip away. SQLite
/// takes several statements as one text, PostgreSQL one statement with several parts.
#[derive(Default, Debug)]
pub(crate) struct Changes {
    list: Vec<Change>,
    last: Vec<Change>,
}

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
        self.list.extend(Change::new(sql, rows, None)?);
        Ok(())
    }

    /// Adds a statement that must see what all the others did.
    pub(crate) fn add_last(
        &mut self,
        sql: &'static Sql,
        rows: &[impl Serialize],
    ) -> Result<(), StoreError> {
        self.last.extend(Change::new(sql, rows, None)?);
        Ok(())
    }

    /// Adds a statement whose rows must all be there to be changed, or to be referred to: they were
    /// read in the same transaction.
    pub(crate) fn add_to_existing(
        &mut self,
        sql: &'static Sql,
        rows: &[impl Serialize],
        what: &'static str,
    ) -> Result<(), StoreError> {
        self.list.extend(Change::new(sql, rows, Some((rows.len(), what)))?);
        Ok(())
    }

    /// Those in any order, and those after them.
    pub(super) fn into_parts(self) -> [Vec<Change>; 2] {
        [self.list, self.last]
    }
}

impl Change {
    /// A statement, unless there are no rows.
    fn new(
        sql: &'static Sql,
        rows: &[impl Serialize],
        expected: Option<(usize, &'static str)>,
    ) -> Result<Option<Self>, StoreError> {
        if rows.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { sql, json: rows_to_json(sql.columns, rows)?, expected }))
    }

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
