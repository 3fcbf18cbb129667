//! A day's statement of one merchant: what it had, what moved, and what it has.

use std::collections::BTreeMap;

use wallet_core::{Currency, Money};

use super::merchant_feed::Moved;

/// Movements added up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sum {
    /// How many there are.
    pub count: u64,
    /// Net and fee together.
    pub gross: Money,
    /// What the merchant paid, or got back.
    pub fee: Money,
    /// What the merchant got, or gave.
    pub net: Money,
}

impl Sum {
    fn nothing(currency: Currency) -> Self {
        let zero = Money::zero(currency);
        Self { count: 0, gross: zero, fee: zero, net: zero }
    }

    fn plus(self, moved: Moved) -> Result<Self, wallet_core::Error> {
        Ok(Self {
            count: self.count.saturating_add(1),
            gross: self.gross.checked_add(moved.gross()?)?,
            fee: self.fee.checked_add(moved.fee)?,
            net: self.net.checked_add(moved.net)?,
        })
    }
}

/// The totals in one currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Totals {
    /// What the merchant had before the day.
    pub opening: Money,
    /// Everything that moved.
    pub all: Sum,
    /// The same by what happened, such as `payment.succeeded`.
    pub by_type: BTreeMap<String, Sum>,
    /// What the merchant has after the day: what it had, and the net.
    pub closing: Money,
}

impl Totals {
    /// A day that begins with so much.
    #[must_use]
    pub fn open(opening: Money) -> Self {
        let all = Sum::nothing(opening.currency());
        Self { opening, all, by_type: BTreeMap::new(), closing: opening }
    }

    /// Adds a movement, after which the merchant has this balance.
    ///
    /// # Errors
    /// [`NotAStatement`].
    pub fn add(
        &mut self,
        event_type: &str,
        moved: Moved,
        balance: Money,
    ) -> Result<(), NotAStatement> {
        let closing = self.closing.checked_add(moved.net).map_err(|_| NotAStatement)?;
        if closing != balance {
            return Err(NotAStatement);
        }
        let of_type = self.by_type.get(event_type).copied();
        let of_type = of_type.unwrap_or_else(|| Sum::nothing(self.opening.currency()));
        let of_type = of_type.plus(moved).map_err(|_| NotAStatement)?;
        self.all = self.all.plus(moved).map_err(|_| NotAStatement)?;
        self.by_type.insert(event_type.to_owned(), of_type);
        self.closing = closing;
        Ok(())
    }
}

/// The movements do not lead from one balance to the next, or not within 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a statement's movements do not lead from one balance to the next")]
pub struct NotAStatement;

#[cfg(test)]
mod tests {
    use wallet_core::{Currency, Money};

    use super::{Moved, NotAStatement, Totals};

    fn money(minor: i64) -> Money {
        Money::from_minor(minor, Currency::from_code("CNY").unwrap())
    }

    fn moved(net: i64, fee: i64) -> Moved {
        Moved { net: money(net), fee: money(fee) }
    }

    #[test]
    fn totals_lead_from_the_opening_balance_to_the_closing_one() {
        let mut totals = Totals::open(money(1000));
        totals.add("payment.succeeded", moved(989, 11), money(1989)).unwrap();
        totals.add("payment.succeeded", moved(495, 5), money(2484)).unwrap();
        totals.add("refund.succeeded", moved(-330, -3), money(2154)).unwrap();
        assert_eq!((totals.opening, totals.closing), (money(1000), money(2154)));
        let all = totals.all;
        assert_eq!(
            (all.count, all.gross, all.fee, all.net),
            (3, money(1167), money(13), money(1154))
        );
        assert_eq!(totals.by_type["payment.succeeded"].count, 2);
        assert_eq!(totals.by_type["refund.succeeded"].gross, money(-333));
    }

    #[test]
    fn a_row_that_is_missing_or_altered_is_noticed() {
        let mut totals = Totals::open(money(0));
        totals.add("payment.succeeded", moved(10, 0), money(10)).unwrap();
        assert_eq!(totals.add("payment.succeeded", moved(10, 0), money(30)), Err(NotAStatement));
        let most = Totals::open(money(i64::MAX)).add("x", moved(1, 0), money(0));
        assert_eq!(most, Err(NotAStatement));
    }
}
