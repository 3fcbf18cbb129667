//! How things stand: what a refusal must not change.

use std::time::Duration;

use sqlx::{AnyConnection, Row};

use crate::World;

/// What the database holds, in as much as it is about money. Read beside the server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// How many payments there are, declined ones included.
    pub payments: i64,
    /// How many references are taken.
    pub references: i64,
    /// How many answers are kept under idempotency keys.
    pub kept_answers: i64,
    /// How many ledger entries and events there are.
    pub journal: (i64, i64),
    /// What every account has, in order of the accounts' ids.
    pub balances: Vec<i64>,
    /// The mark of every device, in order of the devices' ids.
    pub marks: Vec<Option<(i64, i64)>>,
}

impl Standing {
    /// The same, but for the answer that was kept.
    #[must_use]
    pub fn with_one_more_answer(self) -> Self {
        Self { kept_answers: self.kept_answers + 1, ..self }
    }
}

async fn count(database: &mut AnyConnection, table: &str) -> i64 {
    let sql = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
    sqlx::query_scalar(sql).fetch_one(database).await.unwrap()
}

/// How long batches may take to get their places: far more than the sequencer needs.
const PLACED_DEADLINE: Duration = Duration::from_mins(1);

impl World {
    /// Waits until every batch has its place in the journal, which on PostgreSQL comes after the
    /// commit.
    pub async fn placed(&self) {
        let mut database = self.database().await;
        let waiting = "select count(*) from batches where id not in (select batch from journal)";
        let placed = async {
            while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut database).await.unwrap() > 0
            {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PLACED_DEADLINE, placed).await.expect("a batch gets no place");
    }

    /// Waits until what has happened so far is in the merchants' feed.
    pub async fn fed(&self) {
        self.placed().await;
        let mut database = self.database().await;
        let behind = "select coalesce(max(j.position), 0) - max(f.position) \
             from merchant_feed f left join journal j on true";
        let fed = async {
            while sqlx::query_scalar::<_, i64>(behind).fetch_one(&mut database).await.unwrap() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PLACED_DEADLINE, fed).await.expect("the feed does not come");
    }

    /// How things stand. The books balance, or this panics.
    pub async fn standing(&self) -> Standing {
        drop(self.books().await);
        let mut database = self.database().await;
        let balances = "select available + held from balances order by account, shard";
        let marks = "select mark_step, mark_seq from devices order by key_id";
        let marks = sqlx::query(marks).fetch_all(&mut database).await.unwrap();
        let mark = |row: &sqlx::any::AnyRow| {
            row.get::<Option<i64>, _>(0).zip(row.get::<Option<i64>, _>(1))
        };
        Standing {
            payments: count(&mut database, "payments").await,
            references: count(&mut database, "payment_references").await,
            kept_answers: count(&mut database, "idempotency_keys").await,
            journal: (count(&mut database, "entries").await, count(&mut database, "events").await),
            balances: sqlx::query_scalar(balances).fetch_all(&mut database).await.unwrap(),
            marks: marks.iter().map(mark).collect(),
        }
    }
}
