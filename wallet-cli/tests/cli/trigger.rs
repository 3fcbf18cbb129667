//! Every outcome that can be triggered, at a server as people run it.

use serde_json::Value;

use crate::shop::{Shop, printed};

const KEY: [&str; 2] = ["--api-key-file", "api.key"];

/// A server, and a merchant in test mode.
fn shop(options: &[&str]) -> Shop {
    let shop = Shop::open_with(options);
    let create = ["operator", "merchant", "create", "Test House", "--mode", "test"];
    let merchant = shop.json(&create);
    shop.write("api.key", merchant["api_key"]["secret"].as_str().unwrap());
    shop
}

fn outcomes(shop: &Shop) -> Vec<String> {
    let listed = shop.json(&["merchant", "trigger", "--list"]);
    let rows = listed["data"].as_array().unwrap();
    rows.iter().map(|row| row["outcome"].as_str().unwrap().to_owned()).collect()
}

fn books_balance(shop: &Shop) {
    let books = shop.json(&["operator", "trial-balance", "--mode", "test"]);
    assert_eq!(books["totals"][0]["balanced"], true, "{books}");
}

#[test]
fn every_outcome_that_is_listed_comes_about() {
    let shop = shop(&[]);
    let outcomes = outcomes(&shop);
    assert!(outcomes.len() > 20, "{outcomes:?}");
    for outcome in &outcomes {
        let trigger = [&["merchant", "trigger", outcome, "--json"], &KEY[..]].concat();
        let output = shop.run(&trigger);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{outcome}: {error}{}", printed(&output));
        let triggered = printed(&output);
        assert_eq!(triggered["outcome"], *outcome);
        let paid = !triggered["payment"].is_null();
        assert_eq!(triggered["receipt_verified"], paid, "{triggered}");
        assert_eq!(triggered["problem"].is_null(), paid, "{triggered}");
    }
    books_balance(&shop);
}

#[test]
fn what_came_about_is_printed_for_people_as_well() {
    let shop = shop(&[]);
    let trigger = |more: &[&str]| {
        let output = shop.run(&[&["merchant", "trigger"], more, &KEY[..]].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = trigger(&["refused", "--amount", "8.00", "--reference", "order-17"]);
    assert_eq!(code, Some(0), "{text}");
    for expected in ["refused came about", "declined: 8.00 CNY", "order-17", "verified"] {
        assert!(text.contains(expected), "no {expected} in {text}");
    }
    let (code, text) = trigger(&["code_used"]);
    assert!(code == Some(0) && text.contains("[code_used]"), "{text}");
    // Above what nobody is asked for, a payment that succeeds is another outcome.
    let (code, _) = trigger(&["succeeded", "--amount", "1000.01"]);
    assert_eq!(code, Some(1));
    let (code, _) = trigger(&["everything"]);
    assert_eq!(code, Some(2));
    books_balance(&shop);
}

#[test]
fn a_code_for_a_test_is_scanned_and_charged_like_any_other() {
    let shop = shop(&[]);
    let make = |outcome, more: &[&str]| {
        shop.run(&[&["merchant", "test-code", outcome], more, &KEY[..]].concat())
    };
    let made = make("succeeded", &["--png", "code.png"]);
    let digits = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    assert_eq!(digits.len(), 321, "{digits}");
    let charged = shop.charge("12.50", &["--scan", "code.png"]);
    assert_eq!(charged.status.code(), Some(0), "{}", printed(&charged));
    let poor = make("insufficient_funds", &["--limit", "20.00", "--json"]);
    assert_eq!(printed(&poor)["limit"], "20.00");
    let code = printed(&poor)["code"].as_str().unwrap().to_owned();
    let charged = shop.charge("12.50", &["--code", &code]);
    assert_eq!(charged.status.code(), Some(3));
    assert_eq!(printed(&charged)["error"]["code"], "insufficient_funds");
    assert_eq!(make("refunded", &[]).status.code(), Some(2), "that is no outcome of a code");
}

#[test]
fn a_live_key_triggers_nothing() {
    let shop = Shop::open_with(&[]);
    let merchant = shop.json(&["operator", "merchant", "create", "Tea House"]);
    shop.write("api.key", merchant["api_key"]["secret"].as_str().unwrap());
    for command in [&["trigger", "succeeded"][..], &["test-code", "succeeded"], &["clock"]] {
        let output = shop.run(&[&["merchant"], command, &KEY[..], &["--json"]].concat());
        assert_eq!(output.status.code(), Some(3), "{command:?}");
        assert_eq!(printed(&output)["error"]["code"], "test_mode_only");
    }
}

#[test]
fn the_clock_is_moved_where_the_server_lets_it() {
    let shop = shop(&["--test-clock"]);
    let clock = |more: &[&str]| {
        printed(&shop.run(&[&["merchant", "clock", "--json"], more, &KEY[..]].concat()))
    };
    assert_eq!(clock(&[])["advanced_seconds"], 0);
    assert_eq!(clock(&["--advance", "25h"])["advanced_seconds"], 90_000);
    let refused = clock(&["--advance", "500d"]);
    assert_eq!(refused["error"]["code"], "invalid_request", "{refused}");
    // The rest goes on at the new time.
    let triggered: Value = shop.json(&[&["merchant", "trigger", "confirmed"], &KEY[..]].concat());
    assert_eq!(triggered["payment"]["state"], "succeeded");
    let live = shop.run(&["operator", "merchant", "create", "Tea House", "--json"]);
    assert_eq!(printed(&live)["error"]["code"], "test_clock_on");
    books_balance(&shop);
}
