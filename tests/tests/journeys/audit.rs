//! The audit finds what a rogue operator does to the database, names the row, and finds nothing
//! where nothing is wrong.

use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use wallet_core::proof::{Checkpoint, SignedCheckpoint};
use wallet_server::domain::limits::LimitRules;
use wallet_server::domain::tree::GrowingTree;
use wallet_server::entropy::Entropy;
use wallet_server::issuer::{FileKeys, IssuerKeys};
use wallet_server::service::audit::{Audit, AuditReport};
use wallet_server::service::books_export::{ExportFormat, export_books};
use wallet_server::store::{Store, StoreError};
use wallet_tests::{Charge, PIN, Till, World};

use crate::DATABASE;

/// Books in which something of every kind happened, and which are closed.
async fn books(seed: u64) -> World {
    let mut world = Box::pin(load(seed)).await;
    world.stop().await;
    world
}

/// Payments in every state, refunds, money between payers, in several commits.
async fn load(seed: u64) -> World {
    let changes = [("journal.checkpoint_seconds", "1"), ("limits.new_payers.payment", "400.00")];
    let world = World::start_with(DATABASE, seed, &changes).await;
    let fee = json!({ "basis_points": 60, "fixed": "0.05" });
    let till = world.merchant_with(json!({ "name": "Tea House", "fee": fee })).await;
    let mut phone = world.payer("Wei", "500.00").await;
    let other = world.payer("Li", "20.00").await;
    phone.set_pin(&world).await;
    let mut pay = async |till: &Till, reference: &str, amount: &str, capture: Option<&str>| {
        let code = phone.code(&world, "400.00");
        let charge = Charge::new(reference, &code, amount);
        let charge = match capture {
            Some(capture) => charge.with("capture", capture),
            None => charge,
        };
        let answer = till.charge(&charge).await;
        let id = if answer.status == 201 { "/id" } else { "/payment/id" };
        answer.text(id).to_owned()
    };
    let paid = pay(&till, "paid", "12.50", None).await;
    let _ = till.refund(&paid, "refund-1", Some("2.50")).await.created();
    let _ = till.refund(&paid, "refund-2", None).await.created();
    let canceled = pay(&till, "canceled", "3.00", None).await;
    assert_eq!(till.cancel(&canceled, "cancel-1").await.status, 200);
    let held = pay(&till, "held", "7.00", Some("manual")).await;
    assert_eq!(till.capture(&held, "capture-1", Some("5.00")).await.status, 200);
    pay(&till, "waiting", "8.00", Some("manual")).await;
    pay(&till, "declined", "900.00", None).await;
    pay(&till, "last", "4.00", None).await;
    let order = super::orders::order(&till, "ordered", "6.00").await.created();
    let code = json!({ "code": order.json["payload"] });
    let _ = super::orders::pay(&world, &phone, "o-1", &code).await.created();
    let plate = json!({ "label": "tea" });
    let plate = till.ask("/v1/plates", "plate-1", plate).await.created();
    let code = json!({ "code": plate.json["payload"], "amount": "2.00", "currency": "CNY" });
    let _ = super::orders::pay(&world, &phone, "o-2", &code).await.created();
    let closed = super::orders::order(&till, "closed", "6.00").await.created();
    let path = format!("/v1/orders/{}/close", closed.text("/id"));
    assert_eq!(till.ask(&path, "close-1", Value::Null).await.status, 200);
    let destination = super::payouts::destination();
    super::payouts::set_destination(&world, &till.merchant, &destination).await;
    let payout = json!({ "amount": "1.00", "currency": "CNY" });
    let _ = till.ask("/v1/payouts", "payout-1", payout).await.created();
    let to = super::transfers::receive_code(&world, &other).await;
    let transfer = json!({ "receive_code": to, "amount": "10.00", "currency": "CNY", "pin": PIN });
    let _ = phone.post_under_key(&world, "/v1/wallet/transfers", "t-1", &transfer).await.created();
    let withdrawal = json!({ "amount": "1.00", "currency": "CNY", "pin": PIN,
        "destination": "6222021234567890" });
    let path = "/v1/wallet/withdrawals";
    let _ = phone.post_under_key(&world, path, "w-1", &withdrawal).await.created();
    world.placed().await;
    world
}

pub(crate) struct With {
    pub(crate) keys: FileKeys,
    pub(crate) witness: Option<Checkpoint>,
    pub(crate) since: Option<GrowingTree>,
    pub(crate) rules: Option<LimitRules>,
}

impl With {
    pub(crate) fn keys(world: &World) -> Self {
        let path = world.folder.path().join("issuer.key");
        let keys = FileKeys::open(&path, None, Arc::new(Entropy::system())).unwrap();
        Self { keys, witness: None, since: None, rules: None }
    }
}

pub(crate) async fn audit(world: &World, with: With) -> AuditReport {
    audit_at(&world.database_url(), with).await
}

async fn audit_at(database: &str, with: With) -> AuditReport {
    let store = Store::open_to_read(database).await.unwrap();
    let audit = Audit {
        store: &store,
        issuer: with.keys.issuer_id(),
        signing: Some(with.keys.public().signing.clone()),
        evidence: Some(with.keys.evidence_key()),
        rules: with.rules,
        since: with.since,
        anew: false,
        witness: with.witness,
    };
    let report = audit.run(|_| {}).await.unwrap();
    store.close().await;
    report
}

/// A copy of books that are closed, to do with it what one likes.
enum Copy {
    Sqlite(String),
    Postgres(wallet_test_postgres::Database),
}

impl Copy {
    fn of(world: &World, name: usize) -> Self {
        if let Some(database) = world.postgres() {
            return Self::Postgres(database.server().copy_of(database));
        }
        let path = world.folder.path().join(format!("copy-{name}.sqlite"));
        std::fs::copy(world.folder.path().join("wallet.sqlite"), &path).unwrap();
        Self::Sqlite(format!("sqlite:{}", path.display()))
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(url) => url.clone(),
            Self::Postgres(database) => database.url(),
        }
    }
}

pub(super) fn wrong(report: &AuditReport) -> Vec<&'static str> {
    report.findings.iter().filter(|finding| !finding.is_ok()).map(|finding| finding.check).collect()
}

#[tokio::test]
async fn books_that_nobody_touched_are_clean_while_a_server_runs_and_afterwards() {
    let mut world = load(401).await;
    let beside = audit(&world, With::keys(&world)).await;
    assert_eq!(beside.first, None);
    assert!(beside.payments >= 5, "{}", beside.payments);
    world.stop().await;
    let report = audit(&world, With::keys(&world)).await;
    assert_eq!(report.first, None);
    assert!(report.is_clean() && report.checkpoints > 0);
    let newest = report.newest.clone().unwrap();
    assert_eq!(newest.checkpoint().size, report.tree.size());
    assert_eq!(newest.checkpoint().root, report.tree.root());

    // The next one goes on where this one ended.
    world.restart().await;
    let phone = world.payer("Wu", "5.00").await;
    let _ = world.top_up(&phone.payer, "1.00", "later").await.created();
    world.stop().await;
    let since = With { since: Some(report.tree.clone()), ..With::keys(&world) };
    let next = audit(&world, With { witness: Some(*newest.checkpoint()), ..since }).await;
    assert_eq!(next.first, None);
    assert_eq!((next.began_after, next.payments), (report.tree.size(), 0));
    assert!(next.tree.size() > report.tree.size());
}

#[tokio::test]
async fn an_auditor_changes_nothing_and_needs_books_of_this_release() {
    let world = books(402).await;
    let store = Store::open_to_read(&world.database_url()).await.unwrap();
    store.set_test_ahead_seconds(1).await.unwrap_err();
    store.close().await;
    let nothing = Store::open_to_read("sqlite:/nowhere/at/all").await.unwrap_err();
    assert!(matches!(nothing, StoreError::Open(_)));
    let mut database = world.database().await;
    let newer = "update _sqlx_migrations set version = version + 1000 \
                 where version = (select max(version) from _sqlx_migrations)";
    sqlx::raw_sql(newer).execute(&mut database).await.unwrap();
    let newer = Store::open_to_read(&world.database_url()).await.unwrap_err();
    assert!(matches!(newer, StoreError::Newer), "{newer}");
}

/// Whatever keeps rows as they are, out of the way, as only who owns the database can do it.
fn without(triggers: &[(&str, &str)]) -> String {
    let drop = |(trigger, table): &(&str, &str)| match DATABASE {
        wallet_tests::Database::Sqlite => format!("drop trigger {trigger};"),
        wallet_tests::Database::Postgres => format!("drop trigger {trigger} on {table};"),
    };
    triggers.iter().map(drop).collect()
}

/// What a rogue operator does, and the checks that find it, the first of them with the row.
#[expect(clippy::too_many_lines, reason = "one list, of what may be tried")]
fn tamperings() -> Vec<(&'static str, String, &'static [&'static str])> {
    let events = without(&[("events_kept", "events")]);
    let entries = without(&[("entries_kept", "entries")]);
    let journal = without(&[("journal_kept", "journal")]);
    let checkpoints = without(&[("journal_checkpoints_kept", "journal_checkpoints")]);
    let deleted = |table: &str| match DATABASE {
        wallet_tests::Database::Sqlite => format!("drop trigger {table}_never_deleted;"),
        wallet_tests::Database::Postgres => format!("drop trigger {table}_kept on {table};"),
    };
    let deleted_order = DATABASE
        .choose("drop trigger orders_never_deleted;", "drop trigger orders_end_once on orders;");
    let zeros = DATABASE.choose("zeroblob(32)", "decode(repeat('00', 32), 'hex')");
    let paid = "(select id from payments where reference = 'paid')";
    // The last byte of the record: of the hash of the books.
    let record = match DATABASE {
        wallet_tests::Database::Sqlite => {
            "unhex(substr(hex(record), 1, 254) || case substr(hex(record), 255) when '00' then '01' else '00' end)".to_owned()
        }
        wallet_tests::Database::Postgres => "overlay(record placing case get_byte(record, 127) \
            when 0 then '\\x01'::bytea else '\\x00'::bytea end from 128 for 1)".to_owned(),
    };
    vec![
        (
            "a record",
            format!("{events} update events set record = {record} where subject = {paid}"),
            &["journal_leaves", "journal_records", "checkpoints"][..],
        ),
        (
            "an event's type",
            format!("{events} update events set type = 'payment.refunded' where subject = {paid} and type = 'payment.succeeded'"),
            &["journal_events"],
        ),
        (
            "a deleted event",
            format!("{} delete from events where subject = {paid} and type = 'payment.succeeded'", deleted("events")),
            &["journal_leaves", "journal_records"],
        ),
        (
            "an entry's amount",
            format!("{entries} update entries set amount = amount * 2 where transfer = (select transfer from payments where reference = 'paid')"),
            &["journal_records", "payment_rows"],
        ),
        (
            "an entry's account",
            format!("{entries} update entries set account = (select account from payers \
                    where id <> (select payer from payments where reference = 'paid') limit 1) \
                where transfer = (select transfer from payments where reference = 'paid') \
                and account in (select account from payers)"),
            &["journal_records", "payment_rows"],
        ),
        ("a leaf", format!("{journal} update journal set leaf = {zeros} where position = 3"), &["journal_leaves"]),
        (
            "a deleted position",
            format!("{} delete from journal where position = 2", deleted("journal")),
            &["journal_positions"],
        ),
        (
            "a checkpoint's note",
            format!("{checkpoints} update journal_checkpoints set note = replace(note, ' ', '  ')"),
            &["checkpoints"],
        ),
        ("a payment's amount", "update payments set amount = amount + 1 where reference = 'last'".to_owned(), &["payment_rows"]),
        ("a payment's reference", "update payments set reference = 'another' where reference = 'last'".to_owned(), &["payment_rows"]),
        ("a payment's merchant", "update payments set merchant = payer where reference = 'last'".to_owned(), &["payment_rows"]),
        ("a payment's state", "update payments set state = 'refunded', amount_refunded = amount_settled where reference = 'last'".to_owned(), &["payment_rows"]),
        ("a payment's time", "update payments set created_at = created_at + 1 where reference = 'last'".to_owned(), &["payment_rows"]),
        ("a deleted payment", "delete from payments where reference = 'last'".to_owned(), &["journal_records", "payment_rows"]),
        (
            "a payment's payer",
            "update payments set payer = (select id from payers where id <> payments.payer limit 1) where reference = 'last'".to_owned(),
            &["payment_rows", "payer_signatures"],
        ),
        ("a code's step", "update payments set code_step = code_step - 1 where reference = 'last'".to_owned(), &["payer_signatures"]),
        ("a code's limit", "update payments set code_limit = code_limit + 1 where reference = 'last'".to_owned(), &["payer_signatures"]),
        (
            "the evidence of another payment",
            "update payments set evidence = (select evidence from payments where reference = 'paid') where reference = 'last'".to_owned(),
            &["journal_records", "payer_signatures"],
        ),
        (
            "the request of another payment",
            "update payments set request_evidence = (select request_evidence from payments where reference = 'ordered') \
                where code_source = 'plate'".to_owned(),
            &["journal_records", "payer_signatures"],
        ),
        ("what a plate asks for", "update plates set amount = 3".to_owned(), &["payer_signatures"]),
        ("a plate's code", "update plates set payload = payload || ' '".to_owned(), &["payer_signatures"]),
        ("a deleted order", format!("{deleted_order} delete from orders where reference = 'ordered'"), &["payer_signatures"]),
        (
            "a device's key",
            "drop index devices_public_key; update devices set public_key = (select other.public_key from devices other where other.key_id <> devices.key_id) \
                where payer = (select payer from payments where reference = 'last') \
                and exists (select 1 from devices other where other.key_id <> devices.key_id)".to_owned(),
            &["payer_signatures"],
        ),
        ("a limit of then", "update payments set limit_payment = 1 where reference = 'last'".to_owned(), &["payment_rows"]),
        ("a day's limit of then", "update payments set limit_day = 1 where reference = 'last'".to_owned(), &["day_limits"]),
        ("a month's limit of then", "update payments set limit_month = 1 where reference = 'last'".to_owned(), &["month_limits"]),
        ("what a payment counts for", "update payments set counted = counted - 1 where reference = 'last'".to_owned(), &["counted", "spending"]),
        ("that a payment counts again", "update payments set counted = amount where reference = 'canceled'".to_owned(), &["counted", "spending"]),
        ("the day on which a payment counted", "update payments set day = day - 40 where reference = 'last'".to_owned(), &["spending"]),
        ("a balance", "update balances set available = available + 1 where account = (select account from merchants)".to_owned(), &["trial_balance"]),
        (
            "a batch without a place",
            format!("insert into batches (id, committed_at) values ({}, 0)", DATABASE.choose("x'01'", "'\\x01'::bytea")),
            &["batches_placed"],
        ),
    ]
}

#[tokio::test]
async fn whatever_a_rogue_operator_changes_is_found_and_named() {
    let world = books(410).await;
    let untouched = Copy::of(&world, 0);
    assert_eq!(audit_at(&untouched.url(), With::keys(&world)).await.first, None);
    let mut missed = Vec::new();
    for (number, (what, tampering, checks)) in tamperings().into_iter().enumerate() {
        let copy = Copy::of(&world, number + 1);
        let mut database = AnyConnection::connect(&copy.url()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(tampering)).execute(&mut database).await.expect(what);
        database.close().await.unwrap();
        let report = audit_at(&copy.url(), With::keys(&world)).await;
        let found = wrong(&report);
        let (check, row) = report.first.unwrap_or_default();
        if found.is_empty() || check != checks[0] || row.is_empty() {
            missed.push(format!("{what}: found {found:?}, first {check}: {row}"));
        }
        for check in checks.iter().filter(|check| !found.contains(check)) {
            missed.push(format!("{what}: {check} finds nothing, only {found:?}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[tokio::test]
async fn the_first_wrong_row_is_named_with_its_place() {
    let world = books(440).await;
    let mut database = world.database().await;
    let place = "select lower(hex(p.id)), j.position from payments p \
                 join journal j on j.batch = p.batch where p.reference = 'last'";
    let place = match DATABASE {
        wallet_tests::Database::Sqlite => place.to_owned(),
        wallet_tests::Database::Postgres => {
            place.replace("lower(hex(p.id))", "encode(p.id, 'hex')")
        }
    };
    let (id, position): (String, i64) =
        sqlx::query_as(AssertSqlSafe(place)).fetch_one(&mut database).await.unwrap();
    let change = "update payments set amount = amount + 1 where reference = 'last'";
    sqlx::raw_sql(change).execute(&mut database).await.unwrap();
    drop(database);
    let report = audit(&world, With::keys(&world)).await;
    let named = format!(
        "payment.succeeded {id}, position {position}: the payment's amount is not that of its record"
    );
    assert_eq!(report.first, Some(("payment_rows", named)));
}

/// What was signed last, as a witness keeps it.
async fn newest(world: &World) -> Checkpoint {
    let mut database = world.database().await;
    let note = "select note from journal_checkpoints order by size desc limit 1";
    let note: String = sqlx::query_scalar(note).fetch_one(&mut database).await.unwrap();
    *SignedCheckpoint::parse(&note).unwrap().claimed()
}

#[tokio::test]
async fn a_witness_sees_that_the_journal_was_cut_off() {
    let world = books(441).await;
    let witness = Some(newest(&world).await);
    let clean = audit(&world, With { witness, ..With::keys(&world) }).await;
    assert_eq!(clean.first, None);

    // The last batch as if it had never been, with all that follows from it.
    let mut database = world.database().await;
    let cut = match DATABASE {
        wallet_tests::Database::Sqlite => {
            "drop trigger journal_never_deleted; drop trigger journal_checkpoints_never_deleted;"
        }
        wallet_tests::Database::Postgres => {
            "drop trigger journal_kept on journal; \
             drop trigger journal_checkpoints_kept on journal_checkpoints;"
        }
    };
    let cut = format!(
        "{cut} delete from journal_checkpoints where size = (select max(position) from journal); \
         delete from journal where position = (select max(position) from journal);"
    );
    sqlx::raw_sql(AssertSqlSafe(cut)).execute(&mut database).await.unwrap();
    drop(database);
    let report = audit(&world, With { witness, ..With::keys(&world) }).await;
    assert!(wrong(&report).contains(&"witness"), "{:?}", wrong(&report));
    assert_eq!(report.first.unwrap().0, "witness");
}

#[tokio::test]
async fn a_witness_of_another_history_is_no_witness_of_this_one() {
    let (world, other) = (books(442).await, books(443).await);
    let mut forged = newest(&world).await;
    forged.root = newest(&other).await.root;
    let report = audit(&world, With { witness: Some(forged), ..With::keys(&world) }).await;
    assert_eq!(wrong(&report), ["witness"]);
    let stranger = newest(&other).await;
    let report = audit(&world, With { witness: Some(stranger), ..With::keys(&world) }).await;
    assert_eq!(wrong(&report), ["witness"]);
}

#[tokio::test]
async fn an_audit_that_goes_on_sees_that_what_was_audited_was_changed() {
    let world = books(444).await;
    let clean = audit(&world, With::keys(&world)).await;
    let mut database = world.database().await;
    let zeros = DATABASE.choose("zeroblob(32)", "decode(repeat('00', 32), 'hex')");
    let change = format!(
        "{} update journal set leaf = {zeros} where position = 1",
        without(&[("journal_kept", "journal")])
    );
    sqlx::raw_sql(AssertSqlSafe(change)).execute(&mut database).await.unwrap();
    drop(database);
    let since = Some(clean.tree);
    let report = audit(&world, With { since, ..With::keys(&world) }).await;
    assert_eq!(report.first.unwrap().0, "earlier_audit");
}

/// Everything in books that are closed is as it must be, also to somebody with the key file.
pub(crate) async fn assert_audited(world: &World) {
    let report = audit(world, With::keys(world)).await;
    assert_eq!(report.first, None);
    assert!(report.is_clean() && report.checkpoints > 0);
}

/// hledger adds what was exported up to the same balances.
pub(crate) async fn assert_hledger_agrees(world: &World) {
    let journal = exported(world, ExportFormat::Hledger).await;
    let (right, said) = hledger(world, &journal);
    assert!(right, "{said}");
}

async fn exported(world: &World, format: ExportFormat) -> String {
    let store = Store::open_to_read(&world.database_url()).await.unwrap();
    let mut text = Vec::new();
    let end = export_books(&store, format, &mut text).await.unwrap();
    assert!(end > 0);
    store.close().await;
    String::from_utf8(text).unwrap()
}

/// Whether hledger finds the journal right, and what it says.
fn hledger(world: &World, journal: &str) -> (bool, String) {
    let path = world.folder.path().join("books.journal");
    std::fs::write(&path, journal).unwrap();
    let mut command = Command::new("hledger");
    command.arg("-f").arg(&path).args(["check", "--strict"]).env("LANG", "C.UTF-8");
    let output = command.output().expect("install it: bash tests/set-up hledger");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn hledger_finds_the_same_balances_in_the_exported_journal() {
    let world = load(445).await;
    let journal = exported(&world, ExportFormat::Hledger).await;
    let (right, said) = hledger(&world, &journal);
    assert!(right, "{said}\n{journal}");
    assert!(journal.contains("refund.succeeded") && !journal.contains("unknown"), "{journal}");
    // A cent more anywhere, and it does not.
    let (before, last) = journal.rsplit_once("= -").unwrap();
    let (right, said) = hledger(&world, &format!("{before}= -1{last}"));
    assert!(!right && said.contains("assertion"), "{said}");

    let lines = exported(&world, ExportFormat::Csv).await;
    let mut database = world.database().await;
    let entries = "select count(*) from entries e join journal j on j.batch = e.batch";
    let entries: i64 = sqlx::query_scalar(entries).fetch_one(&mut database).await.unwrap();
    assert_eq!(i64::try_from(lines.lines().count()).unwrap(), entries + 1);
    assert!(lines.lines().all(|line| line.split(',').count() == 11), "{lines}");
}
