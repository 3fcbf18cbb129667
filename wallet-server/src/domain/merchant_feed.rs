//! What happened to merchants, added up: the running balance of each, and where days end.
//!
//! Everything follows the journal's order. A day ends before the first event of a later day; what
//! is committed late, with the time of a day that has ended, belongs to the day that is open, and so
//! does what is committed with the time of a day that is not believed to have come: a day that has
//! ended stays ended, and a clock may be wrong.

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

    /// Ends every day that is over by now, as far as that is believed, when everything up to a
    /// position is there.
    pub fn pass(
        &mut self,
        calendar: &Calendar,
        now: Timestamp,
        believed: Day,
        last: i64,
    ) -> Option<DayEnd> {
        let today = calendar.day(now.plus_millis(-CLOSING_MILLIS));
        self.reach(today.min(believed), last.saturating_add(1))
    }
}

/// The latest day that a clock is believed to have come to. A day that has ended stays ended: so a clock
/// that is set to a wrong year for a moment must not end all days until then.
///
/// What the clock shows first is believed. From then on it gets a day further in a minute at the most,
/// or as many days as have passed: so one that was right to jump, as after the machine was suspended,
/// is believed after some minutes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Believed {
    day: Day,
    /// When it came to that day, on a clock that nobody sets.
    since_millis: i64,
}

const MINUTE_MILLIS: i64 = 60_000;
const DAY_MILLIS: i64 = 24 * 60 * MINUTE_MILLIS;

impl Believed {
    /// What the clock shows first, and what the clock that nobody sets shows at that time.
    #[must_use]
    pub fn begin(shown: Day, steady_millis: i64) -> Self {
        Self { day: shown, since_millis: steady_millis }
    }

    /// The clock shows this day now; says which day is believed. It never goes back.
    pub fn look(&mut self, shown: Day, steady_millis: i64) -> Day {
        let passed = steady_millis.saturating_sub(self.since_millis);
        // The midnight of a day may come a moment after the last look.
        let days = passed / DAY_MILLIS + i64::from(passed >= MINUTE_MILLIS);
        let most = self.day.0.saturating_add(i32::try_from(days).unwrap_or(i32::MAX));
        let believed = Day(shown.0.min(most));
        if believed > self.day {
            *self = Self { day: believed, since_millis: steady_millis };
        }
        self.day
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

    use super::{
        Balances, Believed, Calendar, Day, DayEnd, Days, Happened, MerchantId, Moved, add_up,
    };

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
        let mut pass = |millis, last| {
            let end = days.pass(&calendar, midnight.plus_millis(millis), Day(1), last);
            (end, days.closed)
        };
        assert_eq!(pass(59_999, 3).0, None);
        let (end, closed) = pass(60_000, 3);
        assert_eq!(end, Some(DayEnd { day: Day(0), last_position: 3 }));
        assert_eq!((closed, pass(70_000, 4).0), (Day(0), None));
        // Years later, which nobody believes.
        assert_eq!(pass(100_000_000_000, 5), (None, Day(0)));
    }

    #[test]
    fn a_clock_that_is_set_gets_one_day_further_in_a_minute_and_time_that_passes_counts() {
        let (day, minute) = (super::DAY_MILLIS, super::MINUTE_MILLIS);
        let mut believed = Believed::begin(Day(10), 500);
        assert_eq!(believed.look(Day(10), 500), Day(10));
        // Set to another year, for a moment.
        assert_eq!(believed.look(Day(2000), 500 + minute - 1), Day(10));
        assert_eq!(believed.look(Day(2000), 500 + minute), Day(11));
        assert_eq!(believed.look(Day(2000), 500 + minute), Day(11));
        // Right again, or even set back.
        assert_eq!(believed.look(Day(9), 500 + 10 * minute), Day(11));
        // A day later in truth, and then a month in which nobody looked.
        assert_eq!(believed.look(Day(12), 500 + day), Day(12));
        assert_eq!(believed.look(Day(42), 500 + 31 * day), Day(42));
        // A machine that slept for three days gets there.
        let woken: Vec<Day> =
            (1..=4).map(|it| believed.look(Day(45), 500 + 31 * day + it * minute)).collect();
        assert_eq!(woken, [Day(43), Day(44), Day(45), Day(45)]);
    }
}
