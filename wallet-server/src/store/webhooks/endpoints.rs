//! Where merchants want to be told.

use serde::{Deserialize, Serialize};
use wallet_core::{Mode, Timestamp};

use crate::domain::ids::{MerchantId, WebhookEndpointId};
use crate::domain::webhooks::{DisabledBecause, EndpointState, Health, WantedEvents};
use crate::store::again::again;
use crate::store::connection::Store;
use crate::store::error::StoreError;
use crate::store::hex::Hex;
use crate::store::sql::{Sql, sql};

/// Where a merchant wants to be told of events.
#[derive(Clone, Debug)]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whose.
    pub merchant: MerchantId,
    /// Which of the two worlds the merchant is in.
    pub mode: Mode,
    /// Where.
    pub url: String,
    /// Of what.
    pub events: WantedEvents,
    /// The merchant's own words.
    pub description: Option<String>,
    /// Whether it is told.
    pub state: EndpointState,
    /// How many secrets there have been; the last one signs.
    pub secret_number: u32,
    /// Until when the secret before it signs as well.
    pub former_secret_until: Option<Timestamp>,
    /// How it has been doing.
    pub health: Health,
    /// Since when it is there.
    pub created_at: Timestamp,
}

/// An endpoint to be made.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Whose.
    pub merchant: MerchantId,
    /// Which of the two worlds the merchant is in.
    pub mode: Mode,
    /// Where.
    pub url: String,
    /// Of what.
    pub events: WantedEvents,
    /// The merchant's own words.
    pub description: Option<String>,
    /// When it is made.
    pub created_at: Timestamp,
}

/// What becomes of an endpoint; what is `None` stays.
#[derive(Clone, Default, Debug)]
pub struct EndpointChange {
    /// Where.
    pub url: Option<String>,
    /// Of what.
    pub events: Option<WantedEvents>,
    /// The merchant's own words.
    pub description: Option<String>,
    /// Whether it is told.
    pub enabled: Option<bool>,
}

// Two at once on PostgreSQL may make one more than the most: that is a fence against accidents and
// no promise. What happens from now on has a higher position than the last one of now.
const NEW: Sql = sql!(input { id: blob, merchant: blob, mode: text, url: text, events: text,
        description: text, created_at: int, most: int }
    "insert into webhook_endpoints (id, merchant, mode, url, events, description, state, \
        secret_number, since, failures, created_at) \
     select i.id, i.merchant, i.mode, i.url, i.events, i.description, 'enabled', 1, \
        coalesce((select max(position) from journal), 0), 0, i.created_at from input i \
     where (select count(*) from webhook_endpoints w where w.merchant = i.merchant) < i.most");

const ONE: Sql = sql!(input { merchant: blob, mode: text, id: blob }
    "select w.* from input i join webhook_endpoints w \
        on w.id = i.id and w.merchant = i.merchant and w.mode = i.mode"
    => { id: blob, merchant: blob, mode: text, url: text, events: text, description: text,
        state: text, disabled_because: text, secret_number: int, former_secret_until: int,
        failures: int, failing_since: int, rest_until: int, created_at: int });

const LIST: Sql = sql!(input { merchant: blob, mode: text, before: blob, size: int }
    "select w.* from webhook_endpoints w where w.merchant = (select merchant from input) \
        and w.id < (select before from input) and w.mode = (select mode from input) \
     order by w.id desc limit (select size from input)"
    => { id: blob, merchant: blob, mode: text, url: text, events: text, description: text,
        state: text, disabled_because: text, secret_number: int, former_secret_until: int,
        failures: int, failing_since: int, rest_until: int, created_at: int });

// An endpoint that is enabled again begins anew: healthy, and with what happens from now on. One that
// moves is healthy too: nothing is known of where it is now.
const CHANGE: Sql = sql!(input { merchant: blob, mode: text, id: blob, url: text, events: text,
        description: text, enabled: int }
    "update webhook_endpoints set url = coalesce(i.url, webhook_endpoints.url), \
        events = coalesce(i.events, webhook_endpoints.events), \
        description = coalesce(i.description, webhook_endpoints.description), \
        state = case i.enabled when 1 then 'enabled' when 0 then 'disabled' \
            else webhook_endpoints.state end, \
        disabled_because = case when i.enabled = 1 then null \
            when i.enabled = 0 and webhook_endpoints.state = 'enabled' then 'merchant' \
            else webhook_endpoints.disabled_because end, \
        since = case when i.enabled = 1 and webhook_endpoints.state = 'disabled' \
            then coalesce((select max(position) from journal), 0) \
            else webhook_endpoints.since end, \
        failures = case when i.enabled = 1 or i.url <> webhook_endpoints.url then 0 \
            else webhook_endpoints.failures end, \
        failing_since = case when i.enabled = 1 or i.url <> webhook_endpoints.url then null \
            else webhook_endpoints.failing_since end, \
        rest_until = case when i.enabled = 1 or i.url <> webhook_endpoints.url then null \
            else webhook_endpoints.rest_until end \
     from input i where webhook_endpoints.id = i.id \
        and webhook_endpoints.merchant = i.merchant and webhook_endpoints.mode = i.mode");

const DELETE: Sql = sql!(input { merchant: blob, mode: text, id: blob }
    "delete from webhook_endpoints where id in (select w.id from input i \
        join webhook_endpoints w on w.id = i.id and w.merchant = i.merchant and w.mode = i.mode)");

const ROTATE: Sql = sql!(input { merchant: blob, mode: text, id: blob, until: int }
    "update webhook_endpoints set secret_number = webhook_endpoints.secret_number + 1, \
        former_secret_until = i.until \
     from input i where webhook_endpoints.id = i.id \
        and webhook_endpoints.merchant = i.merchant and webhook_endpoints.mode = i.mode");

#[derive(Serialize)]
struct NewRow<'a> {
    id: Hex<16>,
    merchant: Hex<16>,
    mode: &'static str,
    url: &'a str,
    events: String,
    description: Option<&'a str>,
    created_at: i64,
    most: u32,
}

#[derive(Serialize)]
struct OwnId {
    merchant: Hex<16>,
    mode: &'static str,
    id: Hex<16>,
}

impl OwnId {
    fn new((merchant, mode): (MerchantId, Mode), id: WebhookEndpointId) -> Self {
        Self { merchant: Hex(*merchant.as_bytes()), mode: mode.as_str(), id: Hex(*id.as_bytes()) }
    }
}

#[derive(Serialize)]
struct ChangeRow<'a> {
    #[serde(flatten)]
    which: OwnId,
    url: Option<&'a str>,
    events: Option<String>,
    description: Option<&'a str>,
    enabled: Option<u8>,
}

#[derive(Serialize)]
struct RotateRow {
    #[serde(flatten)]
    which: OwnId,
    until: i64,
}

#[derive(Serialize)]
struct Page {
    merchant: Hex<16>,
    mode: &'static str,
    before: Hex<16>,
    size: usize,
}

#[derive(Deserialize)]
struct EndpointRow {
    id: Hex<16>,
    merchant: Hex<16>,
    mode: String,
    url: String,
    events: String,
    description: Option<String>,
    state: String,
    disabled_because: Option<String>,
    secret_number: u32,
    former_secret_until: Option<i64>,
    #[serde(flatten)]
    health: HealthColumns,
    created_at: i64,
}

/// How an endpoint has been doing, as columns.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct HealthColumns {
    failures: u32,
    failing_since: Option<i64>,
    rest_until: Option<i64>,
}

impl HealthColumns {
    pub(super) fn health(self) -> Health {
        let at = |millis: Option<i64>| millis.map(Timestamp::from_unix_millis);
        Health {
            failures: self.failures,
            failing_since: at(self.failing_since),
            rest_until: at(self.rest_until),
        }
    }
}

impl From<Health> for HealthColumns {
    fn from(health: Health) -> Self {
        Self {
            failures: health.failures,
            failing_since: health.failing_since.map(Timestamp::unix_millis),
            rest_until: health.rest_until.map(Timestamp::unix_millis),
        }
    }
}

/// As they are kept: with blanks between them.
fn events_text(events: &WantedEvents) -> String {
    events.names().join(" ")
}

impl EndpointRow {
    fn endpoint(self) -> Result<WebhookEndpoint, StoreError> {
        let corrupt = StoreError::Corrupt;
        let names: Vec<String> = self.events.split(' ').map(str::to_owned).collect();
        let because = self
            .disabled_because
            .map(|name| DisabledBecause::from_name(&name).ok_or(corrupt("disabled_because")))
            .transpose()?;
        let state = match (self.state.as_str(), because) {
            ("enabled", None) => EndpointState::Enabled,
            ("disabled", Some(because)) => EndpointState::Disabled(because),
            _ => return Err(corrupt("the state of a webhook endpoint")),
        };
        Ok(WebhookEndpoint {
            id: WebhookEndpointId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            mode: Mode::from_name(&self.mode).ok_or(corrupt("mode"))?,
            url: self.url,
            events: WantedEvents::from_names(&names).ok_or(corrupt("events"))?,
            description: self.description,
            state,
            secret_number: self.secret_number,
            former_secret_until: self.former_secret_until.map(Timestamp::from_unix_millis),
            health: self.health.health(),
            created_at: Timestamp::from_unix_millis(self.created_at),
        })
    }
}

impl Store {
    /// Adds an endpoint, unless the merchant has this many; says whether it did.
    pub async fn create_webhook_endpoint(
        &self,
        new: &NewEndpoint,
        most: u32,
    ) -> Result<bool, StoreError> {
        let row = NewRow {
            id: Hex(*new.id.as_bytes()),
            merchant: Hex(*new.merchant.as_bytes()),
            mode: new.mode.as_str(),
            url: &new.url,
            events: events_text(&new.events),
            description: new.description.as_deref(),
            created_at: new.created_at.unix_millis(),
            most,
        };
        Ok(self.change_webhooks(&NEW, row).await? > 0)
    }

    /// A merchant's endpoint.
    pub async fn webhook_endpoint(
        &self,
        whose: (MerchantId, Mode),
        id: WebhookEndpointId,
    ) -> Result<Option<WebhookEndpoint>, StoreError> {
        let rows: Vec<EndpointRow> = self.read(&ONE, &[OwnId::new(whose, id)]).await?;
        rows.into_iter().next().map(EndpointRow::endpoint).transpose()
    }

    /// A merchant's endpoints, newest first, older than `before`.
    pub async fn webhook_endpoints(
        &self,
        (merchant, mode): (MerchantId, Mode),
        before: Option<WebhookEndpointId>,
        size: usize,
    ) -> Result<Vec<WebhookEndpoint>, StoreError> {
        let before = before.map_or([0xff; 16], |id| *id.as_bytes());
        let merchant = Hex(*merchant.as_bytes());
        let input = Page { merchant, mode: mode.as_str(), before: Hex(before), size };
        let rows: Vec<EndpointRow> = self.read(&LIST, &[input]).await?;
        rows.into_iter().map(EndpointRow::endpoint).collect()
    }

    /// Changes a merchant's endpoint; says whether there is one.
    pub async fn change_webhook_endpoint(
        &self,
        whose: (MerchantId, Mode),
        id: WebhookEndpointId,
        change: &EndpointChange,
    ) -> Result<bool, StoreError> {
        let row = ChangeRow {
            which: OwnId::new(whose, id),
            url: change.url.as_deref(),
            events: change.events.as_ref().map(events_text),
            description: change.description.as_deref(),
            enabled: change.enabled.map(u8::from),
        };
        Ok(self.change_webhooks(&CHANGE, row).await? > 0)
    }

    /// Deletes a merchant's endpoint; says whether there was one. What waited for it is not sent.
    pub async fn delete_webhook_endpoint(
        &self,
        whose: (MerchantId, Mode),
        id: WebhookEndpointId,
    ) -> Result<bool, StoreError> {
        Ok(self.change_webhooks(&DELETE, OwnId::new(whose, id)).await? > 0)
    }

    /// Gives an endpoint another secret, and lets the one before sign until then; says whether
    /// there is such an endpoint.
    pub async fn rotate_webhook_secret(
        &self,
        whose: (MerchantId, Mode),
        id: WebhookEndpointId,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let row = RotateRow { which: OwnId::new(whose, id), until: until.unix_millis() };
        Ok(self.change_webhooks(&ROTATE, row).await? > 0)
    }

    /// Makes one change in a transaction of its own; says how many rows it changed.
    pub(super) async fn change_webhooks(
        &self,
        sql: &Sql,
        row: impl Serialize + Sync,
    ) -> Result<u64, StoreError> {
        let rows = [row];
        again!(async {
            let mut transaction = self.begin().await?;
            let changed = transaction.write(sql, &rows).await?;
            transaction.commit().await?;
            Ok::<_, StoreError>(changed)
        })
    }
}

/// Every statement of this file.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("webhooks::NEW", &NEW),
    ("webhooks::ONE", &ONE),
    ("webhooks::LIST", &LIST),
    ("webhooks::CHANGE", &CHANGE),
    ("webhooks::DELETE", &DELETE),
    ("webhooks::ROTATE", &ROTATE),
];
