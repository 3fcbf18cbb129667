//! What a server logs, however much it is told to: nothing that names a person, and no secret.

use std::fmt::Write as _;

use wallet_test_postgres::{Database, Postgres};

use crate::payer_job::PIN;
use crate::shop::Shop;

const NAME: &str = "Nebuchadnezzar";
const DEVICE: &str = "Zwiebelfernsprecher";
const HANDLE: &str = "quokka.zebra";
const NOTE: &str = "rhubarb for the axolotl";
const DESTINATION: &str = "IBAN XQ77 0815";
const GREETING: &str = "kumquats and persimmons";
const WRONG_PIN: &str = "482914";

#[test]
fn a_log_of_everything_names_no_person_and_holds_no_secret() {
    assert_logs_nothing_secret(None);
}

#[test]
fn a_log_of_everything_on_postgresql_names_no_person_and_holds_no_secret() {
    assert_logs_nothing_secret(Some(Postgres::shared().database()));
}

fn assert_logs_nothing_secret(postgres: Option<Database>) {
    let options = ["log.filter=trace", "confirmation.typed=false", "pin.tries_a_minute=1000"];
    let options = options.map(|option| ["--set", option]).concat();
    let mut shop = Shop::begin(postgres, &options);
    let mut secrets = what_payers_do(&shop);
    secrets.extend([NAME, DEVICE, HANDLE, NOTE, DESTINATION, GREETING].map(str::to_owned));
    shop.kill();
    let log = std::fs::read_to_string(shop.path("server.log")).unwrap();
    for route in ["/v1/payments", "/v1/wallet/transfers", "/v1/operator/payers"] {
        assert!(log.contains(route), "nothing of {route}");
    }
    // What is said to the database, in the words of either driver.
    let said = [" DEBUG sqlx::query", " TRACE wallet_server::store::connection::sqlite"];
    assert!(said.iter().any(|said| log.contains(said)), "not everything is logged");
    for secret in &secrets {
        for shape in shapes(secret) {
            let line = log.lines().find(|line| line.contains(&shape));
            assert_eq!(line, None, "{secret} is logged as {shape}");
        }
    }
    // As words: six digits may stand in a longer number.
    for pin in [PIN, WRONG_PIN] {
        let line = log
            .lines()
            .find(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == pin));
        assert_eq!(line, None, "{pin} is logged");
    }
}

/// Has payers do what they do; what they were given that nobody else may have.
fn what_payers_do(shop: &Shop) -> Vec<String> {
    shop.people();
    let payer = shop.json(&["operator", "payer", "create", NAME]);
    let payer = payer["id"].as_str().unwrap();
    shop.json(&["operator", "top-up", payer, "100.00", "--external-reference", "bank-2"]);
    shop.invite(payer);
    let mut secrets = ["invitation", "api.key"]
        .map(|name| std::fs::read_to_string(shop.path(name)).unwrap().trim().to_owned())
        .to_vec();
    let enrol = ["enrol", "--invitation-file", "invitation", "--no-passphrase"];
    shop.payer_json("n", &[&enrol[..], &["--device-name", DEVICE]].concat());
    shop.payer_json("n", &["pin", "set"]);
    shop.payer_json("n", &["handle", HANDLE]);
    shop.payer_json("w", &["pin", "set"]);
    shop.payer_json("w", &["transfer", "1.00", "--to", HANDLE, "--note", NOTE]);
    shop.write("wrong", WRONG_PIN);
    let wrong = ["transfer", "1.00", "--to", HANDLE, "--note", NOTE, "--pin-file", "wrong"];
    shop.payer_refused("w", &wrong, 3, "pin_refused");
    shop.payer_json("n", &["withdraw", "2.00", "--to", DESTINATION]);
    let envelope = ["envelope", "send", "3.00", "--shares", "2", "--greeting", GREETING];
    let envelope = shop.payer_json("n", &envelope);
    secrets.push(envelope["token"].as_str().unwrap().to_owned());
    secrets.extend(shop.authenticator("n").1);

    let shown = shop.payer("n", &["code", "--once"]);
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let digits = shown["code"].as_str().unwrap().to_owned();
    let charged = shop.charge("4.00", &["--code", &digits]);
    assert!(charged.status.success(), "{}", String::from_utf8_lossy(&charged.stderr));
    // A code that is refused is no less a code.
    assert_eq!(shop.charge("5.00", &["--code", &digits]).status.code(), Some(3));
    secrets.push(digits);
    secrets
}

/// A text, and its bytes as logs show bytes.
fn shapes(text: &str) -> [String; 3] {
    let mut hex = String::new();
    for byte in text.bytes() {
        write!(hex, "{byte:02x}").unwrap();
    }
    let list = format!("{:?}", text.as_bytes());
    [text.to_owned(), hex, list.trim_matches(['[', ']']).to_owned()]
}
