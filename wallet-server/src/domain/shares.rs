//! How the amount of a red envelope is split.
//!
//! The shares add up to the amount to the last minor unit, and everybody gets at least one.

use std::collections::BTreeSet;

use crate::domain::named::named;

/// The most shares that an envelope may have.
pub const SHARES_MAX: u16 = 100;

/// How an amount is split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// As equally as minor units allow; the first ones get what is left over.
    Equal,
    /// By chance: every way to split it is as likely as any other.
    Random,
}

named!(Split {
    Equal => "equal",
    Random => "random",
});

/// The shares of an amount, in the order in which they are claimed, in minor units.
///
/// There is at least one, and each is more than zero. [`Shares::draw`] is the only way to make
/// them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shares(Vec<i64>);

impl Shares {
    /// Splits an amount of minor units; `None` unless everybody can get at least one.
    ///
    /// `draw` returns a random number below the one that it is given, each as likely as any other.
    /// A random split draws different places at which the amount is cut: as there is one split for
    /// each set of places, all splits are equally likely.
    #[must_use]
    pub fn draw(
        amount: i64,
        count: u16,
        split: Split,
        mut draw: impl FnMut(u64) -> u64,
    ) -> Option<Self> {
        let shares = i64::from(count);
        if shares == 0 || count > SHARES_MAX || amount < shares {
            return None;
        }
        if split == Split::Equal {
            let (each, left_over) = (amount / shares, amount % shares);
            return Some(Self((0..shares).map(|n| each + i64::from(n < left_over)).collect()));
        }
        // Floyd's algorithm (Bentley and Floyd, CACM 30(9), 1987): a set of places from 1 to
        // amount - 1 with as many draws as there are places.
        let places = amount - 1;
        let mut cuts = BTreeSet::new();
        for highest in (places - shares + 2)..=places {
            let drawn = draw(u64::try_from(highest).ok()?);
            let place = i64::try_from(drawn).ok()?.saturating_add(1);
            if !cuts.insert(place) {
                cuts.insert(highest);
            }
        }
        let ends = cuts.iter().copied().chain([amount]);
        let begins = [0].into_iter().chain(cuts.iter().copied());
        let shares: Vec<i64> = ends.zip(begins).map(|(end, begin)| end - begin).collect();
        let whole = shares.len() == usize::from(count) && shares.iter().all(|share| *share > 0);
        whole.then_some(Self(shares))
    }

    /// The shares.
    #[must_use]
    pub fn amounts(&self) -> &[i64] {
        &self.0
    }

    /// What they add up to.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    use super::{SHARES_MAX, Shares, Split};

    fn generator(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        move |below| rng.next_u64() % below
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_amount_and_nobody_gets_nothing(
            amount in prop_oneof![1_i64..500, Just(i64::MAX), 1_i64..1_000_000_000],
            count in 1_u16..=SHARES_MAX,
            seed: u64,
        ) {
            for split in [Split::Equal, Split::Random] {
                match Shares::draw(amount, count, split, generator(seed)) {
                    Some(shares) => {
                        prop_assert_eq!(shares.total(), amount);
                        prop_assert_eq!(shares.amounts().len(), usize::from(count));
                        prop_assert!(shares.amounts().iter().all(|share| *share >= 1));
                    }
                    None => prop_assert!(amount < i64::from(count)),
                }
            }
        }
    }

    #[test]
    fn equal_shares_differ_by_one_minor_unit_at_most_and_the_first_ones_are_larger() {
        let shares = |amount, count| Shares::draw(amount, count, Split::Equal, generator(1));
        assert_eq!(shares(1_000, 3).unwrap().amounts(), [334, 333, 333]);
        assert_eq!(shares(5, 5).unwrap().amounts(), [1; 5]);
        assert_eq!(shares(4, 5), None);
        assert_eq!(shares(4, 0), None);
        assert_eq!(shares(1_000, SHARES_MAX + 1), None);
    }

    #[test]
    fn every_random_split_is_as_likely_as_any_other() {
        // Eight in four shares: seven places for three cuts, 35 splits.
        let mut draw = generator(7);
        let mut seen: BTreeMap<Vec<i64>, u32> = BTreeMap::new();
        for _ in 0..35_000 {
            let shares = Shares::draw(8, 4, Split::Random, &mut draw).unwrap();
            *seen.entry(shares.amounts().to_vec()).or_default() += 1;
        }
        assert_eq!(seen.len(), 35);
        // 1,000 each, with a standard deviation of 31.
        assert!(seen.values().all(|count| (850..1_150).contains(count)), "{seen:?}");
    }
}
