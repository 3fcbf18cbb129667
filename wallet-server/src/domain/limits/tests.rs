use wallet_core::{Currency, Money, Timestamp};

use super::{
    Calendar, Day, LimitName, LimitRules, Limits, OwnLimits, Proof, ProofLimits, Today, Usage,
};

fn yuan(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("CNY").unwrap())
}

fn limits(payment: i64, day: i64, month: i64) -> Limits {
    let (payment, day, month) = (yuan(payment), yuan(day), yuan(month));
    Limits { payment, day, month, without_pin: yuan(100), without_pin_count: 3 }
}

fn rules() -> LimitRules {
    LimitRules {
        issuer: limits(1000, 2000, 9000),
        new_payers: limits(200, 500, 3000),
        new_device_payment: yuan(50),
        new_device_day: yuan(80),
        proof: ProofLimits { static_code: yuan(100), code: yuan(400), pin: yuan(5000) },
    }
}

fn usage(day: i32, month_start: i32) -> Usage {
    Usage { day: Day(day), month_start: Day(month_start), ..Usage::default() }
}

/// Which limit is in the way of an amount, and what is left of it.
fn in_the_way(amount: i64, usage: &Usage, proof: Proof) -> Option<(LimitName, i64)> {
    let rules = rules();
    let limits = rules.of(&OwnLimits::default());
    let over = rules.allow(&limits, yuan(amount), usage, proof).err()?;
    Some((over.limit, over.left.minor()))
}

#[test]
fn a_payment_may_use_up_every_limit_but_not_exceed_it() {
    let fresh = usage(10, 0);
    assert_eq!(in_the_way(200, &fresh, Proof::Pin), None);
    assert_eq!(in_the_way(201, &fresh, Proof::Pin), Some((LimitName::Payment, 200)));
    let day = Usage { day_pin: 301, ..fresh };
    assert_eq!(in_the_way(199, &day, Proof::Pin), None);
    assert_eq!(in_the_way(200, &day, Proof::Pin), Some((LimitName::Day, 199)));
    let month = Usage { month: 2900, ..fresh };
    assert_eq!(in_the_way(100, &month, Proof::Pin), None);
    assert_eq!(in_the_way(101, &month, Proof::Pin), Some((LimitName::Month, 100)));
}

#[test]
fn a_weaker_proof_counts_against_the_limit_of_a_stronger_one_and_not_the_other_way_round() {
    let pin = Usage { day_pin: 300, ..usage(10, 0) };
    assert_eq!(in_the_way(200, &pin, Proof::Code), None);
    let code = Usage { day_code: 301, ..usage(10, 0) };
    assert_eq!(in_the_way(100, &code, Proof::Code), Some((LimitName::Proof, 99)));
    assert_eq!(in_the_way(100, &code, Proof::Pin), None);
    // Both together are what may be lost with the device alone.
    assert_eq!(in_the_way(99, &code, Proof::Static), None);
    assert_eq!(in_the_way(100, &code, Proof::Static), Some((LimitName::Proof, 99)));
    let both = Usage { day_static: 100, day_code: 250, ..usage(10, 0) };
    assert_eq!(in_the_way(51, &both, Proof::Code), Some((LimitName::Proof, 50)));
    assert_eq!(in_the_way(1, &both, Proof::Static), Some((LimitName::Proof, 0)));
}

#[test]
fn what_a_static_code_is_paid_counts_as_such_and_the_pin_lifts_only_the_limit_of_the_device() {
    let rules = rules();
    let limits = rules.of(&OwnLimits::default());
    let allow = |amount, usage: &Usage, with_pin| {
        let allowed = rules.allow_static(&limits, yuan(amount), usage, with_pin);
        allowed.map_err(|over| (over.limit, over.left.minor()))
    };
    let spent = Usage { day_code: 390, ..usage(10, 0) };
    assert_eq!(allow(11, &spent, false), Err((LimitName::Proof, 10)));
    let paid = allow(100, &spent, true).unwrap();
    assert_eq!((paid.day_static, paid.day_pin, paid.day_without_pin), (100, 0, 0));
    assert_eq!(allow(1, &paid, true), Err((LimitName::Proof, 0)));
    let paid = allow(10, &spent, false).unwrap();
    assert_eq!((paid.day_static, paid.day_without_pin), (10, 1));
}

#[test]
fn sums_beyond_64_bits_are_over_the_limit() {
    let huge = Usage { day_pin: i64::MAX, month: i64::MAX, ..usage(10, 0) };
    assert!(in_the_way(1, &huge, Proof::Pin).is_some());
}

#[test]
fn no_payer_gets_beyond_the_issuers_limits_and_a_new_device_gets_less() {
    let own = OwnLimits { payment: Some(5000), day: Some(300), ..OwnLimits::default() };
    let rules = rules();
    let found = rules.of(&own);
    assert_eq!((found.payment, found.day, found.month), (yuan(1000), yuan(300), yuan(3000)));
    let new = rules.of_device(&own, true);
    assert_eq!((new.payment, new.day, new.month), (yuan(50), yuan(80), yuan(3000)));
}

#[test]
fn another_day_and_another_month_begin_with_nothing_spent() {
    let before = usage(40, 31).counting(70, Proof::Code).unwrap();
    let next_day = before.on(Today { day: Day(41), month_start: Day(31) });
    assert_eq!((next_day.day_spent(), next_day.day_without_pin, next_day.month), (0, 0, 70));
    let next_month = before.on(Today { day: Day(59), month_start: Day(59) });
    assert_eq!((next_month.day_spent(), next_month.month), (0, 0));
}

#[test]
fn nothing_is_allowed_in_a_currency_without_limits() {
    let dollars = Money::from_minor(1, Currency::from_code("USD").unwrap());
    let rules = rules();
    let limits = rules.of(&OwnLimits::default());
    let over = rules.allow(&limits, dollars, &usage(10, 0), Proof::Pin).unwrap_err();
    assert_eq!((over.limit, over.left), (LimitName::Payment, Money::zero(dollars.currency())));
}

#[test]
fn what_needs_no_pin_is_the_lower_of_the_payers_and_the_issuers() {
    let rules = rules();
    for (own, found) in [((Some(50), Some(9)), (50, 3)), ((Some(500), Some(2)), (100, 2))] {
        let own =
            OwnLimits { without_pin: own.0, without_pin_count: own.1, ..OwnLimits::default() };
        let limits = rules.of(&own);
        assert_eq!((limits.without_pin, limits.without_pin_count), (yuan(found.0), found.1));
    }
}

#[test]
fn a_clock_that_is_turned_back_opens_no_new_day() {
    let before = usage(40, 31).counting(70, Proof::Code).unwrap();
    assert_eq!(before.on(Today { day: Day(40), month_start: Day(31) }), before);
    assert_eq!(before.on(Today { day: Day(39), month_start: Day(31) }), before);
    assert_eq!(before.on(Today { day: Day(30), month_start: Day(0) }), before);
}

#[test]
fn what_is_released_counts_no_more_on_its_own_day_and_month() {
    let counted = usage(40, 31).counting(70, Proof::Pin).unwrap();
    assert_eq!(counted.releasing(70, Proof::Pin, Day(40)), usage(40, 31));
    let next_day = counted.on(Today { day: Day(41), month_start: Day(31) });
    assert_eq!(next_day.releasing(70, Proof::Pin, Day(40)).month, 0);
    let next_month = counted.on(Today { day: Day(59), month_start: Day(59) });
    let next_month = next_month.counting(5, Proof::Pin).unwrap();
    assert_eq!(next_month.releasing(70, Proof::Pin, Day(40)), next_month);
}

#[test]
fn a_day_has_one_name_and_ends_where_the_next_one_begins() {
    let calendar = Calendar::new(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
    let day = Day::from_date("2026-11-22").unwrap();
    let end = calendar.end(day);
    assert_eq!(end.unix_seconds(), 1_795_363_200);
    assert_eq!(calendar.day(end.plus_millis(-1)), day);
    assert_eq!(calendar.day(end), Day(day.0 + 1));
    assert_eq!(calendar.time_zone(), "Asia/Shanghai");
    assert_eq!(Day::from_date("1970-01-01"), Some(Day(0)));
    for text in ["", "2026-11-31", "20261122", "2026-11-22T00:00", "2026-1-2", "+002026-11-22"] {
        assert_eq!(Day::from_date(text), None, "{text}");
    }
    // A day of 23 hours.
    let berlin = Calendar::new(jiff::tz::TimeZone::get("Europe/Berlin").unwrap());
    let short = Day::from_date("2027-03-28").unwrap();
    let length = berlin.end(short).unix_seconds() - berlin.end(Day(short.0 - 1)).unix_seconds();
    assert_eq!(length, 23 * 3600);
}

#[test]
fn days_begin_at_midnight_in_the_issuers_time_zone() {
    let shanghai = Calendar::new(jiff::tz::TimeZone::get("Asia/Shanghai").unwrap());
    let utc = Calendar::new(jiff::tz::TimeZone::UTC);
    let at = Timestamp::from_unix_seconds(86_400 + 16 * 3600);
    assert_eq!(utc.day(at), Day(1));
    assert_eq!(shanghai.day(at), Day(2));
    assert_eq!(shanghai.day(at.plus_millis(-1)), Day(1));
    let february = Timestamp::from_unix_seconds(86_400 * 30 + 16 * 3600);
    assert_eq!(utc.today(february), Today { day: Day(30), month_start: Day(0) });
    assert_eq!(shanghai.today(february), Today { day: Day(31), month_start: Day(31) });
}
