//! Random choices that follow from a seed.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::rules::yuan;

pub(super) struct Dice(ChaCha20Rng);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap();
        usize::try_from(self.0.next_u64() % end).unwrap()
    }

    pub(super) fn between(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.below(usize::try_from(most - least + 1).unwrap())).unwrap()
    }

    pub(super) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub(super) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One of so many things that were made, mostly of the latest; none if there is none.
    pub(super) fn recent(&mut self, count: usize) -> Option<usize> {
        let span = if self.percent(70) { count.min(5) } else { count };
        (count > 0).then(|| count - 1 - self.below(span))
    }

    /// An amount: small, or one that meets a limit exactly, or by a cent.
    pub(super) fn amount(&mut self) -> i64 {
        if self.percent(40) {
            self.of(&[
                1,
                yuan(5),
                yuan(10),
                yuan(10),
                yuan(25),
                yuan(30),
                yuan(30) + 1,
                yuan(50),
                yuan(60),
                yuan(60) + 1,
            ])
        } else {
            self.between(1, yuan(15))
        }
    }

    /// A part of an amount, all of it, or a cent more.
    pub(super) fn part(&mut self, of: i64) -> Option<i64> {
        match self.below(10) {
            0..3 => None,
            3 => Some(of),
            4 => Some(of + 1),
            _ => Some(self.between(1, of.max(1))),
        }
    }
}
