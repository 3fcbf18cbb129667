//! Settlement in a world where everything that can break does, from one seed.
//!
//! Tills, phones and the operator send requests over a network that loses, doubles, delays and
//! reorders them and their answers. The server gathers them into batches, and crashes before the
//! commit, after it, or loses the commit's answer and runs the batch again. Clients do what the
//! merchant guide tells them: ask again under the same key, and call off what they cannot find out.
//! After a while all faults end, and everybody must come to rest, believing what the books say.
//!
//! Nothing here waits: a second is a turn of a loop, and the same seed gives the same run.

mod clients;
mod network;
mod sales;
mod server;
mod world;

use world::{Report, World};

/// Runs with all tests; `WALLET_SIMULATION_SEEDS` asks for more, or for fewer.
const SEEDS: u64 = 2000;

fn seeds() -> u64 {
    crate::wished::number("WALLET_SIMULATION_SEEDS").unwrap_or(SEEDS)
}

#[test]
fn whatever_breaks_nothing_is_lost_or_doubled_and_everybody_comes_to_rest() {
    let mut sum = Report::default();
    for seed in 0..seeds() {
        let report = World::new(seed).run();
        let wrong = report.lost + report.doubled + report.stuck;
        assert_eq!(wrong, 0, "seed {seed}: {report}");
        sum.add(&report);
    }
    println!("{} seeds: {sum}", seeds());
    assert!(seeds() < SEEDS || sum.has_seen_everything(), "not every fault took place: {sum}");
}

#[test]
fn a_seed_gives_the_same_run_again() {
    let run = |seed| World::new(seed).run().to_string();
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
