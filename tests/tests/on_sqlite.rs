//! Every journey on SQLite, and what only a file can get wrong.

mod journeys;

use journeys::books::{busy_world, refusal};
use wallet_tests::{Database, World};

/// What the journeys of this program run on.
const DATABASE: Database = Database::Sqlite;

#[tokio::test]
async fn a_second_server_on_the_same_database_refuses_to_start() {
    let world = World::start(DATABASE, 8).await;
    let error = world.start_second().await.unwrap_err();
    assert!(error.to_string().contains("another server uses"), "{error}");
}

#[tokio::test]
async fn replacing_rows_is_no_way_around_these_rules() {
    let (world, _, _) = busy_world(2).await;
    let before = world.standing().await;
    let mut database = world.database().await;
    for (table, columns) in [
        ("entries", "*"),
        ("events", "*"),
        ("batches", "*"),
        ("journal", "(select max(position) + 1 from journal), batch, leaf"),
        ("payment_references", "*"),
        ("devices", "*"),
    ] {
        let statement =
            format!("insert or replace into {table} select {columns} from {table} limit 1");
        let error = refusal(&mut database, &statement).await;
        assert!(error.contains("_kept") || error.contains("_open"), "{statement}: {error}");
    }
    assert_eq!(world.standing().await, before);
}
