//! What a payer takes along: not the history alone, but what was written with it.

use crate::DATABASE;
use serde_json::{Value, json};
use wallet_tests::{PIN, World};

use super::transfers::{pair, post};

const WITHDRAWALS: &str = "/v1/wallet/withdrawals";
const EXPORT: &str = "/v1/wallet/export";

fn withdrawal(amount: &str, destination: &str) -> Value {
    json!({ "amount": amount, "currency": "CNY", "destination": destination, "pin": PIN })
}

#[tokio::test]
async fn an_export_holds_withdrawals_and_envelopes_that_were_made_and_claimed() {
    let world = World::start(DATABASE, 1301).await;
    let [wei, li] = pair(&world, ["50.00", "0"]).await;
    let taken = post(&world, &wei, WITHDRAWALS, "w-1", &withdrawal("20.00", "IBAN 123")).await;
    let body = json!({ "amount": "10.00", "currency": "CNY", "shares": 2, "split": "equal",
        "greeting": "good luck", "pin": PIN });
    let made = post(&world, &wei, "/v1/wallet/envelopes", "e-1", &body).await.created();
    let token = json!({ "token": made.json["token"] });
    let claim = post(&world, &li, "/v1/wallet/envelopes/claim", "c-1", &token).await.created();

    let export = wei.get(&world, EXPORT).await;
    assert_eq!(export.json["withdrawals"], json!([taken.created().json]), "{}", export.text);
    let expected = json!({ "object": "envelope", "id": made.json["id"], "state": "authorized",
        "amount": "10.00", "currency": "CNY", "shares": 2, "split": "equal", "to": null,
        "greeting": "good luck", "claimed": 1, "amount_claimed": "5.00",
        "created_at": made.json["created_at"], "expires_at": made.json["expires_at"],
        "receipt": made.json["receipt"] });
    assert_eq!(export.json["envelopes"], json!([expected]), "nobody claims with an export");
    assert_eq!(export.json["envelope_claims"], json!([]));

    let export = li.get(&world, EXPORT).await;
    let mut expected = claim.json.clone();
    expected.as_object_mut().unwrap().remove("receipt");
    assert_eq!(export.json["envelope_claims"], json!([expected]), "{}", export.text);
    assert_eq!((&export.json["withdrawals"], &export.json["envelopes"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn lists_longer_than_a_page_are_whole_in_an_export() {
    let quick = [("pin.tries_a_minute", "1000"), ("pin.cpu_percent", "100")];
    let world = World::start_with(DATABASE, 1302, &quick).await;
    let [wei, _] = pair(&world, ["50.00", "0"]).await;
    let mut expected = Vec::new();
    for number in 0..101 {
        let (key, destination) = (format!("w-{number}"), format!("IBAN {number}"));
        let taken = post(&world, &wei, WITHDRAWALS, &key, &withdrawal("0.01", &destination)).await;
        expected.push(taken.created().text("/id").to_owned());
    }
    // In the order of ids, which within a millisecond is any.
    expected.sort_unstable_by(|a, b| b.cmp(a));
    let export = wei.get(&world, EXPORT).await;
    let found = export.json["withdrawals"].as_array().unwrap_or_else(|| panic!("{}", export.text));
    let found: Vec<&str> = found.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(found, expected);
}
