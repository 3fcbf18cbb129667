//! Webhooks: which events an endpoint is told of, and when it is told again.
//!
//! | an attempt that | then |
//! |---|---|
//! | is answered 2xx | the event is delivered, the endpoint healthy |
//! | is answered 410 | the endpoint is disabled at once: it says that it is gone |
//! | fails otherwise | the event waits for its next attempt, longer each time, for over a day; other events of the endpoint pass it |
//! | is one of several that fail in a row | the endpoint rests a while, longer each time; then one attempt finds out whether it is back |
//! | fails when nothing has succeeded for days | the endpoint is disabled |

#[cfg(test)]
mod tests;

use wallet_core::Timestamp;
use wallet_core::receipt::PaymentState;

use super::named::named;

const MILLIS_OF_SECOND: i64 = 1000;

/// How long an event waits after each failed attempt, in seconds. After the last one it is given up,
/// after 31 hours: long enough for somebody to come to work and mend the endpoint.
const PAUSES_SECONDS: [i64; 7] =
    [5, 5 * 60, 30 * 60, 2 * 60 * 60, 5 * 60 * 60, 10 * 60 * 60, 14 * 60 * 60];
/// By how much a pause differs at random, in thousandths of it, so that what failed together does
/// not come back together.
pub const JITTER_PERMILLE_MAX: u64 = 200;
/// How long an endpoint rests after so many failures in a row, in seconds; the last one stands for
/// all that follow. One event that an endpoint cannot take is no reason to rest.
const RESTS_SECONDS: [i64; 7] = [0, 0, 10, 30, 60, 2 * 60, 5 * 60];
/// The longest that an endpoint may ask to be left alone with `Retry-After`.
const RETRY_AFTER_SECONDS_MAX: u32 = 60 * 60;
/// For how long attempts may fail without a single success before the endpoint is disabled.
const FAILING_MILLIS_MAX: i64 = 3 * 24 * 60 * 60 * 1000;

/// What merchants' events are about. Notices carry a merchant too, but are for the payer.
const KINDS: [&str; 4] = ["payment", "refund", "payout", "order"];

/// Whether an event of this type is one of a merchant's: `payment.succeeded` and the like.
#[must_use]
pub fn is_merchants(event_type: &str) -> bool {
    event_type.split_once('.').is_some_and(|(kind, _)| KINDS.contains(&kind))
}

/// The most types that an endpoint names: more than there are.
const TYPES_MAX: usize = 50;

/// Which events an endpoint is told of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WantedEvents {
    /// All of its merchant's.
    All,
    /// Those of these types.
    Types(Vec<String>),
}

impl WantedEvents {
    /// What a merchant named: types, or `*`, which means all whatever stands beside it. `None` if
    /// there is none, or one that cannot be.
    #[must_use]
    pub fn from_names(names: &[String]) -> Option<Self> {
        let all = |name: &String| name == "*";
        let possible = |name: &String| {
            let state = name.split_once('.').map(|(_, state)| state);
            all(name) || is_merchants(name) && state.and_then(PaymentState::from_name).is_some()
        };
        if names.is_empty() || names.len() > TYPES_MAX || !names.iter().all(possible) {
            return None;
        }
        if names.iter().any(all) {
            return Some(Self::All);
        }
        let mut types = names.to_vec();
        types.sort_unstable();
        types.dedup();
        Some(Self::Types(types))
    }

    /// As names, which [`from_names`](Self::from_names) reads.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::All => vec!["*".to_owned()],
            Self::Types(types) => types.clone(),
        }
    }
}

/// What an endpoint does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EndpointState {
    /// It is told of events.
    Enabled,
    /// It is not.
    Disabled(DisabledBecause),
}

/// Why an endpoint is not told of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DisabledBecause {
    /// The merchant said so.
    Merchant,
    /// It answered 410.
    Gone,
    /// It failed for days.
    Failing,
}

named!(DisabledBecause {
    Merchant => "merchant",
    Gone => "gone",
    Failing => "failing",
});

/// What has become of an event for an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeliveryState {
    /// It will be sent, for the first time or again.
    Waiting,
    /// It was taken.
    Delivered,
    /// It was given up.
    Failed,
}

named!(DeliveryState {
    Waiting => "waiting",
    Delivered => "delivered",
    Failed => "failed",
});

/// Why an attempt failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttemptError {
    /// The answer had another status than 2xx.
    Status,
    /// The answer led elsewhere, where nobody goes.
    Redirect,
    /// The answer was 410.
    Gone,
    /// The name has no address, or one that is not the internet's. Which of the two would tell what
    /// the server's network knows.
    NameUnresolved,
    /// The address in the URL is not one of the internet's.
    AddressRefused,
    /// No connection, or no TLS with a name that can be believed.
    ConnectionFailed,
    /// The connection broke before there was an answer.
    ConnectionLost,
    /// There was no answer in time.
    Timeout,
    /// The server could not send it.
    NotSent,
}

named!(AttemptError {
    Status => "status",
    Redirect => "redirect",
    Gone => "gone",
    NameUnresolved => "name_unresolved",
    AddressRefused => "address_refused",
    ConnectionFailed => "connection_failed",
    ConnectionLost => "connection_lost",
    Timeout => "timeout",
    NotSent => "not_sent",
});

/// How an attempt ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttemptEnd {
    /// The endpoint took it.
    Delivered {
        /// With this status.
        status: u16,
    },
    /// It did not.
    Failed {
        /// Why.
        error: AttemptError,
        /// The status of the answer, if there was one.
        status: Option<u16>,
        /// For how many seconds the endpoint wants to be left alone.
        retry_after_seconds: Option<u32>,
    },
}

impl AttemptEnd {
    /// A failure without an answer.
    #[must_use]
    pub fn failed(error: AttemptError) -> Self {
        Self::Failed { error, status: None, retry_after_seconds: None }
    }

    /// What an answer's status says. Only overload may name its time.
    #[must_use]
    pub fn of_answer(status: u16, retry_after_seconds: Option<u32>) -> Self {
        let failed =
            |error| Self::Failed { error, status: Some(status), retry_after_seconds: None };
        match status {
            200..=299 => Self::Delivered { status },
            300..=399 => failed(AttemptError::Redirect),
            410 => failed(AttemptError::Gone),
            429 | 503 => Self::Failed {
                error: AttemptError::Status,
                status: Some(status),
                retry_after_seconds: retry_after_seconds.map(|it| it.min(RETRY_AFTER_SECONDS_MAX)),
            },
            _ => failed(AttemptError::Status),
        }
    }

    fn retry_after_millis(self) -> i64 {
        match self {
            Self::Failed { retry_after_seconds: Some(seconds), .. } => {
                i64::from(seconds) * MILLIS_OF_SECOND
            }
            Self::Failed { .. } | Self::Delivered { .. } => 0,
        }
    }
}

/// When an event is sent again of which so many attempts have failed since it was first to be sent,
/// or was to be sent again by hand; `None` when it is given up.
///
/// `jitter` is a random number from 0 to [`JITTER_PERMILLE_MAX`].
#[must_use]
pub fn next_attempt(
    failed_attempts: u32,
    end: AttemptEnd,
    now: Timestamp,
    jitter: u64,
) -> Option<Timestamp> {
    let last = usize::try_from(failed_attempts).unwrap_or(usize::MAX).saturating_sub(1);
    let pause = PAUSES_SECONDS.get(last)? * MILLIS_OF_SECOND;
    // From a tenth less to a tenth more.
    let most = i64::try_from(JITTER_PERMILLE_MAX).unwrap_or(0);
    let jitter = i64::try_from(jitter.min(JITTER_PERMILLE_MAX)).unwrap_or(0) - most / 2;
    let pause = pause + pause * jitter / 1000;
    Some(now.plus_millis(pause.max(end.retry_after_millis())))
}

/// How an endpoint has been doing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Health {
    /// How many attempts have failed in a row, whatever events they were for.
    pub failures: u32,
    /// When the first of those was made.
    pub failing_since: Option<Timestamp>,
    /// Nothing is sent before.
    pub rest_until: Option<Timestamp>,
}

impl Health {
    /// How it is doing after one more attempt, which ended now.
    #[must_use]
    pub fn after(self, end: AttemptEnd, now: Timestamp) -> Self {
        match end {
            AttemptEnd::Delivered { .. } => Self::default(),
            // That says nothing about the endpoint.
            AttemptEnd::Failed { error: AttemptError::NotSent, .. } => self,
            AttemptEnd::Failed { .. } => {
                let failures = self.failures.saturating_add(1);
                let last = RESTS_SECONDS.len() - 1;
                let index = usize::try_from(failures).unwrap_or(usize::MAX).saturating_sub(1);
                let rest = RESTS_SECONDS[index.min(last)] * MILLIS_OF_SECOND;
                let rest = rest.max(end.retry_after_millis());
                Self {
                    failures,
                    failing_since: self.failing_since.or(Some(now)),
                    rest_until: (rest > 0).then(|| now.plus_millis(rest)),
                }
            }
        }
    }

    /// Why it is to be disabled after an attempt that ended like this, if it is.
    #[must_use]
    pub fn disabled_because(self, end: AttemptEnd, now: Timestamp) -> Option<DisabledBecause> {
        let too_long = |since: Timestamp| since.plus_millis(FAILING_MILLIS_MAX) <= now;
        match end {
            AttemptEnd::Failed { error: AttemptError::Gone, .. } => Some(DisabledBecause::Gone),
            AttemptEnd::Failed { .. } if self.failing_since.is_some_and(too_long) => {
                Some(DisabledBecause::Failing)
            }
            AttemptEnd::Failed { .. } | AttemptEnd::Delivered { .. } => None,
        }
    }

    /// Whether it failed when it was last tried.
    #[must_use]
    pub fn is_failing(self) -> bool {
        self.failures > 0
    }
}
