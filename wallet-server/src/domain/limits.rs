//! What a payer may spend, and how much of it is left today.

use wallet_core::{Money, Timestamp};

/// A day in the issuer's time zone: days since 1970-01-01.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Day(pub i32);

/// Where the issuer's days begin.
#[derive(Clone, Debug)]
pub struct Calendar(jiff::tz::TimeZone);

impl Calendar {
    /// The days of a time zone.
    #[must_use]
    pub fn new(zone: jiff::tz::TimeZone) -> Self {
        Self(zone)
    }

    /// The day that a moment lies in.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> Day {
        // Out of jiff's range (years -9999 to 9999) only with a broken clock.
        let instant = jiff::Timestamp::from_millisecond(at.unix_millis()).unwrap_or_default();
        let date = self.0.to_datetime(instant).date();
        let epoch = jiff::civil::Date::constant(1970, 1, 1);
        Day(date.since(epoch).map_or(0, |span| span.get_days()))
    }
}

/// The limits in force for a payment; stored with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most for one payment.
    pub payment: Money,
    /// The most for one day.
    pub day: Money,
}

/// What a payer spent on one day. Holds count from the moment they are placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// The sum of the day's payments.
    pub spent: Money,
    /// How many there were.
    pub count: i64,
}

impl Limits {
    /// What the day will have seen after a payment of `amount`; `None` when that is more than the
    /// limits allow.
    #[must_use]
    pub fn allow(&self, amount: Money, today: Usage) -> Option<Usage> {
        let within = |sum: &Money, limit: Money| {
            sum.currency() == limit.currency() && sum.minor() <= limit.minor()
        };
        let spent = today.spent.checked_add(amount).ok()?;
        let allowed = within(&amount, self.payment) && within(&spent, self.day);
        allowed.then_some(Usage { spent, count: today.count.checked_add(1)? })
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::{Currency, Money, Timestamp};

    use super::{Calendar, Day, Limits, Usage};

    fn yuan(minor: i64) -> Money {
        Money::from_minor(minor, Currency::from_code("CNY").unwrap())
    }

    #[test]
    fn a_payment_may_use_up_both_limits_but_not_exceed_them() {
        let limits = Limits { payment: yuan(200), day: yuan(500) };
        for (amount, spent, allowed) in
            [(200, 0, true), (201, 0, false), (200, 300, true), (200, 301, false), (1, 500, false)]
        {
            let usage = Usage { spent: yuan(spent), count: 1 };
            assert_eq!(
                limits.allow(yuan(amount), usage).is_some(),
                allowed,
                "{amount} after {spent}"
            );
        }
        let usage = Usage { spent: yuan(i64::MAX), count: 1 };
        assert_eq!(limits.allow(yuan(1), usage), None);
    }

    #[test]
    fn days_begin_at_midnight_in_the_issuers_time_zone() {
        let shanghai = Calendar::new(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
        let utc = Calendar::new(jiff::tz::TimeZone::UTC);
        let at = Timestamp::from_unix_seconds(86_400 + 16 * 3600);
        assert_eq!(utc.day(at), Day(1));
        assert_eq!(shanghai.day(at), Day(2));
        assert_eq!(shanghai.day(at.plus_millis(-1)), Day(1));
    }
}
