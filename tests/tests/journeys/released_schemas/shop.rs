//! Somebody who has done whatever there was to do in a schema.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, PIN, Phone, Receiver, Till, World};

use crate::DATABASE;
use crate::journeys::{orders, payouts, test_mode, transfers, webhooks};

const DAY_SECONDS: i64 = 24 * 60 * 60;

/// A merchant and a payer who have done whatever there was to do.
pub(super) struct Shop {
    pub(super) world: World,
    pub(super) till: Till,
    pub(super) phone: Phone,
    pub(super) other: Phone,
    pub(super) paid: (Charge, Answer),
    /// A code that was used, and would not be too old yet.
    pub(super) used: String,
    pub(super) receiver: Receiver,
    pub(super) unfinished: Unfinished,
}

/// What waits for somebody when the server stops; nothing where the schema did not know it.
#[derive(Default)]
pub(super) struct Unfinished {
    pub(super) confirmation: Option<String>,
    pub(super) withdrawal: Option<String>,
    pub(super) envelope: Option<Value>,
    pub(super) hold: Option<String>,
    pub(super) plate: Option<Value>,
    pub(super) order: Option<Value>,
    pub(super) endpoint: Option<String>,
    pub(super) payout: Option<String>,
}

impl Shop {
    /// Does what there was to do with a schema.
    pub(super) async fn open(version: i64) -> Self {
        let mut changes = webhooks::SETTINGS.to_vec();
        if version >= 3 {
            changes.push(("limits.new_payers.without_pin", "100.00"));
        }
        let seed = 4_000 + u64::try_from(version).unwrap();
        let world = World::start_with(DATABASE, seed, &changes).await;
        let fee = json!({ "basis_points": 60, "fixed": "0.05" });
        let till = world.merchant_with(json!({ "name": "Tea House", "fee": fee })).await;
        let _ = till.terminal("Till 1").await;
        let mut phone = world.payer("Wei", "500.00").await;
        let other = world.payer("Li", "20.00").await;
        let first = Charge::new("paid", &phone.code(&world, "200.00"), "12.50");
        let paid = till.charge(&first).await.created();
        assert_eq!(till.cancel_reference("never", "never").await.status, 200);
        let (receiver, unfinished) = (Receiver::start().await, Unfinished::default());
        let (paid, used) = ((first, paid), String::new());
        let mut shop = Self { world, till, phone, other, paid, used, receiver, unfinished };
        assert_eq!(shop.charge("too-much", "300.00").await.status, 402);
        shop.world.advance_seconds(DAY_SECONDS);
        shop.used = shop.phone.code(&shop.world, "200.00");
        let next_day = Charge::new("next-day", &shop.used, "3.00");
        let _ = shop.till.charge(&next_day).await.created();
        if version >= 3 {
            shop.payers().await;
        }
        if version >= 4 {
            shop.holds_and_refunds().await;
        }
        if version >= 6 {
            let till = test_mode::test_till(&shop.world).await;
            let _ = test_mode::charge(&till, "succeeded", "test").await.created();
        }
        if version >= 7 {
            shop.merchant_codes().await;
        }
        if version >= 8 {
            let body = json!({ "url": shop.receiver.url() });
            let endpoint = webhooks::create(&shop.till, body).await.created();
            shop.unfinished.endpoint = Some(endpoint.text("/id").to_owned());
            let _ = shop.charge("told", "2.00").await.created();
            shop.receiver.wait_for(1).await;
        }
        if version >= 10 {
            let (world, till) = (&shop.world, &shop.till);
            let destination = payouts::destination();
            let set = payouts::set_destination(world, &till.merchant, &destination).await;
            assert_eq!(set.status, 200, "{}", set.text);
            let body = json!({ "amount": "1.00", "currency": "CNY" });
            let payout = till.ask("/v1/payouts", "payout", body).await.created();
            shop.unfinished.payout = Some(payout.text("/id").to_owned());
        }
        shop.world.fed().await;
        shop.world.stop().await;
        shop
    }

    /// Money between payers, out of the wallet, and a payment that waits for its payer.
    async fn payers(&mut self) {
        self.phone.set_pin(&self.world).await;
        let (world, phone) = (&self.world, &self.phone);
        let to = transfers::receive_code(world, &self.other).await;
        let body = json!({ "receive_code": to, "amount": "10.00", "currency": "CNY", "pin": PIN });
        let _ = transfers::post(world, phone, "/v1/wallet/transfers", "t", &body).await.created();
        let body =
            json!({ "amount": "1.00", "currency": "CNY", "destination": "IBAN", "pin": PIN });
        let path = "/v1/wallet/withdrawals";
        let withdrawal = transfers::post(world, phone, path, "w", &body).await.created();
        self.unfinished.withdrawal = Some(withdrawal.text("/id").to_owned());
        let body = json!({ "amount": "4.00", "currency": "CNY", "shares": 2, "split": "equal",
        "pin": PIN });
        let path = "/v1/wallet/envelopes";
        let envelope = transfers::post(world, phone, path, "e", &body).await.created();
        self.unfinished.envelope = Some(envelope.json["token"].clone());
        let waiting = self.charge("waiting", "150.00").await.created();
        assert_eq!(waiting.outcome(), "requires_confirmation");
        self.unfinished.confirmation = Some(waiting.text("/id").to_owned());
    }

    async fn holds_and_refunds(&mut self) {
        let paid = self.charge("refunded", "9.00").await.created();
        let _ = self.till.refund(paid.text("/id"), "r", Some("2.50")).await.created();
        let canceled = self.charge("canceled", "5.00").await.created();
        assert_eq!(self.till.cancel(canceled.text("/id"), "c").await.status, 200);
        for (reference, captured) in [("captured", true), ("held", false)] {
            let code = self.phone.code(&self.world, "200.00");
            let hold = Charge::new(reference, &code, "7.00").with("capture", "manual");
            let hold = self.till.charge(&hold).await.created().text("/id").to_owned();
            if captured {
                assert_eq!(self.till.capture(&hold, "capture", Some("6.00")).await.status, 200);
            } else {
                self.unfinished.hold = Some(hold);
            }
        }
    }

    async fn merchant_codes(&mut self) {
        let (world, till, phone) = (&self.world, &self.till, &self.phone);
        let paid = orders::order(till, "ordered", "6.00").await.created();
        let body = json!({ "code": paid.json["payload"] });
        let _ = orders::pay(world, phone, "o", &body).await.created();
        let waiting = orders::order(till, "order", "6.00").await.created();
        self.unfinished.order = Some(waiting.json["payload"].clone());
        let plate = till.ask("/v1/plates", "plate", json!({ "label": "tea" })).await.created();
        let body = json!({ "code": plate.json["payload"], "amount": "2.00", "currency": "CNY" });
        let _ = orders::pay(world, phone, "p", &body).await.created();
        self.unfinished.plate = Some(plate.json["payload"].clone());
    }

    /// Charges a new code of the payer's.
    pub(super) async fn charge(&mut self, reference: &str, amount: &str) -> Answer {
        let code = self.phone.code(&self.world, "200.00");
        self.till.charge(&Charge::new(reference, &code, amount)).await
    }
}
