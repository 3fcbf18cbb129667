//! Merchants' API keys: what each may do, how one takes over from another, and what is told of
//! their use.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Phone, Till, World, at_once};

const HOUR: i64 = 60 * 60;

async fn scene(seed: u64) -> (World, Till, Phone) {
    let world = World::start(DATABASE, seed).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    (world, till, phone)
}

/// A merchant's keys, newest first.
async fn keys(world: &World, till: &Till) -> Vec<Value> {
    let path = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    world.operator_get(&path).await.json["data"].as_array().unwrap().clone()
}

/// The id of the key that a till has; its secret ends like that.
async fn id_of(world: &World, till: &Till) -> String {
    let keys = keys(world, till).await;
    let end = &till.api_key[till.api_key.len() - 4..];
    let key = keys.iter().find(|key| key["secret_end"] == end).unwrap();
    key["id"].as_str().unwrap().to_owned()
}

async fn new_key(world: &World, till: &Till, body: Value) -> Till {
    let path = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    till.with_key(world.operator_post(&path, body).await.created().text("/secret"))
}

async fn rotate(world: &World, id: &str, body: Value) -> Answer {
    world.operator_post(&format!("/v1/operator/api_keys/{id}/rotate"), body).await
}

async fn revoke(world: &World, id: &str) {
    let answer = world.operator_delete(&format!("/v1/operator/api_keys/{id}")).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
}

/// What a key was used for: the operation, the outcome and how often, in order.
async fn uses(world: &World, id: &str) -> Vec<(String, String, u64)> {
    let page = world.operator_get(&format!("/v1/operator/api_keys/{id}/uses?limit=100")).await;
    let mut uses: Vec<_> = page.json["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("operation"), text("outcome"), row["count"].as_u64().unwrap())
        })
        .collect();
    uses.sort();
    uses
}

fn used(rows: &[(&str, &str, u64)]) -> Vec<(String, String, u64)> {
    rows.iter().map(|(what, how, count)| ((*what).into(), (*how).into(), *count)).collect()
}

/// Every call of merchants, and the scope that it takes.
const CALLS: [(&str, &str, &str); 20] = [
    ("POST", "/v1/payments", "charge"),
    ("POST", "/v1/payments/pay_0/capture", "charge"),
    ("POST", "/v1/payments/pay_0/cancel", "charge"),
    ("POST", "/v1/payments/cancel", "charge"),
    ("POST", "/v1/refunds", "refund"),
    ("POST", "/v1/terminals", "charge"),
    ("GET", "/v1/payments", "read"),
    ("GET", "/v1/payments/pay_0", "read"),
    ("GET", "/v1/refunds", "read"),
    ("GET", "/v1/refunds/ref_0", "read"),
    ("GET", "/v1/balance", "read"),
    ("GET", "/v1/terminals", "read"),
    ("POST", "/v1/webhook_endpoints", "manage"),
    ("GET", "/v1/webhook_endpoints", "manage"),
    ("GET", "/v1/webhook_endpoints/we_0", "manage"),
    ("PATCH", "/v1/webhook_endpoints/we_0", "manage"),
    ("DELETE", "/v1/webhook_endpoints/we_0", "manage"),
    ("POST", "/v1/webhook_endpoints/we_0/rotate_secret", "manage"),
    ("GET", "/v1/webhook_endpoints/we_0/deliveries", "manage"),
    ("POST", "/v1/webhook_endpoints/we_0/deliveries/evt_1_0_1/replay", "manage"),
];

#[tokio::test]
async fn every_call_takes_one_scope_and_no_other_will_do() {
    let (world, till, _) = scene(1801).await;
    let before = world.standing().await;
    for scope in ["charge", "refund", "payout", "read", "manage"] {
        let till = new_key(&world, &till, json!({ "scopes": [scope] })).await;
        for (method, path, needed) in CALLS {
            let answer = match method {
                "GET" => till.get(path).await,
                "POST" => till.post(path, &[("idempotency-key", "k")], "[]").await,
                other => till.send(other, path, "[]").await,
            };
            if scope == needed {
                assert_ne!(answer.status, 403, "{method} {path}: {}", answer.text);
            } else {
                answer.assert_problem(403, "forbidden", "retry");
                assert!(answer.text("/detail").contains(needed), "{}", answer.text);
            }
        }
    }
    assert_eq!(world.standing().await, before);
}

#[tokio::test]
async fn two_keys_overlap_and_share_what_was_answered_until_the_old_one_ends() {
    let (world, till, mut phone) = scene(1802).await;
    let old = id_of(&world, &till).await;
    let first = Charge::new("order-1", &phone.code(&world, "20.00"), "12.50");
    let paid = till.charge(&first).await.created();

    world.advance_seconds(1);
    let made = rotate(&world, &old, json!({ "overlap_hours": 2 })).await.created();
    assert_eq!(made.text("/replaces/id"), old);
    assert_eq!(made.text("/replaces/expires_at"), "2027-01-15T10:00:08.000Z");
    assert_eq!(made.json["scopes"], json!(["charge", "refund", "payout", "read", "manage"]));
    let new = till.with_key(made.text("/secret"));
    assert!(made.text("/secret").ends_with(made.text("/secret_end")));

    // The same merchant: keys, references and lists are in common.
    assert_eq!(new.charge(&first).await.text, paid.text);
    let again = new.charge(&first.clone().key("another")).await;
    assert_eq!((again.replayed, &again.text), (true, &paid.text));
    let second = Charge::new("order-2", &phone.code(&world, "20.00"), "1.00");
    let paid = new.charge(&second).await.created();
    world.advance_seconds(2 * HOUR - 1);
    assert_eq!(till.charge(&second).await.text, paid.text);
    let states = |keys: &[Value]| keys.iter().map(|key| key["state"].clone()).collect::<Vec<_>>();
    let keys_now = keys(&world, &till).await;
    assert_eq!(states(&keys_now), ["active", "expiring"]);
    assert_eq!(keys_now[1]["replaced_by"], made.json["id"]);

    world.advance_seconds(1);
    let before = world.standing().await;
    till.charge(&second).await.assert_problem(401, "unauthorized", "retry");
    till.get("/v1/balance").await.assert_problem(401, "unauthorized", "retry");
    assert_eq!(world.standing().await, before);
    assert_eq!(new.charge(&second).await.text, paid.text);
    assert_eq!(new.balance().await, "13.50");
    assert_eq!(states(&keys(&world, &till).await), ["active", "expired"]);
}

#[tokio::test]
async fn settlement_refuses_a_key_that_the_door_still_believes_in() {
    let (world, till, mut phone) = scene(1803).await;
    let (ended, revoked) = (till.clone(), new_key(&world, &till, json!({})).await);
    let payment = Charge::new("order-1", &phone.code(&world, "20.00"), "1.00");
    // From here on the door remembers both, and that nothing is wrong with them.
    let _ = ended.charge(&payment).await.created();
    assert!(revoked.charge(&payment).await.replayed);

    let _ = rotate(&world, &id_of(&world, &ended).await, json!({ "overlap_hours": 0 })).await;
    revoke(&world, &id_of(&world, &revoked).await).await;
    let before = world.standing().await;
    let next = Charge::new("order-2", &phone.code(&world, "20.00"), "1.00");
    for till in [&ended, &revoked] {
        for charge in [&payment, &next] {
            till.charge(charge).await.assert_problem(401, "unauthorized", "retry");
        }
        let id = id_of(&world, till).await;
        let refused = ("POST /v1/payments", "key_refused", 2);
        assert_eq!(
            uses(&world, &id).await,
            used(&[refused, ("POST /v1/payments", "succeeded", 1)])
        );
    }
    assert_eq!(world.standing().await, before);
}

#[tokio::test]
async fn a_key_whose_time_is_over_opens_nothing_and_is_not_rotated() {
    let (world, till, _) = scene(1815).await;
    let old = id_of(&world, &till).await;
    // No call gives a key an end without a successor. An operator's own hand may.
    let mut database = world.database().await;
    let end = "update api_keys set expires_at = created_at";
    sqlx::raw_sql(end).execute(&mut database).await.unwrap();
    drop(database);
    till.get("/v1/balance").await.assert_problem(401, "unauthorized", "retry");
    let refused = rotate(&world, &old, json!({})).await;
    refused.assert_problem(409, "api_key_expired", "final");
}

#[tokio::test]
async fn a_key_is_rotated_once_and_a_lost_answer_is_made_good() {
    let (world, till, _) = scene(1804).await;
    let old = id_of(&world, &till).await;
    world.advance_seconds(1);
    let at_the_same_time = at_once((0..5).map(|_| rotate(&world, &old, json!({})))).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        at_the_same_time.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 4));
    let lost = made[0].text("/id");
    for answer in refused {
        answer.assert_problem(409, "api_key_rotated", "final");
        assert!(answer.text("/detail").contains(lost), "{}", answer.text);
    }
    // A day, unless said otherwise.
    assert_eq!(made[0].text("/replaces/expires_at"), "2027-01-16T08:00:08.000Z");

    // Nobody has the new key's secret. It was not used, so it may as well end at once.
    let shown = keys(&world, &till).await;
    assert_eq!((shown[0]["id"].as_str(), &shown[0]["last_used_at"]), (Some(lost), &Value::Null));
    let found = rotate(&world, lost, json!({ "overlap_hours": 0 })).await.created();
    assert_eq!(till.with_key(found.text("/secret")).get("/v1/balance").await.status, 200);
    let lost_one = till.with_key(made[0].text("/secret"));
    lost_one.get("/v1/balance").await.assert_problem(401, "unauthorized", "retry");
    assert_eq!(till.get("/v1/balance").await.status, 200, "the oldest has its day");

    // Whoever rotated because the key was stolen ends it before its time.
    revoke(&world, &old).await;
    till.get("/v1/balance").await.assert_problem(401, "unauthorized", "retry");
    rotate(&world, &old, json!({})).await.assert_problem(409, "api_key_revoked", "final");
    let revoked_again = world.operator_delete(&format!("/v1/operator/api_keys/{old}")).await;
    revoked_again.assert_problem(404, "not_found", "final");

    let path = format!("/v1/operator/api_keys/{old}/events");
    let events = world.operator_get(&path).await;
    let rows = events.json["data"].as_array().unwrap();
    let mut said: Vec<_> =
        rows.iter().map(|row| (row["type"].as_str().unwrap(), &row["actor"])).collect();
    said.sort_by_key(|row| row.0);
    let operator = json!("operator");
    assert_eq!(said, ["created", "revoked", "rotated"].map(|it| (it, &operator)));
    let rotated = rows.iter().find(|row| row["type"] == "rotated").unwrap();
    assert_eq!(rotated["replaced_by"], lost);
    let first = world.operator_get(&format!("{path}?limit=2")).await;
    let rest = format!("{path}?limit=2&after={}", first.text("/next"));
    let rest = world.operator_get(&rest).await;
    assert_eq!((&rest.json["data"][0], &rest.json["has_more"]), (&rows[2], &json!(false)));
}

#[tokio::test]
async fn what_was_done_to_a_key_cannot_be_rewritten() {
    let (world, _, _) = scene(1805).await;
    let mut database = world.database().await;
    for change in ["update api_key_events set created_at = 0", "delete from api_key_events"] {
        let error = crate::journeys::books::refusal(&mut database, change).await;
        assert!(error.contains("api_key_events_kept"), "{change}: {error}");
    }
}

#[tokio::test]
async fn requests_about_keys_that_make_no_sense_are_named() {
    let (world, till, _) = scene(1806).await;
    let id = id_of(&world, &till).await;
    let path = format!("/v1/operator/api_keys/{id}/rotate");
    for wrong in
        [json!(-1), json!(721), json!(70_000), json!(1.5), json!("24"), json!(true), json!([])]
    {
        let body = json!({ "overlap_hours": wrong });
        world.operator_post(&path, body).await.assert_points_at("/overlap_hours");
    }
    world.operator_post(&path, json!({ "overlap": 1 })).await.assert_points_at("/overlap");
    for body in ["", "{", "[]", "[24]", "24", "null", "{\"overlap_hours\":1,\"overlap_hours\":2}"] {
        world.operator_post_raw(&path, body).await.assert_points_at("");
    }
    for unknown in ["key_0", "key_00000000000000000000000000000000", &till.merchant, "' or 1=1"] {
        let path = format!("/v1/operator/api_keys/{unknown}");
        for answer in [
            world.operator_get(&path).await,
            world.operator_get(&format!("{path}/uses")).await,
            world.operator_get(&format!("{path}/events")).await,
            world.operator_post(&format!("{path}/rotate"), json!({})).await,
        ] {
            answer.assert_problem(404, "not_found", "final");
            answer.assert_tells_nothing_internal();
        }
    }
    let merchants = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    for name in ["", "a\nb", &"x".repeat(101)] {
        world.operator_post(&merchants, json!({ "name": name })).await.assert_points_at("/name");
    }
    for wrong in [json!(5), json!([]), json!(true)] {
        world.operator_post(&merchants, json!({ "name": wrong })).await.assert_points_at("/name");
    }
    let unknown = "/v1/operator/merchants/mer_00000000000000000000000000000000/api_keys";
    world.operator_get(unknown).await.assert_problem(404, "not_found", "final");
    for list in [
        merchants,
        format!("/v1/operator/api_keys/{id}/uses"),
        format!("/v1/operator/api_keys/{id}/events"),
    ] {
        for query in ["limit=0", "limit=101", "limit=x", "after=x", "after=00", "surprise=1"] {
            let pointer = format!("/{}", query.split('=').next().unwrap());
            world.operator_get(&format!("{list}?{query}")).await.assert_points_at(&pointer);
        }
    }
    // Nothing of all this made a key or ended one.
    assert_eq!(keys(&world, &till).await.len(), 1);
    assert_eq!(till.get("/v1/balance").await.status, 200);
}

#[tokio::test]
async fn scopes_count_once_in_one_order_and_a_name_stays_with_the_keys_that_follow() {
    let (world, till, _) = scene(1807).await;
    let path = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let body = json!({ "scopes": ["read", "charge", "read"], "name": "till 3" });
    let made = world.operator_post(&path, body).await.created();
    assert_eq!(made.json["scopes"], json!(["charge", "read"]));
    world.advance_seconds(1);
    let next = rotate(&world, made.text("/id"), json!({})).await.created();
    assert_eq!((next.text("/name"), &next.json["scopes"]), ("till 3", &made.json["scopes"]));
    assert_eq!((next.text("/merchant"), next.text("/mode")), (till.merchant.as_str(), "live"));
    for key in keys(&world, &till).await {
        assert!(key.get("secret").is_none(), "{key}");
        assert_eq!(key["secret_end"].as_str().unwrap().len(), 4);
    }
    let one = world.operator_get(&format!("/v1/operator/api_keys/{}", next.text("/id"))).await;
    assert_eq!((one.text("/state"), one.text("/name")), ("active", "till 3"));
    // In pages.
    let first = world.operator_get(&format!("{path}?limit=2")).await;
    assert_eq!(first.text("/data/0/id"), next.text("/id"));
    let last = world.operator_get(&format!("{path}?limit=2&after={}", first.text("/next"))).await;
    assert_eq!(last.json["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn uses_are_counted_by_hour_operation_and_outcome() {
    let (mut world, till, mut phone) = scene(1808).await;
    let id = id_of(&world, &till).await;
    let path = format!("/v1/operator/api_keys/{id}");
    assert_eq!(world.operator_get(&path).await.json["last_used_at"], Value::Null);
    let charge = Charge::new("order-1", &phone.code(&world, "20.00"), "12.50");
    let paid = till.charge(&charge).await.created();
    assert!(till.charge(&charge).await.replayed);
    let rich = Charge::new("order-2", &phone.code(&world, "20.00"), "20.01");
    till.charge(&rich).await.assert_problem(402, "over_code_limit", "final");
    assert_eq!(till.post("/v1/payments", &[], "{}").await.status, 400);
    let one = format!("/v1/payments/{}", paid.text("/id"));
    for path in [one.as_str(), &one, "/v1/payments/pay_0", "/v1/balance"] {
        let _ = till.get(path).await;
    }
    let _ = till.get("/v1/nowhere").await;
    let first_hour = [
        ("GET /v1/balance", "succeeded", 1),
        ("GET /v1/payments/{id}", "refused", 1),
        ("GET /v1/payments/{id}", "succeeded", 2),
        ("POST /v1/payments", "declined", 1),
        ("POST /v1/payments", "refused", 1),
        ("POST /v1/payments", "succeeded", 2),
    ];
    assert_eq!(uses(&world, &id).await, used(&first_hour));
    let shown = world.operator_get(&path).await;
    assert_eq!(shown.text("/last_used_at"), "2027-01-15T08:00:07.000Z");

    // It outlives the server, and goes on in another hour.
    world.advance_seconds(HOUR);
    world.restart().await;
    let till = till.at(&world);
    let _ = till.balance().await;
    world.advance_seconds(60);
    revoke(&world, &id).await;
    till.get("/v1/balance").await.assert_problem(401, "unauthorized", "retry");
    let shown = world.operator_get(&path).await;
    assert_eq!(shown.text("/last_used_at"), "2027-01-15T09:00:07.000Z", "not when it was refused");
    let newest = world.operator_get(&format!("{path}/uses?limit=2")).await;
    assert_eq!(
        newest.json["data"].as_array().unwrap().iter().map(|row| &row["hour"]).collect::<Vec<_>>(),
        ["2027-01-15T09:00:00.000Z"; 2]
    );
    assert_eq!(newest.text("/data/1/last_at"), "2027-01-15T09:01:07.000Z");
    assert_eq!(newest.text("/data/1/outcome"), "key_refused");

    let (mut pages, mut after) = (Vec::new(), String::new());
    loop {
        let page = world.operator_get(&format!("{path}/uses?limit=3{after}")).await;
        pages.extend(page.json["data"].as_array().unwrap().clone());
        if page.json["has_more"] == false {
            break;
        }
        after = format!("&after={}", page.text("/next"));
    }
    let all = world.operator_get(&format!("{path}/uses")).await;
    assert_eq!((pages.len(), &json!(pages)), (8, &all.json["data"]));
}

#[tokio::test]
async fn refused_uses_leave_a_trail_and_strangers_none() {
    let limit =
        [("rate_limits.api_keys.requests_per_second", "1"), ("rate_limits.api_keys.burst", "2")];
    let world = World::start_with(DATABASE, 1809, &limit).await;
    let till = world.merchant("Tea House").await;
    let till = new_key(&world, &till, json!({ "scopes": ["charge"] })).await;
    let id = id_of(&world, &till).await;
    for _ in 0..5 {
        let _ = till.get("/v1/balance").await;
        till.with_key("sk_live_0").get("/v1/balance").await.assert_problem(
            401,
            "unauthorized",
            "retry",
        );
    }
    assert_eq!(
        uses(&world, &id).await,
        used(&[("GET /v1/balance", "rate_limited", 3), ("GET /v1/balance", "scope_missing", 2)])
    );
    let mut database = world.database().await;
    let rows = "select count(*) from api_key_uses";
    let rows: i64 = sqlx::query_scalar(rows).fetch_one(&mut database).await.unwrap();
    assert_eq!(rows, 2);
}
