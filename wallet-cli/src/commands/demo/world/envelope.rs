//! A red envelope with random shares, for two friends.

use serde_json::json;

use crate::client::Request;
use crate::client::models::{Envelope, EnvelopeClaim};
use crate::failure::Failure;
use crate::system;

use super::super::scenario::{ENVELOPE, Observation, SHARES};
use super::books::sum;
use super::security::PIN;
use super::{Phone, World, out_of_order};

impl World {
    pub(super) async fn envelope(&self) -> Result<Observation, Failure> {
        let sender = self.phone()?;
        let body = json!({
            "amount": ENVELOPE, "currency": "CNY", "shares": SHARES, "split": "random",
            "greeting": "恭喜发财", "pin": PIN,
        });
        let request = Request::post("/v1/wallet/envelopes", body)
            .idempotency_key(&system::random_hex::<16>());
        let envelope = self.ask::<Envelope>(sender, request).await?;
        let token = envelope.sent.ok_or_else(out_of_order)?.token;

        let (mei, wang) = (self.friend("Mei").await?, self.friend("Wang").await?);
        let first = self.claim(&mei, &token).await?.amount;
        let again = self.claim(&mei, &token).await.err();
        let refused = again.as_ref().map_or("nothing", Failure::code);
        let second = self.claim(&wang, &token).await?.amount;

        let total = sum([first.as_str(), &second].into_iter())?;
        let arrived = self.balance(&mei).await?.available == first
            && self.balance(&wang).await?.available == second;
        let path = format!("/v1/wallet/envelopes/{}", envelope.id);
        let now = self.ask::<Envelope>(sender, Request::get(path)).await?;
        let ok = total == ENVELOPE
            && arrived
            && refused == "envelope_claimed"
            && now.state == "succeeded";
        let said = format!("{first} + {second} = {total} CNY, by chance");
        let details = vec![
            format!("Mei has {first}, and of a second share: {refused}"),
            format!("Wang has {second}; the envelope is empty: {}", now.state),
        ];
        Ok(Observation::Checked { ok, said, details })
    }

    /// One more payer with a phone.
    async fn friend(&self, name: &str) -> Result<Phone, Failure> {
        let invitation = self.take_on(name).await?.invitation;
        let joined = self.join(name, json!({"invitation": invitation})).await?;
        joined.ok_or_else(out_of_order)
    }

    async fn claim(&self, phone: &Phone, token: &str) -> Result<EnvelopeClaim, Failure> {
        let request = Request::post("/v1/wallet/envelopes/claim", json!({"token": token}))
            .idempotency_key(&system::random_hex::<16>());
        self.ask(phone, request).await
    }
}
