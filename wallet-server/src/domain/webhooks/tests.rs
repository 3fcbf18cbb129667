use wallet_core::Timestamp;

use super::{
    AttemptEnd, AttemptError, DisabledBecause, Health, JITTER_PERMILLE_MAX, WantedEvents,
    is_merchants, next_attempt,
};

const NO_JITTER: u64 = JITTER_PERMILLE_MAX / 2;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn pause(failed_attempts: u32, end: AttemptEnd, jitter: u64) -> Option<i64> {
    next_attempt(failed_attempts, end, at(0), jitter).map(Timestamp::unix_millis)
}

#[test]
fn an_event_is_sent_eight_times_over_more_than_a_day_and_then_given_up() {
    let failed = AttemptEnd::of_answer(500, None);
    let pauses: Vec<_> = (1..=8).map(|attempts| pause(attempts, failed, NO_JITTER)).collect();
    assert_eq!(pauses[0], Some(5_000));
    assert!(pauses[..7].windows(2).all(|two| two[0] < two[1]), "{pauses:?}");
    let all: i64 = pauses.iter().flatten().sum();
    assert!(all > 24 * 3600 * 1000, "{all}");
    assert_eq!(pauses[7], None);
    assert_eq!(pause(u32::MAX, failed, NO_JITTER), None);
}

#[test]
fn a_pause_differs_by_at_most_a_tenth() {
    let failed = AttemptEnd::failed(AttemptError::Timeout);
    assert_eq!(pause(2, failed, 0), Some(270_000));
    assert_eq!(pause(2, failed, JITTER_PERMILLE_MAX), Some(330_000));
    assert_eq!(pause(2, failed, u64::MAX), Some(330_000));
}

#[test]
fn an_overloaded_endpoint_names_its_time_but_not_more_than_an_hour() {
    for status in [429, 503] {
        let end = AttemptEnd::of_answer(status, Some(60));
        assert_eq!(pause(1, end, NO_JITTER), Some(60_000));
        assert_eq!(pause(2, end, NO_JITTER), Some(300_000), "its own pause is longer");
        let end = AttemptEnd::of_answer(status, Some(u32::MAX));
        assert_eq!(pause(1, end, NO_JITTER), Some(3_600_000));
        assert_eq!(Health::default().after(end, at(5)).rest_until, Some(at(3605)));
    }
    let other = AttemptEnd::of_answer(500, Some(60));
    assert_eq!(pause(1, other, NO_JITTER), Some(5_000));
}

#[test]
fn two_failures_in_a_row_are_no_reason_to_rest_and_more_are_until_one_succeeds() {
    let failed = AttemptEnd::of_answer(404, None);
    let mut health = Health::default();
    let mut rests = Vec::new();
    for second in 100..109 {
        health = health.after(failed, at(second));
        rests.push(health.rest_until.map(|until| until.unix_seconds() - second));
    }
    let some = |seconds| Some(seconds);
    assert_eq!(
        rests,
        [None, None, some(10), some(30), some(60), some(120), some(300), some(300), some(300)]
    );
    assert_eq!((health.failures, health.failing_since), (9, Some(at(100))));
    assert_eq!(health.after(AttemptEnd::of_answer(204, None), at(101)), Health::default());
}

#[test]
fn what_the_server_could_not_send_is_not_held_against_the_endpoint() {
    let not_sent = AttemptEnd::failed(AttemptError::NotSent);
    let healthy = Health::default();
    assert_eq!(healthy.after(not_sent, at(1)), healthy);
    assert_eq!(pause(1, not_sent, NO_JITTER), Some(5_000), "but it is sent again");
}

#[test]
fn an_endpoint_is_disabled_when_it_is_gone_or_fails_for_three_days() {
    let (gone, failed) = (AttemptEnd::of_answer(410, None), AttemptEnd::of_answer(500, None));
    let healthy = Health::default();
    assert_eq!(healthy.disabled_because(gone, at(0)), Some(DisabledBecause::Gone));
    assert_eq!(healthy.disabled_because(failed, at(0)), None);
    let failing = healthy.after(failed, at(0));
    let (before, days) = (3 * 24 * 3600 - 1, 3 * 24 * 3600);
    assert_eq!(failing.disabled_because(failed, at(before)), None);
    assert_eq!(failing.disabled_because(failed, at(days)), Some(DisabledBecause::Failing));
    let delivered = AttemptEnd::of_answer(200, None);
    assert_eq!(failing.disabled_because(delivered, at(days)), None);
}

#[test]
fn only_two_hundred_and_something_is_a_success() {
    for (status, error) in [
        (199, AttemptError::Status),
        (301, AttemptError::Redirect),
        (307, AttemptError::Redirect),
        (400, AttemptError::Status),
        (410, AttemptError::Gone),
        (429, AttemptError::Status),
        (500, AttemptError::Status),
    ] {
        let AttemptEnd::Failed { error: found, status: shown, .. } =
            AttemptEnd::of_answer(status, None)
        else {
            panic!("{status}");
        };
        assert_eq!((found, shown), (error, Some(status)));
    }
    for status in [200, 202, 204, 299] {
        assert_eq!(AttemptEnd::of_answer(status, None), AttemptEnd::Delivered { status });
    }
}

#[test]
fn an_endpoint_names_types_that_there_can_be_or_all() {
    let read = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        WantedEvents::from_names(&names)
    };
    assert_eq!(read(&["*"]), Some(WantedEvents::All));
    assert_eq!(read(&["payment.declined", "*"]), Some(WantedEvents::All));
    let two = read(&["refund.succeeded", "payment.declined", "refund.succeeded"]).unwrap();
    assert_eq!(two.names(), ["payment.declined", "refund.succeeded"]);
    for wrong in [
        &[][..],
        &[""],
        &["*", "payment"],
        &["payment"],
        &["payment.*"],
        &["payment.suceeded"],
        &["payment.succeeded "],
        &["code.reused"],
        &["top_up.succeeded"],
        &["payment.succeeded.twice"],
    ] {
        assert_eq!(read(wrong), None, "{wrong:?}");
    }
}

#[test]
fn what_is_for_the_payer_is_no_event_of_a_merchants() {
    for event in ["code.reused", "notice.succeeded", "device.added", "payer_transfer.succeeded"] {
        assert!(!is_merchants(event), "{event}");
    }
    for event in ["payment.declined", "refund.succeeded", "payout.canceled", "order.expired"] {
        assert!(is_merchants(event), "{event}");
    }
}
