//! Looks devices up for those who verify codes, many at a time.
//!
//! Most codes come from a device that is not in memory. Asking the database costs more than the
//! answer, so one question asks for every device that is wanted by the time the last question has
//! been answered. Nobody waits for somebody who has not come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use wallet_core::DeviceKeyId;

use super::Alarm;
use crate::store::{Device, Store};

/// The most that one question asks for.
const QUESTION_MAX: usize = 256;
/// The most that may wait: as many as charges may be under way.
const WAITING_MAX: usize = 8192;

/// How long the database may say nothing: as long as a till waits.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// The device, or none with this key.
type Reply = oneshot::Sender<Option<Arc<Device>>>;

/// The way to ask.
#[derive(Clone, Debug)]
pub struct Devices(mpsc::Sender<(DeviceKeyId, Reply)>);

/// It cannot be said whether there is such a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unanswered;

impl Devices {
    /// Starts the task that asks. It ends when every clone of this has been dropped.
    #[must_use]
    pub fn start(store: Arc<Store>, alarm: &Alarm) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        drop(alarm.spawn("devices", run(store, receiver)));
        Self(sender)
    }

    /// The device with this key.
    ///
    /// # Errors
    /// [`Unanswered`] when too many wait already or the database does not answer.
    pub async fn find(&self, key_id: DeviceKeyId) -> Result<Option<Arc<Device>>, Unanswered> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send((key_id, reply)).map_err(|_| Unanswered)?;
        answer.await.map_err(|_| Unanswered)
    }
}

async fn run(store: Arc<Store>, mut wanted: mpsc::Receiver<(DeviceKeyId, Reply)>) {
    let mut questions = Vec::new();
    while wanted.recv_many(&mut questions, QUESTION_MAX).await > 0 {
        let key_ids: Vec<DeviceKeyId> = questions.iter().map(|question| question.0).collect();
        let answer = tokio::time::timeout(SILENCE_MAX, store.devices(&key_ids)).await;
        let answer = answer.map_err(|_| "the database says nothing".to_owned());
        match answer.and_then(|answer| answer.map_err(|error| error.to_string())) {
            Ok(found) => {
                let found: HashMap<DeviceKeyId, Arc<Device>> =
                    found.into_iter().map(|device| (device.key_id, Arc::new(device))).collect();
                for (key_id, reply) in questions.drain(..) {
                    // Whoever asked may have gone.
                    drop(reply.send(found.get(&key_id).cloned()));
                }
            }
            Err(error) => {
                tracing::error!(%error, "devices cannot be looked up");
                questions.clear();
            }
        }
    }
}
