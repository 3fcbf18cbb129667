//! `wallet bench` from its first file to its last check, with a server process of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world fails")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use wallet_test_postgres::Postgres;

fn bench(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wallet"))
        .arg("bench")
        .args(line.split_whitespace())
        .arg("--json")
        .current_dir(folder)
        .stdin(Stdio::null())
        // A server that is told this declines everything: the benchmark's own must not hear of it.
        .env("WALLETD__LIMITS__DAY", "0.00")
        .output()
        .unwrap()
}

/// The report of a run that must go well.
#[track_caller]
fn report(folder: &Path, line: &str) -> Value {
    let output = bench(folder, line);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["invariants_ok"], true, "{report}");
    assert!(report["settled"].as_u64().unwrap() > 0, "{report}");
    assert_eq!(report["others"], serde_json::json!({}), "{report}");
    assert_eq!((&report["declined"], &report["unanswered"]), (&0.into(), &0.into()));
    report
}

#[test]
fn a_run_over_http_settles_payments_and_leaves_the_books_right() {
    let folder = tempfile::tempdir().unwrap();
    let run = report(folder.path(), "--seconds 1 --payers 50 --merchants 2 --connections 4");
    assert!(run["codes_made"].as_u64() >= run["settled"].as_u64(), "{run}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn a_flood_of_wrong_pins_is_measured_beside_payments_that_need_none() {
    let folder = tempfile::tempdir().unwrap();
    let line = "--seconds 2 --payers 50 --merchants 2 --connections 4 --rate 50 --pin-flood 20";
    let run = report(folder.path(), line);
    let flood = &run["pin_flood"];
    let count = |name: &str| flood[name].as_u64().unwrap();
    assert!(count("hashed") > 0, "{flood}");
    assert_eq!(count("hashed") + count("turned_away"), count("tries"), "{flood}");
    assert!(flood["settled_per_second_with"].as_f64().unwrap() > 0.0, "{flood}");
    assert!(flood["hashing_cpu_share"].as_f64().unwrap() > 0.0, "{flood}");
}

#[test]
fn endpoints_half_of_them_dead_are_told_of_payments_that_do_not_wait_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let line = "--seconds 2 --payers 50 --merchants 12 --connections 4 --rate 50 --webhooks 12";
    let run = report(folder.path(), line);
    let told = &run["webhooks"];
    assert!(told["settled_per_second_with"].as_f64().unwrap() > 0.0, "{told}");
    assert!(told["arrived"].as_u64().unwrap() > 0, "{told}");
    assert!(told["arrival_p99_ms"].is_u64(), "{told}");
    assert_eq!(told["living_that_wait"], 0, "{told}");
}

#[test]
fn a_run_without_a_server_settles_payments_and_leaves_the_books_right() {
    let folder = tempfile::tempdir().unwrap();
    let line = "--seconds 1 --payers 50 --merchants 2 --ledger-only --in-flight 16";
    let run = report(folder.path(), line);
    assert_eq!(run["codes_made"], 0);
}

#[test]
fn two_servers_on_one_postgresql_settle_payments_and_leave_the_books_right() {
    let folder = tempfile::tempdir().unwrap();
    let database = Postgres::shared().database();
    let line = "--seconds 1 --payers 50 --merchants 2 --connections 4 --servers 2 --database";
    let run = report(folder.path(), &format!("{line} {}", database.url()));
    assert_eq!(run["run"]["servers"], 2);
    let again = bench(folder.path(), &format!("{line} {}", database.url()));
    assert!(String::from_utf8_lossy(&again.stdout).contains("not_empty"));
}

#[test]
fn kept_books_are_filled_once_and_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let line = "--payers 20 --merchants 2 --preload 3000 --keep books --seconds 1 --rate 20";
    report(folder.path(), &format!("{line} --ledger-only --in-flight 4"));
    let again = report(folder.path(), &format!("{line} --ledger-only --in-flight 4 --hot"));
    assert_eq!(again["run"]["payments_before"], 3000);
    let wider = bench(folder.path(), &format!("{line} --payers 21 --connections 4"));
    assert_eq!(wider.status.code(), Some(2), "a value given twice");
    let wider = line.replace("--payers 20", "--payers 21");
    let wider = bench(folder.path(), &format!("{wider} --connections 4"));
    assert!(String::from_utf8_lossy(&wider.stdout).contains("too_few"));
    let other = bench(folder.path(), "--database sqlite:books/wallet.sqlite --seconds 1");
    assert!(String::from_utf8_lossy(&other.stdout).contains("not_empty"));
}
