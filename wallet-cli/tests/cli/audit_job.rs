//! An auditor's day: the books are audited, witnessed and exported; then an old copy is put back.

use std::process::Command;
use std::sync::Arc;

use wallet_core::Timestamp;
use wallet_core::code::CodePrefix;
use wallet_server::entropy::Entropy;
use wallet_server::issuer::{FileKeys, IssuerKeys as _};

use crate::shop::{Shop, printed};

#[test]
fn books_are_audited_witnessed_and_exported_and_an_old_copy_is_found_out() {
    let mut shop = Shop::begin(None, &["--set", "journal.checkpoint_seconds=1"]);
    shop.people();
    let all = ["--key-file", "issuer.key", "--witness", "witness", "--state", "audited"];
    let first = shop.witnessed(0);
    let (status, report) = shop.audit(&all);
    assert_eq!(status, Some(0), "{report:?}");
    assert_eq!((&report[0]["clean"], &report[0]["began_after"]), (&true.into(), &0.into()));
    assert_eq!(report[0]["witness_compared"], true);
    shop.kill();
    std::fs::copy(shop.path("wallet.sqlite"), shop.path("old.sqlite")).unwrap();
    for suffix in ["-wal", "-shm"] {
        let from = shop.path(&format!("wallet.sqlite{suffix}"));
        drop(std::fs::copy(from, shop.path(&format!("old.sqlite{suffix}"))));
    }
    shop.serve();

    assert!(shop.show(&["--png", "code.png", "--limit", "200"]).status.success());
    let charged = shop.charge("12.50", &["--scan", "code.png"]);
    assert!(charged.status.success(), "{}", printed(&charged));
    assert!(shop.witnessed(first) > first);
    let (status, report) = shop.audit(&all);
    assert_eq!(status, Some(0), "{report:?}");
    assert!(report[0]["began_after"].as_u64() > Some(0), "it went on: {report:?}");
    assert_eq!(report[0]["payments"], 1);
    assert_eq!(report[0]["payer_signatures_verified"], true);
    let (status, report) = shop.audit(&[]);
    assert_eq!((status, &report[0]["payer_signatures_verified"]), (Some(0), &false.into()));

    let export = ["export", "--format", "hledger", "--out", "books.journal"];
    assert!(shop.run(&export).status.success());
    let mut hledger = Command::new("hledger");
    hledger.arg("-f").arg(shop.path("books.journal")).args(["check", "--strict"]);
    let checked = hledger.env("LANG", "C.UTF-8").output();
    let checked = checked.expect("install it: bash tests/set-up hledger");
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    let csv = shop.run(&["export", "--format", "csv"]);
    assert!(String::from_utf8(csv.stdout).unwrap().contains(",payment.succeeded,"));

    // Somebody puts the old copy back: right in itself, but not what the witness saw.
    shop.kill();
    let old = ["--database", "sqlite:old.sqlite", "--key-file", "issuer.key"];
    assert_eq!(shop.audit(&old).0, Some(0));
    let (status, report) = shop.audit(&[&old[..], &["--witness", "witness"]].concat());
    assert_eq!(status, Some(1));
    assert_eq!(report[0]["clean"], false);
    assert_eq!(report[1]["error"]["code"], "books_wrong");
    let detail = report[1]["error"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("witness: the journal has"), "{detail}");
    let kept = std::fs::read_to_string(shop.path("witness")).unwrap();
    for suffix in ["", "-wal", "-shm"] {
        let to = shop.path(&format!("wallet.sqlite{suffix}"));
        drop(std::fs::remove_file(&to));
        drop(std::fs::copy(shop.path(&format!("old.sqlite{suffix}")), to));
    }
    shop.serve();
    let seen = shop.run(&["witness", "witness", "--json"]);
    assert_eq!(seen.status.code(), Some(1));
    assert_eq!(printed(&seen)["error"]["code"], "books_wrong");
    assert_eq!(std::fs::read_to_string(shop.path("witness")).unwrap(), kept, "it is evidence");
}

/// The issuer's public keys, as its server hands them out.
fn document(shop: &Shop) -> String {
    let entropy = Arc::new(Entropy::system());
    let keys = FileKeys::open(&shop.path("issuer.key"), None, entropy).unwrap();
    keys.document(CodePrefix::DEFAULT, Timestamp::from_unix_seconds(1_800_000_000)).to_string()
}

#[test]
fn an_auditor_needs_no_secret_of_the_issuer_but_the_evidence_key() {
    let mut shop = Shop::begin(None, &["--set", "journal.checkpoint_seconds=1"]);
    shop.people();
    assert!(shop.show(&["--png", "code.png", "--limit", "200"]).status.success());
    assert!(shop.charge("12.50", &["--scan", "code.png"]).status.success());
    shop.write("document.txt", &document(&shop));
    let seen = shop.witnessed(0);
    let export =
        ["operator", "keys", "evidence", "--key-file", "issuer.key", "--out", "evidence.key"];
    let exported = shop.json(&export);
    assert_eq!(
        (&exported["file"], &exported["encrypted"]),
        (&"evidence.key".into(), &false.into())
    );
    let again = shop.run(&[&export[..], &["--json"]].concat());
    assert_eq!(again.status.code(), Some(6));
    assert_eq!(printed(&again)["error"]["code"], "file_exists");
    shop.kill();

    let with = ["--evidence-key", "evidence.key", "--issuer-document", "document.txt"];
    let (status, report) =
        shop.audit(&[&with[..], &["--witness", "kept", "--new-witness"]].concat());
    assert_eq!(status, Some(0), "{report:?}");
    assert_eq!(report[0]["witness_compared"], false);
    assert_eq!(report[0]["payments"], 1);
    assert_eq!(report[0]["payer_signatures_verified"], true);
    assert_eq!(report[0]["checkpoint_signatures_verified"], true);
    assert!(seen > 0 && shop.path("kept").exists());
    let (status, report) = shop.audit(&with[..2]);
    assert_eq!((status, &report[0]["payer_signatures_verified"]), (Some(0), &true.into()));
    assert_eq!(report[0]["checkpoint_signatures_verified"], false);

    // It is no key file of an issuer, and the key file is no evidence key.
    for options in [["--key-file", "evidence.key"], ["--evidence-key", "issuer.key"]] {
        let (status, report) = shop.audit(&options);
        assert_eq!(status, Some(6), "{report:?}");
        assert_eq!(report[0]["error"]["code"], "key_file");
    }

    // Another issuer's opens nothing here, and says so before it looks.
    let other = Shop::begin(None, &[]);
    other.json(&export);
    std::fs::copy(other.path("evidence.key"), shop.path("other.key")).unwrap();
    let (status, report) = shop.audit(&["--evidence-key", "other.key"]);
    assert_eq!(status, Some(2), "{report:?}");
    assert_eq!(report[0]["error"]["code"], "other_issuer");

    // With a passphrase of its own.
    shop.write_secret("passphrase", "correct horse\n");
    let sealed = ["--out", "sealed.key", "--out-passphrase-file", "passphrase"];
    let exported = shop.json(&[&export[..5], &sealed].concat());
    assert_eq!(exported["encrypted"], true);
    assert_eq!(shop.audit(&["--evidence-key", "sealed.key"]).0, Some(6));
    let opened = ["--evidence-key", "sealed.key", "--evidence-passphrase-file", "passphrase"];
    assert_eq!(shop.audit(&opened).0, Some(0));

    // And the server's settings, against which the past is held.
    let defaults = shop.run(&["serve", "--print-default-config"]);
    let defaults = String::from_utf8(defaults.stdout).unwrap();
    shop.write("wallet.toml", &defaults);
    assert_eq!(shop.audit(&["--config", "wallet.toml"]).0, Some(0));
    shop.write(
        "wallet.toml",
        &defaults.replacen("payment = \"5000.00\"", "payment = \"12.49\"", 1),
    );
    let (status, report) = shop.audit(&["--config", "wallet.toml"]);
    assert_eq!(status, Some(1), "{report:?}");
    let detail = report[1]["error"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("issuer_limits: "), "{detail}");
}

#[test]
fn files_that_are_not_what_they_should_be_are_refused_and_left_alone() {
    let mut shop = Shop::begin(None, &["--set", "journal.checkpoint_seconds=1"]);
    shop.people();
    shop.kill();
    shop.write("nonsense", "nonsense");
    for (options, code) in [
        (["--witness", "nonsense"], "file"),
        (["--witness", "nowhere"], "no_witness"),
        (["--state", "nonsense"], "file"),
        (["--issuer-document", "nonsense"], "issuer_document_invalid"),
        (["--key-file", "nonsense"], "key_file"),
        (["--key-file", "nowhere"], "key_file"),
        (["--database", "sqlite:nowhere"], "database"),
        (["--database", "sqlite:nonsense"], "database"),
    ] {
        let (status, report) = shop.audit(&options);
        assert_eq!(status, Some(6), "{options:?}: {report:?}");
        assert_eq!(report[0]["error"]["code"], code, "{options:?}: {report:?}");
    }
    assert!(!shop.path("nowhere").exists());
    assert_eq!(std::fs::read_to_string(shop.path("nonsense")).unwrap(), "nonsense");
}

#[test]
fn a_witness_that_is_missing_is_an_error_and_begins_only_when_that_is_said() {
    let mut shop = Shop::begin(None, &["--set", "journal.checkpoint_seconds=1"]);
    shop.people();
    shop.witnessed(0);
    shop.kill();
    let audit = ["--key-file", "issuer.key", "--witness", "mounted/witness"];
    std::fs::create_dir(shop.path("mounted")).unwrap();
    let begin = [&audit[..], &["--new-witness"]].concat();
    let (status, report) = shop.audit(&audit);
    assert_eq!((status, &report[0]["error"]["code"]), (Some(6), &"no_witness".into()));
    assert!(!shop.path("mounted/witness").exists());
    // Without the issuer's keys any checkpoint would be believed.
    let (status, report) = shop.audit(&begin[2..]);
    assert_eq!((status, &report[0]["error"]["code"]), (Some(2), &"no_keys".into()));
    let (status, report) = shop.audit(&begin);
    assert_eq!((status, &report[0]["witness_compared"]), (Some(0), &false.into()), "{report:?}");
    let (status, report) = shop.audit(&audit);
    assert_eq!((status, &report[0]["witness_compared"]), (Some(0), &true.into()), "{report:?}");
    // So that the flag stays in nobody's timer.
    let (status, report) = shop.audit(&begin);
    assert_eq!((status, &report[0]["error"]["code"]), (Some(6), &"file_exists".into()));
    // A disk that is not there, as after a restart.
    std::fs::rename(shop.path("mounted"), shop.path("unmounted")).unwrap();
    assert_eq!(shop.audit(&audit).0, Some(6));

    let text = |options: &[&str]| {
        let output = shop.run(&[&["audit", "--key-file", "issuer.key"], options].concat());
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(text(&["--witness", "unmounted/witness"]).contains("compared with the witness"));
    assert!(text(&[]).contains("not compared with a witness"));
}

#[test]
fn an_audit_that_can_verify_more_than_the_last_one_begins_anew() {
    let mut shop = Shop::begin(None, &["--set", "journal.checkpoint_seconds=1"]);
    shop.people();
    shop.witnessed(0);
    shop.kill();
    let begins = |options: &[&str]| {
        let (status, report) = shop.audit(&[options, &["--state", "state"]].concat());
        assert_eq!(status, Some(0), "{report:?}");
        report[0]["began_after"].as_u64().unwrap()
    };
    let keys = ["--key-file", "issuer.key"];
    assert_eq!(begins(&[]), 0, "there was none before");
    assert!(begins(&[]) > 0, "nothing more can be verified");
    assert_eq!(begins(&keys), 0, "no signature was verified");
    assert!(begins(&keys) > 0, "all were");
    assert!(begins(&[]) > 0, "and who can verify nothing goes on");
    assert_eq!(begins(&keys), 0, "what was added meanwhile was not verified");

    // A file of a release that did not say.
    let kept: serde_json::Value =
        serde_json::from_slice(&std::fs::read(shop.path("state")).unwrap()).unwrap();
    let [issuer, size, peaks] = ["issuer", "size", "peaks"].map(|name| &kept[name]);
    let old = serde_json::json!({ "issuer": issuer, "size": size, "peaks": peaks });
    shop.write("state", &old.to_string());
    assert_eq!(begins(&keys), 0);

    // It may look at everything, and the journal must be the one of then all the same.
    let other = serde_json::json!({ "issuer": issuer, "size": 1_000_000, "peaks": peaks });
    shop.write("state", &other.to_string());
    let (status, report) = shop.audit(&[&keys[..], &["--state", "state"]].concat());
    assert_ne!(status, Some(0), "{report:?}");
}
