//! Connections on threads of their own, and how they are lent.
//!
//! SQLite runs in the thread that calls it, and waits there for the disk: nothing that async tasks
//! should do. What is to be done travels to the connection's thread as a closure, and several
//! statements travel together, because waking two threads costs as much as many statements do.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::store::StoreError;
use crate::store::error::DatabaseError;

/// How long somebody waits for a connection that others have.
const LEND_TIMEOUT: Duration = Duration::from_secs(30);

type Work = Box<dyn FnOnce(&mut Connection) + Send>;

/// A connection that lives on a thread of its own, and is closed with it.
#[derive(Debug)]
pub(super) struct Thread {
    work: mpsc::Sender<Work>,
    /// Nothing is ever sent; it closes when the thread ends.
    ended: oneshot::Receiver<Infallible>,
}

impl Thread {
    async fn start(
        name: &str,
        open: impl FnOnce() -> Result<Connection, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        let (work, queue) = mpsc::channel::<Work>();
        let (opening, opened) = oneshot::channel();
        let (ending, ended) = oneshot::channel::<Infallible>();
        let builder = std::thread::Builder::new().name(name.to_owned());
        let run = move || {
            let open = open();
            match open {
                Err(error) => drop(opening.send(Err(error))),
                Ok(mut connection) => {
                    drop(opening.send(Ok(())));
                    while let Ok(work) = queue.recv() {
                        work(&mut connection);
                    }
                    if let Err((_, error)) = connection.close() {
                        tracing::warn!(%error, "a connection to the books does not close");
                    }
                }
            }
            drop(ending);
        };
        builder.spawn(run).map_err(|error| StoreError::Open(error.to_string()))?;
        opened.await.unwrap_or_else(|_| Err(DatabaseError::ThreadEnded.into()))?;
        Ok(Self { work, ended })
    }

    /// Does something with the connection, and waits for it. If the caller stops waiting, it is done
    /// all the same.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.begin(move |connection| drop(reply.send(work(connection))));
        answer.await.map_err(|_| DatabaseError::ThreadEnded.into())
    }

    /// Does something with the connection after all that it was told to do before.
    pub(super) fn begin(&self, work: impl FnOnce(&mut Connection) + Send + 'static) {
        // A thread that has ended drops it, and with it the end on which somebody may wait.
        drop(self.work.send(Box::new(work)));
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.ended.try_recv(), Err(oneshot::error::TryRecvError::Empty))
    }

    /// Closes the connection once it has done all that it was told to do.
    async fn close(self) {
        let Self { work, ended } = self;
        drop(work);
        drop(ended.await);
    }
}

/// Connections of one kind, opened when they are needed.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    name: &'static str,
    open: Arc<dyn Fn() -> Result<Connection, StoreError> + Send + Sync>,
    size: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Thread>>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl Pool {
    /// At most so many connections, on threads of this name.
    pub(super) fn new(
        name: &'static str,
        size: u32,
        open: impl Fn() -> Result<Connection, StoreError> + Send + Sync + 'static,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        Self(Arc::new(Inner { name, open: Arc::new(open), size, permits, idle: Mutex::default() }))
    }

    /// A connection for a while. Whoever asks first has it first.
    pub(super) async fn lend(&self) -> Result<Lent, StoreError> {
        let permit = Arc::clone(&self.0.permits).acquire_owned();
        let permit = tokio::time::timeout(LEND_TIMEOUT, permit).await;
        let permit = permit.map_err(|_| StoreError::Silent)?;
        let permit = permit.map_err(|_| DatabaseError::Closed)?;
        let idle = || self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut thread) = idle() {
            if !thread.has_ended() {
                return Ok(Lent { thread: Some(thread), pool: self.clone(), _permit: permit });
            }
        }
        let open = Arc::clone(&self.0.open);
        let thread = Thread::start(self.0.name, move || open()).await?;
        Ok(Lent { thread: Some(thread), pool: self.clone(), _permit: permit })
    }

    /// Does something with one of the connections.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        self.lend().await?.run(work).await
    }

    /// Closes the connections once nobody has one, and lends no more.
    pub(super) async fn close(&self) {
        let all = Arc::clone(&self.0.permits).acquire_many_owned(self.0.size).await;
        self.0.permits.close();
        let idle = std::mem::take(&mut *self.0.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in idle {
            thread.close().await;
        }
        drop(all);
    }
}

/// A connection that goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Lent {
    thread: Option<Thread>,
    pool: Pool,
    _permit: OwnedSemaphorePermit,
}

impl Lent {
    /// Does something with the connection, and waits for it. If the caller stops waiting, it is done
    /// all the same, before anything that the next one does.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.thread {
            Some(thread) => thread.run(work).await,
            None => Err(DatabaseError::ThreadEnded.into()),
        }
    }

    /// Does something with the connection before anything that the next one does.
    pub(super) fn begin(&self, work: impl FnOnce(&mut Connection) + Send + 'static) {
        if let Some(thread) = &self.thread {
            thread.begin(work);
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Before the permit, which lets the next one look here.
        let idle = self.pool.0.idle.lock();
        idle.unwrap_or_else(PoisonError::into_inner).extend(self.thread.take());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// A pool, and how often it has opened a connection.
    fn pool(size: u32) -> (Pool, Arc<AtomicU32>) {
        let opened = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&opened);
        let open = move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(Connection::open_in_memory()?)
        };
        (Pool::new("test", size, open), opened)
    }

    #[tokio::test]
    async fn a_connection_is_opened_when_it_is_wanted_and_lent_again() {
        let (pool, opened) = pool(2);
        assert_eq!(opened.load(Ordering::Relaxed), 0);
        for _ in 0..3 {
            pool.run(|_| ()).await.unwrap();
        }
        assert_eq!(opened.load(Ordering::Relaxed), 1);
        let lent = [pool.lend().await.unwrap(), pool.lend().await.unwrap()];
        assert_eq!(opened.load(Ordering::Relaxed), 2);
        drop(lent);
        pool.close().await;
        let error = pool.lend().await.unwrap_err();
        assert!(matches!(error, StoreError::Database(DatabaseError::Closed)), "{error}");
    }

    #[tokio::test]
    async fn what_nobody_waits_for_is_done_before_what_the_next_one_asks_for() {
        let (pool, _) = pool(1);
        let lent = pool.lend().await.unwrap();
        let (go, wait) = mpsc::channel::<()>();
        lent.begin(move |connection| {
            wait.recv().unwrap();
            connection.execute_batch("create table t (a)").unwrap();
        });
        // Given up before it began.
        let writing = lent.run(|connection| connection.execute_batch("insert into t values (1)"));
        assert!(tokio::time::timeout(Duration::ZERO, writing).await.is_err());
        drop(lent);
        go.send(()).unwrap();
        let count = |connection: &mut Connection| {
            connection.query_row("select count(*) from t", [], |row| row.get::<_, i64>(0))
        };
        assert_eq!(pool.run(count).await.unwrap().unwrap(), 1);
    }

    #[tokio::test]
    async fn a_thread_that_fell_is_an_error_once_and_another_one_takes_its_place() {
        let (pool, opened) = pool(1);
        let error = pool.run(|_| panic!("on purpose")).await.unwrap_err();
        assert!(error.is_lost_connection(), "{error}");
        while opened.load(Ordering::Relaxed) == 1 {
            // It may not have ended yet.
            let again = pool.run(|_| ()).await;
            assert!(again.is_ok() || again.unwrap_err().is_lost_connection());
        }
        pool.run(|_| ()).await.unwrap();
    }

    #[tokio::test]
    async fn a_connection_that_cannot_be_opened_is_an_error_and_leaves_nobody_waiting() {
        let pool = Pool::new("test", 1, || Err(StoreError::Open("no".to_owned())));
        for _ in 0..2 {
            let error = pool.run(|_| ()).await.unwrap_err();
            assert_eq!(error.to_string(), "cannot open the database: no");
        }
        pool.close().await;
    }
}
