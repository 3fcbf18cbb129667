//! A connection that the pool has lent, and how long anybody waits for it.
//!
//! A network may swallow what is sent, without a word: a firewall that has forgotten a connection, a
//! machine that was unplugged. TCP goes on trying for a quarter of an hour. So
//! - each question has a time, after which its connection is given up;
//! - a connection goes back to the pool within a time, or not at all. The pool itself asks it first
//!   whether it lives, and would wait for that as long as TCP does, while its place is taken;
//! - once a connection has been silent, older ones are not used again: whatever happened to it
//!   happened to them. So it is paid for once, and not once for each of them.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{Executor as _, PgConnection, Postgres};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use crate::store::StoreError;

/// How long beginning or undoing a transaction, or going back to the pool, may take: a round trip,
/// and no lock to wait for.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(2);

/// How long to wait for answers, and whether that was in vain.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// For the answer to a question or a change.
    answer_max: Duration,
    /// When a connection was last silent for too long.
    silent_at: Arc<Mutex<Option<Instant>>>,
}

impl Patience {
    /// Waits so long for an answer.
    pub(super) fn new(answer_max: Duration) -> Self {
        Self { answer_max, silent_at: Arc::default() }
    }

    /// Whether a connection of this age is older than the last silence.
    pub(super) fn is_doubtful(&self, age: Duration) -> bool {
        let silent_at = *self.silent_at.lock().unwrap_or_else(PoisonError::into_inner);
        silent_at.is_some_and(|at| at.elapsed() < age)
    }

    /// Waits for an answer.
    ///
    /// # Errors
    /// [`StoreError::Silent`] when there is none in time; and those of the question.
    pub(crate) async fn answer<T>(
        &self,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.within(self.answer_max, question).await
    }

    async fn within<T>(
        &self,
        most: Duration,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if let Ok(answer) = timeout(most, question).await {
            return answer;
        }
        *self.silent_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        Err(StoreError::Silent)
    }
}

/// A connection that goes back to the pool when it is dropped, or away.
#[derive(Debug)]
pub(super) struct Lent(Option<PoolConnection<Postgres>>);

impl Lent {
    /// A connection of a pool's.
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self(Some(connection))
    }

    /// Gives it back, in a task of its own; first rolls back what is open.
    fn give_back(&mut self, open: bool) {
        let Some(mut connection) = self.0.take() else { return };
        let Ok(runtime) = Handle::try_current() else {
            // Where nothing can be awaited it cannot be asked whether it lives.
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            if open {
                let undone = timeout(ROUND_TRIP_MAX, connection.execute("ROLLBACK")).await;
                if !matches!(undone, Ok(Ok(_))) {
                    // Detached it leaves its place, and dropped it is closed.
                    drop(connection.detach());
                    return;
                }
            }
            // What dropping does, but with a limit: if it is over, this drops the connection.
            drop(timeout(ROUND_TRIP_MAX, connection.return_to_pool()).await);
        });
    }
}

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_deref().expect(LENT)
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_deref_mut().expect(LENT)
    }
}

/// It is taken by whoever drops it.
const LENT: &str = "a connection is there until it is dropped";

impl Drop for Lent {
    fn drop(&mut self) {
        self.give_back(false);
    }
}

/// A writing transaction; rolled back when dropped.
#[derive(Debug)]
pub(crate) struct Transaction {
    connection: Lent,
    patience: Patience,
    /// Whether there may be something to roll back.
    open: bool,
}

impl Transaction {
    /// Begins one with this statement.
    pub(super) async fn begin(
        connection: Lent,
        patience: Patience,
        statement: &'static str,
    ) -> Result<Self, StoreError> {
        // Open from here on: whoever gives up may have begun it.
        let mut begun = Self { connection, patience, open: true };
        begun.round_trip(statement).await?;
        Ok(begun)
    }

    async fn round_trip(&mut self, statement: &'static str) -> Result<(), StoreError> {
        let Self { connection, patience, .. } = self;
        let done = async { Ok(connection.execute(statement).await.map(drop)?) };
        patience.within(ROUND_TRIP_MAX, done).await
    }

    /// What to ask in it, and how long to wait for the answer.
    pub(crate) fn parts(&mut self) -> (&mut PgConnection, &Patience) {
        (&mut self.connection, &self.patience)
    }

    /// Undoes it.
    pub(crate) async fn rollback(mut self) -> Result<(), StoreError> {
        self.round_trip("ROLLBACK").await?;
        self.open = false;
        Ok(())
    }

    /// Makes it durable. A database that says nothing to that may have done it.
    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let Self { connection, patience, .. } = &mut self;
        let done = async {
            connection
                .execute("COMMIT")
                .await
                .map(drop)
                .map_err(|error| StoreError::Commit(error.into()))
        };
        match patience.answer(done).await {
            Ok(()) => {
                self.open = false;
                Ok(())
            }
            Err(StoreError::Silent) => Err(StoreError::unheard_commit()),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        self.connection.give_back(self.open);
    }
}
