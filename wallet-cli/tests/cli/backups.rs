//! The drill that every operator should have had: a copy made while payments go on, the books
//! lost, the copy in their place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::shop::{Shop, printed};

/// How many payments are made before the copy.
const BEFORE: usize = 5;

/// Nobody is asked to confirm the digits that are typed here; checkpoints come soon.
const QUIET: [&str; 6] = [
    "--set",
    "confirmation.typed=false",
    "--set",
    "confirmation.same_amount_seconds=0",
    "--set",
    "journal.checkpoint_seconds=1",
];

/// Audits the books with the payers' signatures: nothing is wrong.
fn assert_clean(shop: &Shop, options: &[&str]) -> Value {
    let (status, report) = shop.audit(&[&["--key-file", "issuer.key"], options].concat());
    assert_eq!(status, Some(0), "{report:?}");
    assert_eq!(report[0]["payer_signatures_verified"], true, "{report:?}");
    report[0].clone()
}

fn charge(shop: &Shop, reference: &str) -> Value {
    let digits = String::from_utf8(shop.show(&["--text"]).stdout).unwrap();
    let charged = shop.charge("1", &["--code", digits.trim(), "--reference", reference]);
    assert_eq!(charged.status.code(), Some(0), "{}", printed(&charged));
    printed(&charged)
}

fn payment(shop: &Shop, reference: &str) -> Option<Value> {
    let look = ["merchant", "payment", "--reference", reference, "--api-key-file", "api.key"];
    let found = shop.json(&look);
    found["data"].as_array().unwrap().first().cloned()
}

#[test]
fn a_copy_made_under_load_holds_what_was_acknowledged_before_and_takes_payments_again() {
    let mut shop = Shop::open_with(&QUIET);
    shop.people();
    let before: Vec<Value> =
        (0..BEFORE).map(|number| charge(&shop, &format!("before-{number}"))).collect();

    let done = AtomicBool::new(false);
    let copied = thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !done.load(Ordering::Relaxed) {
                charge(&shop, &format!("meanwhile-{number}"));
                number += 1;
            }
        });
        let copied = shop.json(&["backup", "--to", "copy.sqlite"]);
        done.store(true, Ordering::Relaxed);
        copied
    });
    let position = copied["journal_position"].as_u64().unwrap();
    assert!(position >= u64::try_from(BEFORE).unwrap());
    assert!(!shop.path("copy.sqlite.part").exists());
    charge(&shop, "after");
    shop.witnessed(position);

    shop.kill();
    for name in ["wallet.sqlite", "wallet.sqlite-wal", "wallet.sqlite-shm"] {
        std::fs::remove_file(shop.path(name)).unwrap();
    }
    std::fs::rename(shop.path("copy.sqlite"), shop.path("wallet.sqlite")).unwrap();
    // Right in itself; and the witness knows how much it has forgotten.
    let clean = assert_clean(&shop, &[]);
    assert_eq!(clean["position"], position, "{clean}");
    let (status, report) = shop.audit(&["--key-file", "issuer.key", "--witness", "witness"]);
    assert_eq!(status, Some(1), "{report:?}");
    let detail = report[1]["error"]["detail"].as_str().unwrap();
    assert!(detail.starts_with("witness: the journal has"), "{detail}");
    shop.serve();
    for first in before {
        let now = payment(&shop, first["reference"].as_str().unwrap()).unwrap();
        assert_eq!((&now["id"], &now["receipt"]), (&first["id"], &first["receipt"]));
    }
    assert_eq!(payment(&shop, "after"), None, "a copy holds nothing of what came later");
    charge(&shop, "again");
    let books = shop.json(&["operator", "trial-balance"]);
    assert_eq!(books["totals"][0]["balanced"], true, "{books}");
    // A new witness begins where the books go on.
    let clean = assert_clean(&shop, &["--witness", "new-witness", "--new-witness"]);
    assert!(clean["payments"].as_u64().unwrap() > u64::try_from(BEFORE).unwrap(), "{clean}");
    assert!(shop.path("new-witness").exists());
}

#[test]
fn a_copy_takes_no_other_files_place_and_only_the_operators_user_reads_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let shop = Shop::open();
    shop.json(&["backup", "--to", "copy.sqlite"]);
    let mode = std::fs::metadata(shop.path("copy.sqlite")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let copy = std::fs::read(shop.path("copy.sqlite")).unwrap();
    let again = shop.run(&["backup", "--to", "copy.sqlite", "--json"]);
    assert_eq!(again.status.code(), Some(6));
    assert_eq!(printed(&again)["error"]["code"], "file_exists");
    assert_eq!(std::fs::read(shop.path("copy.sqlite")).unwrap(), copy);
}

#[test]
fn what_is_no_sqlite_database_is_not_copied_and_leaves_nothing_behind() {
    let shop = Shop::open();
    shop.write("notes", &"these are no books\n".repeat(1000));
    for (database, status, code) in [
        ("sqlite:missing", 6, "database"),
        ("sqlite:notes", 6, "database"),
        ("postgres://wallet@127.0.0.1/wallet", 2, "not_sqlite"),
        ("sqlite:", 6, "database"),
    ] {
        let refused =
            shop.run(&["backup", "--database", database, "--to", "copy.sqlite", "--json"]);
        assert_eq!(refused.status.code(), Some(status), "{database}");
        assert_eq!(printed(&refused)["error"]["code"], code, "{database}");
        assert!(!shop.path("copy.sqlite").exists(), "{database}");
        assert!(!shop.path("copy.sqlite.part").exists(), "{database}");
    }
    assert!(!shop.path("missing").exists(), "nothing is made in its place");
}
