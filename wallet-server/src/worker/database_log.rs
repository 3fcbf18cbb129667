//! Keeps SQLite's log short without making payments wait.
//!
//! SQLite appends what is committed to a log, and moves it to the database when the log is long
//! enough. Left to itself the writer does that right after a commit, and the payments behind it
//! wait. So most of it is moved here, by another connection, while the writer goes on; the writer
//! moves the rest, which it alone can do, because it alone can begin the log anew. If both together
//! cannot keep up, payments do wait: a log must not grow without a bound.
//!
//! PostgreSQL does all this by itself.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::alarm::Alarm;
use crate::store::{Store, StoreError};

/// How long to rest between two looks at the log. A full server fills it in a second.
const REST: Duration = Duration::from_millis(20);

/// The running task.
#[derive(Debug)]
pub(super) struct DatabaseLog {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl DatabaseLog {
    /// Starts it. Nothing runs while nothing is committed.
    #[must_use]
    pub(super) fn start(store: Arc<Store>, alarm: &Alarm) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = alarm.spawn("database log", async move {
            tokio::select! {
                _ = stopped => {}
                () = follow(&store) => {}
            }
        });
        Self { stop, task }
    }

    /// Ends it. What is under way in the database goes on there.
    pub(super) async fn stop(self) {
        drop(self.stop);
        drop(self.task.await);
    }
}

async fn follow(store: &Store) {
    loop {
        store.committed().await;
        match store.shorten_log().await {
            Ok(()) => {}
            // The system tells once that it lost something, and then believes it written; the log would
            // be begun anew over the only copy. A server that starts moves all of the log once more.
            Err(error @ StoreError::Flush(_)) => panic!("{error}"),
            // The writer does it then.
            Err(error) => tracing::debug!(%error, "the log was not shortened"),
        }
        tokio::time::sleep(REST).await;
    }
}
