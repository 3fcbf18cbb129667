//! What several processes on one PostgreSQL share: leases, positions in the journal, and what is
//! counted or used once.

use std::sync::Arc;

use wallet_core::{Currency, DeviceKey, DeviceKeyId, Mode, Timestamp};
use wallet_test_postgres::Postgres;

use crate::domain::ids::{AccountId, PayerId};
use crate::store::{
    Approval, Holder, NewDevice, Nonce, Payer, PayerWithDevice, Remedy, Store, StoreError,
};

pub(super) const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
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
async fn a_lease_from_the_future_is_nobodys() {
    let database = Postgres::shared().database();
    let store = Store::open(&database.url()).await.unwrap();
    let acquire = async |holder, at: Timestamp| {
        store.acquire_lease("sequencer", holder, at, at.plus_millis(10_000)).await.unwrap()
    };
    // The clock of one that has gone was a minute ahead, as clocks may be.
    assert!(acquire(ONE, NOW.plus_millis(60_000)).await);
    assert!(!acquire(OTHER, NOW).await);
    // It was an hour ahead.
    assert!(acquire(ONE, NOW.plus_millis(3_600_000)).await);
    assert!(acquire(OTHER, NOW).await, "nobody would number the journal for an hour");
    assert!(!acquire(ONE, NOW.plus_millis(9_999)).await, "it is a lease like any other");
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

pub(super) const PAYER: PayerId = PayerId::from_bytes([1; 16]);
const DEVICE: DeviceKeyId = DeviceKeyId::from_bytes([2; 8]);

/// Two servers' stores on one database, with a payer and a device.
pub(super) async fn two_stores(database: &wallet_test_postgres::Database) -> [Store; 2] {
    let store = Store::open(&database.url()).await.unwrap();
    let public_key = DeviceKey::from_seed(&[3; 32]).public_key();
    let approval = Approval::Given { new_until: None };
    let new = PayerWithDevice {
        payer: Payer {
            id: PAYER,
            mode: Mode::Live,
            name: vec![1],
            state: "active".to_owned(),
            currency: Currency::from_code("CNY").unwrap(),
            created_at: NOW,
        },
        account: AccountId::from_bytes([4; 16]),
        device: NewDevice { key_id: DEVICE, public_key, name: vec![1], approval },
    };
    store.create_payers(&[new], NOW).await.unwrap();
    [store, Store::open(&database.url()).await.unwrap()]
}

#[tokio::test]
async fn tries_of_a_pin_on_two_servers_at_once_have_numbers_of_their_own() {
    let database = Postgres::shared().database();
    let stores = two_stores(&database).await.map(Arc::new);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..20 {
        let store = Arc::clone(&stores[number % 2]);
        tasks.spawn(async move { store.count_pin_try(DEVICE, PAYER).await.unwrap().unwrap() });
    }
    let mut numbers: Vec<u32> =
        tasks.join_all().await.into_iter().map(|tried| tried.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_nonce_that_two_servers_get_at_once_is_new_to_one_of_them() {
    let database = Postgres::shared().database();
    let stores = two_stores(&database).await;
    for number in 0..20 {
        let nonce =
            |text: String| Nonce { device: DEVICE, text, expires_at: NOW.plus_millis(1000) };
        let shared = nonce(format!("shared-{number}"));
        let (one, other) = ([shared.clone(), nonce(format!("a{number}"))], [shared]);
        let (one, other) = tokio::join!(stores[0].use_nonces(&one), stores[1].use_nonces(&other));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert!(one[1], "what only one of them got is new");
        assert!(one[0] != other[0], "{number}: new to both, or to none");
    }
}

pub(super) async fn connect(url: &str) -> sqlx::PgConnection {
    use sqlx::Connection as _;
    sqlx::PgConnection::connect(url).await.unwrap()
}
