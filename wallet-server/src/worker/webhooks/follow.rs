//! From the journal to deliveries that wait.

use super::Worker;
use crate::domain::webhooks::is_merchants;
use crate::store::{self, StoreError, WantedPart};

/// How many parts of the journal are read in one tick. Many have nothing for anybody; after one that
/// is full, what was read is sent first.
const PARTS_MAX: u32 = 16;
/// How far the cursor may be behind what was read, when there was nothing in it for anybody: writing
/// it is a commit, reading on after a restart is not.
const UNWRITTEN_MAX: i64 = 10_000;

/// How far the journal has been followed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Followed {
    /// As the database has it.
    cursor: i64,
    /// Up to here there is nothing that is not a delivery.
    read: i64,
}

impl Worker {
    /// Follows the journal from where the database says, or from further on where this process knows
    /// that there is nothing for anybody.
    pub(super) fn follow_from(&mut self, found: store::Followed) {
        self.followed = found.since.map(|since| {
            // Events before an endpoint was made are not for it.
            let read = self.followed.map_or(found.cursor, |before| before.read.max(found.cursor));
            Followed { cursor: found.cursor, read: read.max(since) }
        });
    }

    /// Makes deliveries of what is new.
    pub(super) async fn follow(&mut self) -> Result<(), StoreError> {
        let Some(mut followed) = self.followed else { return Ok(()) };
        let end = self.parts.store.journal_end().await?.position;
        for _ in 0..PARTS_MAX {
            if followed.read >= end {
                break;
            }
            let part = self.parts.store.wanted_events(followed.read, end).await?;
            let WantedPart { events: mut wanted, through, full } = part;
            wanted.retain(|event| is_merchants(&event.event_type));
            let unwritten = through - followed.cursor;
            if !wanted.is_empty() || unwritten >= UNWRITTEN_MAX {
                let now = self.parts.clock.now();
                let moved = (followed.cursor, through);
                if !self.parts.store.add_deliveries(moved, &wanted, now).await? {
                    // Another process does this.
                    self.followed = None;
                    return Ok(());
                }
                followed.cursor = through;
            }
            followed.read = through;
            self.followed = Some(followed);
            for event in wanted {
                self.ready.add(event.endpoint);
            }
            if full {
                break;
            }
        }
        Ok(())
    }
}
