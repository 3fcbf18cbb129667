//! Webhooks: endpoints, what they are told of, and how that went.
//!
//! | from | to | in one transaction |
//! |---|---|---|
//! | the journal after the cursor | rows of [`deliveries`](WebhookDelivery), the cursor | [`Store::add_deliveries`], which does nothing if somebody else moved the cursor |
//! | attempts that ended | deliveries, failed attempts, how endpoints are doing | [`Store::record_attempts`] |
//!
//! Rows of deliveries name nothing that they need to be there: an endpoint that is gone leaves its
//! rows to retention, and nothing finds them meanwhile.

mod deliveries;
mod endpoints;
mod log;
mod sending;
mod told;

pub use deliveries::{Followed, WantedEvent};
pub use endpoints::{EndpointChange, NewEndpoint, WebhookEndpoint};
pub use log::{ListedDeliveries, WebhookAttempt, WebhookDelivery};
pub use sending::{AttemptMade, DueDelivery, EndpointAfter};
pub use told::ToldEvent;

#[cfg(test)]
use super::sql::Sql;

/// Which event: the position of its batch in the journal, and its number there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct EventPlace {
    /// The batch's position.
    pub position: i64,
    /// The event's number in its batch.
    pub n: i64,
}

impl EventPlace {
    /// The event's id, by which whoever is told of it twice knows it again.
    #[must_use]
    pub fn event_id(self, committed_at: i64) -> String {
        format!("evt_{}_{}_{committed_at}", self.position, self.n)
    }

    /// The place in an id, and when the event was committed; `None` for what is no id.
    #[must_use]
    pub fn of_event_id(id: &str) -> Option<(Self, i64)> {
        let mut numbers = id.strip_prefix("evt_")?.split('_').map(|part| part.parse().ok());
        let place = Self { position: numbers.next()??, n: numbers.next()?? };
        let committed_at = numbers.next()??;
        // One text for each id: no signs, no zeros in front.
        (place.event_id(committed_at) == id && numbers.next().is_none())
            .then_some((place, committed_at))
    }
}

/// Every statement of this folder, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [
        deliveries::STATEMENTS,
        endpoints::STATEMENTS,
        log::STATEMENTS,
        sending::STATEMENTS,
        told::STATEMENTS,
    ]
    .into_iter()
    .flatten()
}
