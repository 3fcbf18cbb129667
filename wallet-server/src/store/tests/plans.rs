//! The plans that PostgreSQL makes when the books are young, which connections keep.

use wallet_test_postgres::Postgres;

use super::statements;
use crate::store::Store;

/// Payers and batches, and statistics about them: with few, reading each whole table once looks
/// cheaper than looking rows up. There is no merchant yet.
fn young_books(payers: u32, batches: u32) -> String {
    format!(
        "set session_replication_role = replica;
    insert into accounts (id, mode, kind, currency, owner, created_at)
        select sha256(n::text::bytea), 'live', 'payer', 156, sha256(n::text::bytea), 0
        from generate_series(1, {payers}) n;
    insert into batches (id, committed_at)
        select sha256(n::text::bytea), 0 from generate_series(1, {batches}) n;
    insert into journal (position, batch, leaf)
        select n, sha256(n::text::bytea), sha256('leaf') from generate_series(1, {batches}) n;
    insert into events (batch, n, mode, type, subject, payer, record)
        select sha256(n::text::bytea), 0, 'live', 'payment.succeeded', sha256(n::text::bytea),
            sha256(n::text::bytea), decode(repeat('00', 128), 'hex')
        from generate_series(1, {batches}) n;
    insert into entries (batch, n, transfer, account, shard, bucket, currency, amount)
        select sha256(n::text::bytea), m, sha256(n::text::bytea), sha256(n::text::bytea), 0,
            'available', 156, 1
        from generate_series(1, {batches}) n, generate_series(1, 4) m;
    analyze accounts, batches, journal, events, entries;"
    )
}

const FILLED: [&str; 5] = ["accounts", "batches", "journal", "events", "entries"];

#[tokio::test]
async fn postgresql_looks_rows_up_by_index_with_plans_that_it_made_for_young_books() {
    /// About everything, or the end of a table.
    const WHOLE: [&str; 4] =
        ["accounts::TRIAL_BALANCE", "events::END", "settlement::LATEST", "shard::OWN_ACCOUNTS"];
    for (payers, batches) in [(60, 50), (500, 300), (5000, 3000)] {
        let database = Postgres::shared().database();
        let store = Store::open(&database.url()).await.unwrap();
        database.run(&young_books(payers, batches)).unwrap();
        let mut scans = Vec::new();
        for (name, sql) in statements() {
            let surveys = ["checks::", "audit"].iter().any(|part| name.starts_with(part));
            if surveys || WHOLE.contains(name) {
                continue;
            }
            let plan = store.explain_on_postgres(sql).await.unwrap();
            let whole = scans_of(plan).into_iter().map(|step| format!("{name}: {step}"));
            scans.extend(whole);
        }
        store.close().await;
        assert!(scans.is_empty(), "{payers} payers, {batches} batches: {scans:#?}");
    }
}

/// The steps of a plan that read a whole table of those.
fn scans_of(plan: Vec<String>) -> Vec<String> {
    // What restricts a scan stands below it, before the next step.
    let mut steps: Vec<String> = Vec::new();
    for line in plan {
        match steps.last_mut() {
            Some(step) if !line.trim_start().starts_with("->") => step.push_str(&line),
            _ => steps.push(line),
        }
    }
    steps.retain(|step| {
        let of_books = FILLED.iter().any(|table| step.contains(&format!(" on {table} ")));
        step.contains("Scan") && of_books && !step.contains(" Cond: ")
    });
    steps
}
