//! The two databases behind one [`Store`]: asking a question, and changing things in a
//! transaction.
//!
//! What differs between them beyond the text of a statement lives in [`sqlite`] and [`postgres`],
//! and nowhere else: how they are opened, how a transaction begins, how a parameter is bound.

mod backup;
mod changes;
mod postgres;
mod rows;
mod sqlite;

pub use backup::{Backup, BackupError, backup};
pub(crate) use changes::Changes;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wallet_core::IssuerId;

use self::changes::Input;
use super::StoreError;
use super::row::{rows_from_json, rows_to_json};
use super::sql::{Dialect, Sql};

/// How strictly PostgreSQL keeps transactions apart.
///
/// Settlement is correct under both. The stricter one makes the database refuse some transactions
/// that were harmless, and they are run again: it is for databases that know nothing else.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// Each statement sees what was committed before it; the locks do the rest.
    #[default]
    #[serde(rename = "read committed")]
    ReadCommitted,
    /// As if transactions ran one after the other.
    Serializable,
}

/// The issuer of books that have one: the same table since the first release.
const ISSUER: &str = "select id from issuer where one = 1";

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

const URL_FORMS: &str = "a database is sqlite:FILE or postgres://USER@HOST/NAME";

/// Refuses a schema that is not the one that this program knows.
fn check_schema(found: Option<i64>, migrator: &sqlx::migrate::Migrator) -> Result<(), StoreError> {
    let known = migrator.iter().map(|migration| migration.version).max();
    match (found, known) {
        (Some(found), Some(known)) if found == known => Ok(()),
        (Some(found), Some(known)) if found > known => Err(StoreError::Newer),
        _ => {
            let message =
                "the books are those of an older release: start its server once with this one";
            Err(StoreError::Open(message.to_owned()))
        }
    }
}

/// The last change of the schema.
const SCHEMA: &str = "select max(version) from _sqlx_migrations where success";

/// The database.
#[derive(Debug)]
pub struct Store(Database);

#[derive(Debug)]
enum Database {
    Sqlite(sqlite::File),
    Postgres(postgres::Server),
}

impl Store {
    /// Opens `sqlite:FILE` or `postgres://…`, and brings its schema up to date. An SQLite file is
    /// made if there is none.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the URL is not understood, the database cannot be reached or
    /// another server has the file; [`StoreError::Newer`] and [`StoreError::Migrate`] when the
    /// schema is newer than this program, or was not migrated to its end.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, Isolation::default()).await
    }

    /// The same, with an isolation level for PostgreSQL.
    ///
    /// # Errors
    /// Those of [`Store::open`].
    pub async fn open_with(url: &str, isolation: Isolation) -> Result<Self, StoreError> {
        if let Some(path) = sqlite::database_path(url) {
            return sqlite::File::open(path?).await.map(Database::Sqlite).map(Self);
        }
        if is_postgres(url) {
            return postgres::Server::open(url, isolation).await.map(Database::Postgres).map(Self);
        }
        Err(StoreError::Open(URL_FORMS.to_owned()))
    }

    /// Whose books are there; none if there are none yet. Nothing is made, and nothing migrated: this
    /// is to be known before [`Store::open`] brings the schema of somebody else's books up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`] when the URL is not understood or the database cannot be reached.
    pub async fn issuer_of(url: &str) -> Result<Option<IssuerId>, StoreError> {
        let id = if let Some(path) = sqlite::database_path(url) {
            sqlite::issuer(&path?).await?
        } else if is_postgres(url) {
            postgres::issuer(url).await?
        } else {
            return Err(StoreError::Open(URL_FORMS.to_owned()));
        };
        let id = id.map(|id| <[u8; 32]>::try_from(id).map(IssuerId::from_bytes));
        id.transpose().map_err(|_| StoreError::Corrupt("an issuer's id"))
    }

    /// Opens books that are there, to read them and no more: beside a running server, or without
    /// one. Nothing is migrated, so the schema must be the one that this program knows.
    ///
    /// # Errors
    /// [`StoreError::Open`].
    pub async fn open_to_read(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return sqlite::File::open_to_read(path).await.map(Database::Sqlite).map(Self);
        }
        if is_postgres(url) {
            return postgres::Server::open_to_read(url).await.map(Database::Postgres).map(Self);
        }
        Err(StoreError::Open(URL_FORMS.to_owned()))
    }

    /// Whether other processes may use the same books at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Database::Postgres(_))
    }

    /// Asks a question outside of any transaction.
    pub(crate) async fn read<Row: DeserializeOwned + Send + 'static>(
        &self,
        sql: &Sql,
        input: &[impl Serialize + Sync],
    ) -> Result<Vec<Row>, StoreError> {
        match &self.0 {
            Database::Sqlite(file) => {
                file.read(*sql, Input::new(Dialect::Sqlite, sql, input)?).await
            }
            Database::Postgres(server) => {
                let rows = rows_to_json(sql.columns, input)?;
                let answer = server.read(sql.postgres, rows).await?;
                Ok(rows_from_json(sql.output, &answer)?)
            }
        }
    }

    /// Asks a question about whole tables, outside of any transaction.
    pub(crate) async fn survey<Row: DeserializeOwned + Send + 'static>(
        &self,
        sql: &Sql,
        input: &[impl Serialize + Sync],
    ) -> Result<Vec<Row>, StoreError> {
        match &self.0 {
            Database::Sqlite(_) => self.read(sql, input).await,
            Database::Postgres(server) => {
                let rows = rows_to_json(sql.columns, input)?;
                let answer = server.survey(sql.postgres, rows).await?;
                Ok(rows_from_json(sql.output, &answer)?)
            }
        }
    }

    /// Begins a transaction. On SQLite there can be one at a time, and this waits for its turn.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        match &self.0 {
            Database::Sqlite(file) => file.begin().await.map(Transaction::Sqlite),
            Database::Postgres(server) => server.begin().await.map(Transaction::Postgres),
        }
    }

    /// Waits until this process has committed something since it last asked; for ever on
    /// PostgreSQL, which looks after its log by itself.
    pub(crate) async fn committed(&self) {
        match &self.0 {
            Database::Sqlite(file) => file.committed().await,
            Database::Postgres(_) => std::future::pending().await,
        }
    }

    /// Moves what a long log holds to the database, beside whoever writes.
    pub(crate) async fn shorten_log(&self) -> Result<(), StoreError> {
        match &self.0 {
            Database::Sqlite(file) => file.shorten_log().await,
            Database::Postgres(_) => Ok(()),
        }
    }

    /// Whether the database answers, to readers and to writers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.0 {
            Database::Sqlite(file) => file.ping().await?,
            Database::Postgres(server) => server.ping().await?,
        }
        self.begin().await?.roll_back().await
    }

    /// Ends all connections once they are idle.
    pub async fn close(&self) {
        match &self.0 {
            Database::Sqlite(file) => file.close().await,
            Database::Postgres(server) => server.close().await,
        }
    }

    /// Checks that the database understands a statement.
    #[cfg(test)]
    pub(super) async fn prepare(&self, sql: &Sql) -> Result<(), StoreError> {
        match &self.0 {
            Database::Sqlite(file) => {
                file.prepare(sql.each).await?;
                file.prepare(sql.sqlite).await
            }
            Database::Postgres(server) => server.prepare(sql.postgres).await,
        }
    }

    /// The steps in which SQLite would run a statement.
    #[cfg(test)]
    pub(super) async fn explain(&self, sql: &Sql) -> Result<Vec<String>, StoreError> {
        let Database::Sqlite(file) = &self.0 else { panic!("SQLite only") };
        let mut steps = file.explain(sql.sqlite).await?;
        if !sql.each.is_empty() {
            steps.extend(file.explain(sql.each).await?);
        }
        Ok(steps)
    }

    /// The plan that PostgreSQL would keep for a statement, a line each.
    #[cfg(test)]
    pub(super) async fn explain_on_postgres(&self, sql: &Sql) -> Result<Vec<String>, StoreError> {
        let Database::Postgres(server) = &self.0 else { panic!("PostgreSQL only") };
        server.explain(sql.postgres).await
    }

    /// How many pages SQLite's log has, and how many of them were moved.
    #[cfg(test)]
    pub(super) async fn log(&self) -> Result<(i64, i64), StoreError> {
        let Database::Sqlite(file) = &self.0 else { panic!("SQLite only") };
        file.log().await
    }

    /// Makes an SQLite disk seem full beyond this many pages.
    #[cfg(test)]
    pub(super) async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let Database::Sqlite(file) = &self.0 else { panic!("SQLite only") };
        file.limit_pages(pages).await
    }
}

/// A writing transaction; rolled back when dropped.
#[derive(Debug)]
pub(crate) enum Transaction {
    Sqlite(sqlite::Transaction),
    Postgres(postgres::Transaction),
}

impl Transaction {
    /// Which database it is in.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Asks a question; with no input rows the answer is known to be empty.
    pub(crate) async fn read<Row: DeserializeOwned + Send + 'static>(
        &mut self,
        sql: &Sql,
        input: &[impl Serialize + Sync],
    ) -> Result<Vec<Row>, StoreError> {
        if input.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Sqlite(transaction) => {
                transaction.read(*sql, Input::new(Dialect::Sqlite, sql, input)?).await
            }
            Self::Postgres(transaction) => {
                let (connection, patience) = transaction.parts();
                let rows = rows_to_json(sql.columns, input)?;
                let answer = postgres::read(connection, sql.postgres, rows);
                Ok(rows_from_json(sql.output, &patience.answer(answer).await?)?)
            }
        }
    }

    /// Asks two questions at once.
    pub(crate) async fn read_both<A, B>(
        &mut self,
        (first, first_input): (&Sql, &[impl Serialize + Sync]),
        (second, second_input): (&Sql, &[impl Serialize + Sync]),
    ) -> Result<(Vec<A>, Vec<B>), StoreError>
    where
        A: DeserializeOwned + Send + 'static,
        B: DeserializeOwned + Send + 'static,
    {
        if first_input.is_empty() || second_input.is_empty() {
            let answer = self.read(first, first_input).await?;
            return Ok((answer, self.read(second, second_input).await?));
        }
        match self {
            Self::Sqlite(transaction) => {
                let first = (*first, Input::new(Dialect::Sqlite, first, first_input)?);
                let second = (*second, Input::new(Dialect::Sqlite, second, second_input)?);
                transaction.read_both(first, second).await
            }
            Self::Postgres(transaction) => {
                let (connection, patience) = transaction.parts();
                let questions = [
                    (first.postgres, rows_to_json(first.columns, first_input)?),
                    (second.postgres, rows_to_json(second.columns, second_input)?),
                ];
                let answers = postgres::read_all(connection, questions);
                let [first_answer, second_answer] = patience.answer(answers).await?;
                let first_found = rows_from_json(first.output, &first_answer)?;
                Ok((first_found, rows_from_json(second.output, &second_answer)?))
            }
        }
    }

    /// Makes changes, as the last ones, and makes everything durable.
    pub(crate) async fn commit_with(self, changes: Changes) -> Result<(), StoreError> {
        let [list, last] = changes.into_parts();
        match self {
            Self::Sqlite(transaction) => {
                transaction.commit_with(list.into_iter().chain(last).collect()).await
            }
            Self::Postgres(mut transaction) => {
                let (connection, patience) = transaction.parts();
                patience.answer(postgres::apply(connection, list)).await?;
                patience.answer(postgres::apply(connection, last)).await?;
                transaction.commit().await
            }
        }
    }

    /// Changes rows and says how many; with no input rows there is nothing to do.
    pub(crate) async fn write(
        &mut self,
        sql: &Sql,
        input: &[impl Serialize + Sync],
    ) -> Result<u64, StoreError> {
        if input.is_empty() {
            return Ok(0);
        }
        match self {
            Self::Sqlite(transaction) => {
                transaction.write(*sql, Input::new(Dialect::Sqlite, sql, input)?).await
            }
            Self::Postgres(transaction) => {
                let (connection, patience) = transaction.parts();
                let rows = rows_to_json(sql.columns, input)?;
                patience.answer(postgres::write(connection, sql.postgres, rows)).await
            }
        }
    }

    /// Undoes it, and waits until that is done, so that the connection is free for the next one.
    pub(crate) async fn roll_back(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.roll_back().await?,
            Self::Postgres(transaction) => transaction.rollback().await?,
        }
        Ok(())
    }

    /// Makes it durable.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}
