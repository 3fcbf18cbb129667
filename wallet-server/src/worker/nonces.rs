//! Uses up the nonces of signed requests, many in one commit.
//!
//! A request that changes something is done once, because its nonce is kept before anything else
//! happens. A commit for each would keep settlement from the disk when many phones, or one that is
//! up to no good, send many requests: one commit takes all that came while the last one was made.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::Alarm;
use super::devices::Unanswered;
use crate::store::{Nonce, Store};

/// The most that one commit takes.
const COMMIT_MAX: usize = 256;
/// The most that may wait.
const WAITING_MAX: usize = 4096;
/// How long the database may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Whether the nonce was new.
type Reply = oneshot::Sender<bool>;

/// The way to use a nonce.
#[derive(Clone, Debug)]
pub struct Nonces(mpsc::Sender<(Nonce, Reply)>);

impl Nonces {
    /// Starts the task that keeps them. It ends when every clone of this has been dropped.
    #[must_use]
    pub fn start(store: Arc<Store>, alarm: &Alarm) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        drop(alarm.spawn("nonces", run(store, receiver)));
        Self(sender)
    }

    /// Uses a nonce up; false when it was used before.
    ///
    /// # Errors
    /// [`Unanswered`] when too many wait already or the database does not answer: whether it is
    /// used now is not known, so the request must be signed anew.
    pub async fn use_up(&self, nonce: Nonce) -> Result<bool, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send((nonce, reply)).map_err(|_| Unanswered)?;
        answer.await.map_err(|_| Unanswered)
    }
}

async fn run(store: Arc<Store>, mut wanted: mpsc::Receiver<(Nonce, Reply)>) {
    let mut waiting = Vec::new();
    while wanted.recv_many(&mut waiting, COMMIT_MAX).await > 0 {
        let (nonces, replies): (Vec<Nonce>, Vec<Reply>) = waiting.drain(..).unzip();
        let used = tokio::time::timeout(SILENCE_MAX, store.use_nonces(&nonces)).await;
        match used.map_err(|_| "the database says nothing".to_owned()) {
            Ok(Ok(new)) => {
                for (reply, new) in replies.into_iter().zip(new) {
                    // Whoever asked may have gone.
                    let _ = reply.send(new);
                }
            }
            Ok(Err(error)) => tracing::error!(%error, "nonces cannot be kept"),
            Err(error) => tracing::error!(%error, "nonces cannot be kept"),
        }
    }
}
