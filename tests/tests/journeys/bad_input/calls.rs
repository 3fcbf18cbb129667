//! Every call that takes a body.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_core::DeviceKey;
use wallet_tests::{Answer, PIN, Phone, Signed, Signer, Till, World};

use crate::journeys::test_mode::test_till;

/// A world with everything that a body can name.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) till: Till,
    test_till: Till,
    pub(crate) phone: Phone,
    invitation: String,
}

/// Whom a body is sent to.
#[derive(Clone, Copy, Debug)]
enum To {
    Merchants,
    /// With a test key.
    TestMerchants,
    /// With a key that is not enrolled.
    Phones,
    /// With the phone, by this method.
    Payer(&'static str),
    /// A payer's device, about money.
    PayerUnderKey,
    Operator,
}

/// A call with a body that is fine but for what a test does to it.
pub(crate) struct Call {
    to: To,
    pub(crate) path: String,
    pub(crate) body: Value,
}

const ENROLMENTS: &str = "/v1/wallet/enrolments";

impl Scene {
    pub(crate) async fn new(seed: u64) -> Self {
        let world = World::start(DATABASE, seed).await;
        let till = world.merchant("Tea House").await;
        let test_till = test_till(&world).await;
        let phone = world.payer("Wei", "500.00").await;
        let path = format!("/v1/operator/payers/{}/invitations", phone.payer);
        let invitation = world.operator_post(&path, json!({})).await.created();
        let invitation = invitation.text("/invitation").to_owned();
        Self { world, till, test_till, phone, invitation }
    }

    fn new_key() -> DeviceKey {
        DeviceKey::from_seed(&[77; 32])
    }

    /// Every call that takes a body.
    pub(crate) fn calls(&mut self) -> Vec<Call> {
        let code = self.phone.code(&self.world, "200.00");
        let public_key = base16ct::lower::encode_string(Self::new_key().public_key().as_bytes());
        let call = |to, path: &str, body| Call { to, path: path.to_owned(), body };
        let device = format!("/v1/wallet/devices/{}", self.phone.key_id());
        let keys = format!("/v1/operator/merchants/{}/api_keys", self.till.merchant);
        vec![
            call(
                To::Merchants,
                "/v1/payments",
                json!({ "code": code, "code_source": "typed", "amount": "12.50",
                    "currency": "CNY", "reference": "order-1", "capture": "automatic",
                    "description": "tea", "metadata": { "table": "5" } }),
            ),
            call(To::Merchants, "/v1/terminals", json!({ "name": "Till 1" })),
            call(
                To::Phones,
                ENROLMENTS,
                json!({ "invitation": self.invitation, "public_key": public_key,
                    "device_name": "second phone" }),
            ),
            call(
                To::Operator,
                "/v1/operator/merchants",
                json!({ "name": "Noodle Bar", "mode": "live",
                    "fee": { "basis_points": 60, "fixed": "0.10" } }),
            ),
            call(To::Operator, &keys, json!({ "scopes": ["read"] })),
            call(To::Operator, "/v1/operator/payers", json!({ "name": "Lin", "mode": "test" })),
            call(
                To::Operator,
                "/v1/operator/top_ups",
                json!({ "payer": self.phone.payer, "amount": "1.00", "currency": "CNY",
                    "external_reference": "bank-1" }),
            ),
            call(To::Operator, "/v1/operator/keys/rotate", json!({ "kind": "sealing" })),
            call(To::Payer("PUT"), "/v1/wallet/pin", json!({ "pin": PIN })),
            call(To::Payer("PUT"), "/v1/wallet/handle", json!({ "handle": "wei" })),
            call(To::Payer("PUT"), "/v1/wallet/limits", json!({ "pin": PIN, "payment": "5.00" })),
            call(To::Payer("POST"), "/v1/wallet/totp", json!({ "pin": PIN })),
            call(To::Payer("POST"), "/v1/wallet/devices/invitations", json!({ "pin": PIN })),
            call(
                To::PayerUnderKey,
                "/v1/wallet/withdrawals",
                json!({ "amount": "1.00", "currency": "CNY", "destination": "IBAN 1", "pin": PIN }),
            ),
            call(To::Payer("PATCH"), &device, json!({ "name": "Wei's phone" })),
            call(
                To::TestMerchants,
                "/v1/test/codes",
                json!({ "outcome": "succeeded", "limit": "5.00" }),
            ),
            call(
                To::Merchants,
                "/v1/webhook_endpoints",
                json!({ "url": "https://1.1.1.1/hooks", "events": ["payment.succeeded"],
                    "description": "shop" }),
            ),
        ]
    }

    pub(crate) async fn send(&self, call: &Call, body: impl Into<Vec<u8>>) -> Answer {
        let body: Vec<u8> = body.into();
        match call.to {
            To::Merchants => self.till.post(&call.path, &[("idempotency-key", "k")], body).await,
            To::TestMerchants => self.test_till.post(&call.path, &[], body).await,
            To::Operator => self.world.operator_post_raw(&call.path, body).await,
            To::Payer(method) => {
                let keyid = self.phone.key_id();
                let key = self.phone.device.key();
                let signer = Signer { key, keyid: &keyid, at: self.world.now() };
                Signed::new(&self.world, signer, method, &call.path, &body).send().await
            }
            To::PayerUnderKey => {
                let keyid = self.phone.key_id();
                let key = self.phone.device.key();
                let signer = Signer { key, keyid: &keyid, at: self.world.now() };
                let call = ("POST", call.path.as_str());
                Signed::under_key(&self.world, signer, call, &body, Some("k")).send().await
            }
            To::Phones => {
                let key = Self::new_key();
                let signer = Signer { key: &key, keyid: "new", at: self.world.now() };
                Signed::new(&self.world, signer, "POST", &call.path, &body).send().await
            }
        }
    }
}
