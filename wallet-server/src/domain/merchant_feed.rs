//! What happened to merchants, added up: the running balance of each, and where days end.
//!
//! Everything follows the journal's order. A day ends before the first event of a later day; what
//! is committed late, with the time of a day that has ended, belongs to the day that is open.

use std::collections::HashMap;

use wallet_core::{Currency, Money, Timestamp};

use super::ids::MerchantId;
use super::limits::{Calendar, Day};

/// What an event did to a merchant's money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    /// To the merchant's account: what the merchant may have paid out.
    pub net: Money,
    /// To the fee account: what the merchant paid, or got back.
    pub fee: Money,
}

impl Moved {
    /// What it was about: net and fee together.
    ///
    /// # Errors
    /// When that is more than 64 bits hold.
    pub fn gross(&self) -> Result<Money, wallet_core::Error> {
        self.net.checked_add(self.fee)
    }
}

/// An event of the journal that concerns a merchant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Happened {
    /// Its batch's place in the journal.
    pub position: i64,
    /// Its number in the batch.
    pub n: i64,
    /// Whom it concerns.
    pub merchant: MerchantId,
    /// `payment.succeeded` and the like.
    pub event_type: String,
    /// What it is about.
    pub subject: [u8; 16],
    /// When its batch was committed.
    pub created_at: Timestamp,
    /// The currency of what moved, or else the merchant's.
    pub currency: Currency,
    /// What moved, if something did.
    pub moved: Option<Moved>,
}

/// An event with what its merchant has after it, in its currency.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fed {
    /// The event.
    pub happened: Happened,
    /// What the merchant has.
    pub balance: Money,
}

/// What merchants have, in each of their currencies.
pub type Balances = HashMap<(MerchantId, Currency), Money>;

/// Adds events up, in their order, on what merchants had before. Who is not there had nothing.
///
/// # Errors
/// When a balance is more than 64 bits hold.
pub fn add_up(
    mut balances: Balances,
    events: Vec<Happened>,
) -> Result<Vec<Fed>, wallet_core::Error> {
    let add = |happened: Happened| {
        let key = (happened.merchant, happened.currency);
        let balance = balances.entry(key).or_insert_with(|| Money::zero(happened.currency));
        if let Some(moved) = happened.moved {
            *balance = balance.checked_add(moved.net)?;
        }
        Ok(Fed { balance: *balance, happened })
    };
    events.into_iter().map(add).collect()
}

/// Where a day ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayEnd {
    /// The day.
    pub day: Day,
    /// The last position in the journal that belongs to it.
    pub last_position: i64,
}

/// How long after midnight a day is over: a batch reads the time when it begins, waits for the
/// database at most 20 seconds, and gets its position some milliseconds later.
pub const CLOSING_MILLIS: i64 = 60_000;

/// The days that are over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Days {
    /// The last one of them.
    pub closed: Day,
}

impl Days {
    /// Begins with the day on which the books were begun, which is open.
    #[must_use]
    pub fn begin(calendar: &Calendar, begun_at: Timestamp) -> Self {
        Self { closed: before(calendar.day(begun_at)) }
    }

    /// Ends every day before that of an event, before its position. Days without events have no
    /// end of their own.
    pub fn reach(&mut self, day: Day, position: i64) -> Option<DayEnd> {
        let open = after(self.closed);
        if day <= open {
            return None;
        }
        self.closed = before(day);
        Some(DayEnd { day: open, last_position: position.saturating_sub(1) })
    }

    /// Ends every day that is over by now, when everything up to a position is there.
    pub fn pass(&mut self, calendar: &Calendar, now: Timestamp, last: i64) -> Option<DayEnd> {
        let today = calendar.day(now.plus_millis(-CLOSING_MILLIS));
        self.reach(today, last.saturating_add(1))
    }
}

fn after(Day(day): Day) -> Day {
    Day(day.saturating_add(1))
}

fn before(Day(day): Day) -> Day {
    Day(day.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use wallet_core::{Currency, Money, Timestamp};

    use super::{Balances, Calendar, Day, DayEnd, Days, Happened, MerchantId, Moved, add_up};

    fn money(minor: i64) -> Money {
        Money::from_minor(minor, Currency::from_code("CNY").unwrap())
    }

    fn event(merchant: u8, position: i64, moved: Option<(i64, i64)>) -> Happened {
        Happened {
            position,
            n: 0,
            merchant: MerchantId::from_bytes([merchant; 16]),
            event_type: "payment.succeeded".to_owned(),
            subject: [1; 16],
            created_at: Timestamp::from_unix_millis(position),
            currency: money(0).currency(),
            moved: moved.map(|(net, fee)| Moved { net: money(net), fee: money(fee) }),
        }
    }

    #[test]
    fn every_event_says_what_its_merchant_has_after_it() {
        let before =
            Balances::from([((MerchantId::from_bytes([1; 16]), money(0).currency()), money(50))]);
        let events = vec![
            event(1, 1, Some((90, 10))),
            event(2, 1, Some((5, 0))),
            event(1, 2, None),
            event(1, 3, Some((-100, -10))),
        ];
        let fed = add_up(before, events).unwrap();
        let balances: Vec<i64> = fed.iter().map(|fed| fed.balance.minor()).collect();
        assert_eq!(balances, [140, 5, 140, 40]);
        assert_eq!(fed[3].happened.moved.unwrap().gross().unwrap(), money(-110));
    }

    #[test]
    fn what_does_not_fit_is_no_balance() {
        let events = vec![event(1, 1, Some((i64::MAX, 0))), event(1, 2, Some((1, 0)))];
        assert!(add_up(Balances::new(), events).is_err());
    }

    #[test]
    fn a_day_ends_before_the_first_event_of_a_later_one() {
        let mut days = Days { closed: Day(9) };
        assert_eq!(days.reach(Day(10), 1), None);
        assert_eq!(days.reach(Day(10), 2), None);
        // Three days later, two of which had nothing.
        assert_eq!(days.reach(Day(13), 7), Some(DayEnd { day: Day(10), last_position: 6 }));
        assert_eq!(days.closed, Day(12));
        // Late, or after the clock was set back: it belongs to the day that is open.
        assert_eq!(days.reach(Day(11), 8), None);
        assert_eq!(days.reach(Day(13), 9), None);
        assert_eq!(days.reach(Day(14), 10), Some(DayEnd { day: Day(13), last_position: 9 }));
    }

    #[test]
    fn a_day_without_a_later_event_is_over_a_minute_after_its_midnight() {
        let calendar = Calendar::new(TimeZone::UTC);
        let midnight = Timestamp::from_unix_seconds(86_400);
        let mut days = Days::begin(&calendar, Timestamp::from_unix_seconds(100));
        assert_eq!(days.closed, Day(-1));
        assert_eq!(days.pass(&calendar, midnight.plus_millis(59_999), 3), None);
        let end = days.pass(&calendar, midnight.plus_millis(60_000), 3);
        assert_eq!(end, Some(DayEnd { day: Day(0), last_position: 3 }));
        assert_eq!(
            (days.closed, days.pass(&calendar, midnight.plus_millis(70_000), 4)),
            (Day(0), None)
        );
    }
}
