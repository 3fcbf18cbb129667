//! The outcomes that can be triggered: which code is charged how, what happens then, and what has
//! come about when all went as planned.

use wallet_server::domain::test_payer::TestOutcome;

/// What happens with a payment after the charge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Then {
    /// The payer decides without help.
    Wait,
    /// The time is over.
    Expire,
    /// The merchant takes what is held.
    Capture,
    /// The merchant calls it off.
    Cancel,
    /// The merchant gives half of it back.
    RefundHalf,
    /// The merchant gives all of it back.
    RefundAll,
}

/// What has come about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expected {
    /// A payment in this state.
    State(&'static str),
    /// The same, and the first answer was lost.
    StateAskedAgain(&'static str),
    /// A declined payment, for this reason.
    Declined(&'static str),
    /// An error with this code, and no payment.
    Error(&'static str),
}

/// How an outcome comes about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    /// Whose code is charged.
    pub(super) code: TestOutcome,
    /// Whether the money is held for a later capture.
    pub(super) holds: bool,
    /// Whether the reference is called off before.
    pub(super) calls_off: bool,
    pub(super) then: Option<Then>,
    pub(super) expected: Expected,
}

impl Plan {
    /// A charge of a code, whose outcome is what the code comes to.
    const fn of(code: TestOutcome, then: Option<Then>, expected: Expected) -> Self {
        Self {
            name: code.as_str(),
            description: code.description(),
            code,
            holds: false,
            calls_off: false,
            then,
            expected,
        }
    }

    /// A charge that succeeds, and something more.
    const fn more(
        name: &'static str,
        description: &'static str,
        then: Option<Then>,
        expected: Expected,
    ) -> Self {
        let code = TestOutcome::Succeeded;
        Self { name, description, ..Self::of(code, then, expected) }
    }

    const fn holding(self) -> Self {
        Self { holds: true, ..self }
    }

    const fn calling_off(self) -> Self {
        Self { calls_off: true, ..self }
    }

    /// The plan of an outcome.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::all().find(|plan| plan.name == name)
    }

    /// Every plan.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        TestOutcome::ALL.iter().map(|outcome| of_code(*outcome)).chain(MORE)
    }
}

/// What charging a code comes to in the end.
const fn of_code(outcome: TestOutcome) -> Plan {
    let (then, expected) = match outcome {
        TestOutcome::Succeeded => (None, Expected::State("succeeded")),
        TestOutcome::InsufficientFunds
        | TestOutcome::DeclinedByLimit
        | TestOutcome::PayerUnavailable
        | TestOutcome::DeviceRevoked
        | TestOutcome::OverCodeLimit
        | TestOutcome::CurrencyMismatch => (None, Expected::Declined(outcome.as_str())),
        TestOutcome::RequiresConfirmation => (None, Expected::State("requires_confirmation")),
        TestOutcome::Confirmed => (Some(Then::Wait), Expected::State("succeeded")),
        TestOutcome::Refused => (Some(Then::Wait), Expected::Declined("refused_by_payer")),
        TestOutcome::ConfirmationTimeout => (Some(Then::Expire), Expected::State("expired")),
        TestOutcome::CodeExpired
        | TestOutcome::CodeUsed
        | TestOutcome::InvalidCode
        | TestOutcome::ClockSkew => (None, Expected::Error(outcome.as_str())),
        TestOutcome::LostAnswer => (None, Expected::StateAskedAgain("succeeded")),
    };
    Plan::of(outcome, then, expected)
}

/// What a merchant does with a payment.
const MORE: [Plan; 7] = [
    Plan::more(
        "authorized",
        "The money is held for a later capture.",
        None,
        Expected::State("authorized"),
    )
    .holding(),
    Plan::more(
        "captured",
        "The money was held, and is captured.",
        Some(Then::Capture),
        Expected::State("succeeded"),
    )
    .holding(),
    Plan::more(
        "hold_expired",
        "The money was held until the time was over.",
        Some(Then::Expire),
        Expected::State("expired"),
    )
    .holding(),
    Plan::more(
        "canceled",
        "The payment is made, and called off.",
        Some(Then::Cancel),
        Expected::State("canceled"),
    ),
    Plan::more(
        "partially_refunded",
        "Half of the money is given back.",
        Some(Then::RefundHalf),
        Expected::State("partially_refunded"),
    ),
    Plan::more(
        "refunded",
        "All of the money is given back.",
        Some(Then::RefundAll),
        Expected::State("refunded"),
    ),
    Plan::more(
        "reference_canceled",
        "No payment: the reference was called off before.",
        None,
        Expected::Error("reference_canceled"),
    )
    .calling_off(),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Plan, TestOutcome};

    #[test]
    fn every_outcome_has_one_plan_with_a_name_and_a_sentence() {
        let names: HashSet<_> = Plan::all().map(|plan| plan.name).collect();
        assert_eq!(names.len(), Plan::all().count());
        for outcome in TestOutcome::ALL {
            assert_eq!(Plan::named(outcome.as_str()).map(|plan| plan.code), Some(*outcome));
        }
        assert!(Plan::all().all(|plan| plan.description.ends_with('.')));
    }
}
