//! What must run until the server stops, and who hears when a part of it has ended by a panic.
//!
//! A server whose sequencer or settling loop is gone looks healthy and does half of its work. So
//! each of these parts has a guard that is dropped when it ends and sees whether that was a panic.
//! Whoever runs the server waits for that, stops it and ends the process with an error: a
//! supervisor starts another one, whose parts all run.

use std::thread;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Tells of the first part that has ended by a panic.
#[derive(Clone, Default, Debug)]
pub struct Alarm(watch::Sender<Option<&'static str>>);

/// Raises the alarm when it is dropped by a panic.
#[derive(Debug)]
pub(super) struct Guard {
    alarm: Alarm,
    part: &'static str,
}

impl Alarm {
    /// Runs a part in a task of its own.
    pub(super) fn spawn(
        &self,
        part: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let guard = self.guard(part);
        tokio::spawn(async move {
            let _guard = guard;
            task.await;
        })
    }

    /// For a part that runs elsewhere: to be kept by it until it ends.
    #[must_use]
    pub(super) fn guard(&self, part: &'static str) -> Guard {
        Guard { alarm: self.clone(), part }
    }

    /// Which part has ended by a panic, if any has.
    #[must_use]
    pub fn fallen(&self) -> Option<&'static str> {
        *self.0.borrow()
    }

    /// Waits until a part ends by a panic, and says which.
    pub async fn raised(&self) -> &'static str {
        let mut parts = self.0.subscribe();
        match parts.wait_for(Option::is_some).await.map(|part| *part) {
            Ok(Some(part)) => part,
            // We hold a sender ourselves, so there is always one, and what was waited for is there.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if thread::panicking() {
            self.alarm.0.send_if_modified(|fallen| {
                let first = fallen.is_none();
                fallen.get_or_insert(self.part);
                first
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Alarm;

    #[tokio::test]
    async fn a_task_that_panics_raises_the_alarm_and_one_that_ends_does_not() {
        let alarm = Alarm::default();
        alarm.spawn("one that ends", async {}).await.unwrap();
        let stopped = alarm.spawn("one that is stopped", std::future::pending());
        stopped.abort();
        assert!(stopped.await.unwrap_err().is_cancelled());
        assert_eq!(alarm.fallen(), None);
        let task = async {
            tokio::task::yield_now().await;
            panic!("on purpose");
        };
        let fallen = alarm.spawn("one that panics", task);
        assert_eq!(alarm.raised().await, "one that panics");
        assert!(fallen.await.unwrap_err().is_panic());
        // The first one is the cause; others may follow from it.
        drop(alarm.spawn("another one", async { panic!("on purpose") }).await);
        assert_eq!(alarm.fallen(), Some("one that panics"));
    }

    #[tokio::test]
    async fn a_thread_that_panics_raises_the_alarm() {
        let alarm = Alarm::default();
        let guard = alarm.guard("a thread");
        let thread = std::thread::spawn(move || {
            let _guard = guard;
            panic!("on purpose");
        });
        assert_eq!(alarm.raised().await, "a thread");
        assert!(thread.join().is_err());
    }
}
