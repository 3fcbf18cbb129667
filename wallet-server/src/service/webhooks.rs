//! Webhooks: where merchants want to be told, and the secrets that prove who tells.

use base64ct::{Base64, Encoding as _};
use wallet_core::Mode;
use zeroize::Zeroizing;

use super::App;
use crate::domain::ids::{MerchantId, WebhookEndpointId};
use crate::domain::webhooks::{EndpointState, WantedEvents};
use crate::issuer::WebhookKey;
use crate::outbound::TargetRefused;
use crate::store::{
    ApiKey, Cursor, EndpointChange, NewEndpoint, StoreError, WebhookDelivery, WebhookEndpoint,
};

/// The most endpoints of a merchant: every event may have to be sent to each of them.
pub const WEBHOOK_ENDPOINTS_MAX: u32 = 10;

const MILLIS_OF_HOUR: i64 = 60 * 60 * 1000;

/// An endpoint that a merchant wants.
#[derive(Clone, Debug)]
pub struct WebhookRequest {
    /// Where, in the merchant's words.
    pub url: String,
    /// Of what.
    pub events: WantedEvents,
    /// The merchant's own words.
    pub description: Option<String>,
}

/// Why there is no such endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoEndpoint {
    /// Nothing may be sent there.
    Refused(TargetRefused),
    /// The merchant has as many as it may have.
    TooMany,
    /// There is none with this id.
    Unknown,
}

/// An endpoint together with its secret, which is shown this once.
pub struct EndpointWithSecret {
    /// The endpoint.
    pub endpoint: WebhookEndpoint,
    /// `whsec_` and the key of the HMAC in base64.
    pub secret: Zeroizing<String>,
}

/// Why an event is not sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotReplayed {
    /// The endpoint has no such delivery.
    Unknown,
    /// The endpoint is told of nothing.
    Disabled,
}

fn whose(key: &ApiKey) -> (MerchantId, Mode) {
    (key.merchant, key.mode)
}

/// The key that signs for an endpoint now.
fn webhook_key(endpoint: &WebhookEndpoint) -> WebhookKey {
    WebhookKey { endpoint: *endpoint.id.as_bytes(), number: endpoint.secret_number }
}

impl App {
    /// Makes an endpoint, which is told of what happens from now on.
    ///
    /// # Errors
    /// [`StoreError`]; and why there is none.
    pub async fn create_webhook_endpoint(
        &self,
        key: &ApiKey,
        request: WebhookRequest,
    ) -> Result<Result<EndpointWithSecret, NoEndpoint>, StoreError> {
        let target = match self.outbound.target(&request.url) {
            Ok(target) => target,
            Err(refused) => return Ok(Err(NoEndpoint::Refused(refused))),
        };
        let now = self.now();
        let new = NewEndpoint {
            id: self.entropy.id(now),
            merchant: key.merchant,
            mode: key.mode,
            url: target.as_str().to_owned(),
            events: request.events,
            description: request.description,
            created_at: now,
        };
        if !self.store.create_webhook_endpoint(&new, WEBHOOK_ENDPOINTS_MAX).await? {
            return Ok(Err(NoEndpoint::TooMany));
        }
        self.with_secret(key, new.id).await
    }

    /// Changes an endpoint; what is not named stays.
    ///
    /// # Errors
    /// [`StoreError`]; and why there is no such endpoint.
    pub async fn change_webhook_endpoint(
        &self,
        key: &ApiKey,
        id: WebhookEndpointId,
        mut change: EndpointChange,
    ) -> Result<Result<WebhookEndpoint, NoEndpoint>, StoreError> {
        if self.store.webhook_endpoint(whose(key), id).await?.is_none() {
            return Ok(Err(NoEndpoint::Unknown));
        }
        if let Some(url) = &change.url {
            match self.outbound.target(url) {
                Ok(target) => change.url = Some(target.as_str().to_owned()),
                Err(refused) => return Ok(Err(NoEndpoint::Refused(refused))),
            }
        }
        self.store.change_webhook_endpoint(whose(key), id, &change).await?;
        let endpoint = self.store.webhook_endpoint(whose(key), id).await?;
        Ok(endpoint.ok_or(NoEndpoint::Unknown))
    }

    /// Gives an endpoint another secret. The one before signs as well for some hours.
    ///
    /// # Errors
    /// [`StoreError`]; and why there is no such endpoint.
    pub async fn rotate_webhook_secret(
        &self,
        key: &ApiKey,
        id: WebhookEndpointId,
        overlap_hours: u16,
    ) -> Result<Result<EndpointWithSecret, NoEndpoint>, StoreError> {
        let until = self.now().plus_millis(i64::from(overlap_hours) * MILLIS_OF_HOUR);
        if !self.store.rotate_webhook_secret(whose(key), id, until).await? {
            return Ok(Err(NoEndpoint::Unknown));
        }
        self.with_secret(key, id).await
    }

    async fn with_secret(
        &self,
        key: &ApiKey,
        id: WebhookEndpointId,
    ) -> Result<Result<EndpointWithSecret, NoEndpoint>, StoreError> {
        let endpoint = self.store.webhook_endpoint(whose(key), id).await?;
        let with_secret = endpoint.map(|endpoint| {
            let secret = self.keys.webhook_secret(webhook_key(&endpoint));
            let text = Zeroizing::new(Base64::encode_string(secret.as_slice()));
            let secret = Zeroizing::new(format!("whsec_{}", text.as_str()));
            EndpointWithSecret { endpoint, secret }
        });
        Ok(with_secret.ok_or(NoEndpoint::Unknown))
    }

    /// `whpk_` and the public half of an endpoint's Ed25519 key in base64.
    #[must_use]
    pub fn webhook_public_key(&self, endpoint: &WebhookEndpoint) -> String {
        let key = self.keys.webhook_public_key(webhook_key(endpoint));
        format!("whpk_{}", Base64::encode_string(key.as_bytes()))
    }

    /// Has an event sent to an endpoint again, whatever became of it before.
    ///
    /// # Errors
    /// [`StoreError`]; and why it is not sent.
    pub async fn replay_webhook(
        &self,
        endpoint: &WebhookEndpoint,
        event: Cursor,
    ) -> Result<Result<WebhookDelivery, NotReplayed>, StoreError> {
        match endpoint.state {
            EndpointState::Enabled => {}
            EndpointState::Disabled(_) => return Ok(Err(NotReplayed::Disabled)),
        }
        if self.webhook_delivery(endpoint, event).await?.is_none() {
            return Ok(Err(NotReplayed::Unknown));
        }
        self.store.replay_delivery(endpoint.id, event.into(), self.now()).await?;
        let delivery = self.webhook_delivery(endpoint, event).await?;
        Ok(delivery.ok_or(NotReplayed::Unknown))
    }

    /// What has become of an event for an endpoint.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_delivery(
        &self,
        endpoint: &WebhookEndpoint,
        event: Cursor,
    ) -> Result<Option<WebhookDelivery>, StoreError> {
        let delivery = self.store.webhook_delivery(endpoint.id, event.into()).await?;
        // The time is part of the event's name: with another one it names nothing.
        Ok(delivery.filter(|delivery| delivery.cursor == event))
    }
}
