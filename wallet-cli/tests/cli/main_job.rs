//! The main job: a code is shown, scanned, charged and settled.

use std::process::Output;

use serde_json::Value;
use wallet_test_postgres::Postgres;

use crate::shop::{Shop, printed, wallet};

#[test]
fn the_demo_runs_to_its_end_without_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["demo", "--auto"][..], &["demo"]] {
        let output = wallet(folder.path(), arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        for expected in
            ["487.50", "12.50", "code_used", "over_code_limit", "code_expired", "invalid_code"]
        {
            assert!(text.contains(expected), "no {expected} in {text}");
        }
    }
}

#[test]
fn a_code_is_shown_as_a_picture_scanned_charged_and_settled() {
    let shop = Shop::open();
    shop.people();
    assert!(shop.show(&["--png", "code.png", "--limit", "200"]).status.success());

    let charged = shop.charge("12.50", &["--scan", "code.png", "--reference", "order-1"]);
    assert_eq!(charged.status.code(), Some(0), "{}", String::from_utf8_lossy(&charged.stderr));
    assert_eq!(shop.payers_balance(), "487.50");

    let again = shop.charge("12.50", &["--scan", "code.png", "--reference", "order-2"]);
    assert_eq!(again.status.code(), Some(3));
    assert!(printed(&again).to_string().contains("code_used"), "{}", printed(&again));
    assert_eq!(shop.payers_balance(), "487.50");
    let books = shop.json(&["operator", "trial-balance"]);
    assert_eq!(books["totals"][0]["balanced"], true, "{books}");
}

#[test]
fn digits_printed_read_from_a_picture_and_typed_are_the_same() {
    let shop = Shop::open();
    shop.people();
    let shown = shop.show(&["--png", "code.png", "--text"]);
    let digits = String::from_utf8(shown.stdout).unwrap().trim().to_owned();
    assert_eq!(digits.len(), 321, "{digits}");
    let read = shop.run(&["code", "read", "code.png"]);
    assert_eq!(String::from_utf8(read.stdout).unwrap().trim(), digits);
    assert_eq!(shop.run(&["code", "inspect", &digits]).status.code(), Some(0));
    assert_ne!(shop.run(&["code", "inspect", &digits[1..]]).status.code(), Some(0));
    let charged = shop.charge("1", &["--code", &digits]);
    assert_eq!(charged.status.code(), Some(0), "{}", String::from_utf8_lossy(&charged.stderr));
}

#[test]
fn a_bound_code_works_at_its_terminal_only() {
    let shop = Shop::open();
    shop.people();
    let create = ["merchant", "terminal", "create", "till 1", "--api-key-file", "api.key"];
    let terminal = shop.json(&create);
    let id = terminal["id"].as_str().unwrap();
    for (number, options, status) in [(1, None, 3), (2, Some(id), 0)] {
        let name = format!("{number}.png");
        assert!(shop.show(&["--png", &name, "--terminal", id]).status.success());
        let mut scan = vec!["--scan", name.as_str()];
        scan.extend(options.map(|id| ["--terminal", id]).into_iter().flatten());
        let charged = shop.charge("1", &scan);
        assert_eq!(charged.status.code(), Some(status), "{number}");
    }
}

#[test]
fn a_payment_acknowledged_before_the_server_was_killed_is_there_afterwards() {
    survives_a_kill(Shop::open());
}

#[test]
fn on_postgresql_a_payment_survives_the_server_as_well() {
    survives_a_kill(Shop::open_on(Some(Postgres::shared().database())));
}

fn survives_a_kill(mut shop: Shop) {
    shop.people();
    assert!(shop.show(&["--png", "code.png"]).status.success());
    let repeat = ["--scan", "code.png", "--reference", "order-1", "--idempotency-key", "key-1"];
    let first = shop.charge("12.50", &repeat);
    assert_eq!(first.status.code(), Some(0));
    shop.kill();
    assert_eq!(shop.charge("12.50", &repeat).status.code(), Some(5));
    shop.serve();
    let second = shop.charge("12.50", &repeat);
    assert_eq!(second.status.code(), Some(0));
    let id = |output: &Output| printed(output)["id"].clone();
    assert_eq!(id(&first), id(&second));
    assert_eq!(shop.payers_balance(), "487.50");
}

#[test]
fn a_charge_says_its_names_before_it_is_sent_and_expects_the_issuer_it_was_told() {
    let shop = Shop::open();
    shop.people();
    let issuer = shop.json(&["operator", "keys", "list"])["issuer_id"].clone();
    let issuer = issuer.as_str().unwrap();
    let digits = String::from_utf8(shop.show(&["--text"]).stdout).unwrap().trim().to_owned();
    let other = "00".repeat(32);

    let refused = shop.charge("1", &["--code", &digits, "--issuer", &other]);
    assert_eq!(refused.status.code(), Some(3));
    assert!(refused.stderr.is_empty(), "nothing was sent");
    assert_eq!(printed(&refused)["error"]["code"], "issuer_document_other_issuer");

    let charged = shop.charge("1", &["--code", &digits, "--issuer", issuer]);
    assert_eq!(charged.status.code(), Some(0), "{}", printed(&charged));
    let names: Value = serde_json::from_slice(&charged.stderr).unwrap();
    assert_eq!(names["reference"], printed(&charged)["reference"]);
    assert!(names["idempotency_key"].is_string(), "{names}");
    assert_eq!(printed(&charged)["issuer"], issuer);
    assert_eq!(printed(&charged)["issuer_expected"], true);
}

#[test]
fn a_device_enrols_with_the_issuer_it_was_told_only_and_keeps_its_invitation_otherwise() {
    let shop = Shop::open();
    let payer = shop.json(&["operator", "payer", "create", "Wei"]);
    let invitation = shop.json(&["operator", "payer", "invite", payer["id"].as_str().unwrap()]);
    std::fs::write(shop.path("invitation"), invitation["invitation"].as_str().unwrap()).unwrap();
    let enrol = ["payer", "enrol", "--wallet", "w", "--invitation-file", "invitation"];
    let enrol = [enrol.as_slice(), &["--no-passphrase", "--issuer"]].concat();
    let refused = shop.run(&[enrol.as_slice(), &["00".repeat(32).as_str()]].concat());
    assert_eq!(refused.status.code(), Some(3));
    let issuer = shop.json(&["operator", "keys", "list"])["issuer_id"].clone();
    let enrolled = shop.json(&[enrol.as_slice(), &[issuer.as_str().unwrap()]].concat());
    assert_eq!(enrolled["issuer"], issuer);
    shop.json(&["operator", "keys", "rotate", "sealing"]);
    shop.json(&["payer", "balance", "--wallet", "w"]);
    assert!(shop.show(&["--text"]).status.success());
}

#[test]
fn a_wallet_whose_mark_was_lost_or_ran_ahead_is_healed_by_asking_for_the_balance() {
    let shop = Shop::open();
    shop.people();
    shop.show(&["--png", "code.png"]);
    assert_eq!(shop.charge("1", &["--scan", "code.png"]).status.code(), Some(0));
    let file = shop.path("w").join("mark.json");
    let mark = || -> Value { serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap() };
    let shown = mark();

    std::fs::remove_file(&file).unwrap();
    shop.payers_balance();
    assert_eq!(mark(), shown);

    std::fs::write(&file, r#"{"step":4000000000,"seq":0}"#).unwrap();
    let stuck = shop.show(&["--text"]);
    assert_eq!(stuck.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&stuck.stderr).contains("wallet payer balance"));
    shop.payers_balance();
    assert_eq!(mark(), shown);
    shop.show(&["--png", "code.png"]);
    assert_eq!(shop.charge("1", &["--scan", "code.png"]).status.code(), Some(0));
}

#[test]
fn a_server_refuses_to_listen_beyond_this_machine_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let output = wallet(folder.path(), &["serve", "--listen", "0.0.0.0:0"]).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("tls_cert"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn unknown_settings_are_refused_wherever_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("wallet.toml"), "[limits]\nweek = \"1\"\n").unwrap();
    for arguments in
        [&["serve", "--config", "wallet.toml"][..], &["serve", "--set", "limits.week=1"]]
    {
        let output = wallet(folder.path(), arguments).output().unwrap();
        assert!(!output.status.success());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains("week"), "{error}");
    }
    let output = wallet(folder.path(), &["serve"]).env("WALLETD__LIMTS__DAY", "1").output();
    assert!(!output.unwrap().status.success());
}
