//! Requests that nobody would write, from everybody who is let in.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wallet_tests::{Hostile, altered};

use crate::DATABASE;

/// How many worlds, and how many requests in each: some of them close accounts and revoke keys,
/// after which there is less to find.
const WORLDS: u64 = 1;
const REQUESTS: usize = 300;

#[tokio::test]
async fn there_is_a_request_to_begin_with_for_every_operation_and_most_are_understood() {
    let hostile = Hostile::new(DATABASE, 1).await;
    assert_eq!(hostile.requests().len(), hostile.operations());
    let mut understood = 0;
    for request in hostile.requests() {
        let Some(answer) = hostile.check(request).await else { continue };
        understood += usize::from(answer.status != 400);
    }
    assert!(2 * understood > hostile.operations(), "{understood} of {}", hostile.operations());
    hostile.end().await;
}

#[tokio::test]
async fn whatever_is_sent_is_answered_as_described_and_leaves_books_that_balance() {
    let mut refused = 0;
    for seed in 0..WORLDS {
        let hostile = Hostile::new(DATABASE, 100 + seed).await;
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        for _ in 0..REQUESTS {
            let requests = hostile.requests();
            let request = &requests[rng.next_u32() as usize % requests.len()];
            let request = altered(request, rng);
            let answer = hostile.check(&request).await;
            refused += u64::from(answer.is_some_and(|answer| answer.status.is_client_error()));
        }
        hostile.end().await;
    }
    assert!(refused > WORLDS * 100, "only {refused} refusals: what is sent is too tame");
}
