//! The thread that hashes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::{io, thread};

use tokio::sync::oneshot;

use super::Digits;
use crate::domain::ids::PayerId;
use crate::issuer::{IssuerKeys, PinCost, PinHash, PinInput};
use crate::priority::{HASHING, step_back};

/// What is to be hashed.
pub(super) struct Work {
    pub(super) pin: Digits,
    pub(super) salt: [u8; 16],
    pub(super) payer: PayerId,
    pub(super) cost: PinCost,
}

type Job = (Work, oneshot::Sender<Option<PinHash>>);

/// The way to the thread, which ends when this is dropped.
pub(super) struct Hasher(SyncSender<Job>);

impl Hasher {
    /// Starts the thread, under a name by which an operator sees what it costs.
    pub(super) fn start(keys: Arc<dyn IssuerKeys>) -> io::Result<Self> {
        // One hash at a time: the worker awaits each.
        let (sender, jobs) = sync_channel::<Job>(1);
        thread::Builder::new().name("pin-0".to_owned()).spawn(move || {
            step_back(HASHING);
            for (work, reply) in jobs {
                let hash = catch_unwind(AssertUnwindSafe(|| {
                    let Work { pin, salt, payer, cost } = &work;
                    let payer = payer.as_bytes();
                    keys.hash_pin(PinInput { pin: pin.as_slice(), salt, payer, cost: *cost })
                }));
                let _ = reply.send(hash.unwrap_or_default());
            }
        })?;
        Ok(Self(sender))
    }

    /// Hashes; `None` when that failed.
    pub(super) async fn hash(&self, work: Work) -> Option<PinHash> {
        let (reply, hash) = oneshot::channel();
        self.0.try_send((work, reply)).ok()?;
        hash.await.ok().flatten()
    }
}
