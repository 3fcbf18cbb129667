//! PostgreSQL 15 and later: a server that other processes use as well.

mod lent;

use std::str::FromStr;
use std::time::Duration;

use sqlx::encode::{Encode, IsNull};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgConnectOptions, PgPool, PgPoolOptions, PgTypeInfo};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Postgres, Type};

use super::Isolation;
use super::changes::{Change, Input};
use crate::store::StoreError;
pub(crate) use lent::Transaction;
use lent::{Lent, Patience};

/// Releases before this one lack what statements use.
const VERSION_MIN: i32 = 150_000;
/// How many reads may run at once.
const READERS_MAX: u32 = 8;
/// How many transactions may run at once: the settling ones, and a few of the operator's.
const WRITERS_MAX: u32 = 8;
/// How many questions about everything may run at once.
const SURVEYORS_MAX: u32 = 2;
/// How long a request waits for a connection: as long as a till that would rather hear "come back".
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server waits for the answer to a question or a change: longer than the database waits for
/// a lock, and shorter than a till waits, so that another connection can still be tried.
const ANSWER_MAX: Duration = Duration::from_secs(8);
/// How long whoever only reads does: an auditor has time.
const AUDIT_ANSWER_MAX: Duration = Duration::from_mins(10);
/// How long opening waits for an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests and settlement look rows up by their keys, a few hundred at a time. A planner that knows the
/// tables only from when they were small would read all of them instead; see [`sql`](crate::store::sql)
/// for the rest of it.
const BY_INDEX: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    // Compiling a statement takes longer than running it.
    ("jit", "off"),
];

/// A database on a server.
#[derive(Debug)]
pub(super) struct Server {
    writers: PgPool,
    readers: PgPool,
    /// For questions about everything, which the planner answers as it likes.
    surveyors: PgPool,
    begin: &'static str,
    patience: Patience,
}

impl Server {
    /// Connects, and brings the schema up to date.
    pub(super) async fn open(url: &str, isolation: Isolation) -> Result<Self, StoreError> {
        let options = options(url, "wallet-server")?;
        let mut connection = connect(&options).await?;
        check_settings(&mut connection).await?;
        // Takes a lock, so that of several servers that start at once one migrates. The others
        // wait for it, however long it takes.
        sqlx::query("set lock_timeout = 0").execute(&mut connection).await?;
        sqlx::migrate!("migrations/postgres").run(&mut connection).await?;
        connection.close().await?;
        let begin = match isolation {
            Isolation::ReadCommitted => "begin isolation level read committed",
            Isolation::Serializable => "begin isolation level serializable",
        };
        let by_index = options.clone().options(BY_INDEX);
        let patience = Patience::new(ANSWER_MAX);
        Ok(Self {
            writers: pool(by_index.clone(), WRITERS_MAX, &patience),
            readers: pool(by_index, READERS_MAX, &patience),
            surveyors: pool(options, SURVEYORS_MAX, &patience),
            begin,
            patience,
        })
    }

    /// Connects to books that are there. Nothing can be written through it.
    pub(super) async fn open_to_read(url: &str) -> Result<Self, StoreError> {
        let options =
            options(url, "wallet-audit")?.options([("default_transaction_read_only", "on")]);
        let mut connection = connect(&options).await?;
        check_settings(&mut connection).await?;
        let found = sqlx::query_scalar(super::SCHEMA).fetch_one(&mut connection).await;
        let found = found.map_err(|error| StoreError::Open(format!("no books: {error}")))?;
        super::check_schema(found, &sqlx::migrate!("migrations/postgres"))?;
        connection.close().await?;
        let by_index = options.clone().options(BY_INDEX);
        let patience = Patience::new(AUDIT_ANSWER_MAX);
        Ok(Self {
            writers: pool(by_index.clone(), 1, &patience),
            readers: pool(by_index, 1, &patience),
            surveyors: pool(options, 1, &patience),
            begin: "begin read only",
            patience,
        })
    }

    pub(super) async fn survey(
        &self,
        text: &'static str,
        rows: String,
    ) -> Result<String, StoreError> {
        // However long it takes.
        let mut connection = Lent::new(self.surveyors.acquire().await?);
        read(&mut connection, text, rows).await
    }

    pub(super) async fn read(
        &self,
        text: &'static str,
        rows: String,
    ) -> Result<String, StoreError> {
        let (mut attempts, mut silent) = (READERS_MAX, false);
        loop {
            let answer = async {
                let mut connection = Lent::new(self.readers.acquire().await?);
                let answer = read(&mut connection, text, rows.clone());
                self.patience.answer(answer).await
            };
            match answer.await {
                // The next connection is a new one.
                Err(StoreError::Silent) if !silent => silent = true,
                // Each connection of the pool may have died with the server that is back now.
                Err(error) if error.is_lost_connection() && attempts > 0 => attempts -= 1,
                answer => return answer,
            }
        }
    }

    pub(super) async fn begin(&self) -> Result<Transaction, StoreError> {
        let (mut attempts, mut silent) = (WRITERS_MAX, false);
        loop {
            let begun = async {
                let connection = Lent::new(self.writers.acquire().await?);
                Transaction::begin(connection, self.patience.clone(), self.begin).await
            };
            match begun.await {
                // The next connection is a new one.
                Err(StoreError::Silent) if !silent => silent = true,
                Err(error) if error.is_lost_connection() && attempts > 0 => attempts -= 1,
                transaction => return transaction,
            }
        }
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let mut connection = Lent::new(self.readers.acquire().await?);
        let asked = async { Ok(connection.execute("select 1").await.map(drop)?) };
        self.patience.answer(asked).await
    }

    pub(super) async fn close(&self) {
        self.surveyors.close().await;
        self.readers.close().await;
        self.writers.close().await;
    }

    #[cfg(test)]
    pub(super) async fn prepare(&self, text: &'static str) -> Result<(), StoreError> {
        use sqlx::SqlSafeStr;
        let mut connection = self.readers.acquire().await?;
        connection.prepare(text.into_sql_str()).await?;
        Ok(())
    }

    #[cfg(test)]
    pub(super) async fn explain(&self, text: &str) -> Result<Vec<String>, StoreError> {
        let mut connection = self.readers.acquire().await?;
        for question in [
            format!("prepare question (jsonb) as {text}"),
            "explain (costs off) execute question ('[]')".to_owned(),
        ] {
            let plan = sqlx::query_scalar(AssertSqlSafe(question)).persistent(false);
            let plan: Vec<String> = plan.fetch_all(&mut *connection).await?;
            if !plan.is_empty() {
                sqlx::query("deallocate question").execute(&mut *connection).await?;
                return Ok(plan);
            }
        }
        Ok(Vec::new())
    }
}

/// The issuer whose books are in the database; none if there is nothing in it.
pub(super) async fn issuer(url: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut connection = connect(&options(url, "wallet-server")?).await?;
    let table = "select to_regclass('issuer') is not null";
    let issuer = if sqlx::query_scalar(table).fetch_one(&mut connection).await? {
        sqlx::query_scalar(super::ISSUER).fetch_optional(&mut connection).await?
    } else {
        None
    };
    connection.close().await?;
    Ok(issuer)
}

fn options(url: &str, application: &str) -> Result<PgConnectOptions, StoreError> {
    Ok(PgConnectOptions::from_str(url)
        .map_err(|error| StoreError::Open(error.to_string()))?
        .application_name(application)
        // Whatever the database's default is: what was acknowledged is on the disk.
        .options([("synchronous_commit", "on")])
        // Nobody waits longer for a lock than a till waits for an answer, and a process that
        // hangs does not keep its locks.
        .options([("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "10s")]))
}

/// Not from a pool, which would go on trying where nobody listens.
async fn connect(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    let unreachable = |error| StoreError::Open(format!("PostgreSQL does not answer: {error}"));
    match tokio::time::timeout(CONNECT_TIMEOUT, options.connect()).await {
        Ok(connection) => connection.map_err(unreachable),
        Err(_) => Err(unreachable(sqlx::Error::PoolTimedOut)),
    }
}

fn pool(options: PgConnectOptions, size: u32, patience: &Patience) -> PgPool {
    let patience = patience.clone();
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // That would be a round trip for each transaction. One that finds its connection dead
        // takes the next one, see `begin` and `read`.
        .test_before_acquire(false)
        .before_acquire(move |_, idle| {
            let doubtful = patience.is_doubtful(idle.age);
            Box::pin(async move { Ok(!doubtful) })
        })
        .connect_lazy_with(options)
}

/// An old server would fail in the middle of a payment, and one without fsync would lose them.
async fn check_settings(connection: &mut PgConnection) -> Result<(), StoreError> {
    let (version, name): (i32, String) = sqlx::query_as(
        "select current_setting('server_version_num')::int, current_setting('server_version')",
    )
    .fetch_one(&mut *connection)
    .await?;
    if version < VERSION_MIN {
        return Err(StoreError::Open(format!("PostgreSQL {name} is too old: 15 is needed")));
    }
    let fsync: String =
        sqlx::query_scalar("select current_setting('fsync')").fetch_one(connection).await?;
    if fsync != "on" {
        tracing::warn!("PostgreSQL runs with fsync = {fsync}: a crash can lose payments");
    }
    Ok(())
}

pub(super) async fn read(
    connection: &mut PgConnection,
    text: &'static str,
    rows: String,
) -> Result<String, StoreError> {
    Ok(sqlx::query_scalar(text).bind(Written(rows)).fetch_one(connection).await?)
}

pub(super) async fn write(
    connection: &mut PgConnection,
    text: &'static str,
    rows: String,
) -> Result<u64, StoreError> {
    let result = sqlx::query(text).bind(Written(rows)).execute(connection).await?;
    Ok(result.rows_affected())
}

/// Asks several questions in one statement.
pub(super) async fn read_all<const N: usize>(
    connection: &mut PgConnection,
    questions: [(&'static str, String); N],
) -> Result<[String; N], StoreError> {
    let parts: Vec<String> = questions
        .iter()
        .enumerate()
        .map(|(number, (text, _))| format!("({})", numbered(text, number)))
        .collect();
    let text = format!("select array[{}]", parts.join(",\n"));
    let mut query = sqlx::query_scalar(AssertSqlSafe(text));
    for (_, json) in questions {
        query = query.bind(Written(json));
    }
    let answers: Vec<String> = query.fetch_one(connection).await?;
    answers.try_into().map_err(|_| StoreError::Corrupt("the number of answers"))
}

/// Makes several changes in one statement, of which each is a part. The parts do not see each
/// other's changes, and triggers see all of them.
pub(super) async fn apply(
    connection: &mut PgConnection,
    changes: Vec<Change>,
) -> Result<(), StoreError> {
    if changes.is_empty() {
        return Ok(());
    }
    let (mut parts, mut counts) = (Vec::new(), Vec::new());
    for (number, change) in changes.iter().enumerate() {
        let text = numbered(change.sql.postgres, number);
        parts.push(format!("change_{number} as ({text} returning 1)"));
        counts.push(format!("(select count(*) from change_{number})"));
    }
    let text = format!("with {} select array[{}]", parts.join(",\n"), counts.join(", "));
    let mut query = sqlx::query_scalar(AssertSqlSafe(text));
    let mut expectations = Vec::with_capacity(changes.len());
    for Change { input, expected, .. } in changes {
        let Input::Json(json) = input else { return Err(StoreError::Corrupt("rows for SQLite")) };
        query = query.bind(Written(json));
        expectations.push(expected);
    }
    let changed: Vec<i64> = query.fetch_one(connection).await?;
    for (expected, rows) in expectations.iter().zip(changed) {
        expected.check(u64::try_from(rows).unwrap_or(0))?;
    }
    Ok(())
}

/// A statement with a parameter of its own among several. The same statements always give the same
/// text, so that it is prepared once.
fn numbered(text: &str, number: usize) -> String {
    text.replace("$1", &format!("${}", number + 1))
}

/// JSON that is written already.
struct Written(String);

impl Type<Postgres> for Written {
    fn type_info() -> PgTypeInfo {
        <Json<()> as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Written {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        // The only version of the binary form of jsonb: a one, then the text.
        buffer.push(1);
        buffer.extend(self.0.as_bytes());
        Ok(IsNull::No)
    }
}
