//! Batches that lock merchants, on two servers at once.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use wallet_core::{Currency, Mode};
use wallet_test_postgres::Postgres;

use super::shared::{NOW, PAYER, connect, two_stores};
use crate::domain::command::{Caller, Command, EndOrder, KeyRef, OrderEnd, Refund, Request};
use crate::domain::fee::FeeRule;
use crate::domain::ids::{
    AccountId, ApiKeyId, MerchantId, OrderId, PaymentId, RefundId, TransferId,
};
use crate::domain::ledger::Shard;
use crate::domain::request_hash::RequestHash;
use crate::store::{ApiKey, KeptSecret, Merchant, MerchantPlace, NewApiKey, Settlement, Store};

const MERCHANT: MerchantId = MerchantId::from_bytes([5; 16]);
/// Before the payer's in the order of accounts.
const ACCOUNT: AccountId = AccountId::from_bytes([3; 16]);
const API_KEY: ApiKeyId = ApiKeyId::from_bytes([6; 16]);

async fn take_on_a_merchant(store: &Store) {
    let currency = Currency::from_code("CNY").unwrap();
    let (id, mode, created_at) = (MERCHANT, Mode::Live, NOW);
    let name = "Tea".to_owned();
    let merchant = Merchant {
        id,
        mode,
        name,
        currency,
        fee: FeeRule::FREE,
        place: MerchantPlace::default(),
        created_at,
        closed: false,
    };
    let scopes = "refund".to_owned();
    let expires_at = None;
    let key = ApiKey { id: API_KEY, merchant: MERCHANT, mode, scopes, created_at, expires_at };
    let secret = KeptSecret { hash: [7; 32], end: "7".to_owned() };
    store
        .create_merchant(&merchant, ACCOUNT, &NewApiKey { key, name: None, secret })
        .await
        .unwrap();
}

/// The merchant gives the payer something back.
fn refund() -> Command {
    let caller = Caller::Merchant(MERCHANT);
    let key = KeyRef { caller, mode: Mode::Live, key: "key-1".to_owned() };
    Command::Refund(Refund {
        id: RefundId::from_bytes([8; 16]),
        payment: PaymentId::from_bytes([9; 16]),
        payer: PAYER,
        merchant: MERCHANT,
        amount: None,
        reason: None,
        metadata: None,
        transfer: TransferId::from_bytes([8; 16]),
        api_key: API_KEY,
        request: Request { key, hash: RequestHash::from_bytes([1; 16]) },
    })
}

async fn lock_row(connection: &mut PgConnection, account: AccountId) -> Result<(), sqlx::Error> {
    let row = "select 1 from balances where account = $1 and shard = 0 for update nowait";
    let row = sqlx::query(row).bind(&account.as_bytes()[..]);
    row.execute(connection).await.map(drop)
}

async fn until_somebody_waits(connection: &mut PgConnection) {
    let waiting = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
    let poll = async {
        loop {
            let count: i64 = sqlx::query_scalar(waiting).fetch_one(&mut *connection).await.unwrap();
            if count > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), poll).await.expect("nobody waits");
}

#[tokio::test]
async fn whoever_waits_for_a_payer_has_no_merchant_that_the_payers_holder_may_add_to() {
    let database = Postgres::shared().database();
    let [store, other] = two_stores(&database).await;
    take_on_a_merchant(&store).await;
    let own = store.open_shard(Shard(1)).await.unwrap();

    // Another server has the payer, and is about to give the merchant something.
    let mut holder = connect(&database.url()).await;
    let mut transaction = holder.begin().await.unwrap();
    lock_row(&mut transaction, AccountId::from_bytes([4; 16])).await.unwrap();
    let refunding = async {
        let mut settlement = Settlement::begin(&store, &own).await.unwrap();
        settlement.lock(&[refund()]).await.unwrap();
        settlement.roll_back().await.unwrap();
    };
    let paying = async {
        let mut watcher = connect(&database.url()).await;
        until_somebody_waits(&mut watcher).await;
        lock_row(&mut transaction, ACCOUNT).await.expect("nobody has the merchant");
        transaction.rollback().await.unwrap();
    };
    tokio::join!(refunding, paying);
    store.close().await;
    other.close().await;
}

#[tokio::test]
async fn whoever_waits_for_an_order_has_its_payer_and_no_merchant_that_its_holder_may_add_to() {
    let database = Postgres::shared().database();
    let [store, other] = two_stores(&database).await;
    take_on_a_merchant(&store).await;
    let own = store.open_shard(Shard(1)).await.unwrap();
    let order = OrderId::from_bytes([10; 16]);
    let mut holder = connect(&database.url()).await;
    sqlx::query(
        "insert into orders (id, mode, merchant, reference, state, currency, amount, payload, \
            created_at, expires_at) values ($1, 'live', $2, 'r', 'open', 156, 1, 'p', 0, 1)",
    )
    .bind(&order.as_bytes()[..])
    .bind(&MERCHANT.as_bytes()[..])
    .execute(&mut holder)
    .await
    .unwrap();

    // Another server has the order, and is about to give its merchant something.
    let mut transaction = holder.begin().await.unwrap();
    sqlx::query("select 1 from orders for update").execute(&mut *transaction).await.unwrap();
    let closing = Command::EndOrder(EndOrder { order, merchant: MERCHANT, by: OrderEnd::Time });
    let deciding = async {
        let mut settlement = Settlement::begin(&store, &own).await.unwrap();
        settlement.lock(&[refund(), closing]).await.unwrap();
        settlement.roll_back().await.unwrap();
    };
    let paying = async {
        let mut watcher = connect(&database.url()).await;
        until_somebody_waits(&mut watcher).await;
        lock_row(&mut transaction, ACCOUNT).await.expect("nobody has the merchant");
        let payer = lock_row(&mut watcher, AccountId::from_bytes([4; 16])).await;
        assert!(payer.is_err(), "whoever waits has its payer");
        transaction.rollback().await.unwrap();
    };
    tokio::join!(deciding, paying);
    store.close().await;
    other.close().await;
}
