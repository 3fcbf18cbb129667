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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wallet_core::{Currency, Money};

    use super::FeeRule;

    proptest! {
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
