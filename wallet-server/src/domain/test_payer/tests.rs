use wallet_core::{Currency, Money};

use super::{Flaw, NoTestPayer, TestOutcome, TestPayer};
use crate::domain::limits::{LimitRules, Limits, ProofLimits};

fn yuan(minor: i64) -> Money {
    Money::from_minor(minor, Currency::from_code("CNY").unwrap())
}

fn rules() -> LimitRules {
    let limits = Limits {
        payment: yuan(5000),
        day: yuan(6000),
        month: yuan(9000),
        without_pin: yuan(1000),
        without_pin_count: 3,
    };
    LimitRules {
        issuer: limits,
        new_payers: limits,
        new_device_payment: yuan(50),
        new_device_day: yuan(80),
        proof: ProofLimits { static_code: yuan(100), code: yuan(400), pin: yuan(4000) },
    }
}

#[test]
fn a_code_allows_as_much_as_comes_to_its_outcome_unless_less_is_asked_for() {
    let limit = |outcome, limit| {
        TestPayer::new(outcome, &rules(), limit).map(|payer| payer.code_limit.minor())
    };
    assert_eq!(limit(TestOutcome::Succeeded, None), Ok(400));
    assert_eq!(limit(TestOutcome::Confirmed, None), Ok(4000));
    assert_eq!(limit(TestOutcome::OverCodeLimit, None), Ok(1));
    for outcome in TestOutcome::ALL {
        assert_eq!(limit(*outcome, Some(yuan(7))), Ok(7), "{outcome:?}");
    }
    let above = NoTestPayer::AboveMost(yuan(400));
    assert_eq!(limit(TestOutcome::LostAnswer, Some(yuan(401))), Err(above));
    let above = NoTestPayer::AboveMost(yuan(4000));
    assert_eq!(limit(TestOutcome::Refused, Some(yuan(4001))), Err(above));
}

#[test]
fn rules_that_leave_no_amount_make_an_outcome_impossible() {
    let mut always_asks = rules();
    always_asks.issuer.without_pin_count = 0;
    let new = |outcome| TestPayer::new(outcome, &always_asks, None);
    assert_eq!(new(TestOutcome::Succeeded), Err(NoTestPayer::Impossible));
    assert!(new(TestOutcome::Confirmed).is_ok());
    always_asks.issuer.day = yuan(0);
    let new = |outcome| TestPayer::new(outcome, &always_asks, None);
    assert_eq!(new(TestOutcome::Confirmed), Err(NoTestPayer::Impossible));
}

#[test]
fn only_payers_who_are_to_pay_have_money_and_then_what_their_code_allows() {
    for outcome in TestOutcome::ALL {
        let payer = TestPayer::new(*outcome, &rules(), None).unwrap();
        let pays = matches!(
            outcome,
            TestOutcome::Succeeded
                | TestOutcome::RequiresConfirmation
                | TestOutcome::Confirmed
                | TestOutcome::Refused
                | TestOutcome::ConfirmationTimeout
                | TestOutcome::LostAnswer
        );
        assert_eq!(payer.money.is_positive(), pays, "{outcome:?}");
        assert!(!pays || payer.money == payer.code_limit, "{outcome:?}");
        assert!(!pays || payer.flaw == Flaw::None, "{outcome:?}");
    }
}
