//! Wakes those who wait for something to happen to a payer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::PayerId;

/// Who waits for what.
#[derive(Clone, Default, Debug)]
pub struct Notifier(Arc<Mutex<HashMap<PayerId, Arc<Notify>>>>);

impl Notifier {
    /// Begins to wait. Begin *before* looking for what may have happened already: whatever
    /// happens after this call wakes the waiter.
    #[must_use]
    pub fn waiter(&self, payer: PayerId) -> Waiter {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let notify = Arc::clone(waiting.entry(payer).or_default());
        Waiter { notifier: self.clone(), payer, notify }
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Wakes everyone, to look for themselves.
    pub fn wake_all(&self) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().for_each(|notify| notify.notify_waiters());
    }

    /// Wakes everyone who waits for one of these payers.
    pub fn wake(&self, payers: impl IntoIterator<Item = PayerId>) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for notify in payers.into_iter().filter_map(|payer| waiting.get(&payer)) {
            notify.notify_waiters();
        }
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
            Self::Here(notifier) => notifier.wake(payers),
            Self::Journal(committed) => committed.store(true, Ordering::Relaxed),
        }
    }
}

/// Someone who waits for something to happen to a payer.
#[derive(Debug)]
pub struct Waiter {
    notifier: Notifier,
    payer: PayerId,
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
        let mut waiting = self.notifier.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and our own: nobody else waits.
        if Arc::strong_count(&self.notify) == 2 {
            waiting.remove(&self.payer);
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
        assert_eq!(notifier.0.lock().unwrap().len(), 1);
        drop(second);
        assert!(notifier.0.lock().unwrap().is_empty());
    }
}
