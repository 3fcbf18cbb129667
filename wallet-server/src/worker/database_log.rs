//! Keeps SQLite's log short without making payments wait.
//!
//! SQLite appends what is committed to a log, and moves it to the database when the log is long
//! enough. Left to itself the writer does that right after a commit, and the payments behind it
//! wait. So most of it is moved here, by another connection, and flushed, while the writer goes on;
//! the writer moves the rest, which it alone can do, because it alone can begin the log anew. If both
//! together cannot keep up, payments do wait: a log must not grow without a bound.
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
            Err(error @ StoreError::Flush(_)) => end_at_once(&error),
            // The writer does it then.
            Err(error) => tracing::debug!(%error, "the log was not shortened"),
        }
        tokio::time::sleep(REST).await;
    }
}

/// The system tells once that it lost pages, and believes them written from then on. Whoever moves the
/// rest of the log, or closes the books as one should, would then let go of the only copy. A server that
/// starts moves the whole log once more.
fn end_at_once(error: &StoreError) -> ! {
    tracing::error!(%error, "the server ends at once: see to the disk before it starts again");
    std::process::abort()
}
