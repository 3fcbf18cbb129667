//! Requests that are wrong before their body is looked at: keys, methods, paths, queries.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{Answer, Charge, Phone, Till, World};

async fn scene(seed: u64) -> (World, Till, Phone) {
    let world = World::start(DATABASE, seed).await;
    let till = world.merchant("Tea House").await;
    let phone = world.payer("Wei", "500.00").await;
    (world, till, phone)
}

#[tokio::test]
async fn an_idempotency_key_is_needed_once_and_bounded() {
    let (world, till, mut phone) = scene(1).await;
    let code = phone.code(&world, "200.00");
    let body = Charge::new("order-1", &code, "12.50").body.to_string();
    let before = world.standing().await;
    let long = "k".repeat(256);
    let key = "idempotency-key";
    let cases: [&[(&str, &str)]; 6] = [
        &[],
        &[(key, "")],
        &[(key, "a"), (key, "a")],
        &[(key, "a"), (key, "b")],
        &[(key, "two words")],
        &[(key, &long)],
    ];
    for headers in cases {
        let answer = till.post("/v1/payments", headers, body.clone()).await;
        answer.assert_problem(400, "idempotency_key_missing", "retry");
    }
    let request = world.http().post(world.url("/v1/payments")).bearer_auth(&till.api_key);
    let value = reqwest::header::HeaderValue::from_bytes("钥匙".as_bytes()).unwrap();
    let answer = Answer::read(request.header(key, value).body(body.clone()).send().await.unwrap());
    answer.await.assert_problem(400, "idempotency_key_missing", "retry");
    let top_up = json!({ "payer": phone.payer, "amount": "1.00", "currency": "CNY",
        "external_reference": "bank-1" });
    let answer = world.operator_post("/v1/operator/top_ups", top_up).await;
    answer.assert_problem(400, "idempotency_key_missing", "retry");
    assert_eq!(world.standing().await, before);
    let answer = till.post("/v1/payments", &[(key, &long[1..])], body).await;
    let _ = answer.created();
}

#[tokio::test]
async fn nobody_gets_in_without_a_key() {
    let (world, till, mut phone) = scene(2).await;
    let code = phone.code(&world, "200.00");
    let charge = Charge::new("order-1", &code, "12.50");
    let before = world.standing().await;
    let other_case = till.api_key.to_uppercase();
    let test_key = till.api_key.replace("sk_live_", "sk_test_");
    let shortened = &till.api_key[..till.api_key.len() - 1];
    for key in ["", " ", "sk_live_", "' or 1=1 --", &other_case, &test_key, shortened] {
        let stranger = till.with_key(key);
        for answer in [
            stranger.charge(&charge).await,
            stranger.get("/v1/payments").await,
            stranger.get("/v1/payments/pay_0").await,
            stranger.get("/v1/balance").await,
            stranger.get("/v1/terminals").await,
        ] {
            answer.assert_problem(401, "unauthorized", "retry");
            answer.assert_tells_nothing_internal();
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    }
    for (name, value) in [("accept", "*/*"), ("authorization", &format!("Basic {}", till.api_key))]
    {
        let request = world.http().get(world.url("/v1/balance")).header(name, value);
        let answer = Answer::read(request.send().await.unwrap()).await;
        answer.assert_problem(401, "unauthorized", "retry");
    }
    assert_eq!(world.standing().await, before);
}

#[tokio::test]
async fn a_key_does_what_its_scopes_say_until_it_is_revoked() {
    let (world, till, mut phone) = scene(3).await;
    let path = format!("/v1/operator/merchants/{}/api_keys", till.merchant);
    let key = async |scopes: Value| {
        let made = world.operator_post(&path, json!({ "scopes": scopes })).await.created();
        assert_eq!(made.json["scopes"], scopes);
        (till.with_key(made.text("/secret")), made.text("/id").to_owned())
    };
    let ((reader, _), (charger, id)) = (key(json!(["read"])).await, key(json!(["charge"])).await);
    let (refunder, _) = key(json!(["refund", "payout"])).await;
    let before = world.standing().await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let terminal = json!({ "name": "Till 1" }).to_string();
    for till in [&reader, &refunder] {
        till.charge(&charge).await.assert_problem(403, "forbidden", "retry");
        let answer = till.post("/v1/terminals", &[], terminal.clone()).await;
        answer.assert_problem(403, "forbidden", "retry");
    }
    for till in [&charger, &refunder] {
        for path in ["/v1/payments", "/v1/payments/pay_0", "/v1/balance", "/v1/terminals"] {
            till.get(path).await.assert_problem(403, "forbidden", "retry");
        }
    }
    assert_eq!(world.standing().await, before);
    let payment = charger.charge(&charge).await.created();
    // The idempotency key is the merchant's, whichever of its API keys is shown.
    assert_eq!(till.charge(&charge).await.text, payment.text);
    let found = reader.get(&format!("/v1/payments/{}", payment.text("/id"))).await;
    assert_eq!(found.json, payment.json);

    let path = format!("/v1/operator/api_keys/{id}");
    assert_eq!(world.operator_delete(&path).await.status, 204);
    charger.charge(&charge).await.assert_problem(401, "unauthorized", "retry");
    assert!(till.charge(&charge).await.replayed, "the merchant's other keys still work");
}

#[tokio::test]
async fn merchants_do_not_see_one_another() {
    let (world, till, mut phone) = scene(4).await;
    let other = world.merchant("Noodle Bar").await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let payment = till.charge(&charge).await.created();
    let _ = till.terminal("Till 1").await;
    let path = format!("/v1/payments/{}", payment.text("/id"));
    other.get(&path).await.assert_problem(404, "not_found", "retry");
    for path in ["/v1/payments", "/v1/payments?reference=order-1", "/v1/terminals"] {
        assert_eq!(other.get(path).await.json["data"], json!([]), "{path}");
        assert_eq!(till.get(path).await.json["data"].as_array().unwrap().len(), 1, "{path}");
    }
    assert_eq!(other.balance().await, "0.00");
}

#[tokio::test]
async fn wrong_paths_methods_and_queries_are_problems_too() {
    let (world, till, _) = scene(5).await;
    for path in [
        "/",
        "/v1",
        "/v1/payments/",
        "/v2/payments",
        "/v1/payments/pay_0",
        "/v1/payments/pay_00000000000000000000000000000000",
        "/v1/payments/mer_00000000000000000000000000000000",
        "/v1/payments/..%2f..%2fetc%2fpasswd",
        "/v1/operator/payers",
        "/metrics",
    ] {
        let answer = till.get(path).await;
        // A payment that is not there yet may be under way.
        let certainty =
            if path.starts_with("/v1/payments/") && path.len() > 13 { "retry" } else { "final" };
        answer.assert_problem(404, "not_found", certainty);
        assert_eq!(answer.text("/instance"), path);
        assert_eq!(answer.headers["x-request-id"], answer.text("/request_id"));
        answer.assert_tells_nothing_internal();
    }
    let answer = till.get("/v1/payments/%ff").await;
    answer.assert_problem(400, "invalid_request", "retry");
    answer.assert_tells_nothing_internal();
    for (method, path) in [
        ("DELETE", "/v1/payments"),
        ("PUT", "/v1/terminals"),
        ("POST", "/v1/balance"),
        ("GET", "/v1/wallet/enrolments"),
        ("TRACE", "/v1/issuer"),
    ] {
        let request = world.http().request(method.parse().unwrap(), world.url(path));
        let answer = Answer::read(request.send().await.unwrap()).await;
        answer.assert_problem(405, "method_not_allowed", "final");
        assert!(answer.headers.contains_key("allow"), "{method} {path}");
    }
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "limit=1&limit=2",
        "after=x",
        "after=mer_00000000000000000000000000000000",
        "surprise=1",
    ] {
        let answer = till.get(&format!("/v1/payments?{query}")).await;
        // A name that stands there twice is wrong as a whole.
        let twice = query.contains('&');
        let parameter = query.split('=').next().filter(|_| !twice);
        let pointer = parameter.map(|name| format!("/{name}")).unwrap_or_default();
        answer.assert_points_at(&pointer);
    }
}

#[tokio::test]
async fn lists_come_in_pages_without_gaps() {
    let (world, till, mut phone) = scene(6).await;
    let mut expected = Vec::new();
    for number in 0..7 {
        let code = phone.code(&world, "200.00");
        let charge = Charge::new(&format!("order-{number}"), &code, "1.00");
        expected.insert(0, till.charge(&charge).await.created().text("/id").to_owned());
        world.advance_seconds(1);
    }
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = till.get(&format!("/v1/payments?limit=3{after}")).await;
        let data = page.json["data"].as_array().unwrap();
        found.extend(data.iter().map(|payment| payment["id"].as_str().unwrap().to_owned()));
        if page.json["has_more"] == false {
            assert_eq!((data.len(), &page.json["next"]), (1, &Value::Null));
            break;
        }
        after = format!("&after={}", page.text("/next"));
    }
    assert_eq!(found, expected);
}
