//! The database itself, opened beside the server: what it refuses whatever the code does, and
//! what an auditor recomputes from it.

use crate::DATABASE;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Connection, Row};
use wallet_core::receipt::Record;
use wallet_tests::{Charge, Phone, Till, World, at_once};

/// A world in which money has moved, was refused, and shared commits.
pub(crate) async fn busy_world(seed: u64) -> (World, Till, Phone) {
    let world = World::start(DATABASE, seed).await;
    let fee = serde_json::json!({ "basis_points": 60, "fixed": "0.05" });
    let till = world.merchant_with(serde_json::json!({ "name": "Tea House", "fee": fee })).await;
    let mut phone = world.payer("Wei", "500.00").await;
    let _ = till.charge(&Charge::new("used", &phone.code(&world, "9.00"), "9.01")).await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let mut other = world.payer(&format!("payer {number}"), "20.00").await;
        let charge = Charge::new(&format!("many-{number}"), &other.code(&world, "99.00"), "12.34");
        let till = till.clone();
        tasks.spawn(async move { till.charge(&charge).await.created() });
    }
    drop(tasks.join_all().await);
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let _ = till.charge(&charge).await.created();
    (world, till, phone)
}

/// Runs statements in one transaction that has to fail, and says how.
pub(crate) async fn refusal(database: &mut AnyConnection, statements: &str) -> String {
    let mut transaction =
        database.begin_with(DATABASE.choose("begin immediate", "begin")).await.unwrap();
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut *transaction).await;
    let refused = match done {
        Ok(_) => transaction.commit().await.err(),
        Err(error) => {
            transaction.rollback().await.unwrap();
            Some(error)
        }
    };
    // A commit that was refused leaves its transaction open.
    drop(sqlx::raw_sql("rollback").execute(&mut *database).await);
    refused.unwrap_or_else(|| panic!("allowed: {statements}")).to_string()
}

/// What no code may do, and the rule that refuses it.
fn forbidden() -> Vec<(String, &'static str)> {
    let bytes = DATABASE.choose("x'01'", "'\\x01'::bytea");
    let leaf = DATABASE.choose("zeroblob(32)", "decode(repeat('00', 32), 'hex')");
    let (unique, check) = DATABASE.choose(("UNIQUE", "CHECK"), ("unique", "check constraint"));
    // SQLite looks when the batch is closed, PostgreSQL when the entries land.
    let (unbalanced, unclosed) = DATABASE
        .choose(("batches_balanced", "FOREIGN KEY"), ("entries_balanced", "entries_balanced"));
    let one_entry = format!(
        "insert into entries select {bytes}, 0, {bytes}, account, 0, 'available', currency, 5 \
         from entries limit 1;"
    );
    let own = |(statement, name): (&str, &'static str)| (statement.to_owned(), name);
    let mut forbidden = CHANGES.map(own).to_vec();
    forbidden.extend([
        (format!("update journal set leaf = {leaf}"), "journal_kept"),
        (one_entry.clone(), unclosed),
        (format!("{one_entry} insert into batches values ({bytes}, 0);"), unbalanced),
        (
            format!(
                "insert into entries select {bytes}, row_number() over (), {bytes}, account, 0, \
                 'available', 156 + row_number() over () % 2, \
                 case row_number() over () % 2 when 0 then 5 else -5 end from entries limit 2; \
                 insert into batches values ({bytes}, 0);"
            ),
            unbalanced,
        ),
        (
            format!("insert into journal select max(position) + 2, {bytes}, {leaf} from journal"),
            "journal_gapless",
        ),
        (format!("insert into journal values (1, {bytes}, {leaf})"), "journal_gapless"),
        ("insert into payment_references select * from payment_references".to_owned(), unique),
        ("insert into idempotency_keys select * from idempotency_keys".to_owned(), unique),
        (
            format!(
                "insert into top_ups select {bytes}, mode, payer, external_reference, currency, \
                 amount, transfer, batch, event, created_at from top_ups limit 1"
            ),
            unique,
        ),
        ("update payments set amount_settled = -1".to_owned(), check),
        ("update payments set amount_refunded = amount_settled + 1".to_owned(), check),
        ("update payments set state = 'paid'".to_owned(), check),
        ("update payments set state = 'declined'".to_owned(), check),
    ]);
    forbidden
}

/// Changes that both databases understand, and the rule that refuses each.
const CHANGES: [(&str, &str); 22] = [
    ("update entries set amount = amount + 1", "entries_kept"),
    ("update entries set account = batch", "entries_kept"),
    ("delete from entries", "entries_kept"),
    ("update events set type = 'payment.succeeded'", "events_kept"),
    ("delete from events", "events_kept"),
    ("delete from journal where position = (select max(position) from journal)", "journal_kept"),
    ("update batches set committed_at = 0", "batches_kept"),
    ("delete from batches", "batches_kept"),
    (
        "insert into entries select batch, pair.n, transfer, account, shard, bucket, currency, \
         pair.amount from (select * from entries limit 1) as entry, \
         (select 98 as n, 1 as amount union all select 99, -1) as pair",
        "entries_open",
    ),
    (
        "insert into events (batch, n, mode, type, merchant, payer, subject, record) \
         select batch, 99, mode, type, merchant, payer, subject, record from events limit 1",
        "events_open",
    ),
    ("update devices set mark_step = mark_step - 1", "devices_mark_rises"),
    ("update devices set mark_seq = mark_seq", "devices_mark_rises"),
    ("update devices set mark_step = null, mark_seq = null", "devices_mark_rises"),
    ("update balances set available = available - 100000000", "balances_floor"),
    ("update balances set held = -1", "balances_floor"),
    ("delete from payment_references", "payment_references_kept"),
    ("update payment_references set reference = reference || 'x'", "payment_references_kept"),
    ("delete from devices", "devices_kept"),
    ("update merchant_events set net = net + 1", "merchant_events_kept"),
    ("delete from merchant_events", "merchant_events_kept"),
    (
        "insert into statement_days values (1, 1); update statement_days set last_position = 2",
        "statement_days_kept",
    ),
    ("update merchant_feed set position = position - 1", "merchant_feed_advances"),
];

#[tokio::test]
async fn the_database_refuses_what_no_code_may_do() {
    let (world, _, _) = busy_world(1).await;
    world.fed().await;
    let before = world.standing().await;
    let mut database = world.database().await;
    for (statements, name) in forbidden() {
        let error = refusal(&mut database, &statements).await;
        assert!(error.contains(name), "{statements}: {error}");
    }
    assert_eq!(world.standing().await, before);
}

/// The Merkle tree hash of RFC 6962, section 2.1, from its definition.
fn merkle_tree_hash(records: &[Vec<u8>]) -> [u8; 32] {
    match records {
        [] => Sha256::digest([]).into(),
        [record] => Sha256::new().chain_update([0]).chain_update(record).finalize().into(),
        _ => {
            let mut split = 1;
            while split * 2 < records.len() {
                split *= 2;
            }
            let hash = Sha256::new().chain_update([1]);
            let hash = hash.chain_update(merkle_tree_hash(&records[..split]));
            hash.chain_update(merkle_tree_hash(&records[split..])).finalize().into()
        }
    }
}

/// Credits a payer many times at once until some of it was committed together.
async fn share_a_commit(world: &World, payer: &str, database: &mut AnyConnection) {
    for round in 0..100 {
        let mut references = Vec::new();
        references.extend((0..20).map(|number| format!("shared-{round}-{number}")));
        at_once(references.iter().map(|reference| world.top_up(payer, "0.01", reference))).await;
        let shared = "select count(*) from events where n > 0";
        let shared: i64 = sqlx::query_scalar(shared).fetch_one(&mut *database).await.unwrap();
        if shared > 0 {
            return;
        }
    }
    panic!("two thousand commits, and none was shared");
}

#[tokio::test]
async fn an_auditor_recomputes_the_journal_from_the_events() {
    let (world, _, phone) = busy_world(3).await;
    let mut database = world.database().await;
    share_a_commit(&world, &phone.payer, &mut database).await;
    world.placed().await;
    let journal = sqlx::query("select position, batch, leaf from journal order by position");
    let journal = journal.fetch_all(&mut database).await.unwrap();
    let mut largest = 0;
    for (row, position) in journal.iter().zip(1_i64..) {
        assert_eq!(row.get::<i64, _>(0), position);
        let records = sqlx::query_scalar("select record from events where batch = $1 order by n")
            .bind(row.get::<Vec<u8>, _>(1));
        let records: Vec<Vec<u8>> = records.fetch_all(&mut database).await.unwrap();
        assert_eq!(row.get::<Vec<u8>, _>(2), merkle_tree_hash(&records), "{position}");
        largest = largest.max(records.len());
    }
    assert!(largest > 1, "a tree with two leaves");
}

#[tokio::test]
async fn balances_are_the_sums_of_the_entries() {
    let (world, till, phone) = busy_world(4).await;
    let mut database = world.database().await;
    let differing = "select count(*) from balances b where \
        available <> (select coalesce(sum(amount), 0) from entries e \
            where (e.account, e.shard, e.bucket) = (b.account, b.shard, 'available')) or \
        held <> (select coalesce(sum(amount), 0) from entries e \
            where (e.account, e.shard, e.bucket) = (b.account, b.shard, 'held'))";
    let differing: i64 = sqlx::query_scalar(differing).fetch_one(&mut database).await.unwrap();
    assert_eq!(differing, 0);
    let all: i64 = sqlx::query_scalar("select cast(sum(available + held) as bigint) from balances")
        .fetch_one(&mut database)
        .await
        .unwrap();
    assert_eq!(all, 0, "what the bank holds is what everyone is owed");
    assert_eq!(phone.balance(&world).await, "487.50");
    // 20 × (12.34 − 0.12) + 12.50 − 0.13: fees of 60 basis points and 0.05 each.
    assert_eq!(till.balance().await, "256.77");
}

#[tokio::test]
async fn every_record_is_tied_to_its_entries_and_its_evidence() {
    let (world, _, _) = busy_world(5).await;
    let mut database = world.database().await;
    let payments = "select e.record, p.transfer, p.evidence, p.batch from payments p \
                    join events e on e.batch = p.batch and e.n = p.event";
    let payments = sqlx::query(payments).fetch_all(&mut database).await.unwrap();
    assert_eq!(payments.len(), 22);
    for row in payments {
        let record: Vec<u8> = row.get(0);
        let record = Record::from_bytes(&record.try_into().unwrap()).unwrap();
        let entries = "select account, shard, bucket, currency, amount from entries \
                       where batch = $1 and transfer = $2 order by n";
        let entries = sqlx::query(entries).bind(row.get::<Vec<u8>, _>(3));
        let entries = entries.bind(row.get::<Option<Vec<u8>>, _>(1)).fetch_all(&mut database);
        let mut hash = Sha256::new().chain_update(b"wallet-books/1\0");
        for entry in entries.await.unwrap() {
            hash.update(entry.get::<Vec<u8>, _>(0));
            hash.update(u16::try_from(entry.get::<i64, _>(1)).unwrap().to_be_bytes());
            hash.update([u8::from(entry.get::<String, _>(2) == "held")]);
            hash.update(u16::try_from(entry.get::<i64, _>(3)).unwrap().to_be_bytes());
            hash.update(entry.get::<i64, _>(4).to_be_bytes());
        }
        let hash: [u8; 32] =
            hash.chain_update(Sha256::digest(row.get::<Vec<u8>, _>(2))).finalize().into();
        assert_eq!(record.books_hash, hash, "{}", record.asked);
    }
}
