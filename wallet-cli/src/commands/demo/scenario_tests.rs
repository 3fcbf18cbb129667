use super::{Observation, Scenario, Step};
use crate::failure::{Exit, Failure};

fn refused(code: &str, too_old: bool) -> Observation {
    Observation::Refused { code: code.to_owned(), detail: String::new(), too_old }
}

fn done() -> Observation {
    Observation::Done("done".to_owned())
}

/// What a run without faults observes.
fn faultless(step: Step) -> Observation {
    match step {
        Step::UsedCode => refused("code_used", false),
        Step::CodeLimit => refused("over_code_limit", false),
        Step::ExpiredCode => refused("code_expired", false),
        Step::ForgedCode => refused("invalid_code", false),
        Step::Balances | Step::NothingMoved => balances("487.50", "12.42"),
        _ => done(),
    }
}

fn balances(payer: &str, merchant: &str) -> Observation {
    let (payer, merchant, net) = (payer.to_owned(), merchant.to_owned(), "12.42".to_owned());
    Observation::Balances { payer, merchant, net }
}

/// Runs all steps, with one of them observing something else.
fn run(odd: Step, observation: &Observation) -> Scenario {
    let mut scenario = Scenario::default();
    while let Some(step) = scenario.next() {
        let seen = if step == odd { observation.clone() } else { faultless(step) };
        scenario.record(Ok(seen)).unwrap();
    }
    scenario
}

#[test]
fn a_run_in_which_every_step_goes_as_said_succeeds() {
    let scenario = run(Step::Charge, &done());
    assert!(scenario.went_as_said());
    assert_eq!(scenario.findings().len(), Step::ALL.len());
}

#[test]
fn each_refusal_must_have_exactly_its_code() {
    for step in [Step::UsedCode, Step::CodeLimit, Step::ExpiredCode, Step::ForgedCode] {
        for code in ["code_used", "over_code_limit", "code_expired", "invalid_code", "internal"] {
            let Observation::Refused { code: expected, .. } = faultless(step) else { panic!() };
            let scenario = run(step, &refused(code, false));
            assert_eq!(scenario.went_as_said(), code == expected, "{step:?} {code}");
        }
        assert!(!run(step, &Observation::Charged("pay_1".to_owned())).went_as_said());
    }
}

#[test]
fn a_used_code_that_was_looked_at_for_long_is_expired_rather_than_used() {
    assert!(run(Step::UsedCode, &refused("code_expired", true)).went_as_said());
    assert!(!run(Step::UsedCode, &refused("code_used", true)).went_as_said());
}

#[test]
fn a_cent_too_much_or_too_little_is_noticed() {
    for step in [Step::Balances, Step::NothingMoved] {
        assert!(!run(step, &balances("487.49", "12.42")).went_as_said());
        assert!(!run(step, &balances("487.50", "12.43")).went_as_said());
    }
}

#[test]
fn postings_that_do_not_balance_and_books_without_entries_are_noticed() {
    let postings = |count: usize, credits: &str| Observation::Postings {
        rows: vec![vec!["row".to_owned()]; count],
        debits: "12.50".to_owned(),
        credits: credits.to_owned(),
    };
    assert!(run(Step::Postings, &postings(4, "12.50")).went_as_said());
    assert!(!run(Step::Postings, &postings(4, "12.49")).went_as_said());
    assert!(!run(Step::Postings, &postings(1, "12.50")).went_as_said());
}

#[test]
fn a_step_that_fails_ends_the_demo_and_a_check_that_fails_does_not() {
    let mut scenario = Scenario::default();
    let failure = Failure::new(Exit::Unreachable, "unreachable", "nobody there").hint("start it");
    let finding = scenario.record(Err(failure)).unwrap();
    assert_eq!((finding.ok, finding.said.as_str()), (false, "nobody there [unreachable]"));
    assert_eq!(finding.details, ["  start it"]);
    assert_eq!(scenario.next(), None);
    assert!(scenario.has_failed() && !scenario.went_as_said());

    let wrong =
        Observation::Checked { ok: false, said: "other digits".to_owned(), details: Vec::new() };
    let scenario = run(Step::ScanPicture, &wrong);
    assert_eq!(scenario.findings().len(), Step::ALL.len());
    assert!(!scenario.went_as_said());
}

#[test]
fn the_demo_never_waits_between_the_scan_and_the_charge() {
    assert!(Step::ScanPicture.waits_for().is_some());
    assert_eq!(Step::Charge.waits_for(), None);
}
