//! What a merchant pays for a payment.

use wallet_core::Money;

/// A fee: a share of the amount in basis points (hundredths of a percent) plus a fixed part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeeRule {
    basis_points: u16,
    fixed_minor: i64,
}

/// One hundred percent.
const BASIS_POINTS_MAX: u16 = 10_000;

impl FeeRule {
    /// No fee.
    pub const FREE: Self = Self { basis_points: 0, fixed_minor: 0 };

    /// A rule with up to 10,000 basis points and a fixed part of zero or more minor units.
    #[must_use]
    pub fn new(basis_points: u16, fixed_minor: i64) -> Option<Self> {
        (basis_points <= BASIS_POINTS_MAX && fixed_minor >= 0)
            .then_some(Self { basis_points, fixed_minor })
    }

    /// The share, in basis points.
    #[must_use]
    pub fn basis_points(self) -> u16 {
        self.basis_points
    }

    /// The fixed part, in minor units.
    #[must_use]
    pub fn fixed_minor(self) -> i64 {
        self.fixed_minor
    }

    /// The fee for an amount: the share rounded half up to a minor unit, plus the fixed part, and
    /// never more than the amount itself.
    #[must_use]
    pub fn fee(self, amount: Money) -> Money {
        let share = (i128::from(amount.minor()) * i128::from(self.basis_points) + 5_000) / 10_000;
        let fee = (share + i128::from(self.fixed_minor)).min(i128::from(amount.minor()));
        // Between 0 and the amount, hence in range.
        Money::from_minor(i64::try_from(fee).unwrap_or(amount.minor()), amount.currency())
    }
}

/// The part of a fee that belongs to a part of what was captured, after `before` of it was given
/// back already. All parts together are the fee, to the last minor unit.
///
/// It looks at amounts only, not at what was returned of the fee so far: what was given back while
/// the issuer kept its fees stays kept.
#[must_use]
pub fn fee_of_part(fee: Money, captured: Money, before: Money, part: Money) -> Money {
    let captured = i128::from(captured.minor()).max(1);
    let share = |amount: i128| i128::from(fee.minor()) * amount / captured;
    let before = i128::from(before.minor());
    let of_part = share(before + i128::from(part.minor())) - share(before);
    // No more than the fee, hence in range.
    Money::from_minor(i64::try_from(of_part).unwrap_or(0), fee.currency())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wallet_core::{Currency, Money};

    use super::{FeeRule, fee_of_part};

    fn money(minor: i64) -> Money {
        Money::from_minor(minor, Currency::from_code("CNY").unwrap())
    }

    proptest! {
        #[test]
        fn the_parts_of_a_fee_are_the_fee_and_none_is_more_than_its_part_of_the_payment(
            (captured, fee, cuts) in (1..=i64::MAX).prop_flat_map(|captured| {
                (Just(captured), 0..=captured, prop::collection::vec(0..=captured, 0..6))
            }),
        ) {
            let mut ends = cuts;
            ends.push(captured);
            ends.sort_unstable();
            let (mut before, mut sum) = (0, 0);
            for end in ends {
                let part =
                    fee_of_part(money(fee), money(captured), money(before), money(end - before));
                prop_assert!((0..=end - before).contains(&part.minor()));
                sum += part.minor();
                before = end;
            }
            prop_assert_eq!(sum, fee);
        }

        #[test]
        fn a_fee_is_the_nearest_minor_unit_and_leaves_the_merchant_no_less_than_nothing(
            basis_points in 0..=10_000_u16,
            fixed in 0..1_000_i64,
            amount in 1..=i64::MAX,
        ) {
            let rule = FeeRule::new(basis_points, fixed).unwrap();
            prop_assert_eq!((rule.basis_points(), rule.fixed_minor()), (basis_points, fixed));
            let money = Money::from_minor(amount, Currency::from_code("CNY").unwrap());
            let fee = rule.fee(money).minor();
            prop_assert!((0..=amount).contains(&fee));
            if fee < amount {
                let exact = i128::from(amount) * i128::from(basis_points);
                let twice_off = 2 * (i128::from(fee - fixed) * 10_000 - exact);
                prop_assert!(-10_000 < twice_off && twice_off <= 10_000);
            }
        }
    }

    #[test]
    fn what_was_given_back_while_fees_were_kept_is_not_owed_later() {
        // 99.00 of 100.00 came back without its part of the fee of 2.00; then the last 1.00 has its own.
        let part = fee_of_part(money(200), money(10_000), money(9_900), money(100));
        assert_eq!(part, money(2));
    }

    #[test]
    fn a_fee_rounds_half_up_and_never_exceeds_the_amount() {
        for (basis_points, fixed, amount, fee) in [
            (0, 0, 1250, 0),
            (60, 0, 1250, 8), // 7.5
            (60, 0, 1249, 7), // 7.494
            (60, 10, 1250, 18),
            (10_000, 0, 1250, 1250),
            (10_000, 1, 1250, 1250),
            (0, 500, 3, 3),
            (10_000, 0, i64::MAX, i64::MAX),
        ] {
            let amount = Money::from_minor(amount, Currency::from_code("CNY").unwrap());
            assert_eq!(FeeRule::new(basis_points, fixed).unwrap().fee(amount).minor(), fee);
        }
    }

    #[test]
    fn a_rule_above_all_or_below_nothing_does_not_exist() {
        assert_eq!(FeeRule::new(10_001, 0), None);
        assert_eq!(FeeRule::new(0, -1), None);
    }
}
