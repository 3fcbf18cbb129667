//! Books of every schema that was ever released come to the newest one with everything in them.
//!
//! The rows are real: a server of this release does what there was to do in that schema, and nothing
//! else. Then they are put into a database with that schema, column by column, and this release
//! opens it. What a column was called or meant otherwise then is turned back by [`AS_IT_WAS`].

mod rows;
mod shop;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe};
use wallet_server::StartError;
use wallet_server::store::Store;
use wallet_test_postgres::Postgres;
use wallet_tests::{Books, Charge, PIN, World};

use crate::DATABASE;

use self::rows::{Row, Rows, make_schema, migrations, read, write};
use self::shop::{Shop, Unfinished};
use super::audit::{With, audit};
use super::{orders, payouts, transfers, withdrawals};

/// How long a webhook may take.
const TOLD_DEADLINE: Duration = Duration::from_mins(1);

/// What the rows of today were until this version, in SQL: before it, they are made so again.
const AS_IT_WAS: [(i64, &str); 2] = [
    // What was spent on a day had a table of its own.
    (
        3,
        "insert into daily_spending (payer, day, currency, proof, spent, count) \
         select payer, day, settled_currency, 'code', sum(amount), count(*) from payments \
         where state <> 'declined' group by payer, day, settled_currency",
    ),
    // Nobody could manage anything by API key.
    (8, "update api_keys set scopes = replace(scopes, ' manage', '')"),
];

/// What was not written down before a version, and what nobody can know afterwards.
const UNKNOWN_BEFORE: [(i64, &str, &str); 6] = [
    // Where the last code was shown, when, and for how much.
    (3, "devices", "mark_merchant"),
    (3, "devices", "mark_amount"),
    (3, "devices", "mark_at"),
    // There was no limit for a month.
    (3, "payments", "limit_month"),
    // Of a secret only its hash was kept.
    (5, "api_keys", "secret_end"),
    (5, "api_keys", "last_used_at"),
];

/// What workers write behind everybody's back, and write again where it is missing.
const WRITTEN_BY_WORKERS: [&str; 8] = [
    "api_key_uses",
    "journal_checkpoints",
    "journal_subtrees",
    "leases",
    "merchant_events",
    "merchant_feed",
    "statement_days",
    "webhook_cursor",
];

/// Gives a world whose server is stopped other books: empty ones, with an older schema.
async fn move_to_schema(world: &mut World, version: i64) -> AnyConnection {
    let books = if world.postgres().is_some() {
        Books::Postgres(Postgres::shared().database())
    } else {
        let path = world.folder.path().join("released.sqlite");
        std::fs::write(&path, "").unwrap();
        Books::Sqlite(format!("sqlite:{}", path.display()))
    };
    world.move_to(books);
    let mut database = world.database().await;
    make_schema(&mut database, version).await;
    database
}

/// Puts the books into a database with an older schema.
async fn as_released(shop: &mut Shop, version: i64) -> Rows {
    let today = read(&mut shop.world.database().await).await;
    let mut database = move_to_schema(&mut shop.world, version).await;
    write(&mut database, &today).await;
    for (_, script) in AS_IT_WAS.iter().filter(|(until, _)| version < *until) {
        sqlx::raw_sql(*script).execute(&mut database).await.unwrap();
    }
    today
}

/// What must be the same in books that came from an older schema: rows without what nobody could
/// know then.
fn comparable(rows: &Rows, version: i64) -> Vec<(&str, BTreeSet<String>)> {
    let tables = rows.iter().filter(|(table, _)| !WRITTEN_BY_WORKERS.contains(&table.as_str()));
    let table = |(table, rows): (&'_ String, &'_ Vec<Row>)| {
        let is_known = |column: &str| {
            let is_this = |(since, of, name): &(i64, &str, &str)| {
                version < *since && of == table && *name == column
            };
            !UNKNOWN_BEFORE.iter().any(is_this)
        };
        let row = |row: &Row| {
            let values = row.iter().filter(|(column, _)| is_known(column));
            let values: Vec<_> =
                values.map(|(column, value)| format!("{column}={value}")).collect();
            values.join(" ")
        };
        rows.iter().map(row).collect()
    };
    tables.map(|(name, rows)| (name.as_str(), table((name, rows)))).collect()
}

/// The server takes up where the last one left off: old answers, codes and payments are as they
/// were, and what waited is ended.
async fn go_on(shop: &mut Shop) {
    shop.world.restart().await;
    shop.till = shop.till.at(&shop.world);
    let again = shop.till.charge(&shop.paid.0).await;
    assert_eq!((again.replayed, &again.text), (true, &shop.paid.1.text));
    let used = shop.till.charge(&Charge::new("used", &shop.used, "1.00")).await;
    used.assert_problem(422, "code_used", "final");
    let taken = shop.paid.0.clone().key("another").with("amount", "1.00");
    shop.till.charge(&taken).await.assert_problem(409, "reference_conflict", "retry");
    let new = shop.charge("new", "8.00").await.created();
    let (world, till, phone) = (&shop.world, &shop.till, &shop.phone);
    let _ = till.refund(shop.paid.1.text("/id"), "late", Some("2.50")).await.created();
    let Unfinished { confirmation, withdrawal, envelope, hold, plate, order, endpoint, payout } =
        &shop.unfinished;
    if let Some(hold) = hold {
        assert_eq!(till.capture(hold, "late-capture", None).await.status, 200);
    }
    if let Some(id) = confirmation {
        let path = format!("/v1/wallet/confirmations/{id}/confirm");
        let confirmed = transfers::post(world, phone, &path, "k", &json!({ "pin": PIN })).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    }
    let reference = json!({ "external_reference": "at-last" });
    if let Some(id) = withdrawal {
        let paid = withdrawals::tell(world, id, "pay", "w", reference.clone()).await;
        assert_eq!(paid.text("/state"), "succeeded", "{}", paid.text);
    }
    if let Some(token) = envelope {
        let (path, body) = ("/v1/wallet/envelopes/claim", json!({ "token": token }));
        let _ = transfers::post(world, &shop.other, path, "claim", &body).await.created();
    }
    if let (Some(order), Some(plate)) = (order, plate) {
        let _ = orders::pay(world, phone, "late", &json!({ "code": order })).await.created();
        let body = json!({ "code": plate, "amount": "2.00", "currency": "CNY" });
        let _ = orders::pay(world, phone, "later", &body).await.created();
    }
    if let Some(id) = payout {
        let paid = payouts::tell(world, id, "pay", "p", reference).await;
        assert_eq!(paid.text("/state"), "succeeded", "{}", paid.text);
    }
    if let Some(endpoint) = endpoint {
        let kept = till.get(&format!("/v1/webhook_endpoints/{endpoint}")).await;
        assert_eq!(kept.text("/state"), "enabled", "{}", kept.text);
        let told = async {
            while !shop.receiver.received().iter().any(|hook| hook.body.contains(new.text("/id"))) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(TOLD_DEADLINE, told).await.expect("nobody is told");
    }
    world.fed().await;
    let _ = world.books().await;
}

/// Every check of the books and of the audit, signatures of payers with it. The server is stopped.
async fn assert_right(world: &World, when: &str) {
    let store = Store::open(&world.database_url()).await.unwrap();
    let findings = store.check_books(|_| {}).await.unwrap();
    store.close().await;
    let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
    assert!(wrong.is_empty(), "{when}: {wrong:?}");
    let report = audit(world, With::keys(world)).await;
    let wrong: Vec<_> = report.findings.iter().filter(|finding| !finding.is_ok()).collect();
    assert!(wrong.is_empty(), "{when}: {wrong:?}");
}

async fn come_to_today(version: i64) {
    let mut shop = Box::pin(Shop::open(version)).await;
    let today = as_released(&mut shop, version).await;
    let when = format!("from {version}");
    // The first of these migrates.
    assert_right(&shop.world, &when).await;
    let migrated = read(&mut shop.world.database().await).await;
    let pairs = comparable(&today, version).into_iter().zip(comparable(&migrated, version));
    for (today, migrated) in pairs {
        assert_eq!(today.0, migrated.0, "{when}");
        let lost: Vec<_> = today.1.symmetric_difference(&migrated.1).collect();
        assert!(lost.is_empty(), "{when}: {}: {lost:#?}", today.0);
    }
    go_on(&mut shop).await;
    // What merchants could see of their movements is worked out again from the journal.
    let now = read(&mut shop.world.database().await).await;
    for row in &today["merchant_events"] {
        assert!(now["merchant_events"].contains(row), "{when}: {row:?}");
    }
    shop.world.stop().await;
    assert_right(&shop.world, &format!("{when}, later")).await;
}

#[tokio::test]
async fn books_of_every_released_schema_come_to_the_newest_whole_and_go_on() {
    let migrations = migrations().await;
    let newest = migrations.iter().map(|migration| migration.version).max();
    let released = migrations.iter().map(|migration| migration.version);
    for version in released.filter(|version| Some(*version) != newest) {
        Box::pin(come_to_today(version)).await;
    }
}

#[tokio::test]
async fn somebody_elses_books_are_refused_before_they_are_migrated() {
    let mut world = World::start(DATABASE, 5801).await;
    world.stop().await;
    let mut database = move_to_schema(&mut world, 1).await;
    let [of_sqlite, of_postgres] = ["x'", r"'\x"].map(|open| format!("{open}{}'", "ab".repeat(32)));
    let id = DATABASE.choose(&*of_sqlite, &*of_postgres);
    let others =
        format!("insert into issuer (one, id, currency, created_at) values (1, {id}, 156, 0)");
    sqlx::raw_sql(AssertSqlSafe(others)).execute(&mut database).await.unwrap();
    let schema = async |database: &mut AnyConnection| -> i64 {
        let newest = "select max(version) from _sqlx_migrations";
        sqlx::query_scalar(newest).fetch_one(database).await.unwrap()
    };

    let refused = world.restart_with(&[]).await;
    assert!(matches!(refused, Err(StartError::OtherIssuer(_))), "{refused:?}");
    assert_eq!(schema(&mut database).await, 1);
    std::fs::remove_file(world.folder.path().join("issuer.key")).unwrap();
    let refused = world.restart_with(&[]).await;
    assert!(matches!(refused, Err(StartError::KeysMissing(_))), "{refused:?}");
    assert_eq!(schema(&mut database).await, 1);
    assert!(!world.folder.path().join("issuer.key").exists(), "no keys are made for them either");

    // Nobody's books are whoever's comes first.
    sqlx::raw_sql("delete from issuer").execute(&mut database).await.unwrap();
    world.restart_with(&[]).await.unwrap();
    assert!(schema(&mut database).await > 1);
}
