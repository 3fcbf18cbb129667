//! A merchant's API key is changed while its till goes on.

use serde_json::{Value, json};

use crate::shop::Shop;

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

#[test]
fn a_key_is_rotated_while_the_till_goes_on_and_its_uses_are_told() {
    let shop = Shop::open();
    let merchant = shop.json(&["operator", "merchant", "create", "Tea House"]);
    let (id, old) = (text(&merchant, "/id"), text(&merchant, "/api_key/id"));
    shop.write("old.key", text(&merchant, "/api_key/secret"));
    let key = |arguments: &[&str]| {
        shop.json(&[["operator", "merchant", "key"].as_slice(), arguments].concat())
    };
    let balance =
        |file: &str| shop.run(&["merchant", "balance", "--api-key-file", file]).status.success();
    assert!(balance("old.key"));

    let new = key(&["rotate", old, "--overlap-hours", "1"]);
    shop.write("new.key", text(&new, "/secret"));
    assert!(balance("old.key") && balance("new.key"));
    let listed = key(&["list", id]);
    let states: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|key| &key["state"]).collect();
    assert_eq!(states, ["active", "expiring"]);
    let uses = key(&["uses", old]);
    let counts = uses["data"].as_array().unwrap().iter().map(|row| row["count"].as_u64().unwrap());
    assert_eq!(counts.sum::<u64>(), 2);
    assert_eq!(text(&uses, "/data/0/operation"), "GET /v1/balance");

    key(&["revoke", old]);
    assert!(!balance("old.key") && balance("new.key"));
    let events = key(&["events", old]);
    let mut types: Vec<_> =
        events["data"].as_array().unwrap().iter().map(|event| text(event, "/type")).collect();
    types.sort_unstable();
    assert_eq!(types, ["created", "revoked", "rotated"]);

    let reader = key(&["create", id, "--scopes", "read", "--name", "accounting"]);
    assert_eq!((&reader["scopes"], &reader["name"]), (&json!(["read"]), &json!("accounting")));
    let shown = shop.run(&["operator", "merchant", "key", "list", id]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("accounting") && shown.contains("revoked"), "{shown}");
    assert!(!shown.contains(text(&reader, "/secret")), "{shown}");
}
