//! The double-entry ledger: accounts, entries and the transfers that balance them.
//!
//! Every movement of money is a [`Transfer`]: entries that sum to zero in each currency. An
//! entry's amount is signed, credit positive: it adds to what the account holds. The bank account
//! is an asset, so money that payers paid in stands there as a negative sum, its debit balance.
//!
//! | account | class | a credit means |
//! |---|---|---|
//! | payer | liability | we owe the payer more |
//! | merchant | liability | we owe the merchant more |
//! | fees | income | we earned it |
//! | suspense | liability | money whose owner is to be found |
//! | bank | asset | money left our bank account |
//!
//! Each account has two buckets: what is `available` and what is `held` for payments that are
//! not captured yet. A hold is a transfer from one bucket to the other.

use wallet_core::{Currency, Money};

use super::ids::{AccountId, TransferId};
use crate::domain::named::named;

/// The kinds of account in the books.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum AccountKind {
    /// A payer's wallet; never below zero.
    Payer,
    /// What a merchant is owed.
    Merchant,
    /// Fees earned.
    Fees,
    /// Money whose owner is to be found.
    Suspense,
    /// The bank account that backs everything.
    Bank,
}

named!(AccountKind {
    Payer => "payer",
    Merchant => "merchant",
    Fees => "fees",
    Suspense => "suspense",
    Bank => "bank",
});

/// Which part of an account an entry touches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Bucket {
    /// Free to be spent or paid out.
    Available,
    /// Set aside for a payment that is not captured yet.
    Held,
}

impl Bucket {
    /// `available` or `held`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Held => "held",
        }
    }
}

/// Which balance row of an account an entry counts in.
///
/// Accounts that many payments touch have several rows, so that server processes do not wait for
/// each other; a payer's has one.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Shard(pub u16);

/// One line of the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    /// The account.
    pub account: AccountId,
    /// Its balance row.
    pub shard: Shard,
    /// Its bucket.
    pub bucket: Bucket,
    /// Signed, credit positive.
    pub amount: Money,
}

impl Entry {
    /// An entry that adds to an account's available money.
    #[must_use]
    pub fn available(account: AccountId, shard: Shard, amount: Money) -> Self {
        Self { account, shard, bucket: Bucket::Available, amount }
    }
}

/// Why entries are not a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unbalanced {
    /// Their sum in this currency is not zero.
    #[error("entries in {0} do not sum to zero")]
    Sum(Currency),
    /// Their sum does not fit into 64 bits.
    #[error("entries overflow")]
    Overflow,
    /// There are none, or one of them moves nothing.
    #[error("a transfer has entries and each moves money")]
    Empty,
}

/// Entries that move money and create none: they sum to zero in each currency.
///
/// [`Transfer::new`] is the only way to make one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transfer {
    id: TransferId,
    entries: Vec<Entry>,
}

impl Transfer {
    /// Balances entries into a transfer.
    ///
    /// # Errors
    /// [`Unbalanced`], when a sum is not zero or nothing moves.
    pub fn new(id: TransferId, entries: Vec<Entry>) -> Result<Self, Unbalanced> {
        if entries.is_empty() || entries.iter().any(|entry| entry.amount.minor() == 0) {
            return Err(Unbalanced::Empty);
        }
        for entry in &entries {
            let currency = entry.amount.currency();
            let sum = entries
                .iter()
                .filter(|other| other.amount.currency() == currency)
                .try_fold(0_i64, |sum, other| sum.checked_add(other.amount.minor()))
                .ok_or(Unbalanced::Overflow)?;
            if sum != 0 {
                return Err(Unbalanced::Sum(currency));
            }
        }
        Ok(Self { id, entries })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> TransferId {
        self.id
    }

    /// Its entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wallet_core::{Currency, Money};

    use super::{Bucket, Entry, Shard, Transfer, Unbalanced};
    use crate::domain::ids::{AccountId, TransferId};

    fn entry(account: u8, minor: i64, currency: &str) -> Entry {
        let currency = Currency::from_code(currency).unwrap();
        let account = AccountId::from_bytes([account; 16]);
        Entry::available(account, Shard(0), Money::from_minor(minor, currency))
    }

    fn transfer(entries: Vec<Entry>) -> Result<Transfer, Unbalanced> {
        Transfer::new(TransferId::from_bytes([1; 16]), entries)
    }

    #[test]
    fn entries_that_do_not_sum_to_zero_in_each_currency_are_no_transfer() {
        let yuan = Currency::from_code("CNY").unwrap();
        assert_eq!(
            transfer(vec![entry(1, -5, "CNY"), entry(2, 4, "CNY")]),
            Err(Unbalanced::Sum(yuan))
        );
        assert_eq!(
            transfer(vec![entry(1, -5, "CNY"), entry(2, 5, "USD")]),
            Err(Unbalanced::Sum(yuan))
        );
        transfer(vec![entry(1, -5, "CNY"), entry(2, 4, "CNY"), entry(3, 1, "CNY")]).unwrap();
    }

    #[test]
    fn nothing_moved_is_no_transfer() {
        assert_eq!(transfer(vec![]), Err(Unbalanced::Empty));
        assert_eq!(transfer(vec![entry(1, 0, "CNY"), entry(2, 0, "CNY")]), Err(Unbalanced::Empty));
    }

    #[test]
    fn sums_that_overflow_are_no_transfer() {
        let entries =
            vec![entry(1, i64::MAX, "CNY"), entry(2, 1, "CNY"), entry(3, i64::MIN, "CNY")];
        assert_eq!(transfer(entries), Err(Unbalanced::Overflow));
    }

    proptest! {
        #[test]
        fn a_transfer_always_sums_to_zero(amounts in prop::collection::vec(-9_i64..9, 0..6)) {
            let entries: Vec<_> = amounts.iter().map(|minor| entry(1, *minor, "CNY")).collect();
            let sum: i64 = amounts.iter().sum();
            prop_assert!(transfer(entries).is_err() || sum == 0);
        }
    }

    #[test]
    fn buckets_are_called_what_the_books_call_them() {
        assert_eq!([Bucket::Available, Bucket::Held].map(Bucket::as_str), ["available", "held"]);
    }
}
