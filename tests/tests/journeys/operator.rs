//! What the operator does: crediting, keys for merchants, and who may speak to the operator's
//! listener at all.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_server::OperatorEndpoint;
use wallet_tests::{Answer, Charge, World, at_once};

fn top_up(payer: &str, amount: &str, external_reference: &str) -> Value {
    json!({ "payer": payer, "amount": amount, "currency": "CNY",
        "external_reference": external_reference })
}

#[tokio::test]
async fn a_top_up_is_credited_once_by_key_and_by_external_reference() {
    let world = World::start(DATABASE, 1).await;
    let phone = world.payer("Wei", "0").await;
    let body = top_up(&phone.payer, "500.00", "bank-1");
    let first = world.top_up_with("key-1", body.clone()).await.created();
    assert_eq!((first.text("/object"), first.text("/amount")), ("top_up", "500.00"));
    for key in ["key-1", "key-2", "key-2"] {
        let again = world.top_up_with(key, body.clone()).await;
        assert!(again.replayed, "{key}");
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{key}");
    }
    assert_eq!(phone.balance(&world).await, "500.00");

    let other = world.payer("Lin", "0").await;
    let before = world.standing().await;
    for (key, body, status, code) in [
        ("key-1", top_up(&phone.payer, "500.01", "bank-1"), 422, "idempotency_key_reused"),
        ("key-1", top_up(&phone.payer, "500.00", "bank-2"), 422, "idempotency_key_reused"),
        ("key-3", top_up(&phone.payer, "500.01", "bank-1"), 409, "reference_conflict"),
        ("key-3", top_up(&other.payer, "500.00", "bank-1"), 409, "reference_conflict"),
    ] {
        world.top_up_with(key, body).await.assert_problem(status, code, "retry");
    }
    let dollars = json!({ "payer": phone.payer, "amount": "1.00", "currency": "USD",
        "external_reference": "bank-3" });
    let answer = world.top_up_with("key-4", dollars).await;
    answer.assert_problem(422, "currency_mismatch", "final");
    let nobody = top_up("payer_00000000000000000000000000000000", "1.00", "bank-3");
    world.top_up_with("key-4", nobody).await.assert_points_at("/payer");
    assert_eq!(world.standing().await, before);
}

#[tokio::test]
async fn ten_top_ups_at_once_of_one_transfer_credit_it_once() {
    let world = World::start(DATABASE, 2).await;
    let phone = world.payer("Wei", "0").await;
    let tops = (0..10).map(|number| {
        world
            .top_up_with(if number % 2 == 0 { "a" } else { "b" }, top_up(&phone.payer, "5.00", "t"))
    });
    let mut answers = Vec::new();
    for answer in at_once(tops).await {
        answers.push(answer.created());
    }
    assert!(answers.iter().all(|answer| answer.text == answers[0].text));
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1);
    assert_eq!(phone.balance(&world).await, "5.00");
}

#[tokio::test]
async fn a_mistyped_amount_does_not_fill_the_banks_account() {
    let world = World::start(DATABASE, 3).await;
    let (phone, other) = (world.payer("Wei", "0").await, world.payer("Lin", "0").await);
    let before = world.standing().await;
    // As many minor units as 64 bits hold, and one more than a top-up may be.
    for amount in ["92233720368547758.07", "10000000000000.01"] {
        let answer = world.top_up(&phone.payer, amount, "bank-1").await;
        answer.assert_problem(422, "amount_too_large", "final");
    }
    assert_eq!(world.standing().await, before);
    let full = "10000000000000.00";
    let _ = world.top_up(&phone.payer, full, "bank-1").await.created();
    let _ = world.top_up(&other.payer, full, "bank-2").await.created();
    assert_eq!(
        (phone.balance(&world).await, other.balance(&world).await),
        (full.into(), full.into())
    );
    drop(world.books().await);
}

#[tokio::test]
async fn the_socket_is_for_the_servers_own_user_only() {
    let mut world = World::start(DATABASE, 4).await;
    let path = world.folder.path().join("operator.sock");
    for _ in 0..2 {
        let metadata = std::fs::symlink_metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        assert!(matches!(world.operator_endpoints(), [OperatorEndpoint::Unix(at)] if *at == path));
        world.restart().await;
    }
    let mode =
        std::fs::metadata(world.folder.path().join("issuer.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn over_tcp_the_operator_needs_the_key_and_the_right_host() {
    let world = World::start_with(DATABASE, 5, &[("operator_listen", "127.0.0.1:0")]).await;
    let Some(OperatorEndpoint::Tcp { url, key_file }) = world.operator_endpoints().last() else {
        panic!("no TCP listener");
    };
    let mode = std::fs::metadata(key_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = std::fs::read_to_string(key_file).unwrap();
    assert!(key.starts_with("op_"));
    let till = world.merchant("Tea House").await;
    let address = url.strip_prefix("http://").unwrap();
    let localhost = address.replace("127.0.0.1", "localhost");
    let ask = async |path: &str, key: Option<&str>, host: &str| {
        let request = world.http().get(format!("{url}{path}")).header("host", host);
        let request = if let Some(key) = key { request.bearer_auth(key) } else { request };
        Answer::read(request.send().await.unwrap()).await
    };
    let paths = ["/v1/operator/trial_balance", "/v1/operator/payers", "/metrics"];
    for path in paths {
        for host in [address, &localhost] {
            assert_eq!(ask(path, Some(&key), host).await.status, 200, "{path}");
        }
        let shortened = &key[..key.len() - 1];
        for wrong in [None, Some(""), Some("op_"), Some(shortened), Some(&till.api_key)] {
            let answer = ask(path, wrong, address).await;
            answer.assert_problem(401, "unauthorized", "retry");
        }
        // A web page that gives its own name the address 127.0.0.1.
        for host in ["evil.example", &address.replace("127.0.0.1", "evil.example"), "127.0.0.1"] {
            let answer = ask(path, Some(&key), host).await;
            answer.assert_problem(401, "unauthorized", "retry");
        }
    }
    // The operator's key is nobody's elsewhere, and the operator's paths are not public.
    till.with_key(&key).get("/v1/balance").await.assert_problem(401, "unauthorized", "retry");
    for path in paths {
        till.with_key(&key).get(path).await.assert_problem(404, "not_found", "final");
    }
}

#[tokio::test]
async fn health_and_metrics_say_how_the_server_is_and_name_nobody() {
    let world = World::start(DATABASE, 6).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let code = phone.code(&world, "200.00");
    let payment = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    let _ = till.charge(&Charge::new("order-2", &code, "12.50")).await;
    for path in ["/livez", "/readyz"] {
        assert_eq!(till.get(path).await.json, json!({ "status": "ok" }));
        assert_eq!(world.operator_get(path).await.json, json!({ "status": "ok" }));
    }
    let metrics = world.operator_get("/metrics").await.text;
    for line in [
        "wallet_commands_total{outcome=\"payment_succeeded\"} 1",
        "wallet_commands_total{outcome=\"code_used\"} 1",
        "wallet_commands_total{outcome=\"top_up_succeeded\"} 1",
        "status=\"422\"",
        "route=\"/v1/payments\"",
        "wallet_batch_size_count 3",
    ] {
        assert!(metrics.contains(line), "no {line} in {metrics}");
    }
    for secret in [&phone.payer, &till.merchant, &till.api_key, payment.text("/id"), "order-1"] {
        assert!(!metrics.contains(secret), "{secret} in {metrics}");
    }
}

#[tokio::test]
async fn lists_show_what_there_is_and_no_secrets() {
    let world = World::start(DATABASE, 7).await;
    let (tea, noodles) = (world.merchant("Tea House").await, world.merchant("Noodle Bar").await);
    let phone = world.payer("张伟", "0").await;
    let merchants = world.operator_get("/v1/operator/merchants").await;
    let names: Vec<&Value> =
        merchants.json["data"].as_array().unwrap().iter().map(|row| &row["name"]).collect();
    assert_eq!(names.len(), 2);
    let payers = world.operator_get("/v1/operator/payers").await;
    assert_eq!((payers.text("/data/0/name"), payers.text("/data/0/id")), ("张伟", &*phone.payer));
    for secret in [&tea.api_key, &noodles.api_key] {
        assert!(!merchants.text.contains(secret));
    }
    for path in ["merchants/mer_0/api_keys", "payers/payer_0/invitations"] {
        let answer = world.operator_post(&format!("/v1/operator/{path}"), json!({})).await;
        answer.assert_problem(404, "not_found", "final");
    }
    for path in ["api_keys/key_0", "api_keys/key_00000000000000000000000000000000"] {
        let answer = world.operator_delete(&format!("/v1/operator/{path}")).await;
        answer.assert_problem(404, "not_found", "final");
    }
}

#[tokio::test]
async fn a_top_up_of_a_frozen_payer_counts_under_the_same_key_once_the_payer_is_active() {
    let world = World::start(DATABASE, 2519).await;
    let phone = world.payer("Wei", "10.00").await;
    let path = format!("/v1/operator/payers/{}", phone.payer);
    let frozen = world.operator_post(&format!("{path}/freeze"), Value::Null).await;
    assert_eq!(frozen.status, 200, "{}", frozen.text);
    let refused = world.top_up(&phone.payer, "5.00", "bank-9").await;
    refused.assert_problem(422, "payer_unavailable", "retry");
    let active = world.operator_post(&format!("{path}/unfreeze"), Value::Null).await;
    assert_eq!(active.status, 200, "{}", active.text);
    let _ = world.top_up(&phone.payer, "5.00", "bank-9").await.created();
    assert_eq!(phone.balance(&world).await, "15.00");
}
