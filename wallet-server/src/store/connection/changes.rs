//! Changes that a transaction makes together.

use serde::Serialize;

use super::rows::Rows;
use crate::store::StoreError;
use crate::store::row::rows_to_json;
use crate::store::sql::{Dialect, Sql};

/// A list of statements with their rows.
///
/// They travel together, because asking the database costs more than most of the statements:
/// SQLite's thread has to be woken and to wake again, PostgreSQL is a round trip away and takes them
/// as parts of one statement.
#[derive(Debug)]
pub(crate) struct Changes {
    dialect: Dialect,
    list: Vec<Change>,
    last: Vec<Change>,
}

/// A statement and its rows.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) sql: &'static Sql,
    pub(super) input: Input,
    pub(super) expected: Expected,
}

/// How many rows must change, and what one of them is called; nothing if any number may.
#[derive(Debug)]
pub(super) struct Expected(Option<(usize, &'static str)>);

/// The rows of a statement.
#[derive(Debug)]
pub(super) enum Input {
    /// All of them at once.
    Json(String),
    /// One after the other.
    Rows(Rows),
}

impl Input {
    /// The rows, as the statement takes them in this database.
    pub(super) fn new(
        dialect: Dialect,
        sql: &Sql,
        rows: &[impl Serialize],
    ) -> Result<Self, serde_json::Error> {
        if dialect == Dialect::Sqlite && !sql.each.is_empty() {
            Rows::new(sql.columns, rows).map(Self::Rows)
        } else {
            rows_to_json(sql.columns, rows).map(Self::Json)
        }
    }
}

impl Changes {
    /// None yet, for a transaction of this database.
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { dialect, list: Vec::new(), last: Vec::new() }
    }

    /// Adds a statement, unless there are no rows.
    pub(crate) fn add(
        &mut self,
        sql: &'static Sql,
        rows: &[impl Serialize],
    ) -> Result<(), StoreError> {
        self.list.extend(Change::new(self.dialect, sql, rows, None)?);
        Ok(())
    }

    /// Adds a statement that must see what all the others did.
    pub(crate) fn add_last(
        &mut self,
        sql: &'static Sql,
        rows: &[impl Serialize],
    ) -> Result<(), StoreError> {
        self.last.extend(Change::new(self.dialect, sql, rows, None)?);
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
        self.list.extend(Change::new(self.dialect, sql, rows, Some((rows.len(), what)))?);
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
        dialect: Dialect,
        sql: &'static Sql,
        rows: &[impl Serialize],
        expected: Option<(usize, &'static str)>,
    ) -> Result<Option<Self>, StoreError> {
        if rows.is_empty() {
            return Ok(None);
        }
        let input = Input::new(dialect, sql, rows)?;
        Ok(Some(Self { sql, input, expected: Expected(expected) }))
    }
}

impl Expected {
    /// Whether as many rows changed as must.
    pub(super) fn check(&self, changed: u64) -> Result<(), StoreError> {
        match self.0 {
            Some((rows, what)) if usize::try_from(changed) != Ok(rows) => {
                Err(StoreError::Corrupt(what))
            }
            _ => Ok(()),
        }
    }
}
