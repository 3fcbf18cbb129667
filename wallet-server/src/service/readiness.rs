//! Whether payments can be settled, found out for all who ask at once.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::App;
use crate::store::{Store, StoreError};

/// How long an answer is good for. Whoever asks needs no key, and to find out takes a turn among
/// those who write: strangers would stand in the queue before the payments.
const SHARED_FOR: Duration = Duration::from_secs(1);
/// How long the database may take: as long as those who ask are patient.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Why they cannot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotReady {
    /// A part that must run has ended.
    Stopped,
    /// The database does not answer.
    Database,
}

/// The last answer of the database.
#[derive(Default, Debug)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Result<(), NotReady>)>>);

impl Readiness {
    /// Asks the database, unless that was done within the last second. Others wait meanwhile, and
    /// have the same answer.
    async fn of(&self, store: &Store) -> Result<(), NotReady> {
        let mut last = self.0.lock().await;
        if let Some((at, answer)) = *last
            && at.elapsed() < SHARED_FOR
        {
            return answer;
        }
        let pinged = tokio::time::timeout(ANSWER_MAX, store.ping()).await;
        let answer = pinged.unwrap_or(Err(StoreError::Silent)).map_err(|error| {
            tracing::warn!(%error, "not ready");
            NotReady::Database
        });
        *last = Some((Instant::now(), answer));
        answer
    }
}

impl App {
    /// Whether payments can be settled: the database takes a transaction, and all parts run.
    ///
    /// # Errors
    /// [`NotReady`].
    pub async fn ready(&self) -> Result<(), NotReady> {
        if !self.batcher.is_running() {
            return Err(NotReady::Stopped);
        }
        self.own.readiness.of(&self.store).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{NotReady, Readiness};
    use crate::store::Store;

    #[tokio::test]
    async fn many_who_ask_have_one_answer_of_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}/books", folder.path().display());
        let store = Arc::new(Store::open(&url).await.unwrap());
        let readiness = Arc::new(Readiness::default());
        // Somebody writes, so the database cannot answer whether it takes a transaction.
        let writing = store.begin().await.unwrap();
        let asking: Vec<_> = (0..100)
            .map(|_| {
                let (readiness, store) = (Arc::clone(&readiness), Arc::clone(&store));
                tokio::spawn(async move { readiness.of(&store).await })
            })
            .collect();
        while readiness.0.try_lock().is_ok() {
            tokio::task::yield_now().await;
        }
        // Whoever settles is behind one of them, and not behind all.
        let settling = tokio::spawn({
            let store = Arc::clone(&store);
            async move { store.begin().await.unwrap().roll_back().await.unwrap() }
        });
        writing.roll_back().await.unwrap();
        settling.await.unwrap();
        for asked in asking {
            assert_eq!(asked.await.unwrap(), Ok(()));
        }
        // Whatever the database would say by now, the last answer is good for a while.
        for answer in [Ok(()), Err(NotReady::Database)] {
            let lately = Instant::now() + Duration::from_hours(1);
            *readiness.0.lock().await = Some((lately, answer));
            assert_eq!(readiness.of(&store).await, answer);
        }
        *readiness.0.lock().await = None;
        assert_eq!(readiness.of(&store).await, Ok(()));
        store.close().await;
        *readiness.0.lock().await = None;
        assert_eq!(readiness.of(&store).await, Err(NotReady::Database));
    }
}
