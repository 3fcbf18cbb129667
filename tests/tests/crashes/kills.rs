//! `kill -9`, again and again.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wallet_test_postgres::Postgres;
use wallet_tests::{Books, World};

use crate::load::{Load, assert_books};
use crate::rounds;

/// How many acknowledgements a round has at most before the end comes.
const ENOUGH_MAX: u32 = 100;
/// A step of the codes: what was shown in one is still good in the next.
const STEP_SECONDS: i64 = 30;

/// Who is ended in a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Server,
    Database,
}

async fn kill_again_and_again(
    books: Option<Books>,
    seed: u64,
    rounds: u32,
    database: Option<Postgres>,
) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut world = World::start_apart(books, seed, &[]).await;
    let mut load = Load::begin(&world).await;
    for round in 0..rounds {
        let enough = rng.next_u32() % ENOUGH_MAX;
        let victim = match &database {
            Some(_) if round % 2 == 1 => Victim::Database,
            Some(_) | None => Victim::Server,
        };
        let ended = database.clone();
        let unanswered = load
            .until_the_end(
                &mut world,
                enough,
                |_| (),
                move |world| match (victim, ended) {
                    (Victim::Database, Some(postgres)) => {
                        postgres.stop_at_once();
                        world.kill();
                        postgres.start_again();
                    }
                    (Victim::Server | Victim::Database, _) => world.kill(),
                },
            )
            .await;
        // What was on its way when the step ended is repeated in the next one, where its code is
        // still good. After that it would be too old for a first answer.
        world.advance_seconds(STEP_SECONDS);
        world.serve_apart(&[]);
        load.insist(&world, unanswered).await;
    }
    assert!(load.acknowledged() > 0);
    load.assert_kept(&world).await;
    world.placed().await;
    world.kill();
    assert_books(&world.database_url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_loses_and_doubles_nothing_on_sqlite() {
    kill_again_and_again(None, 71, rounds(6, 300), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_a_database_that_are_killed_in_turns_lose_and_double_nothing_on_postgresql() {
    let postgres = Postgres::start();
    let books = Books::Postgres(postgres.database());
    kill_again_and_again(Some(books), 72, rounds(6, 300), Some(postgres)).await;
}
