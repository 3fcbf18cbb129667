//! Where a merchant is told of events, and the events themselves as they happen.

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use crate::shop::{Shop, printed, wallet};

const KEY: [&str; 2] = ["--api-key-file", "api.key"];

fn merchant(shop: &Shop, arguments: &[&str]) -> Value {
    shop.json(&[&["merchant"], arguments, &KEY].concat())
}

#[test]
fn an_endpoint_is_made_changed_rotated_and_deleted() {
    let shop = Shop::open();
    shop.people();
    let url = "https://1.1.1.1/hooks";
    let create = ["webhook", "create", url, "--events", "payment.succeeded,refund.succeeded"];
    let made = merchant(&shop, &create);
    let id = made["id"].as_str().unwrap();
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"), "{made}");
    let listed = merchant(&shop, &["webhook", "list"]);
    assert_eq!(
        (&listed["data"][0]["id"], &listed["data"][0]["secret"]),
        (&made["id"], &Value::Null)
    );
    let changed = merchant(&shop, &["webhook", "change", id, "--state", "disabled"]);
    assert_eq!((&changed["state"], &changed["url"]), (&"disabled".into(), &url.into()));
    let rotated = merchant(&shop, &["webhook", "rotate", id, "--overlap-hours", "0"]);
    assert_ne!(rotated["secret"], made["secret"]);
    let told = merchant(&shop, &["webhook", "deliveries", id]);
    assert_eq!(told["data"], Value::Array(Vec::new()));

    let refused = |arguments: &[&str]| {
        let output = shop.run(&[&["merchant", "webhook"], arguments, &KEY, &["--json"]].concat());
        (output.status.code(), printed(&output)["error"]["code"].as_str().unwrap().to_owned())
    };
    let here = ["create", "https://127.0.0.1/"];
    assert_eq!(refused(&here), (Some(3), "webhook_url_refused".to_owned()));
    let disabled = refused(&["replay", id, "evt_1_0_1"]);
    assert_eq!(disabled, (Some(3), "webhook_endpoint_disabled".to_owned()));
    merchant(&shop, &["webhook", "delete", id]);
    assert_eq!(refused(&["change", id, "--state", "enabled"]).1, "not_found");
}

#[test]
fn listen_prints_what_happens_and_goes_on_where_it_ended() {
    let shop = Shop::open();
    shop.people();
    let listen = [&["merchant", "listen", "--json"], &KEY[..]].concat();
    // From the beginning, so that nothing depends on which of them is faster.
    let mut listening = shop.start(&[&listen[..], &["--after", "evt_0_0_0"]].concat());
    let mut lines = BufReader::new(listening.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    let charge = || {
        assert!(shop.show(&["--png", "code.png"]).status.success());
        assert!(shop.charge("12.50", &["--scan", "code.png"]).status.success());
    };
    charge();
    let event = next();
    assert_eq!((&event["object"], &event["type"]), (&"event".into(), &"payment.succeeded".into()));
    assert_eq!(event["data"]["amount"], "12.50");
    listening.kill().unwrap();
    listening.wait().unwrap();

    charge();
    let after = event["id"].as_str().unwrap();
    let mut again = shop.start(&[&listen[..], &["--after", after]].concat());
    let mut lines = BufReader::new(again.stdout.take().unwrap()).lines();
    let next: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_ne!(next["id"], event["id"]);
    again.kill().unwrap();
    again.wait().unwrap();
}

#[test]
fn listen_into_a_file_on_a_full_disk_fails_and_does_not_look_as_if_it_had_been_read() {
    let shop = Shop::open();
    shop.people();
    assert!(shop.show(&["--png", "code.png"]).status.success());
    assert!(shop.charge("12.50", &["--scan", "code.png"]).status.success());
    let listen = [&["merchant", "listen", "--after", "evt_0_0_0"], &KEY[..]].concat();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut listening = wallet(shop.path("").as_path(), &listen);
    let output = listening.env("WALLET_SERVER", shop.url()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("can't write"));
}
