//! PostgreSQL goes away: before the server starts, in the middle of a payment, in the middle of
//! many. No acknowledged payment is lost, and none is made twice.

mod proxy;
mod restore;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wallet_server::store::Store;
use wallet_test_postgres::Postgres;
use wallet_tests::{Answer, Books, Charge, Database, Phone, Till, World, at_once};

use proxy::{Break, Cut, Proxy};

/// When a test gives up on what has to happen. A crashed PostgreSQL is back within a second.
const DEADLINE: Duration = Duration::from_mins(1);

/// A world on a PostgreSQL of its own, which the test may stop.
async fn lonely_world(seed: u64) -> (World, Postgres) {
    let server = Postgres::start();
    let books = Books::Postgres(server.database());
    (World::try_start_in(books, seed, &[]).await.unwrap(), server)
}

/// Checks every invariant of the books, and that each payment was made once.
async fn assert_right(world: &World, payments: i64) {
    assert_eq!(world.standing().await.payments, payments);
    world.placed().await;
    let store = Store::open(&world.database_url()).await.unwrap();
    let findings = store.check_books(|_| ()).await.unwrap();
    store.close().await;
    let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Repeats a charge, as a till does, until it is known what became of it.
async fn insist(till: &Till, charge: &Charge) -> Answer {
    let answered = async {
        loop {
            let answer = till.charge(charge).await;
            if !answer.status.is_server_error() {
                return answer;
            }
            assert_ne!(answer.text("/certainty"), "final", "{}", answer.text);
            // What the database said of its troubles is for the log.
            assert!(!answer.text.to_lowercase().contains("postgres"), "{}", answer.text);
        }
    };
    tokio::time::timeout(DEADLINE, answered).await.expect("the till never gets an answer")
}

#[tokio::test]
async fn a_database_that_is_not_there_stops_the_server_at_once_with_a_clear_word() {
    let empty = tempfile::tempdir().unwrap();
    let database = Postgres::shared().database();
    let nobody_listens = database.url_through(empty.path());
    let no_such_database = format!("{}&dbname=nothing", database.url());
    for url in [&nobody_listens, &no_such_database] {
        let changes = [("database", url.as_str())];
        let started = World::try_start(Database::Sqlite, 1, &changes);
        let started = tokio::time::timeout(DEADLINE, started).await.expect("it goes on trying");
        let error = started.err().unwrap().to_string();
        assert!(error.starts_with("cannot open the database"), "{error}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_around_a_commit_makes_one_payment() {
    let database = Postgres::shared().database();
    let proxy = Proxy::new(database.server().folder());
    let broken = database.url_through(proxy.folder());
    let books = Books::Postgres(database);
    let world = World::try_start_in(books, 2, &[("database", &broken)]).await.unwrap();
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    for (cut, reference, left) in [
        (Cut::Within, "cut-within", "487.50"),
        (Cut::BeforeCommit, "cut-before-commit", "475.00"),
        (Cut::AfterCommit, "cut-after-commit", "462.50"),
    ] {
        let charge = Charge::new(reference, &phone.code(&world, "200.00"), "12.50");
        proxy.cut(cut, Break::Closed, reference);
        assert_paid_once(&till, &charge).await;
        assert!(proxy.has_cut(), "{cut:?}: nothing broke");
        assert_eq!(phone.balance(&world).await, left, "{cut:?}");
    }
    assert_right(&world, 3).await;
    assert_eq!(till.balance().await, "37.50");
}

#[tokio::test]
async fn connections_that_fall_silent_are_given_up_and_payments_go_on_once() {
    let database = Postgres::shared().database();
    let proxy = Proxy::new(database.server().folder());
    let silent = database.url_through(proxy.folder());
    let books = Books::Postgres(database);
    let mut world = World::try_start_in(books, 6, &[("database", &silent)]).await.unwrap();
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    // Many connections, of those that read as well.
    let lookups = at_once((0..20).map(|_| till.get("/v1/balance"))).await;
    assert!(lookups.iter().all(|answer| answer.status == 200), "{lookups:?}");

    // While nobody uses them, as behind a firewall that forgets what is idle.
    let charge = Charge::new("idle", &phone.code(&world, "200.00"), "12.50");
    proxy.silence();
    let _ = insist(&till, &charge).await.created();
    assert_eq!(phone.balance(&world).await, "487.50");

    // In the middle of a payment: before the database has heard of its end, and after.
    for (cut, reference, left) in [
        (Cut::BeforeCommit, "silent-before-commit", "475.00"),
        (Cut::AfterCommit, "silent-after-commit", "462.50"),
    ] {
        let charge = Charge::new(reference, &phone.code(&world, "200.00"), "12.50");
        proxy.cut(cut, Break::Silent, reference);
        assert_paid_once(&till, &charge).await;
        assert!(proxy.has_cut(), "{cut:?}: nothing broke");
        assert_eq!(phone.balance(&world).await, left, "{cut:?}");
    }
    assert_right(&world, 3).await;

    // Whoever stops the server then does not wait for it for ever.
    proxy.silence_for_good();
    tokio::time::timeout(DEADLINE, world.stop()).await.expect("it does not stop");
}

/// A payer's charges to come, each with a code of its own.
fn charges(world: &World, phone: &mut Phone, name: &str) -> Vec<Charge> {
    let charge =
        |number| Charge::new(&format!("{name}-{number}"), &phone.code(world, "200.00"), "1.00");
    (0..20).map(charge).collect()
}

#[tokio::test]
async fn a_database_that_crashes_under_load_loses_and_doubles_nothing() {
    let (world, server) = lonely_world(3).await;
    let till = world.merchant("Tea House").await;
    let mut phones = Vec::new();
    for name in ["Wei", "Lin", "Mei", "Bo"] {
        phones.push((name, world.payer(name, "50.00").await));
    }
    let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
    let mut tills = JoinSet::new();
    for (name, phone) in &mut phones {
        let charges = charges(&world, phone, name);
        let (till, acknowledge) = (till.clone(), acknowledge.clone());
        tills.spawn(async move {
            let mut answers = Vec::new();
            for charge in charges {
                let answer = insist(&till, &charge).await.created();
                acknowledge.send(()).unwrap();
                answers.push((charge, answer));
            }
            answers
        });
    }
    for _ in 0..2 {
        for _ in 0..20 {
            acknowledged.recv().await.unwrap();
        }
        let server = server.clone();
        let crash = move || {
            server.stop_at_once();
            server.start_again();
        };
        tokio::task::spawn_blocking(crash).await.unwrap();
    }
    let answers = tills.join_all().await.concat();
    assert_eq!(answers.len(), 80);
    for (charge, answer) in &answers {
        let again = till.charge(charge).await;
        assert!(again.replayed, "acknowledged and lost: {}", answer.text);
        assert_eq!(again.text, answer.text);
    }
    assert_right(&world, 80).await;
    assert_eq!(till.balance().await, "80.00");
    for (name, phone) in &phones {
        assert_eq!(phone.balance(&world).await, "30.00", "{name}");
    }
}

#[tokio::test]
async fn without_its_database_the_server_says_that_it_is_not_ready_and_recovers_by_itself() {
    let (world, server) = lonely_world(4).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let status = async |path: &str| world.operator_get(path).await.status.as_u16();
    assert_eq!((status("/livez").await, status("/readyz").await), (200, 200));
    server.stop_at_once();
    // What it last heard of the database is good for a second.
    let refused = async { while status("/readyz").await != 503 {} };
    tokio::time::timeout(DEADLINE, refused).await.expect("it believes to be ready");
    assert_eq!(status("/livez").await, 200);
    let refused = till.get("/v1/balance").await;
    assert!(refused.status.is_server_error(), "{}", refused.text);
    server.start_again();
    let ready = async { while status("/readyz").await != 200 {} };
    tokio::time::timeout(DEADLINE, ready).await.expect("it never recovers");
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let _ = till.charge(&charge).await.created();
    assert_eq!(phone.balance(&world).await, "487.50");
}

/// Answers every new payment as a full disk does, as long as there is a row in `full_disk`.
const FULL_DISK: &str = "
    create table full_disk (one int);
    create function fill() returns trigger language plpgsql as $$
    begin
        if exists (select 1 from full_disk) then
            raise exception using errcode = 'disk_full', message = 'could not extend file';
        end if;
        return null;
    end $$;
    create trigger full_disk before insert on payments for each statement execute function fill();
    insert into full_disk values (1);
";

#[tokio::test]
async fn a_full_disk_takes_no_payment_and_hurts_none_once_there_is_room() {
    let world = World::start(Database::Postgres, 5).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "500.00").await;
    let database = world.postgres().unwrap();
    database.run(FULL_DISK).unwrap();
    let before = world.standing().await;
    let charge = Charge::new("order-1", &phone.code(&world, "200.00"), "12.50");
    let refused = till.charge(&charge).await;
    assert!(refused.status.is_server_error(), "{}", refused.text);
    assert!(!refused.text.contains("extend"), "{}", refused.text);
    assert_eq!(world.standing().await, before);
    database.run("delete from full_disk").unwrap();
    let _ = till.charge(&charge).await.created();
    assert_eq!(phone.balance(&world).await, "487.50");
}

/// Charges until there is an answer, and holds a repeat to it.
async fn assert_paid_once(till: &Till, charge: &Charge) {
    let first = insist(till, charge).await.created();
    let again = till.charge(charge).await;
    assert!(again.replayed, "{}", again.text);
    assert_eq!(again.text, first.text);
}
