//! The checks of the books find what is wrong with them, and nothing where nothing is.

use serde_json::json;
use sqlx::AssertSqlSafe;
use wallet_core::receipt::PaymentState;
use wallet_server::domain::ids::PaymentId;
use wallet_server::store::{Finding, Store};
use wallet_tests::{Charge, World};

use crate::DATABASE;

/// Books with a payment that succeeded and one that was declined, and their ids.
async fn books(seed: u64) -> (World, [PaymentId; 2]) {
    let mut world = World::start(DATABASE, seed).await;
    let body = json!({ "name": "Tea House", "fee": { "basis_points": 60, "fixed": "0.00" } });
    let till = world.merchant_with(body).await;
    let mut phone = world.payer("Wei", "50.00").await;
    let code = phone.code(&world, "200.00");
    let paid = till.charge(&Charge::new("order-1", &code, "12.50")).await.created();
    let code = phone.code(&world, "200.00");
    let declined = till.charge(&Charge::new("order-2", &code, "150.00")).await;
    let ids = [paid.text("/id"), declined.text("/payment/id")];
    let ids = ids.map(|id| PaymentId::parse(id).unwrap());
    world.fed().await;
    world.stop().await;
    (world, ids)
}

async fn open(world: &World) -> Store {
    Store::open(&world.database_url()).await.unwrap()
}

/// The names of the checks that find something.
async fn broken(world: &World) -> Vec<&'static str> {
    let store = open(world).await;
    let mut told = Vec::new();
    let findings = store.check_books(|finding| told.push(finding.clone())).await.unwrap();
    store.close().await;
    assert_eq!(told, findings);
    assert!(findings.iter().all(|finding| finding.is_ok() == finding.example.is_none()));
    findings.iter().filter(|finding| !finding.is_ok()).map(|finding| finding.check).collect()
}

#[tokio::test]
async fn books_that_nobody_touched_are_right() {
    let (world, _) = books(91).await;
    assert_eq!(broken(&world).await, [""; 0]);
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_by_the_check_for_it() {
    let payer = "(select account from payers)";
    let another = "select batch, n + 9, transfer, account, shard, bucket, currency, amount \
                   from entries where account = (select account from payers) limit 1";
    let all = "select * from payments where state = 'succeeded'";
    let another_id = DATABASE.choose("randomblob(16)", "uuid_send(gen_random_uuid())");
    let entries_open =
        DATABASE.choose("drop trigger entries_open", "drop trigger entries_balanced on entries");
    let mark_rises = DATABASE
        .choose("drop trigger devices_mark_rises", "drop trigger devices_mark_rises on devices");
    let events_kept =
        DATABASE.choose("drop trigger events_kept", "drop trigger events_kept on events");
    let feed_kept = DATABASE.choose(
        "drop trigger merchant_events_kept; drop trigger merchant_events_never_deleted",
        "drop trigger merchant_events_kept on merchant_events",
    );
    for (seed, tampering, checks) in [
        (
            101,
            format!("update balances set available = available + 1 where account = {payer}"),
            &["trial_balance", "balances"][..],
        ),
        (
            102,
            "update balances set available = available + case account when (select account from \
             payers) then 100 else -100 end where account in (select account from payers union \
             select account from merchants) and shard = (select min(other.shard) from balances \
             other where other.account = balances.account)"
                .to_owned(),
            &["balances"],
        ),
        (
            103,
            format!("{entries_open}; insert into entries {another}"),
            &["balances", "transfers", "movements"],
        ),
        (104, "update devices set mark_seq = mark_seq + 1".to_owned(), &["marks"]),
        (
            105,
            format!("{mark_rises}; update devices set mark_step = null, mark_seq = null"),
            &["marks"],
        ),
        (
            106,
            format!(
                "create table copy as {all}; update copy set id = {another_id}; \
                 insert into payments select * from copy"
            ),
            &["movements", "codes", "spending", "states"],
        ),
        (107, "update payers set day_code = day_code + 1".to_owned(), &["spending"]),
        (108, "update payers set month_spent = 0".to_owned(), &["spending"]),
        (
            109,
            "update payments set transfer = null, amount_settled = 0, counted = 0, state = 'declined', \
             decline_code = 'insufficient_funds' \
             where state = 'succeeded'; update payers set day_code = 0, month_spent = 0"
                .to_owned(),
            &["movements", "states"],
        ),
        (114, "update payers set last_event = last_event + 1".to_owned(), &["payer_events"]),
        (
            115,
            format!("{events_kept}; update events set previous_batch = null, previous_event = null"),
            &["payer_events"],
        ),
        (
            110,
            format!("{feed_kept}; update merchant_events set balance = balance + 1"),
            &["feed_balances"],
        ),
        (
            111,
            format!("{feed_kept}; delete from merchant_events where type = 'payment.succeeded'"),
            &["feed", "feed_balances", "feed_fees"],
        ),
        (
            112,
            format!(
                "{feed_kept}; update merchant_events set type = 'payment.canceled' \
                 where type = 'payment.declined'"
            ),
            &["feed"],
        ),
        (
            113,
            format!("{feed_kept}; update merchant_events set fee = fee + 1 where fee is not null"),
            &["feed_fees"],
        ),
    ] {
        let (world, _) = books(seed).await;
        let mut database = world.database().await;
        sqlx::raw_sql(AssertSqlSafe(tampering.clone())).execute(&mut database).await.unwrap();
        drop(database);
        assert_eq!(broken(&world).await, checks, "{tampering}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_is_looked_up_with_its_state() {
    let (world, [paid, declined]) = books(92).await;
    let store = open(&world).await;
    let wrong = async |acknowledged: &[(PaymentId, PaymentState)]| -> Finding {
        store.check_acknowledged(acknowledged).await.unwrap()
    };
    let (succeeded, refused) = (PaymentState::Succeeded, PaymentState::Declined);
    assert!(wrong(&[(paid, succeeded), (declined, refused)]).await.is_ok());
    assert_eq!(wrong(&[(paid, refused), (declined, refused)]).await.wrong, 1);
    let lost = PaymentId::from_bytes([7; 16]);
    let finding = wrong(&[(paid, succeeded), (lost, succeeded)]).await;
    assert_eq!(finding.example.as_deref(), Some("07".repeat(16).as_str()));
    assert_eq!(store.count_payments(PaymentId::from_bytes([0; 16]), succeeded).await.unwrap(), 1);
    assert_eq!(store.count_payments(declined, refused).await.unwrap(), 1);
    let measure = store.measure().await.unwrap();
    let version = DATABASE.choose("SQLite 3.", "PostgreSQL ");
    assert!(measure.bytes > 0 && measure.version.starts_with(version), "{measure:?}");
}
