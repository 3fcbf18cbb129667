//! Money: a whole number of minor units and its currency.
//!
//! Amounts are never floats and never rounded. They enter and leave as decimal text
//! ("12.50"), and everything between is checked integer arithmetic.

mod currency;

use core::fmt;

use rust_decimal::Decimal;

pub use currency::Currency;

use crate::Error;

const MALFORMED: Error =
    Error::new("invalid_amount", "an amount is digits with at most one decimal point, as in 12.50");
const TOO_PRECISE: Error = Error::new(
    "amount_too_precise",
    "the amount has more digits after the point than its currency",
);
const TOO_LARGE: Error =
    Error::new("amount_too_large", "the amount exceeds 9223372036854775807 minor units");
const NOT_POSITIVE: Error =
    Error::new("amount_not_positive", "an amount to be moved is more than zero");
const MIXED: Error = Error::new("currency_mismatch", "the amounts are in different currencies");

/// The longest amount that can be a number in range: 19 digits and a point.
const TEXT_LENGTH_MAX: usize = 20;

/// An amount of money: signed minor units (fen, cents) of a currency.
///
/// Arithmetic is checked: it fails on overflow and on mixed currencies, and never wraps.
///
/// ```
/// use wallet_core::{Currency, Money};
/// let yuan = Currency::from_code("CNY")?;
/// let coffee = Money::parse("12.5", yuan)?;
/// assert_eq!(coffee.minor(), 1250);
/// assert_eq!(coffee.to_string(), "12.50 CNY");
/// assert_eq!(Money::parse("12.505", yuan).unwrap_err().code(), "amount_too_precise");
/// # Ok::<(), wallet_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of `minor` units, for example 1250 for 12.50 CNY.
    #[must_use]
    pub fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing, in this currency.
    #[must_use]
    pub fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    /// Reads an amount such as `12.50`: ASCII digits, at most one point with digits on both
    /// sides, no sign, no exponent, no separators.
    ///
    /// # Errors
    /// - `invalid_amount`: any other text;
    /// - `amount_too_precise`: more digits after the point than the currency has;
    /// - `amount_too_large`: more than `i64::MAX` minor units.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, Error> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(MALFORMED);
        }
        if text.contains('.') && fraction.len() > currency.exponent() as usize {
            return Err(TOO_PRECISE);
        }
        if text.len() > TEXT_LENGTH_MAX {
            return Err(TOO_LARGE);
        }
        let amount = Decimal::from_str_exact(text).map_err(|_| TOO_LARGE)?;
        Self::from_decimal(amount, currency)
    }

    /// The amount that a decimal number of major units stands for.
    ///
    /// # Errors
    /// `amount_too_precise` and `amount_too_large` as for [`parse`](Self::parse).
    pub fn from_decimal(amount: Decimal, currency: Currency) -> Result<Self, Error> {
        let scale = Decimal::from(10_u64.pow(currency.exponent()));
        let minor = amount.checked_mul(scale).ok_or(TOO_LARGE)?;
        if minor.fract() != Decimal::ZERO {
            return Err(TOO_PRECISE);
        }
        let minor = i64::try_from(minor.trunc()).map_err(|_| TOO_LARGE)?;
        Ok(Self { minor, currency })
    }

    /// The amount in major units, with as many digits after the point as the currency has.
    #[must_use]
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.minor, self.currency.exponent())
    }

    /// The amount without its currency, for example `12.50`.
    #[must_use]
    pub fn amount_text(self) -> String {
        self.to_decimal().to_string()
    }

    /// The number of minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Whether this is more than nothing.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// The sum.
    ///
    /// # Errors
    /// `currency_mismatch` or `amount_too_large`.
    pub fn checked_add(self, other: Self) -> Result<Self, Error> {
        self.with(other, i64::checked_add)
    }

    /// The difference; may be negative.
    ///
    /// # Errors
    /// `currency_mismatch` or `amount_too_large`.
    pub fn checked_sub(self, other: Self) -> Result<Self, Error> {
        self.with(other, i64::checked_sub)
    }

    fn with(self, other: Self, operation: fn(i64, i64) -> Option<i64>) -> Result<Self, Error> {
        if self.currency != other.currency {
            return Err(MIXED);
        }
        let minor = operation(self.minor, other.minor).ok_or(TOO_LARGE)?;
        Ok(Self { minor, currency: self.currency })
    }
}

/// An amount that can be moved: more than zero.
///
/// ```
/// use wallet_core::{Currency, Money, PositiveMoney};
/// let nothing = Money::zero(Currency::from_code("CNY")?);
/// assert_eq!(PositiveMoney::new(nothing).unwrap_err().code(), "amount_not_positive");
/// # Ok::<(), wallet_core::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PositiveMoney(Money);

impl PositiveMoney {
    /// An amount that is more than zero.
    ///
    /// # Errors
    /// `amount_not_positive`.
    pub fn new(money: Money) -> Result<Self, Error> {
        if money.is_positive() { Ok(Self(money)) } else { Err(NOT_POSITIVE) }
    }

    /// The amount.
    #[must_use]
    pub fn money(self) -> Money {
        self.0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Currency, Decimal, Money, PositiveMoney};

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).unwrap()
    }

    #[test]
    fn decimal_text_becomes_minor_units() {
        for (text, code, minor) in [
            ("12.50", "CNY", 1250),
            ("12.5", "CNY", 1250),
            ("12", "CNY", 1200),
            ("0.01", "CNY", 1),
            ("0", "CNY", 0),
            ("500", "JPY", 500),
            ("1.234", "KWD", 1234),
            ("92233720368547758.07", "CNY", i64::MAX),
        ] {
            assert_eq!(Money::parse(text, currency(code)).unwrap().minor(), minor, "{text} {code}");
        }
    }

    #[test]
    fn text_that_is_no_exact_amount_is_refused_by_name() {
        for (text, code, error) in [
            ("", "CNY", "invalid_amount"),
            ("-1", "CNY", "invalid_amount"),
            ("+1", "CNY", "invalid_amount"),
            ("1e3", "CNY", "invalid_amount"),
            ("1_000", "CNY", "invalid_amount"),
            ("1,000.00", "CNY", "invalid_amount"),
            (" 1", "CNY", "invalid_amount"),
            (".5", "CNY", "invalid_amount"),
            ("5.", "CNY", "invalid_amount"),
            ("1.2.3", "CNY", "invalid_amount"),
            ("１２", "CNY", "invalid_amount"),
            ("NaN", "CNY", "invalid_amount"),
            ("0.001", "CNY", "amount_too_precise"),
            ("12.500", "CNY", "amount_too_precise"),
            ("1.0", "JPY", "amount_too_precise"),
            ("92233720368547758.08", "CNY", "amount_too_large"),
            ("99999999999999999999999999999999", "CNY", "amount_too_large"),
            // Longer than any number in range, whatever it comes to.
            ("000000000000000000001", "CNY", "amount_too_large"),
        ] {
            assert_eq!(Money::parse(text, currency(code)).unwrap_err().code(), error, "{text}");
        }
    }

    #[test]
    fn sums_fail_instead_of_wrapping_or_mixing_currencies() {
        let most = Money::from_minor(i64::MAX, currency("CNY"));
        let one = Money::from_minor(1, currency("CNY"));
        assert_eq!(most.checked_add(one).unwrap_err().code(), "amount_too_large");
        let dollar = Money::from_minor(1, currency("USD"));
        assert_eq!(one.checked_sub(dollar).unwrap_err().code(), "currency_mismatch");
        assert_eq!(one.checked_sub(one).unwrap(), Money::zero(currency("CNY")));
        assert_eq!(one.checked_add(one).unwrap(), Money::from_minor(2, currency("CNY")));
        let least = Money::from_minor(i64::MIN, currency("CNY"));
        assert_eq!(least.checked_sub(one).unwrap_err().code(), "amount_too_large");
    }

    #[test]
    fn decimals_that_are_no_whole_minor_units_are_refused_by_name() {
        let minor = |amount: Decimal, code| {
            Money::from_decimal(amount, currency(code)).map(Money::minor).map_err(|it| it.code())
        };
        assert_eq!(minor(Decimal::new(125, 1), "CNY"), Ok(1250));
        assert_eq!(minor(Decimal::new(-125, 1), "CNY"), Ok(-1250));
        assert_eq!(minor(Decimal::new(12_500, 3), "CNY"), Ok(1250), "a zero is no precision");
        assert_eq!(minor(Decimal::new(12_505, 3), "CNY"), Err("amount_too_precise"));
        assert_eq!(minor(Decimal::new(5, 1), "JPY"), Err("amount_too_precise"));
        assert_eq!(minor(Decimal::new(i64::MAX, 1), "CNY"), Err("amount_too_large"));
        assert_eq!(minor(Decimal::MAX, "CNY"), Err("amount_too_large"));
    }

    #[test]
    fn an_amount_is_shown_with_all_its_digits_and_its_currency() {
        for (minor, code, text) in [
            (1250, "CNY", "12.50 CNY"),
            (-5, "CNY", "-0.05 CNY"),
            (0, "KWD", "0.000 KWD"),
            (500, "JPY", "500 JPY"),
        ] {
            let money = Money::from_minor(minor, currency(code));
            assert_eq!(
                (money.to_string(), format!("{money:?}")),
                (text.to_owned(), text.to_owned())
            );
            assert_eq!(format!("{} {code}", money.amount_text()), text);
            assert_eq!(format!("{:?}", money.currency()), code);
        }
    }

    #[test]
    fn only_more_than_nothing_can_be_moved() {
        for minor in [i64::MIN, -1, 0] {
            let money = Money::from_minor(minor, currency("CNY"));
            assert!(!money.is_positive());
            assert_eq!(PositiveMoney::new(money).unwrap_err().code(), "amount_not_positive");
        }
        let one = Money::from_minor(1, currency("CNY"));
        assert!(one.is_positive());
        assert_eq!(PositiveMoney::new(one).unwrap().money(), one);
    }

    proptest! {
        #[test]
        fn every_amount_reads_back_from_its_own_text(minor in 0..=i64::MAX, code in "CNY|JPY|KWD") {
            let money = Money::from_minor(minor, currency(&code));
            prop_assert_eq!(Money::parse(&money.amount_text(), money.currency()).unwrap(), money);
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in ".{0,40}") {
            let _ = Money::parse(&text, currency("CNY"));
        }
    }
}
