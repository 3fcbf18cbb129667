//! What the server says to bodies and requests that make no sense: which field, and why, and
//! never how it is made. Nothing of it may move money.

mod calls;

use calls::Scene;
use serde_json::{Value, json};
use wallet_tests::Charge;

/// Optional fields may be left out or null.
const OPTIONAL: [&str; 10] = [
    "code_source",
    "capture",
    "description",
    "metadata",
    "mode",
    "fee",
    "scopes",
    "payment",
    "limit",
    "events",
];

/// The body with more text before its closing brace.
fn with_text(body: &Value, text: &str) -> String {
    let body = body.to_string();
    format!("{},{text}}}", &body[..body.len() - 1])
}

#[tokio::test]
async fn what_is_not_one_json_object_is_refused_everywhere() {
    let mut scene = Scene::new(1).await;
    for call in scene.calls() {
        let before = scene.world.standing().await;
        let good = call.body.to_string();
        let values: Vec<&Value> = call.body.as_object().unwrap().values().collect();
        let bodies = [
            String::new(),
            "{".to_owned(),
            "[]".to_owned(),
            "null".to_owned(),
            "1".to_owned(),
            "NaN".to_owned(),
            "\"x\"".to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}x"),
            format!("{good}{good}"),
            format!("{{{}", &good[1..].replace(':', "=")),
            good.replace('"', "'"),
            json!([call.body]).to_string(),
            json!(values).to_string(),
            "[".repeat(30_000),
        ];
        for body in bodies {
            scene.send(&call, body).await.assert_points_at("");
        }
        let deep = with_text(&call.body, &format!("\"deep\":{}", "[".repeat(30_000)));
        scene.send(&call, deep).await.assert_points_at("/deep");
        assert_eq!(scene.world.standing().await, before, "{}", call.path);
        // It was the body that was wrong, nothing else.
        let answer = scene.send(&call, good).await;
        assert!(answer.status.is_success(), "{}: {}", call.path, answer.text);
    }
}

#[tokio::test]
async fn an_array_of_the_right_values_in_the_right_order_is_no_body() {
    let mut scene = Scene::new(2).await;
    let code = scene.phone.code(&scene.world, "200.00");
    let before = scene.world.standing().await;
    let body =
        json!([code, "scan", "12.50", "CNY", "order-1", "automatic", null, "tea", { "a": "b" }]);
    let answer = scene.till.post("/v1/payments", &[("idempotency-key", "k")], body.to_string());
    answer.await.assert_points_at("");
    let body = json!({ "name": "Noodle Bar", "fee": [60, "0.10"] }).to_string();
    scene.world.operator_post_raw("/v1/operator/merchants", body).await.assert_points_at("/fee");
    assert_eq!(scene.world.standing().await, before);
}

#[tokio::test]
async fn unknown_missing_and_doubled_fields_are_refused_everywhere() {
    let mut scene = Scene::new(3).await;
    for call in scene.calls() {
        let before = scene.world.standing().await;
        let unknown = with_text(&call.body, "\"surprise\":1");
        scene.send(&call, unknown).await.assert_points_at("/surprise");
        for (field, value) in call.body.as_object().unwrap() {
            let doubled = with_text(&call.body, &format!("\"{field}\":{value}"));
            let answer = scene.send(&call, doubled).await;
            answer.assert_points_at("");
            assert!(answer.text.contains(&format!("duplicate field `{field}`")), "{}", answer.text);
            if OPTIONAL.contains(&field.as_str()) {
                continue;
            }
            let mut missing = call.body.clone();
            missing.as_object_mut().unwrap().remove(field);
            let answer = scene.send(&call, missing.to_string()).await;
            answer.assert_points_at("");
            assert!(answer.text.contains(&format!("missing field `{field}`")), "{}", answer.text);
        }
        assert_eq!(scene.world.standing().await, before, "{}", call.path);
    }
    let call = &scene.calls()[0];
    let good = call.body.to_string();
    let doubled = good.replace("{\"table\":\"5\"}", "{\"table\":\"5\",\"table\":\"6\"}");
    assert_ne!(doubled, good);
    scene.send(call, doubled).await.assert_points_at("/metadata");
}

#[tokio::test]
async fn fields_of_a_wrong_type_are_named() {
    let mut scene = Scene::new(4).await;
    for call in scene.calls() {
        let before = scene.world.standing().await;
        let good = call.body.to_string();
        for (field, value) in call.body.as_object().unwrap() {
            let pointer = format!("/{field}");
            for wrong in [json!(5), json!(1e99), json!(null), json!(true), json!(""), json!([0])] {
                // No code at all is a code that does not work; an invitation and a URL likewise.
                let texts = ["code", "invitation", "url"];
                let is_text = wrong == "" && texts.contains(&field.as_str());
                if is_text || wrong.is_null() && OPTIONAL.contains(&field.as_str()) {
                    continue;
                }
                let mut body = call.body.clone();
                body[field] = wrong.clone();
                let answer = scene.send(&call, body.to_string()).await;
                let found = answer.text("/errors/0/pointer").to_owned();
                assert!(found.starts_with(&pointer), "{field}: {wrong}: {}", answer.text);
                answer.assert_points_at(&found);
            }
            let text = format!("\"{field}\":{value}");
            let not_a_number = good.replacen(&text, &format!("\"{field}\":NaN"), 1);
            scene.send(&call, not_a_number).await.assert_points_at(&pointer);
            if value.is_string() {
                let at = good.find(&text).unwrap() + text.len() - 1;
                let not_utf_8 = [&good.as_bytes()[..at], b"\xff", &good.as_bytes()[at..]].concat();
                scene.send(&call, not_utf_8).await.assert_points_at(&pointer);
            }
        }
        assert_eq!(scene.world.standing().await, before, "{}", call.path);
    }
}

#[tokio::test]
async fn amounts_and_texts_that_cannot_be_are_named() {
    let mut scene = Scene::new(5).await;
    let calls = scene.calls();
    let before = scene.world.standing().await;
    let amounts = [
        "0",
        "0.00",
        "-1",
        "+1",
        "1e9",
        "1.234",
        "12,50",
        "NaN",
        "Infinity",
        "0x10",
        " 1",
        "1 ",
        "１",
        ".5",
        "5.",
        "1.2.3",
        "92233720368547758.08",
        "99999999999999999999999999999999",
    ];
    let long = "9".repeat(5000);
    let too_long = "x".repeat(65);
    let name = "x".repeat(101);
    let about_text = |field: &'static str, too_long: &str| {
        [String::new(), too_long.to_owned(), "a\u{0}b".into(), "a\nb".into(), "\u{85}".into()]
            .map(|text| (field, json!(text)))
    };
    for (number, bad) in [
        (0, about_text("reference", &too_long).to_vec()),
        (0, about_text("description", &"x".repeat(201)).to_vec()),
        (0, ["cny", "BTC", "XAU", "CNYX", "156"].map(|code| ("currency", json!(code))).to_vec()),
        (0, vec![("capture", json!("later")), ("code_source", json!("nfc"))]),
        (0, ["0", &"g".repeat(32), &"0".repeat(33)].map(|id| ("terminal", json!(id))).to_vec()),
        (0, vec![("metadata", json!({ "": "x" })), ("metadata", json!({ "k": "x".repeat(201) }))]),
        (1, about_text("name", &name).to_vec()),
        (2, about_text("device_name", &name).to_vec()),
        (2, ["0", &"0".repeat(64), &"AB".repeat(32)].map(|key| ("public_key", json!(key))).into()),
        (3, about_text("name", &name).to_vec()),
        (3, vec![("mode", json!("demo")), ("mode", json!("LIVE"))]),
        (4, vec![("scopes", json!([])), ("scopes", json!(["read", "rule"]))]),
        (5, about_text("name", &name).to_vec()),
        (6, about_text("external_reference", &too_long).to_vec()),
        (6, ["", "payer_", "payer_0", "mer_0", "' or 1=1"].map(|id| ("payer", json!(id))).into()),
        (7, vec![("kind", json!("Sealing")), ("kind", json!("root"))]),
        (0, amounts.iter().chain([&long.as_str()]).map(|text| ("amount", json!(text))).collect()),
        (6, amounts.iter().chain([&long.as_str()]).map(|text| ("amount", json!(text))).collect()),
    ] {
        for (field, value) in bad {
            let call = &calls[number];
            let mut body = call.body.clone();
            body[field] = value;
            scene.send(call, body.to_string()).await.assert_points_at(&format!("/{field}"));
        }
    }
    for (fee, pointer) in [
        (json!({ "basis_points": 10_001, "fixed": "0" }), "/fee/basis_points"),
        (json!({ "basis_points": -1, "fixed": "0" }), "/fee/basis_points"),
        (json!({ "basis_points": 70_000, "fixed": "0" }), "/fee/basis_points"),
        (json!({ "basis_points": 1, "fixed": "-1" }), "/fee/fixed"),
    ] {
        let body = json!({ "name": "Noodle Bar", "fee": fee }).to_string();
        scene.send(&calls[3], body).await.assert_points_at(pointer);
    }
    assert_eq!(scene.world.standing().await, before);
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    let mut scene = Scene::new(6).await;
    let before = scene.world.standing().await;
    for call in scene.calls() {
        let huge = format!("{}{}", call.body, " ".repeat(64 * 1024));
        let answer = scene.send(&call, huge).await;
        answer.assert_problem(413, "body_too_large", "retry");
        answer.assert_tells_nothing_internal();
    }
    let code = scene.phone.code(&scene.world, "200.00");
    let charge = Charge::new("order-1", &code, "12.50").with("description", "x".repeat(60_000));
    scene.till.charge(&charge).await.assert_points_at("/description");
    assert_eq!(scene.world.standing().await, before);
}
