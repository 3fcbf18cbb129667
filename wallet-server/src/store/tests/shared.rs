//! What several processes on one PostgreSQL share: leases, and positions in the journal.

use wallet_core::Timestamp;
use wallet_test_postgres::Postgres;

use crate::store::{Holder, Remedy, Store, StoreError};

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const ONE: Holder = Holder([1; 16]);
const OTHER: Holder = Holder([2; 16]);

#[tokio::test]
async fn a_lease_is_one_holders_until_it_ends_or_is_given_up() {
    let database = Postgres::shared().database();
    let store = Store::open(&database.url()).await.unwrap();
    let acquire = async |holder, at: Timestamp| {
        store.acquire_lease("shard:0", holder, at, at.plus_millis(10)).await.unwrap()
    };
    assert!(acquire(ONE, NOW).await);
    assert!(!acquire(OTHER, NOW.plus_millis(9)).await);
    assert!(acquire(ONE, NOW.plus_millis(9)).await, "it is renewed");
    assert!(!acquire(OTHER, NOW.plus_millis(18)).await);
    assert!(acquire(OTHER, NOW.plus_millis(19)).await, "it has ended");
    assert!(!acquire(ONE, NOW.plus_millis(20)).await);
    store.release_leases(OTHER).await.unwrap();
    assert!(acquire(ONE, NOW.plus_millis(20)).await, "it was given up");
    store.close().await;
}

#[tokio::test]
async fn a_second_sequencer_finds_nothing_left_to_place_or_is_refused() {
    let database = Postgres::shared().database();
    let store = Store::open(&database.url()).await.unwrap();
    let pending = "insert into journal_pending \
                   select sha256(n::text::bytea), sha256(n::text::bytea) from generate_series(1, 50) n";
    let mut connection = connect(&database.url()).await;
    sqlx::raw_sql(pending).execute(&mut connection).await.unwrap();
    let both = tokio::join!(store.place_batches(), store.place_batches());
    let placed = |outcome: Result<u64, StoreError>| match outcome {
        Ok(placed) => placed,
        Err(error) => {
            assert_eq!(error.remedy(), Remedy::Again, "{error}");
            0
        }
    };
    assert_eq!(placed(both.0) + placed(both.1), 50);
    let journal =
        "select count(*), count(distinct batch), min(position), max(position) from journal";
    let journal: (i64, i64, i64, i64) =
        sqlx::query_as(journal).fetch_one(&mut connection).await.unwrap();
    assert_eq!(journal, (50, 50, 1, 50));
    store.close().await;
}

async fn connect(url: &str) -> sqlx::PgConnection {
    use sqlx::Connection as _;
    sqlx::PgConnection::connect(url).await.unwrap()
}
