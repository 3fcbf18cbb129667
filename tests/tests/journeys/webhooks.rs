//! Webhooks: what endpoints are told, in which order, how they know who tells them, and what happens
//! when they do not answer.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Phone, Receiver, Reply, Till, Webhook, World};

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// Endpoints are on loopback, and whoever is silent is not waited for.
pub(crate) const SETTINGS: [(&str, &str); 2] =
    [("webhooks.allow_private", "true"), ("webhooks.timeout_seconds", "1")];

/// A shop with an endpoint, and a customer.
struct Scene {
    world: World,
    till: Till,
    phone: Phone,
    receiver: Receiver,
    /// As it was made, with its secret.
    endpoint: Answer,
}

pub(crate) async fn create(till: &Till, body: Value) -> Answer {
    till.post("/v1/webhook_endpoints", &[], body.to_string()).await
}

impl Scene {
    async fn new(seed: u64) -> Self {
        Self::with(seed, &SETTINGS).await
    }

    /// With an endpoint that may take long.
    async fn patient(seed: u64) -> Self {
        Self::with(seed, &SETTINGS[..1]).await
    }

    async fn with(seed: u64, settings: &[(&str, &str)]) -> Self {
        let world = World::start_with(DATABASE, seed, settings).await;
        let till = world.merchant("Tea House").await;
        let phone = world.payer("Weirdname", "500.00").await;
        let receiver = Receiver::start().await;
        let endpoint = create(&till, json!({ "url": receiver.url() })).await.created();
        Self { world, till, phone, receiver, endpoint }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/webhook_endpoints/{}{rest}", self.endpoint.text("/id"))
    }

    async fn pay(&mut self, reference: &str, amount: &str) -> Answer {
        let code = self.phone.code(&self.world, "200.00");
        self.till.charge(&Charge::new(reference, &code, amount)).await
    }

    async fn endpoint_now(&self) -> Answer {
        self.till.get(&self.path("")).await
    }

    /// What became of an event.
    async fn delivery(&self, event: &str) -> Answer {
        self.till.get(&self.path(&format!("/deliveries/{event}"))).await
    }

    /// Waits until a delivery says this at a pointer.
    async fn delivery_says(&self, event: &str, pointer: &str, value: &Value) -> Answer {
        let said = async {
            loop {
                let delivery = self.delivery(event).await;
                if delivery.json.pointer(pointer) == Some(value) {
                    break delivery;
                }
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_mins(1), said).await;
        if let Ok(delivery) = waited {
            return delivery;
        }
        panic!("{pointer} is not {value}: {}", self.delivery(event).await.text)
    }

    /// Waits until so many events wait.
    async fn waiting(&self, count: usize) {
        let waiting = async {
            loop {
                let list = self.till.get(&self.path("/deliveries?state=waiting")).await;
                if list.json["data"].as_array().unwrap().len() == count {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        let minute = std::time::Duration::from_mins(1);
        tokio::time::timeout(minute, waiting).await.expect("another number of events waits");
    }

    async fn patch(&self, body: Value) -> Answer {
        self.till.send("PATCH", &self.path(""), body.to_string()).await
    }
}

fn types(webhooks: &[Webhook]) -> Vec<String> {
    webhooks.iter().map(Webhook::event_type).collect()
}

#[tokio::test]
async fn an_endpoint_is_told_of_successes_and_failures_in_the_order_of_the_journal() {
    let mut scene = Scene::new(2101).await;
    let paid = scene.pay("order-1", "12.50").await.created();
    let declined = scene.pay("order-2", "250.00").await;
    assert_eq!(declined.status, 402, "{}", declined.text);
    let refund = scene.till.refund(paid.text("/id"), "refund-1", Some("2.50")).await.created();
    let canceled = scene.pay("order-3", "5.00").await.created();
    assert_eq!(scene.till.cancel(canceled.text("/id"), "cancel-3").await.status, 200);

    let told = scene.receiver.wait_for(6).await;
    let mut found = types(&told);
    // What one batch holds has an order, but which of its two is first is its own affair.
    found[2..4].sort();
    assert_eq!(
        found,
        [
            "payment.succeeded",
            "payment.declined",
            "payment.partially_refunded",
            "refund.succeeded",
            "payment.succeeded",
            "payment.canceled",
        ]
    );
    let positions: Vec<i64> =
        told.iter().map(|it| it.id.split('_').nth(1).unwrap().parse().unwrap()).collect();
    assert!(positions.is_sorted(), "{positions:?}");
    let mut ids: Vec<&str> = told.iter().map(|it| it.id.as_str()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 6, "each event has an id of its own: {ids:?}");

    for webhook in &told {
        assert!(webhook.is_signed_with(scene.endpoint.text("/secret")), "{webhook:?}");
        assert!(webhook.is_signed_by(scene.endpoint.text("/public_key")), "{webhook:?}");
        assert_eq!(webhook.media_type, "application/json");
        assert_eq!(webhook.timestamp, scene.world.now().unix_seconds());
        // The same as in the list of events.
        let event = scene.till.get(&format!("/v1/events/{}", webhook.id)).await;
        assert_eq!((event.status.as_u16(), event.text("/type")), (200, &*webhook.event_type()));
        assert_eq!(event.json["data"], webhook.json()["data"]);
        let json = webhook.json();
        let keys: Vec<_> = json.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["data", "timestamp", "type"]);
        for hidden in [scene.phone.payer.as_str(), "Weirdname", "payer"] {
            assert!(!webhook.body.contains(hidden), "{hidden}: {}", webhook.body);
        }
    }
    assert_eq!(told[0].json()["data"], paid.json);
    assert!(told.iter().any(|it| it.json()["data"]["receipt"] == refund.json["receipt"]));
}

#[tokio::test]
async fn a_signature_is_of_this_endpoint_this_event_this_time_and_this_body() {
    let mut scene = Scene::new(2102).await;
    let other = Receiver::start().await;
    let second = create(&scene.till, json!({ "url": other.url() })).await.created();
    let _ = scene.pay("order-1", "12.50").await.created();
    let webhook = scene.receiver.wait_for(1).await.remove(0);
    let (secret, public_key) = (scene.endpoint.text("/secret"), scene.endpoint.text("/public_key"));
    let altered = [
        Webhook { id: webhook.id.replace("evt_", "evt_1"), ..webhook.clone() },
        Webhook { timestamp: webhook.timestamp + 1, ..webhook.clone() },
        Webhook { body: webhook.body.replace("12.50", "12.51"), ..webhook.clone() },
    ];
    for altered in altered {
        assert_ne!(altered, webhook);
        assert!(!altered.is_signed_with(secret) && !altered.is_signed_by(public_key));
    }
    assert!(!webhook.is_signed_with(second.text("/secret")));
    assert!(!webhook.is_signed_by(second.text("/public_key")));
    let same = other.wait_for(1).await.remove(0);
    assert_eq!((&same.id, &same.body), (&webhook.id, &webhook.body));
    assert!(same.is_signed_with(second.text("/secret")));
    assert!(same.is_signed_by(second.text("/public_key")));
}

#[tokio::test]
async fn a_merchant_is_told_of_its_own_events_and_not_of_what_is_for_the_payer() {
    let mut scene = Scene::new(2103).await;
    let other = scene.world.merchant("Noodle Bar").await;
    let code = scene.phone.code(&scene.world, "200.00");
    let _ = other.charge(&Charge::new("theirs-1", &code, "1.00")).await.created();
    // The same code at another till: the payer is told, and neither merchant.
    let used = scene.till.charge(&Charge::new("ours-1", &code, "1.00")).await;
    assert_eq!(used.outcome(), "code_used");
    let _ = scene.pay("ours-2", "2.00").await;
    let told = scene.receiver.wait_for(1).await;
    assert_eq!(told[0].json()["data"]["reference"], "ours-2");
    let log = scene.till.get(&scene.path("/deliveries")).await;
    assert_eq!(log.json["data"].as_array().unwrap().len(), 1, "{}", log.text);
}

#[tokio::test]
async fn an_endpoint_is_told_of_the_types_that_it_names_and_of_what_happens_from_then_on() {
    let mut scene = Scene::new(2104).await;
    let _ = scene.pay("order-1", "1.00").await.created();
    scene.receiver.wait_for(1).await;
    let picky = Receiver::start().await;
    let body = json!({ "url": picky.url(), "events": ["refund.succeeded", "payment.declined"] });
    let made = create(&scene.till, body).await.created();
    assert_eq!(made.json["events"], json!(["payment.declined", "refund.succeeded"]));
    assert_eq!(scene.pay("order-2", "250.00").await.status, 402);
    let paid = scene.pay("order-3", "3.00").await.created();
    let _ = scene.till.refund(paid.text("/id"), "refund-3", None).await.created();
    assert_eq!(types(&picky.wait_for(2).await), ["payment.declined", "refund.succeeded"]);
    assert_eq!(scene.receiver.wait_for(5).await.len(), 5);
    assert_eq!(picky.received().len(), 2);
}

#[tokio::test]
async fn what_fails_comes_again_for_more_than_a_day_under_its_id_and_with_its_bytes() {
    let mut scene = Scene::new(2105).await;
    scene.receiver.answer(Reply::Status(500));
    let paid = scene.pay("order-1", "12.50").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    // What becomes of the payment later is another event.
    scene.receiver.answer(Reply::Status(204));
    let _ = scene.till.refund(paid.text("/id"), "refund-1", None).await.created();
    scene.receiver.wait_for(3).await;
    scene.receiver.answer(Reply::Status(503));

    let pauses = [5, 300, 1800, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR];
    let mut count = 3;
    for (attempts, pause) in (1..).zip(pauses) {
        let delivery = scene.delivery_says(&first.id, "/attempts", &json!(attempts)).await;
        assert_eq!(delivery.text("/state"), "waiting");
        // A tenth more or less, and the rest that an endpoint has that fails again and again.
        scene.world.advance_seconds(pause + pause / 10 + 1);
        count += 1;
        let again = scene.receiver.wait_for(count).await.remove(count - 1);
        assert_eq!((&again.id, &again.body), (&first.id, &first.body));
        assert!(again.timestamp > first.timestamp, "the time is the attempt's");
        assert!(again.is_signed_with(scene.endpoint.text("/secret")));
    }
    let given_up = scene.delivery_says(&first.id, "/state", &json!("failed")).await;
    assert_eq!(given_up.json["attempts"], 8);
    assert_eq!(given_up.json["next_attempt_at"], Value::Null);
    let failed = given_up.json["failed_attempts"].as_array().unwrap();
    assert_eq!(failed.len(), 8);
    assert_eq!((&failed[0]["status"], &failed[7]["status"]), (&json!(503), &json!(500)));
    assert_eq!((&failed[7]["number"], &failed[7]["error"]), (&json!(1), &json!("status")));
    let listed = scene.till.get(&scene.path("/deliveries?state=failed")).await;
    assert_eq!(listed.text("/data/0/event"), first.id);
    let waiting = scene.till.get(&scene.path("/deliveries?state=waiting")).await;
    assert_eq!(waiting.json["data"], json!([]));
}

#[tokio::test]
async fn an_event_that_fails_lets_later_ones_pass() {
    let mut scene = Scene::new(2106).await;
    scene.receiver.answer(Reply::Status(400));
    let _ = scene.pay("order-1", "1.00").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    scene.receiver.answer(Reply::Status(204));
    let _ = scene.pay("order-2", "2.00").await.created();
    let told = scene.receiver.wait_for(2).await;
    assert_ne!(told[1].id, first.id);
    scene.world.advance_seconds(6);
    assert_eq!(scene.receiver.wait_for(3).await[2].id, first.id);
}

#[tokio::test]
async fn an_overloaded_endpoint_is_left_alone_for_as_long_as_it_asks() {
    let mut scene = Scene::new(2107).await;
    scene.receiver.answer(Reply::With(429, "retry-after", "120".to_owned()));
    let _ = scene.pay("order-1", "1.00").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    let delivery = scene.delivery_says(&first.id, "/attempts", &json!(1)).await;
    assert_eq!(delivery.text("/next_attempt_at"), "2027-01-15T08:02:07.000Z");
    let _ = scene.pay("order-2", "2.00").await.created();
    scene.world.advance_seconds(119);
    scene.waiting(2).await;
    assert_eq!(scene.receiver.received().len(), 1);
    scene.receiver.answer(Reply::Status(200));
    scene.world.advance_seconds(1);
    let told = scene.receiver.wait_for(3).await;
    assert_eq!(told[2].id, first.id, "after what was to come before");
}

#[tokio::test]
async fn an_endpoint_that_says_that_it_is_gone_is_told_no_more_until_it_is_enabled() {
    let mut scene = Scene::new(2108).await;
    scene.receiver.answer(Reply::Status(410));
    let _ = scene.pay("order-1", "1.00").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    let _ = scene.delivery_says(&first.id, "/attempts", &json!(1)).await;
    let endpoint = scene.endpoint_now().await;
    assert_eq!((endpoint.text("/state"), endpoint.text("/disabled_because")), ("disabled", "gone"));

    let _ = scene.pay("order-2", "2.00").await.created();
    scene.world.placed().await;
    let path = scene.path(&format!("/deliveries/{}/replay", first.id));
    let refused = scene.till.post(&path, &[], "").await;
    refused.assert_problem(409, "webhook_endpoint_disabled", "retry");
    scene.receiver.answer(Reply::Status(204));
    let enabled = scene.patch(json!({ "state": "enabled" })).await;
    assert_eq!((enabled.text("/state"), &enabled.json["failures"]), ("enabled", &json!(0)));
    scene.world.advance_seconds(6);
    let _ = scene.pay("order-3", "3.00").await.created();
    let told = scene.receiver.wait_for(3).await;
    assert_eq!(told[1].id, first.id, "what waited goes on");
    let third = scene.till.get("/v1/payments?reference=order-3").await;
    assert_eq!(told[2].json()["data"]["receipt"], third.json["data"][0]["receipt"]);
}

#[tokio::test]
async fn an_endpoint_that_fails_for_three_days_is_disabled() {
    let mut scene = Scene::new(2109).await;
    scene.receiver.answer(Reply::Status(500));
    let _ = scene.pay("order-1", "1.00").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    let _ = scene.delivery_says(&first.id, "/attempts", &json!(1)).await;
    let endpoint = scene.endpoint_now().await;
    assert_eq!((endpoint.text("/state"), &endpoint.json["failures"]), ("enabled", &json!(1)));
    scene.world.advance_seconds(3 * DAY);
    let _ = scene.delivery_says(&first.id, "/attempts", &json!(2)).await;
    let endpoint = scene.endpoint_now().await;
    assert_eq!(endpoint.text("/disabled_because"), "failing", "{}", endpoint.text);
    let off = scene.patch(json!({ "state": "disabled" })).await;
    assert_eq!(off.text("/disabled_because"), "failing", "it was disabled already");
}

#[tokio::test]
async fn a_merchant_disables_and_moves_an_endpoint() {
    let mut scene = Scene::new(2110).await;
    let off = scene.patch(json!({ "state": "disabled" })).await;
    assert_eq!((off.text("/state"), off.text("/disabled_because")), ("disabled", "merchant"));
    let _ = scene.pay("order-1", "1.00").await.created();
    scene.world.placed().await;
    let moved = Receiver::start().await;
    let change = json!({ "state": "enabled", "url": moved.url(), "description": "new house",
        "events": ["payment.succeeded"] });
    let changed = scene.patch(change).await;
    assert_eq!(changed.text("/url"), moved.url());
    assert_eq!(changed.text("/description"), "new house");
    let paid = scene.pay("order-2", "2.00").await.created();
    let told = moved.wait_for(1).await;
    assert_eq!(told[0].json()["data"]["receipt"], paid.json["receipt"]);
    assert!(told[0].is_signed_with(scene.endpoint.text("/secret")), "the secret stays");
    assert_eq!(scene.receiver.received(), []);
}

#[tokio::test]
async fn a_rotated_secret_signs_beside_the_new_one_until_its_time_is_over() {
    let mut scene = Scene::new(2111).await;
    let rotate = scene.path("/rotate_secret");
    let rotated = scene.till.post(&rotate, &[], "{}").await;
    assert_eq!(rotated.status, 200, "{}", rotated.text);
    assert_eq!(rotated.text("/former_secret_until"), "2027-01-16T08:00:07.000Z");
    let (old, new) = (&scene.endpoint, &rotated);
    assert_ne!(old.text("/secret"), new.text("/secret"));
    assert_ne!(old.text("/public_key"), new.text("/public_key"));
    let (old, new) = (old.clone(), new.clone());
    let signed = |webhook: &Webhook, by: &Answer| {
        let (hmac, ed25519) = (by.text("/secret"), by.text("/public_key"));
        (webhook.is_signed_with(hmac), webhook.is_signed_by(ed25519))
    };
    let _ = scene.pay("order-1", "1.00").await.created();
    let webhook = scene.receiver.wait_for(1).await.remove(0);
    assert_eq!((signed(&webhook, &old), signed(&webhook, &new)), ((true, true), (true, true)));
    scene.world.advance_seconds(DAY);
    let _ = scene.pay("order-2", "2.00").await.created();
    let webhook = scene.receiver.wait_for(2).await.remove(1);
    assert_eq!((signed(&webhook, &old), signed(&webhook, &new)), ((false, false), (true, true)));
    let at_once = scene.till.post(&rotate, &[], json!({ "overlap_hours": 0 }).to_string()).await;
    assert_eq!(at_once.json["former_secret_until"], Value::Null);
    let _ = scene.pay("order-3", "3.00").await.created();
    let webhook = scene.receiver.wait_for(3).await.remove(2);
    assert_eq!(
        (signed(&webhook, &new), signed(&webhook, &at_once)),
        ((false, false), (true, true))
    );
}

#[tokio::test]
async fn an_event_is_sent_again_by_hand_as_it_was() {
    let mut scene = Scene::new(2112).await;
    let paid = scene.pay("order-1", "12.50").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    let delivery = scene.delivery_says(&first.id, "/state", &json!("delivered")).await;
    assert_eq!(delivery.json["last_attempt"]["status"], 204);
    assert_eq!(delivery.json["failed_attempts"], json!([]));
    let _ = scene.till.refund(paid.text("/id"), "refund-1", None).await.created();
    scene.receiver.wait_for(3).await;
    let path = scene.path(&format!("/deliveries/{}/replay", first.id));
    let replayed = scene.till.post(&path, &[], "").await;
    assert_eq!((replayed.status.as_u16(), replayed.text("/state")), (202, "waiting"));
    let again = scene.receiver.wait_for(4).await.remove(3);
    assert_eq!((&again.id, &again.body), (&first.id, &first.body));
    let delivery = scene.delivery_says(&first.id, "/attempts", &json!(2)).await;
    assert_eq!(delivery.text("/state"), "delivered");
    for unknown in ["evt_1_99_1", "evt_999999_0_1", "evt_x", "pay_0"] {
        let path = scene.path(&format!("/deliveries/{unknown}/replay"));
        scene.till.post(&path, &[], "").await.assert_problem(404, "not_found", "final");
    }
}

#[tokio::test]
async fn an_event_that_is_replayed_while_it_is_on_its_way_comes_once_more() {
    let mut scene = Scene::new(2117).await;
    scene.receiver.answer(Reply::Silence);
    let _ = scene.pay("order-1", "12.50").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    scene.receiver.answer(Reply::Status(204));
    let path = scene.path(&format!("/deliveries/{}/replay", first.id));
    assert_eq!(scene.till.post(&path, &[], "").await.status.as_u16(), 202);
    let again = scene.receiver.wait_for(2).await.remove(1);
    assert_eq!((&again.id, &again.body), (&first.id, &first.body));
    scene.delivery_says(&first.id, "/state", &json!("delivered")).await;
}

#[tokio::test]
async fn what_an_endpoint_heard_and_did_not_acknowledge_comes_again_after_the_server_did() {
    let mut scene = Scene::new(2113).await;
    scene.receiver.answer(Reply::Silence);
    let _ = scene.pay("order-1", "1.00").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    let _ = scene.pay("order-2", "2.00").await.created();
    scene.world.stop().await;
    scene.receiver.answer(Reply::Status(204));
    scene.world.restart().await;
    scene.world.advance_seconds(6);
    let told = scene.receiver.wait_for(3).await;
    let ids: Vec<&String> = told[1..].iter().map(|webhook| &webhook.id).collect();
    assert!(ids.contains(&&first.id), "{told:?}");
    assert_eq!(told.iter().filter(|webhook| webhook.id != first.id).count(), 1, "{told:?}");
}

#[tokio::test]
async fn silent_endpoints_delay_nobody_else() {
    let mut scene = Scene::new(2114).await;
    let silent = Receiver::start().await;
    silent.answer(Reply::Silence);
    for _ in 0..5 {
        let _ = create(&scene.till, json!({ "url": silent.url() })).await.created();
    }
    for number in 0..20 {
        let _ = scene.pay(&format!("order-{number}"), "1.00").await.created();
    }
    let told = scene.receiver.wait_for(20).await;
    assert_eq!(told.len(), 20);
    // A silent one gets one request at a time, and each takes a second.
    assert!(silent.received().len() < 5 * 20, "{}", silent.received().len());
}

#[tokio::test]
async fn a_deleted_endpoint_is_told_nothing_more() {
    let mut scene = Scene::new(2115).await;
    scene.receiver.answer(Reply::Status(500));
    let _ = scene.pay("order-1", "1.00").await.created();
    scene.receiver.wait_for(1).await;
    let deleted = scene.till.send("DELETE", &scene.path(""), "").await;
    assert_eq!(deleted.status, 204, "{}", deleted.text);
    scene.endpoint_now().await.assert_problem(404, "not_found", "final");
    let again = scene.till.send("DELETE", &scene.path(""), "").await;
    again.assert_problem(404, "not_found", "final");
    // Another one, by which to know that the worker has been there.
    let witness = Receiver::start().await;
    let _ = create(&scene.till, json!({ "url": witness.url() })).await.created();
    scene.world.advance_seconds(DAY);
    let _ = scene.pay("order-2", "2.00").await.created();
    witness.wait_for(1).await;
    assert_eq!(scene.receiver.received().len(), 1);
}

#[tokio::test]
async fn the_log_is_kept_for_thirty_days() {
    let mut scene = Scene::new(2116).await;
    scene.receiver.answer(Reply::Status(500));
    let _ = scene.pay("order-1", "1.00").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    let _ = scene.delivery_says(&first.id, "/attempts", &json!(1)).await;
    scene.world.advance_seconds(30 * DAY);
    scene.world.restart().await;
    scene.till = scene.till.at(&scene.world);
    assert_eq!(scene.delivery(&first.id).await.status, 200);
    scene.world.advance_seconds(1);
    // Something that happens, by which the clock is believed.
    let _ = scene.world.payer("Mei", "1.00").await;
    scene.world.restart().await;
    scene.till = scene.till.at(&scene.world);
    let forgotten = async {
        let mut database = scene.world.database().await;
        let rows = "select (select count(*) from webhook_deliveries) \
            + (select count(*) from webhook_attempts)";
        // The attempt of the day before is younger.
        while sqlx::query_scalar::<_, i64>(rows).fetch_one(&mut database).await.unwrap() > 1 {
            tokio::task::yield_now().await;
        }
    };
    let minute = std::time::Duration::from_mins(1);
    tokio::time::timeout(minute, forgotten).await.expect("the log is kept for ever");
    scene.delivery(&first.id).await.assert_problem(404, "not_found", "final");
}

#[tokio::test]
async fn a_change_holds_from_the_next_event_on() {
    let mut scene = Scene::patient(2118).await;
    scene.receiver.answer(Reply::Held(204));
    for number in 0..5 {
        let _ = scene.pay(&format!("order-{number}"), "1.00").await.created();
    }
    // The first alone, or with others: then the rest, one after the other.
    scene.waiting(5).await;
    scene.receiver.wait_for(1).await;
    scene.receiver.release(1);
    scene.receiver.wait_for(2).await;
    let body = json!({ "overlap_hours": 0 }).to_string();
    let rotated = scene.till.post(&scene.path("/rotate_secret"), &[], body).await;
    scene.receiver.release(1);
    let told = scene.receiver.wait_for(3).await;
    assert!(told[1].is_signed_with(scene.endpoint.text("/secret")));
    assert!(told[2].is_signed_with(rotated.text("/secret")), "the old secret signs");
    let moved = Receiver::start().await;
    assert_eq!(scene.patch(json!({ "url": moved.url() })).await.status, 200);
    scene.receiver.release(5);
    assert_eq!(moved.wait_for(2).await.len(), 2);
    assert_eq!(scene.receiver.received().len(), 3, "the rest goes where the endpoint was");
}

#[tokio::test]
async fn a_deleted_endpoint_is_not_told_the_rest_of_what_was_being_sent() {
    let mut scene = Scene::patient(2119).await;
    scene.receiver.answer(Reply::Held(204));
    for number in 0..3 {
        let _ = scene.pay(&format!("order-{number}"), "1.00").await.created();
    }
    scene.waiting(3).await;
    scene.receiver.wait_for(1).await;
    scene.receiver.release(1);
    scene.receiver.wait_for(2).await;
    assert_eq!(scene.till.send("DELETE", &scene.path(""), "").await.status, 204);
    scene.receiver.release(5);
    // Another one, by which to know that the worker has been there.
    let witness = Receiver::start().await;
    let _ = create(&scene.till, json!({ "url": witness.url() })).await.created();
    let _ = scene.pay("order-4", "2.00").await.created();
    witness.wait_for(1).await;
    assert_eq!(scene.receiver.received().len(), 2);
}

#[tokio::test]
async fn what_an_old_address_answers_says_nothing_about_the_new_one() {
    let mut scene = Scene::patient(2120).await;
    scene.receiver.answer(Reply::Held(410));
    let _ = scene.pay("order-1", "1.00").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    let moved = Receiver::start().await;
    assert_eq!(scene.patch(json!({ "url": moved.url() })).await.status, 200);
    scene.receiver.release(1);
    let _ = scene.delivery_says(&first.id, "/attempts", &json!(1)).await;
    let endpoint = scene.endpoint_now().await;
    assert_eq!((endpoint.text("/state"), &endpoint.json["failures"]), ("enabled", &json!(0)));
    scene.world.advance_seconds(6);
    assert_eq!(moved.wait_for(1).await[0].id, first.id);
}

#[tokio::test]
async fn whoever_has_an_event_replayed_or_moves_an_endpoint_does_not_wait_until_it_has_rested() {
    let mut scene = Scene::new(2121).await;
    let rest = Reply::With(429, "retry-after", "3600".to_owned());
    scene.receiver.answer(rest.clone());
    let _ = scene.pay("order-1", "1.00").await.created();
    let first = scene.receiver.wait_for(1).await.remove(0);
    let _ = scene.delivery_says(&first.id, "/attempts", &json!(1)).await;
    let path = scene.path(&format!("/deliveries/{}/replay", first.id));
    assert_eq!(scene.till.post(&path, &[], "").await.status, 202);
    assert_eq!(scene.receiver.wait_for(2).await[1].id, first.id);
    let _ = scene.delivery_says(&first.id, "/attempts", &json!(2)).await;
    let _ = scene.pay("order-2", "2.00").await.created();
    scene.waiting(2).await;
    let moved = Receiver::start().await;
    let patched = scene.patch(json!({ "url": moved.url() })).await;
    assert_eq!(patched.json["failures"], 0);
    assert_ne!(moved.wait_for(1).await[0].id, first.id);
    assert_eq!(scene.receiver.received().len(), 2);
}
