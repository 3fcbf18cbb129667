//! Codes for tests at two servers: their payers decide once, and the merchant that makes codes used
//! is made once.

use wallet_tests::{Charge, Database, World, at_once};

use super::LEVELS;
use crate::journeys::test_mode::{code, decided, test_till};
use crate::journeys::transfers::assert_books_are_right;

#[tokio::test]
async fn payers_of_tests_decide_once_whichever_server_they_are_charged_at() {
    for (isolation, seed) in LEVELS.into_iter().zip(1701..) {
        let settings = [("isolation", isolation)];
        let world = World::try_start(Database::Postgres, seed, &settings).await.unwrap();
        let other = world.start_beside(seed + 500).await;
        let till = test_till(&world).await;
        let tills = [till.clone(), till.connected_to(&other)];
        let used = at_once(tills.iter().cycle().take(4).map(|till| code(till, "code_used"))).await;
        for (number, code) in used.iter().enumerate() {
            let answer = till.charge(&Charge::new(&format!("used-{number}"), code, "1.00")).await;
            answer.assert_problem(422, "code_used", "final");
        }
        let turns = tills.iter().cycle().take(10).enumerate();
        let states = at_once(turns.map(|(number, till)| async move {
            let (outcome, state) =
                [("confirmed", "succeeded"), ("refused", "declined")][number % 2];
            let charge =
                Charge::new(&format!("order-{number}"), &code(till, outcome).await, "1.00");
            let payment = till.charge(&charge).await.created();
            (decided(till, &payment).await.text("/state").to_owned(), state)
        }))
        .await;
        assert!(states.iter().all(|(found, state)| found == state), "{states:?}");
        other.shutdown().await;
        assert_books_are_right(world).await;
    }
}
