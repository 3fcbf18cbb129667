//! The server's process and the database's are killed, and the power is cut, under load: every
//! acknowledged payment is there once afterwards, and the books are right.
//!
//! The short form runs with all tests. `tests/run --long` runs hundreds of rounds.

mod kills;
mod load;
mod power;

/// What other tests of this program run in a process of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "it is started by the tests that kill it"]
async fn a_server_in_a_process_of_its_own() {
    wallet_tests::serve_apart().await;
}

/// How many rounds: few with all tests, many with `tests/run --long`.
fn rounds(short: u32, long: u32) -> u32 {
    #[expect(clippy::disallowed_methods, reason = "tests/run tells how long to go on")]
    let is_long = std::env::var("WALLET_TESTS_LONG").is_ok_and(|value| value == "1");
    if is_long { long } else { short }
}
