//! What work in the background says in the log while it fails.

use std::time::Duration;

use tokio::time::Instant;

use crate::store::StoreError;

/// How often a failure that goes on is told. Once is lost in a log that is turned over each day,
/// and work of every few milliseconds would fill it.
const EVERY: Duration = Duration::from_mins(1);

/// Tells of the first failure in a row at once, and then once a minute.
#[derive(Debug)]
pub(super) struct Complaint {
    what: &'static str,
    told_at: Option<Instant>,
}

impl Complaint {
    /// To say this.
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, told_at: None }
    }

    /// Says so if it is time to.
    pub(super) fn hear<T>(&mut self, outcome: &Result<T, StoreError>) {
        match outcome {
            Ok(_) => self.told_at = None,
            Err(error) if self.is_due(Instant::now()) => tracing::warn!(%error, "{}", self.what),
            Err(_) => {}
        }
    }

    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.told_at.is_none_or(|at| now.duration_since(at) >= EVERY);
        if due {
            self.told_at = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Complaint;

    #[test]
    fn a_failure_that_goes_on_is_told_at_once_and_then_once_a_minute() {
        let mut complaint = Complaint::new("it waits");
        let begun = Instant::now();
        let told = (0..=130).filter(|s| complaint.is_due(begun + Duration::from_secs(*s)));
        assert_eq!(told.collect::<Vec<_>>(), [0, 60, 120]);
        complaint.hear(&Ok(()));
        assert!(complaint.is_due(begun + Duration::from_secs(131)), "it is a failure of its own");
    }
}
