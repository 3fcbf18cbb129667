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

pub use deliveries::{Followed, WantedEvent, WantedPart};
pub use endpoints::{EndpointChange, NewEndpoint, WebhookEndpoint};
pub use log::{ListedDeliveries, WebhookAttempt, WebhookDelivery};
pub use sending::{AttemptMade, DueDelivery, EndpointAfter, Terms};

use super::events::Cursor;
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

impl From<Cursor> for EventPlace {
    fn from(cursor: Cursor) -> Self {
        Self { position: cursor.position, n: cursor.n }
    }
}

/// Every statement of this folder, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [deliveries::STATEMENTS, endpoints::STATEMENTS, log::STATEMENTS, sending::STATEMENTS]
        .into_iter()
        .flatten()
}
