//! Two servers on one PostgreSQL, asked at the same time, under both isolation levels.

mod journal_log;
mod keys;
mod merchants;
mod people;
mod tests_of_merchants;
mod webhooks;

use wallet_server::Server;
use wallet_server::store::Store;
use wallet_tests::{Answer, Charge, Database, Phone, Till, World, at_once};

/// The isolation levels that settlement is right under.
const LEVELS: [&str; 2] = ["read committed", "serializable"];

/// One merchant with a till at each of two servers.
struct Two {
    world: World,
    other: Server,
    tills: [Till; 2],
}

impl Two {
    async fn start(seed: u64, isolation: &str, changes: &[(&str, &str)]) -> Self {
        let mut settings = vec![("isolation", isolation)];
        settings.extend(changes);
        let world = World::try_start(Database::Postgres, seed, &settings).await.unwrap();
        let other = world.start_beside(seed + 500).await;
        let body = serde_json::json!({ "name": "Tea House",
            "fee": { "basis_points": 60, "fixed": "0.01" } });
        let till = world.merchant_with(body).await;
        let tills = [till.clone(), till.connected_to(&other)];
        Self { world, other, tills }
    }

    /// Sends charges to both servers at once, in turns.
    async fn charge_both(&self, charges: &[Charge]) -> Vec<Answer> {
        let turns = charges.iter().zip(self.tills.iter().cycle());
        at_once(turns.map(|(charge, till)| till.charge(charge))).await
    }

    /// Stops both and checks every invariant of the books.
    async fn end(mut self, payments: i64) {
        // Two processes wrote the merchants' feed in turns.
        self.world.fed().await;
        self.other.shutdown().await;
        assert_eq!(self.world.standing().await.payments, payments);
        self.world.stop().await;
        let store = Store::open(&self.world.database_url()).await.unwrap();
        let findings = store.check_books(|_| ()).await.unwrap();
        store.close().await;
        let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }
}

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test]
async fn one_code_at_two_servers_is_burned_once() {
    for (isolation, seed) in LEVELS.into_iter().zip(1..) {
        let two = Two::start(seed, isolation, &[]).await;
        let mut phone = two.world.payer("Wei", "500.00").await;
        for round in 0..5 {
            let code = phone.code(&two.world, "20.00");
            let charges: Vec<Charge> = (0..6)
                .map(|n| Charge::new(&format!("order-{round}-{n}"), &code, "10.00"))
                .collect();
            let answers = two.charge_both(&charges).await;
            assert_eq!(count(&answers, 201), 1, "{answers:?}");
            let used = answers.iter().filter(|a| a.status == 422 && a.text("/code") == "code_used");
            assert_eq!(used.count(), 5, "{answers:?}");
        }
        assert_eq!(phone.balance(&two.world).await, "450.00");
        two.end(5).await;
    }
}

#[tokio::test]
async fn one_request_at_two_servers_has_one_answer() {
    for (isolation, seed) in LEVELS.into_iter().zip(11..) {
        let two = Two::start(seed, isolation, &[]).await;
        let mut phone = two.world.payer("Wei", "500.00").await;
        for round in 0..5 {
            let charge =
                Charge::new(&format!("order-{round}"), &phone.code(&two.world, "20.00"), "10.00");
            let answers = two.charge_both(&vec![charge; 6]).await;
            assert_eq!(count(&answers, 201), 6, "{answers:?}");
            assert!(answers.iter().all(|answer| answer.text == answers[0].text), "{answers:?}");
        }
        assert_eq!(phone.balance(&two.world).await, "450.00");
        two.end(5).await;
    }
}

#[tokio::test]
async fn one_key_for_two_requests_stands_for_the_one_that_was_first() {
    for (isolation, seed) in LEVELS.into_iter().zip(21..) {
        let two = Two::start(seed, isolation, &[]).await;
        let mut phones = two_phones(&two.world).await;
        for round in 0..5 {
            // Other payers, so that no lock but the key itself is in common.
            let charges = [0, 1].map(|n: usize| {
                let code = phones[n].code(&two.world, "20.00");
                Charge::new(&format!("order-{round}-{n}"), &code, "10.00")
                    .key(&format!("key-{round}"))
            });
            let answers = two.charge_both(&charges).await;
            assert_eq!(count(&answers, 201), 1, "{answers:?}");
            let refused = answers.iter().find(|answer| answer.status != 201).unwrap();
            assert_eq!(refused.text("/code"), "idempotency_key_reused", "{answers:?}");
        }
        two.end(5).await;
    }
}

#[tokio::test]
async fn one_reference_for_two_requests_stands_for_the_one_that_was_first() {
    for (isolation, seed) in LEVELS.into_iter().zip(31..) {
        let two = Two::start(seed, isolation, &[]).await;
        let mut phones = two_phones(&two.world).await;
        for round in 0..5 {
            let charges = [0, 1].map(|n: usize| {
                let code = phones[n].code(&two.world, "20.00");
                Charge::new(&format!("order-{round}"), &code, "10.00").key(&format!("{round}-{n}"))
            });
            let answers = two.charge_both(&charges).await;
            assert_eq!(count(&answers, 201), 1, "{answers:?}");
            let refused = answers.iter().find(|answer| answer.status != 201).unwrap();
            assert_eq!(refused.text("/code"), "reference_conflict", "{answers:?}");
        }
        two.end(5).await;
    }
}

#[tokio::test]
async fn what_a_payer_has_is_spent_once_by_phones_at_two_servers() {
    for (isolation, seed) in LEVELS.into_iter().zip(41..) {
        let two = Two::start(seed, isolation, &[]).await;
        let charges = one_payers_phones(&two.world, "50.00", 8).await;
        let answers = two.charge_both(&charges).await;
        assert_eq!(count(&answers, 201), 5, "{answers:?}");
        let declined = answers.iter().filter(|answer| answer.status == 402);
        assert!(declined.clone().all(|answer| answer.text("/code") == "insufficient_funds"));
        assert_eq!(declined.count(), 3, "{answers:?}");
        two.end(8).await;
    }
}

#[tokio::test]
async fn a_daily_limit_holds_for_phones_at_two_servers() {
    for (isolation, seed) in LEVELS.into_iter().zip(51..) {
        let two = Two::start(seed, isolation, &[("limits.day", "30.00")]).await;
        let charges = one_payers_phones(&two.world, "500.00", 8).await;
        let answers = two.charge_both(&charges).await;
        assert_eq!(count(&answers, 201), 3, "{answers:?}");
        let declined = answers.iter().filter(|answer| answer.status == 402);
        assert!(declined.clone().all(|answer| answer.text("/code") == "declined_by_limit"));
        assert_eq!(declined.count(), 5, "{answers:?}");
        two.end(8).await;
    }
}

#[tokio::test]
async fn many_payers_at_one_merchant_and_two_servers_are_all_settled() {
    for (isolation, seed) in LEVELS.into_iter().zip(61..) {
        let two = Two::start(seed, isolation, &[]).await;
        let mut charges = Vec::new();
        for n in 0..16 {
            let mut phone = two.world.payer(&format!("payer {n}"), "100.00").await;
            charges.push(Charge::new(&format!("{n}"), &phone.code(&two.world, "20.00"), "10.00"));
        }
        let answers = two.charge_both(&charges).await;
        assert_eq!(count(&answers, 201), 16, "{answers:?}");
        // 10.00 less a fee of 0.07, summed over the shards of both servers.
        assert_eq!(two.tills[1].balance().await, "158.88");
        two.end(16).await;
    }
}

async fn two_phones(world: &World) -> [Phone; 2] {
    [world.payer("Wei", "500.00").await, world.payer("Li", "500.00").await]
}

/// Charges of 10.00, each with a code of another phone of one payer: codes of one phone could
/// overtake each other on the way, and only the later ones would count.
async fn one_payers_phones(world: &World, amount: &str, phones: usize) -> Vec<Charge> {
    let mut phone = world.payer("Wei", amount).await;
    let mut charges = Vec::new();
    for n in 0..phones {
        let code = phone.code(world, "20.00");
        charges.push(Charge::new(&format!("order-{n}"), &code, "10.00"));
        phone = phone.another(world, &format!("phone {n}")).await;
    }
    charges
}

#[tokio::test]
async fn a_charge_that_waited_for_its_payer_past_its_deadline_does_nothing() {
    let world = World::start(Database::Postgres, 71).await;
    let till = world.merchant("Tea House").await;
    let mut phone = world.payer("Wei", "50.00").await;
    let charge = Charge::new("order-1", &phone.code(&world, "20.00"), "10.00");
    // Somebody holds the payer, as another server does while it decides.
    let (mut holder, mut observer) = (world.database().await, world.database().await);
    let lock = "begin; select * from balances for update";
    sqlx::raw_sql(lock).execute(&mut holder).await.unwrap();
    let charging = tokio::spawn({
        let (till, charge) = (till.clone(), charge.clone());
        async move { till.charge(&charge).await }
    });
    let waiting = "select count(*) from pg_stat_activity \
                   where wait_event_type = 'Lock' and datname = current_database()";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut observer).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    world.advance_seconds(11);
    sqlx::raw_sql("commit").execute(&mut holder).await.unwrap();
    let answer = charging.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.text("/certainty")), (503, "retry"));
    assert_eq!(world.standing().await.payments, 0);
    // The till may try the same again, as it was told.
    let _ = till.charge(&charge).await.created();
}
