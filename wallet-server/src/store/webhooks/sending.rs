//! What is to be sent next, and how it went.

use serde::{Deserialize, Serialize};
use wallet_core::Timestamp;

use super::EventPlace;
use super::endpoints::HealthColumns;
use crate::domain::ids::WebhookEndpointId;
use crate::domain::webhooks::{AttemptEnd, DisabledBecause, Health};
use crate::store::connection::{Changes, Store};
use crate::store::error::StoreError;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

/// On what terms an endpoint is told: what a merchant may change while events are on their way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Where.
    pub url: String,
    /// Since which position of the journal it has been enabled.
    pub since: i64,
    /// Which secret signs.
    pub secret_number: u32,
    /// Until when the secret before it signs as well.
    pub former_secret_until: Option<Timestamp>,
}

/// A delivery whose time has come, with all that sending it takes.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// Which event.
    pub place: EventPlace,
    /// Attempts made so far.
    pub attempts: u32,
    /// Those of them that were made before it was last replayed.
    pub attempts_before: u32,
    /// How often it was replayed.
    pub replays: u32,
    /// To whom.
    pub endpoint: WebhookEndpointId,
    /// Where, and how it is signed.
    pub terms: Terms,
    /// How the endpoint has been doing.
    pub health: Health,
}

/// An attempt that was made.
#[derive(Clone, Copy, Debug)]
pub struct AttemptMade {
    /// Which event.
    pub place: EventPlace,
    /// To whom.
    pub endpoint: WebhookEndpointId,
    /// How many there have been, this one included.
    pub number: u32,
    /// When it began.
    pub attempted_at: Timestamp,
    /// How long it took.
    pub duration_millis: i64,
    /// How it ended.
    pub end: AttemptEnd,
    /// When there is another one, if it failed and is not given up.
    pub next_attempt_at: Option<Timestamp>,
    /// How often it had been replayed when this began.
    pub replays: u32,
}

/// How an endpoint is doing after attempts.
#[derive(Clone, Debug)]
pub struct EndpointAfter {
    /// Which.
    pub endpoint: WebhookEndpointId,
    /// On what terms they were made.
    pub terms: Terms,
    /// How it was doing before them.
    pub before: Health,
    /// How it is doing.
    pub health: Health,
    /// Why it is to be disabled.
    pub disabled_because: Option<DisabledBecause>,
}

/// What both texts of a query select of deliveries and their endpoints.
macro_rules! due_sql {
    ($text:literal) => {
        sql!(input { endpoint: blob, now: int, more: int } $text => { position: int, n: int,
            attempts: int, attempts_before: int, replays: int, endpoint: blob, url: text,
            since: int, secret_number: int, former_secret_until: int, failures: int,
            failing_since: int, rest_until: int })
    };
}

// The few that are wanted of each endpoint, without a look at the others that wait, whether their time
// has come or not. SQLite has no lateral joins; PostgreSQL, given bounds, takes none for the end of a
// search in the index and reads the whole table. So each has a text of its own.
const DUE: Sql = Sql {
    sqlite: due_sql!(
        "with bounds as materialized (select i.endpoint, i.now, \
        coalesce((select x.next_attempt_at from webhook_deliveries x where x.endpoint = i.endpoint \
            and x.state = 'waiting' and x.next_attempt_at <= i.now \
            order by x.next_attempt_at, x.position, x.n \
            limit 1 offset (select max(more) from input)), i.now) as due, \
        coalesce((select x.position from webhook_deliveries x where x.endpoint = i.endpoint \
            and x.state = 'waiting' and x.next_attempt_at <= i.now \
            order by x.next_attempt_at, x.position, x.n \
            limit 1 offset (select max(more) from input)), 9223372036854775807) as position, \
        coalesce((select x.n from webhook_deliveries x where x.endpoint = i.endpoint \
            and x.state = 'waiting' and x.next_attempt_at <= i.now \
            order by x.next_attempt_at, x.position, x.n \
            limit 1 offset (select max(more) from input)), 9223372036854775807) as event \
        from input i) \
     select d.position, d.n, d.attempts, d.attempts_before, d.replays, d.endpoint, w.url, w.since, \
        w.secret_number, w.former_secret_until, w.failures, w.failing_since, w.rest_until \
     from bounds i join webhook_endpoints w on w.id = i.endpoint and w.state = 'enabled' \
        and (w.rest_until is null or w.rest_until <= i.now) \
     join webhook_deliveries d on d.endpoint = i.endpoint and d.state = 'waiting' \
        and (d.next_attempt_at, d.position, d.n) <= (i.due, i.position, i.event) \
     order by d.endpoint, d.next_attempt_at, d.position, d.n"
    )
    .sqlite,
    ..due_sql!(
        "select d.position, d.n, d.attempts, d.attempts_before, d.replays, d.endpoint, w.url, w.since, \
        w.secret_number, w.former_secret_until, w.failures, w.failing_since, w.rest_until \
     from input i join webhook_endpoints w on w.id = i.endpoint and w.state = 'enabled' \
        and (w.rest_until is null or w.rest_until <= i.now) \
     cross join lateral (select x.* from webhook_deliveries x where x.endpoint = i.endpoint \
        and x.state = 'waiting' and x.next_attempt_at <= i.now \
        order by x.next_attempt_at, x.position, x.n \
        limit (select max(more) + 1 from input)) d \
     order by d.endpoint, d.next_attempt_at, d.position, d.n"
    )
};

// Whether an endpoint is still what it was when its run began.
const TERMS: Sql = sql!(input { endpoint: blob }
    "select w.url, w.since, w.secret_number, w.former_secret_until \
     from input i join webhook_endpoints w on w.id = i.endpoint and w.state = 'enabled'"
    => { url: text, since: int, secret_number: int, former_secret_until: int });

const READY: Sql = sql!(input { after: blob, now: int, size: int }
    "select w.id from input i cross join webhook_endpoints w \
     where w.id > i.after and w.state = 'enabled' \
        and (w.rest_until is null or w.rest_until <= i.now) \
        and exists (select 1 from webhook_deliveries d where d.endpoint = w.id \
        and d.state = 'waiting' and d.next_attempt_at <= i.now) \
     order by w.id limit (select size from input)"
    => { id: blob });

// Whoever counted further than this was faster: two processes may send one event for a moment.
const ATTEMPTED: Sql = sql!(input { position: int, event: int, endpoint: blob, number: int, state: text,
        next_attempt_at: int, attempted_at: int, duration_millis: int, status: int, error: text,
        replays: int }
    "update webhook_deliveries set attempts = i.number, \
        state = case when webhook_deliveries.replays = i.replays then i.state \
            else webhook_deliveries.state end, \
        next_attempt_at = case when webhook_deliveries.replays = i.replays then i.next_attempt_at \
            else webhook_deliveries.next_attempt_at end, attempted_at = i.attempted_at, \
        duration_millis = i.duration_millis, status = i.status, error = i.error \
     from input i where webhook_deliveries.position = i.position \
        and webhook_deliveries.n = i.event and webhook_deliveries.endpoint = i.endpoint \
        and webhook_deliveries.attempts < i.number");

const FAILED: Sql = sql!(input { position: int, event: int, endpoint: blob, number: int,
        attempted_at: int, duration_millis: int, status: int, error: text }
    "insert into webhook_attempts (position, n, endpoint, number, attempted_at, duration_millis, \
        status, error) \
     select position, event, endpoint, number, attempted_at, duration_millis, status, error \
     from input where true on conflict do nothing");

// Only of what was tried: the merchant may have moved the endpoint or enabled it again meanwhile, and
// then an attempt that began before says nothing about it.
const HEALTH: Sql = sql!(input { endpoint: blob, url: text, since: int, failures_before: int,
        failures: int, failing_since: int, rest_until: int, disabled_because: text }
    "update webhook_endpoints set failures = i.failures, failing_since = i.failing_since, \
        rest_until = i.rest_until, \
        state = case when i.disabled_because is null then 'enabled' else 'disabled' end, \
        disabled_because = i.disabled_because \
     from input i where webhook_endpoints.id = i.endpoint and webhook_endpoints.state = 'enabled' \
        and webhook_endpoints.url = i.url and webhook_endpoints.since = i.since \
        and webhook_endpoints.failures = i.failures_before");

// What waits for an endpoint that is disabled or gone is not sent.
const WAITING: Sql = sql!(input { most: int }
    "select count(*) as waiting from (select 1 from webhook_endpoints w \
        cross join webhook_deliveries d where w.state = 'enabled' \
        and d.endpoint = w.id and d.state = 'waiting' limit (select most from input)) s"
    => { waiting: int });

#[derive(Serialize)]
struct ReadyEndpoint {
    endpoint: Hex<16>,
    now: i64,
    more: usize,
}

#[derive(Serialize)]
struct Sweep {
    after: Hex<16>,
    now: i64,
    size: usize,
}

#[derive(Deserialize)]
struct IdRow {
    id: Hex<16>,
}

#[derive(Serialize)]
struct Most {
    most: u32,
}

#[derive(Deserialize)]
struct WaitingRow {
    waiting: u32,
}

#[derive(Deserialize)]
struct DueRow {
    position: i64,
    n: i64,
    attempts: u32,
    attempts_before: u32,
    replays: u32,
    endpoint: Hex<16>,
    #[serde(flatten)]
    terms: TermsColumns,
    #[serde(flatten)]
    health: HealthColumns,
}

#[derive(Deserialize)]
struct TermsColumns {
    url: String,
    since: i64,
    secret_number: u32,
    former_secret_until: Option<i64>,
}

impl TermsColumns {
    fn terms(self) -> Terms {
        Terms {
            url: self.url,
            since: self.since,
            secret_number: self.secret_number,
            former_secret_until: self.former_secret_until.map(Timestamp::from_unix_millis),
        }
    }
}

#[derive(Serialize)]
struct EndpointId {
    endpoint: Hex<16>,
}

#[derive(Serialize)]
struct AttemptRow {
    position: i64,
    event: i64,
    endpoint: Hex<16>,
    number: u32,
    state: &'static str,
    next_attempt_at: Option<i64>,
    attempted_at: i64,
    duration_millis: i64,
    status: Option<u16>,
    error: Option<&'static str>,
    replays: u32,
}

impl AttemptRow {
    fn new(made: &AttemptMade) -> Self {
        let (state, status, error) = match made.end {
            AttemptEnd::Delivered { status } => ("delivered", Some(status), None),
            AttemptEnd::Failed { error, status, .. } => {
                let state = if made.next_attempt_at.is_some() { "waiting" } else { "failed" };
                (state, status, Some(error.as_str()))
            }
        };
        Self {
            position: made.place.position,
            event: made.place.n,
            endpoint: Hex(*made.endpoint.as_bytes()),
            number: made.number,
            state,
            next_attempt_at: made.next_attempt_at.map(Timestamp::unix_millis),
            attempted_at: made.attempted_at.unix_millis(),
            duration_millis: made.duration_millis,
            status,
            error,
            replays: made.replays,
        }
    }
}

#[derive(Serialize)]
struct HealthRow<'a> {
    endpoint: Hex<16>,
    url: &'a str,
    since: i64,
    failures_before: u32,
    #[serde(flatten)]
    health: HealthColumns,
    disabled_because: Option<&'static str>,
}

impl Store {
    /// What these endpoints are to be sent now, at most so many events for each: what has been due for
    /// longest first, and what became due together in journal order. None for one that is disabled or
    /// rests.
    pub async fn due_deliveries(
        &self,
        endpoints: &[WebhookEndpointId],
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<DueDelivery>, StoreError> {
        let input: Vec<ReadyEndpoint> = endpoints
            .iter()
            .map(|id| ReadyEndpoint {
                endpoint: Hex(*id.as_bytes()),
                now: now.unix_millis(),
                more: most.saturating_sub(1),
            })
            .collect();
        let rows: Vec<DueRow> = self.read(&DUE, &input).await?;
        let due = rows.into_iter().map(|row| DueDelivery {
            place: EventPlace { position: row.position, n: row.n },
            attempts: row.attempts,
            attempts_before: row.attempts_before,
            replays: row.replays,
            endpoint: WebhookEndpointId::from_bytes(row.endpoint.0),
            terms: row.terms.terms(),
            health: row.health.health(),
        });
        Ok(due.collect())
    }

    /// On what terms an endpoint is told now; `None` if it is told of nothing.
    pub async fn webhook_terms(
        &self,
        endpoint: WebhookEndpointId,
    ) -> Result<Option<Terms>, StoreError> {
        let input = EndpointId { endpoint: Hex(*endpoint.as_bytes()) };
        let rows: Vec<TermsColumns> = self.read(&TERMS, &[input]).await?;
        Ok(rows.into_iter().next().map(TermsColumns::terms))
    }

    /// Endpoints after this one, by their ids, that have something to be sent now.
    pub async fn ready_endpoints(
        &self,
        after: Option<WebhookEndpointId>,
        size: usize,
        now: Timestamp,
    ) -> Result<Vec<WebhookEndpointId>, StoreError> {
        let after = after.map_or([0; 16], |id| *id.as_bytes());
        let input = Sweep { after: Hex(after), now: now.unix_millis(), size };
        let rows: Vec<IdRow> = self.read(&READY, &[input]).await?;
        Ok(rows.into_iter().map(|row| WebhookEndpointId::from_bytes(row.id.0)).collect())
    }

    /// Writes how attempts went, and how that leaves their endpoints.
    pub async fn record_attempts(
        &self,
        made: &[AttemptMade],
        endpoints: &[EndpointAfter],
    ) -> Result<(), StoreError> {
        let rows: Vec<AttemptRow> = made.iter().map(AttemptRow::new).collect();
        let failed: Vec<&AttemptRow> = rows.iter().filter(|row| row.error.is_some()).collect();
        let health: Vec<HealthRow<'_>> = endpoints
            .iter()
            .map(|after| HealthRow {
                endpoint: Hex(*after.endpoint.as_bytes()),
                url: &after.terms.url,
                since: after.terms.since,
                failures_before: after.before.failures,
                health: after.health.into(),
                disabled_because: after.disabled_because.map(DisabledBecause::as_str),
            })
            .collect();
        let transaction = self.begin().await?;
        let mut changes = Changes::new(transaction.dialect());
        changes.add(&ATTEMPTED, &rows)?;
        changes.add(&FAILED, &failed)?;
        changes.add(&HEALTH, &health)?;
        transaction.commit_with(changes).await
    }

    /// How many deliveries wait for endpoints that are enabled, counted up to this many.
    pub async fn waiting_deliveries(&self, most: u32) -> Result<u32, StoreError> {
        let rows: Vec<WaitingRow> = self.read(&WAITING, &[Most { most }]).await?;
        Ok(rows.first().map_or(0, |row| row.waiting))
    }
}

/// Every statement of this file.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("webhooks::DUE", &DUE),
    ("webhooks::TERMS", &TERMS),
    ("webhooks::READY", &READY),
    ("webhooks::ATTEMPTED", &ATTEMPTED),
    ("webhooks::FAILED", &FAILED),
    ("webhooks::HEALTH", &HEALTH),
    ("webhooks::WAITING", &WAITING),
];
