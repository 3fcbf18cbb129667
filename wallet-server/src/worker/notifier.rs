//! Wakes those who wait for something to happen to a payer or a merchant.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::{MerchantId, PayerId};

/// Whom something happens to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Party {
    /// A payer.
    Payer(PayerId),
    /// A merchant.
    Merchant(MerchantId),
}

impl From<PayerId> for Party {
    fn from(id: PayerId) -> Self {
        Self::Payer(id)
    }
}

impl From<MerchantId> for Party {
    fn from(id: MerchantId) -> Self {
        Self::Merchant(id)
    }
}

/// Who waits for what.
#[derive(Clone, Default, Debug)]
pub struct Notifier(Arc<Waiting>);

#[derive(Default, Debug)]
struct Waiting {
    parties: Mutex<HashMap<Party, Arc<Notify>>>,
    /// For those who follow the journal.
    journal: Notify,
    /// Whether the server stops, so that nobody is to wait.
    stopping: AtomicBool,
}

impl Notifier {
    /// Begins to wait. Begin *before* looking for what may have happened already: whatever
    /// happens after this call wakes the waiter.
    #[must_use]
    pub fn waiter(&self, party: impl Into<Party>) -> Waiter {
        let party = party.into();
        let notify = Arc::clone(self.parties().entry(party).or_default());
        Waiter { notifier: self.clone(), party, notify }
    }

    fn parties(&self) -> MutexGuard<'_, HashMap<Party, Arc<Notify>>> {
        self.0.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no payer waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !self.parties().keys().any(|party| matches!(party, Party::Payer(_)))
    }

    /// Whether a merchant waits.
    #[must_use]
    pub fn has_merchants(&self) -> bool {
        self.parties().keys().any(|party| matches!(party, Party::Merchant(_)))
    }

    /// Wakes everyone, and lets nobody wait any more: the server stops.
    pub fn stop(&self) {
        self.0.stopping.store(true, Ordering::SeqCst);
        self.wake_all();
    }

    /// Whether nobody is to wait.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.stopping.load(Ordering::SeqCst)
    }

    /// Wakes everyone, to look for themselves.
    pub fn wake_all(&self) {
        self.parties().values().for_each(|notify| notify.notify_waiters());
    }

    /// Wakes everyone who waits for one of these.
    pub fn wake(&self, parties: impl IntoIterator<Item = impl Into<Party>>) {
        let waiting = self.parties();
        for notify in parties.into_iter().filter_map(|party| waiting.get(&party.into())) {
            notify.notify_waiters();
        }
    }

    /// The journal has become longer.
    pub fn journal_grew(&self) {
        self.0.journal.notify_waiters();
    }

    /// A future that is ready once the journal has become longer after this call. It may have
    /// become so by another process, of which this one does not hear.
    pub fn journal_growth(&self) -> tokio::sync::futures::Notified<'_> {
        self.0.journal.notified()
    }
}

/// Tells of a committed batch.
#[derive(Clone, Debug)]
pub enum Announcer {
    /// This process has the books to itself: whoever waits is woken at once.
    Here(Notifier),
    /// Others read the same journal, and it has to give the batch a position first: whoever does
    /// that wakes them.
    Journal(Arc<AtomicBool>),
}

impl Announcer {
    /// A batch is committed that concerns these payers.
    pub fn committed(&self, payers: impl IntoIterator<Item = PayerId>) {
        match self {
            Self::Here(notifier) => {
                notifier.wake(payers);
                notifier.journal_grew();
            }
            Self::Journal(committed) => committed.store(true, Ordering::Relaxed),
        }
    }
}

/// Someone who waits for something to happen to a payer or a merchant.
#[derive(Debug)]
pub struct Waiter {
    notifier: Notifier,
    party: Party,
    notify: Arc<Notify>,
}

impl Waiter {
    /// A future that is ready once something has happened after this call.
    ///
    /// Call it, then look whether it happened before, then await it.
    pub fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.notifier.parties();
        // The map's and our own: nobody else waits.
        if Arc::strong_count(&self.notify) == 2 {
            waiting.remove(&self.party);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Notifier;
    use crate::domain::ids::PayerId;

    #[tokio::test]
    async fn a_waiter_hears_what_happens_after_it_began() {
        let notifier = Notifier::default();
        let payer = PayerId::from_bytes([1; 16]);
        let waiter = notifier.waiter(payer);
        let woken = waiter.notified();
        notifier.wake([PayerId::from_bytes([2; 16]), payer]);
        woken.await;
    }

    #[test]
    fn nobody_is_remembered_after_the_last_waiter_has_gone() {
        let notifier = Notifier::default();
        let payer = PayerId::from_bytes([1; 16]);
        let (first, second) = (notifier.waiter(payer), notifier.waiter(payer));
        drop(first);
        assert_eq!(notifier.parties().len(), 1);
        drop(second);
        assert!(notifier.parties().is_empty());
    }
}
