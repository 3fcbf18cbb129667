//! Endpoints of webhooks: whose they are, and where nothing is sent.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{Answer, Receiver, Till, World};

use super::webhooks::{SETTINGS, create};

async fn endpoints(till: &Till) -> Vec<Value> {
    let list = till.get("/v1/webhook_endpoints").await;
    list.json["data"].as_array().unwrap().clone()
}

#[tokio::test]
async fn nothing_is_sent_to_what_only_the_server_reaches() {
    let world = World::start(DATABASE, 2201).await;
    let till = world.merchant("Tea House").await;
    let good = create(&till, json!({ "url": "https://1.1.1.1/hooks" })).await.created();
    let path = format!("/v1/webhook_endpoints/{}", good.text("/id"));
    let before = endpoints(&till).await;
    for url in [
        "http://1.1.1.1/hooks",
        "https://127.0.0.1/hooks",
        "https://localhost/hooks",
        "https://db.localhost/hooks",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://10.0.0.1/",
        "https://100.64.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://192.168.1.1/",
        "https://224.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[fd00::1]/",
        "https://user:password@1.1.1.1/",
        "https://1.1.1.1:22/",
        "https://1.1.1.1/#fragment",
        "ftp://1.1.1.1/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "1.1.1.1",
        "https://",
    ] {
        let refused = create(&till, json!({ "url": url })).await;
        refused.assert_problem(422, "webhook_url_refused", "final");
        refused.assert_tells_nothing_internal();
        let refused = till.send("PATCH", &path, json!({ "url": url }).to_string()).await;
        refused.assert_problem(422, "webhook_url_refused", "final");
    }
    assert_eq!(endpoints(&till).await, before);
    // Whether a name is known inside, nobody learns: it is not looked up before something is sent.
    let named = create(&till, json!({ "url": "https://no-such-name.invalid/hooks" })).await;
    assert_eq!(named.status, 201, "{}", named.text);
    let path = "/v1/webhook_endpoints/we_01a2036666e37502ab6a225e520bffad";
    let unknown =
        till.send("PATCH", path, json!({ "url": "https://127.0.0.1/" }).to_string()).await;
    unknown.assert_problem(404, "not_found", "final");
}

#[tokio::test]
async fn what_may_no_longer_be_called_is_called_no_longer() {
    let mut world = World::start_with(DATABASE, 2202, &SETTINGS).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "50.00").await;
    let receiver = Receiver::start().await;
    let made = create(&till, json!({ "url": receiver.url() })).await.created();
    world.restart_with(&[]).await.unwrap();
    let till = till.at(&world);
    let code = phone.code(&world, "20.00");
    let charge = wallet_tests::Charge::new("order-1", &code, "1.00");
    let _ = till.charge(&charge).await.created();
    let path = format!("/v1/webhook_endpoints/{}/deliveries", made.text("/id"));
    let tried = async {
        loop {
            let log = till.get(&path).await;
            if log.json["data"][0]["attempts"] == 1 {
                break log;
            }
            tokio::task::yield_now().await;
        }
    };
    let log = tokio::time::timeout(std::time::Duration::from_mins(1), tried).await.unwrap();
    assert_eq!(log.text("/data/0/last_attempt/error"), "address_refused");
    assert_eq!(receiver.received(), []);
}

#[tokio::test]
async fn an_endpoint_is_its_merchants_alone() {
    let world = World::start(DATABASE, 2203).await;
    let till = world.merchant("Tea House").await;
    let other = world.merchant("Noodle Bar").await;
    let made = create(&till, json!({ "url": "https://1.1.1.1/" })).await.created();
    let path = format!("/v1/webhook_endpoints/{}", made.text("/id"));
    assert_eq!(endpoints(&other).await, Vec::<Value>::new());
    let not_found = |answer: Answer| answer.assert_problem(404, "not_found", "final");
    not_found(other.get(&path).await);
    not_found(other.get(&format!("{path}/deliveries")).await);
    not_found(other.get(&format!("{path}/deliveries/evt_1_0_1")).await);
    not_found(other.post(&format!("{path}/deliveries/evt_1_0_1/replay"), &[], "").await);
    not_found(other.post(&format!("{path}/rotate_secret"), &[], "{}").await);
    not_found(other.send("PATCH", &path, "{\"state\":\"disabled\"}").await);
    not_found(other.send("DELETE", &path, "").await);
    let mine = endpoints(&till).await;
    assert_eq!((mine.len(), mine[0]["state"].as_str()), (1, Some("enabled")));
}

#[tokio::test]
async fn a_secret_is_shown_once() {
    let world = World::start(DATABASE, 2204).await;
    let till = world.merchant("Tea House").await;
    let made = create(&till, json!({ "url": "https://1.1.1.1/" })).await.created();
    assert!(made.text("/secret").starts_with("whsec_"), "{}", made.text);
    let path = format!("/v1/webhook_endpoints/{}", made.text("/id"));
    assert_eq!(till.get(&path).await.json.get("secret"), None);
    assert_eq!(endpoints(&till).await[0].get("secret"), None);
    let changed = till.send("PATCH", &path, "{\"description\":\"till\"}").await;
    assert_eq!((changed.json.get("secret"), changed.text("/description")), (None, "till"));
}

#[tokio::test]
async fn a_merchant_has_ten_endpoints_and_no_more() {
    let world = World::start(DATABASE, 2205).await;
    let till = world.merchant("Tea House").await;
    let other = world.merchant("Noodle Bar").await;
    let body = json!({ "url": "https://1.1.1.1/" });
    for _ in 0..10 {
        let _ = create(&till, body.clone()).await.created();
    }
    let refused = create(&till, body.clone()).await;
    refused.assert_problem(409, "too_many_webhook_endpoints", "final");
    let _ = create(&other, body.clone()).await.created();
    let id = endpoints(&till).await[0]["id"].as_str().unwrap().to_owned();
    let deleted = till.send("DELETE", &format!("/v1/webhook_endpoints/{id}"), "").await;
    assert_eq!(deleted.status, 204);
    let _ = create(&till, body).await.created();
}

#[tokio::test]
async fn what_makes_no_sense_is_named() {
    let world = World::start(DATABASE, 2206).await;
    let till = world.merchant("Tea House").await;
    let made = create(&till, json!({ "url": "https://1.1.1.1/" })).await.created();
    let path = format!("/v1/webhook_endpoints/{}", made.text("/id"));
    for (field, value) in [
        ("events", json!([])),
        ("events", json!(["payment.suceeded"])),
        ("events", json!(["code.reused"])),
        ("events", json!(["*", "code.reused"])),
        ("description", json!("")),
        ("description", json!("x".repeat(201))),
        ("state", json!("deleted")),
    ] {
        let pointer = format!("/{field}");
        let changed = till.send("PATCH", &path, json!({ field: value }).to_string()).await;
        changed.assert_points_at(&pointer);
        if field != "state" {
            let body = json!({ "url": "https://1.1.1.1/", field: value });
            create(&till, body).await.assert_points_at(&pointer);
        }
    }
    let rotate = format!("{path}/rotate_secret");
    let refused = till.post(&rotate, &[], "{\"overlap_hours\":721}").await;
    refused.assert_points_at("/overlap_hours");
    let deliveries = format!("{path}/deliveries");
    till.get(&format!("{deliveries}?state=sent")).await.assert_points_at("/state");
    assert_eq!(endpoints(&till).await.len(), 1);
}
