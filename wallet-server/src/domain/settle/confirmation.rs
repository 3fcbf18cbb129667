//! When a payer must confirm a payment on the phone.
//!
//! A code is proof that the payer's device was there. These are the cases in which that is not
//! enough, because the amount is high, or because it may be somebody else who shows the code: a
//! photograph that is relayed to another till while it is fresh (Bai et al., "Picking Up My Tab",
//! USENIX Security 2017).

use super::Books;
use crate::domain::command::{Charge, CodeSource};
use crate::domain::limits::{Limits, Proof};
use crate::domain::outcome::ConfirmationReason;
use crate::domain::snapshot::{Device, Payer, PresentedAt};

/// When payers are asked, and for how long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConfirmationRules {
    /// How long a payment waits for its payer.
    pub wait_millis: i64,
    /// For how long the same amount at the same merchant needs the PIN; 0 for never.
    pub same_amount_millis: i64,
    /// For how long every payment needs the PIN after a code was shown at two tills.
    pub suspected_millis: i64,
    /// Whether a code that was keyed in needs the PIN.
    pub typed: bool,
}

/// Why the payer must confirm this payment, if so; the first reason that applies.
pub(super) fn reason(
    books: &Books<'_>,
    charge: &Charge,
    device: &Device,
    payer: &Payer,
    limits: &Limits,
) -> Option<ConfirmationReason> {
    let (rules, now, usage) = (&books.rules.confirmation, books.now, &payer.usage);
    let amount = charge.amount.money().minor();
    let same_as = |at: PresentedAt| {
        rules.same_amount_millis > 0
            && at.merchant == charge.reference.merchant
            && at.paid == Some(amount)
            && now < at.time.plus_millis(rules.same_amount_millis)
    };
    let code_limit = books.rules.limits.proof.code.minor();
    let with_code = usage.day_spent_with(Proof::Code).checked_add(amount);
    let reasons = [
        (ConfirmationReason::Typed, rules.typed && charge.code_source == CodeSource::Typed),
        (ConfirmationReason::NewDevice, device.is_new(now)),
        (ConfirmationReason::Suspected, payer.suspected_until.is_some_and(|until| now < until)),
        (
            ConfirmationReason::SameAmount,
            device.presented.and_then(|presented| presented.at).is_some_and(same_as),
        ),
        (ConfirmationReason::Amount, amount > limits.without_pin.minor()),
        (ConfirmationReason::Count, usage.day_without_pin >= limits.without_pin_count),
        (ConfirmationReason::Day, with_code.is_none_or(|sum| sum > code_limit)),
    ];
    reasons.into_iter().find(|(_, applies)| *applies).map(|(reason, _)| reason)
}
