//! Every journey on PostgreSQL, and what only PostgreSQL can get wrong.

mod faults;
mod journeys;
mod processes;

use journeys::books::{busy_world, refusal};
use wallet_tests::Database;

/// What the journeys of this program run on.
const DATABASE: Database = Database::Postgres;

#[tokio::test]
async fn emptying_tables_is_no_way_around_these_rules() {
    let (world, _, _) = busy_world(2).await;
    let before = world.standing().await;
    let mut database = world.database().await;
    for table in ["batches", "devices", "entries", "events", "journal", "payment_references"] {
        let error = refusal(&mut database, &format!("truncate {table} cascade")).await;
        assert!(error.contains("_kept"), "{table}: {error}");
    }
    assert_eq!(world.standing().await, before);
}
