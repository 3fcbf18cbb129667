//! Both databases understand every statement, and both schemas have every table and column.

mod locks;
mod plans;
mod shared;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use super::StoreError;
use super::connection::Changes;
use super::sql::{Sql, sql};
use super::{
    Store, accounts, api_keys, balance_transactions, checks, claimed, confirmations, envelopes,
    events, identity, issuer, journal, journal_log, leases, merchant_events, merchant_feed,
    merchants, nonces, orders, payers, payments, payouts, pins, plates, recipients, retention,
    settlement, spending, test_payers, webhooks, withdrawals,
};

fn statements() -> impl Iterator<Item = &'static (&'static str, &'static Sql)> {
    [
        accounts::STATEMENTS,
        balance_transactions::STATEMENTS,
        checks::STATEMENTS,
        claimed::STATEMENTS,
        confirmations::STATEMENTS,
        envelopes::STATEMENTS,
        events::STATEMENTS,
        spending::STATEMENTS,
        issuer::STATEMENTS,
        journal::STATEMENTS,
        journal_log::STATEMENTS,
        leases::STATEMENTS,
        merchant_events::STATEMENTS,
        merchant_feed::STATEMENTS,
        merchants::STATEMENTS,
        nonces::STATEMENTS,
        orders::STATEMENTS,
        payers::STATEMENTS,
        payments::STATEMENTS,
        pins::STATEMENTS,
        plates::STATEMENTS,
        recipients::STATEMENTS,
        super::refunds::STATEMENTS,
        retention::STATEMENTS,
        super::suspense::STATEMENTS,
        test_payers::STATEMENTS,
        withdrawals::STATEMENTS,
    ]
    .into_iter()
    .flatten()
    .chain(settlement::statements())
    .chain(identity::statements())
    .chain(api_keys::statements())
    .chain(payouts::statements())
    .chain(webhooks::statements())
    .chain(super::audit::statements())
}

fn migrations(database: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn no_statement_is_left_out_of_the_lists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let folders = [
        "",
        "api_keys",
        "audit",
        "identity",
        "payouts",
        "settlement",
        "settlement/load",
        "settlement/write",
        "webhooks",
    ];
    let files = folders.map(|sub| folder.join(sub));
    let sources = files.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let declared: usize = sources
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| std::fs::read_to_string(path).unwrap().matches(": Sql = ").count())
        .sum();
    assert_eq!(statements().count(), declared);
    let names: BTreeSet<_> = statements().map(|statement| statement.0).collect();
    assert_eq!(names.len(), declared, "a name stands twice");
}

#[test]
fn the_migrations_of_both_databases_have_the_same_names_and_tables() {
    let (sqlite, postgres) = (migrations("sqlite"), migrations("postgres"));
    let names = |files: &[(String, String)]| -> Vec<String> {
        files.iter().map(|file| file.0.clone()).collect()
    };
    assert_eq!(names(&sqlite), names(&postgres));
    let tables = |files: &[(String, String)]| -> BTreeSet<String> {
        let lines = files.iter().flat_map(|file| file.1.lines());
        lines.filter_map(|line| line.strip_prefix("create table ")).map(str::to_owned).collect()
    };
    // What several processes need is on PostgreSQL only.
    let own = tables(&postgres).difference(&tables(&sqlite)).cloned().collect::<Vec<_>>();
    assert_eq!(own, ["journal_pending (", "leases ("]);
    assert!(tables(&sqlite).is_subset(&tables(&postgres)));
}

#[tokio::test]
async fn sqlite_understands_every_statement() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}/books", folder.path().display())).await.unwrap();
    for (name, sql) in statements().filter(|(_, sql)| !sql.sqlite.is_empty()) {
        store.prepare(sql).await.unwrap_or_else(|error| panic!("{name}: {error}\n{}", sql.sqlite));
    }
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_but_those_that_are_about_it() {
    /// About everything, about a few rows, or about the end of a table, which an index gives: to sort a
    /// table for its last row would read all of it.
    const WHOLE: [&str; 6] = [
        "accounts::TRIAL_BALANCE",
        "issuer::LIVE",
        "settlement::LATEST",
        "shard::OWN_ACCOUNTS",
        "webhooks::FOLLOWED",
        "webhooks::WAITING",
    ];
    /// They insert rows that others refer to. SQLite lists the search for rows that waited for
    /// them, which it makes only if there are some: never, as these are inserted first.
    const REFERRED_TO: [&str; 2] = ["accounts::OPEN", "payers::NEW_PAYER"];
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}/books", folder.path().display())).await.unwrap();
    let mut scans = Vec::new();
    for (name, sql) in statements() {
        if sql.sqlite.is_empty()
            || name.starts_with("checks::")
            || name.starts_with("audit_sums::")
            || REFERRED_TO.contains(name)
        {
            continue;
        }
        for step in store.explain(sql).await.unwrap() {
            if WHOLE.contains(name) {
                assert_ne!(step, "USE TEMP B-TREE FOR ORDER BY", "{name}");
                continue;
            }
            let table = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
            // The input, and what was made of it.
            let ours = [
                "i",
                "input",
                "jsonb_each",
                "output",
                "s",
                "moves",
                "found",
                "page",
                "looked",
                "(subquery-2)",
                "CONSTANT",
            ];
            if table.is_some_and(|table| !ours.contains(&table)) {
                scans.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(scans.is_empty(), "{scans:#?}");
}

#[tokio::test]
async fn a_page_comes_in_the_order_of_an_index_without_sorting_what_is_left() {
    /// What there can only be little of: a merchant's currencies, changes of one payment, what waits for
    /// one payer or happened to it lately, endpoints, tries of one delivery, what a part of the journal
    /// wants to be told.
    const FEW: [&str; 10] = [
        "balance_transactions::BALANCES_AT",
        "balance_transactions::OF_PAYMENT",
        "confirmations::CONFIRMATIONS",
        "events::AFTER",
        "journal_log::BY_SUBJECT",
        "test_payers::DECIDING",
        "webhooks::ATTEMPTS",
        "webhooks::DUE",
        "webhooks::READY",
        "webhooks::WANTED",
    ];
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}/books", folder.path().display())).await.unwrap();
    let audits = ["audit::POSITIONS", "audit::EVENTS", "audit::ENTRIES"];
    let whole = ["checks::", "audit_sums::"];
    let is_page = |(name, sql): &&(&str, &Sql)| {
        let limited =
            sql.sqlite.contains(" limit ") && !whole.iter().any(|it| name.starts_with(it));
        audits.contains(name) || limited && !FEW.contains(name)
    };
    let pages: Vec<_> = statements().filter(is_page).collect();
    assert!(pages.len() > 40, "{}", pages.len());
    let mut sorted: Vec<&str> = Vec::new();
    for (name, sql) in pages {
        let steps = store.explain(sql).await.unwrap();
        sorted.extend(steps.into_iter().filter(|step| step.contains("TEMP B-TREE")).map(|_| name));
    }
    assert!(sorted.is_empty(), "{sorted:#?}");
}

#[test]
fn postgresql_understands_every_statement() {
    let database = wallet_test_postgres::Postgres::shared().database();
    for (name, text) in migrations("postgres") {
        database.run(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let mut script = String::new();
    for (number, (name, sql)) in statements().enumerate() {
        writeln!(script, "-- {name}\nprepare s{number} (jsonb) as {};", sql.postgres).unwrap();
        // An empty array is a valid parameter of every statement.
        writeln!(script, "execute s{number} ('[]');").unwrap();
    }
    database.run(&script).unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn the_writer_works_again_after_the_disk_was_full() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}/books", folder.path().display())).await.unwrap();
    // SQLite counts a reached limit of pages as a full disk; it sets it to what is there already.
    store.limit_pages(1).await.unwrap();
    let full = fill(&store, 1_000_000).await.unwrap_err();
    assert!(full.to_string().contains("full"), "{full}");
    store.limit_pages(1_000_000).await.unwrap();
    fill(&store, 5).await.unwrap();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_long_log_is_moved_beside_the_writer_and_a_short_one_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}/books", folder.path().display())).await.unwrap();
    fill(&store, 1_000_000).await.unwrap();
    store.committed().await;
    store.shorten_log().await.unwrap();
    let (short, moved) = store.log().await.unwrap();
    assert!(short > 200 && moved == 0, "{moved} of {short}");
    // Longer than what is moved beside the writer, and shorter than what the writer moves.
    fill(&store, 3_500_000).await.unwrap();
    store.committed().await;
    let (long, moved) = store.log().await.unwrap();
    assert!(moved == 0, "the writer has moved {moved} of {long}");
    // The writer is in the middle of a transaction meanwhile.
    let transaction = store.begin().await.unwrap();
    store.shorten_log().await.unwrap();
    assert_eq!(store.log().await.unwrap(), (long, long));
    transaction.roll_back().await.unwrap();
}

#[tokio::test]
async fn a_log_that_outgrows_its_moving_is_moved_between_two_transactions_and_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books");
    let store = Store::open(&format!("sqlite:{}", file.display())).await.unwrap();
    fill(&store, 1_000).await.unwrap();
    // Somebody reads an old state, so nothing can be moved while the log grows.
    let mut old = rusqlite::Connection::open(&file).unwrap();
    let reading = old.transaction().unwrap();
    reading.execute_batch("select count(*) from payment_references").unwrap();
    fill(&store, 70_000_000).await.unwrap();
    let (long, moved) = store.log().await.unwrap();
    assert!(long > 16_384 && moved < 1_000, "{moved} of {long}");
    store.shorten_log().await.unwrap();
    assert!(store.log().await.unwrap().1 < 1_000);
    reading.rollback().unwrap();

    // The writer's transaction ends before the log is moved, so that all of it can be.
    let mut transaction = store.begin().await.unwrap();
    let ended = async {
        transaction.write(&FILLER, &filler(2_000)).await?;
        transaction.commit().await
    };
    let (shortened, ended) = tokio::join!(store.shorten_log(), ended);
    shortened.and(ended).unwrap();
    let (pages, moved) = store.log().await.unwrap();
    assert!(pages == moved && pages >= long, "{moved} of {pages}");

    fill(&store, 3_000).await.unwrap();
    assert!(store.log().await.unwrap().0 < 100);
    let log = folder.path().join("books-wal");
    assert!(std::fs::metadata(log).unwrap().len() <= 64 << 20);
}

fn filler(bytes: usize) -> [serde_json::Value; 1] {
    [serde_json::json!({ "merchant": "02".repeat(16), "reference": "x".repeat(bytes) })]
}

async fn fill(store: &Store, bytes: usize) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    transaction.write(&FILLER, &filler(bytes)).await?;
    transaction.commit().await
}

/// Writes as much as it is told to.
const FILLER: Sql = sql!(input { merchant: blob, reference: text }
    "insert into payment_references (merchant, mode, reference, created_at) \
     select merchant, 'live', reference, 0 from input");

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing_behind_for_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}/books", folder.path().display())).await.unwrap();
    let mut transaction = store.begin().await.unwrap();
    transaction.write(&FILLER, &filler(10)).await.unwrap();
    drop(transaction);
    // Given up in the middle of it.
    let mut transaction = store.begin().await.unwrap();
    let row = filler(10);
    let writing = transaction.write(&FILLER, &row);
    drop(tokio::time::timeout(std::time::Duration::ZERO, writing).await);
    drop(transaction);
    // And while it began.
    drop(tokio::time::timeout(std::time::Duration::ZERO, store.begin()).await);
    // The same row, which could not be written twice.
    fill(&store, 10).await.unwrap();
    assert!(fill(&store, 10).await.is_err());
}

#[tokio::test]
async fn a_change_of_a_row_that_is_not_there_undoes_all_that_was_to_be_changed_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}/books", folder.path().display())).await.unwrap();
    let transaction = store.begin().await.unwrap();
    let mut changes = Changes::new(transaction.dialect());
    changes.add(&FILLER, &filler(10)).unwrap();
    let nobody = serde_json::json!({ "payer": "nobody" });
    changes.add_to_existing(&NOBODY, &[nobody], "a payer").unwrap();
    let error = transaction.commit_with(changes).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt("a payer")), "{error}");
    // The same row, which could not be written twice.
    fill(&store, 10).await.unwrap();
}

/// Changes a payer that is not there.
const NOBODY: Sql = sql!(each "update payers set day = 1 where id = :payer"
    input { payer: text }
    "update payers set day = 1 from input i where payers.id = i.payer");
