//! When a payer must confirm a payment on the phone.
//!
//! A code is proof that the payer's device was there. These are the cases in which that is not
//! enough, because the amount is high, or because it may be somebody else who shows the code: a
//! photograph that is relayed to another till while it is fresh (Bai et al., "Picking Up My Tab",
//! USENIX Security 2017).

use wallet_core::Money;

use super::{Books, Rules};
use crate::domain::command::{Charge, CodeSource};
use crate::domain::limits::{Limits, Proof, Usage};
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

/// How a payer stands, as far as it decides whether a payment takes the PIN.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Whether the device is new to its payer.
    pub new_device: bool,
    /// Whether somebody else may have shown a code of this payer lately.
    pub suspected: bool,
    /// What was spent today.
    pub usage: Usage,
    /// The limits in force.
    pub limits: Limits,
}

/// Why the payer must confirm this charge, if so; the first reason that applies.
pub(super) fn reason(
    books: &Books<'_>,
    charge: &Charge,
    device: &Device,
    payer: &Payer,
    limits: &Limits,
) -> Option<ConfirmationReason> {
    let (rules, now) = (&books.rules.confirmation, books.now);
    let amount = charge.amount.money();
    let same_as = |at: PresentedAt| {
        rules.same_amount_millis > 0
            && at.merchant == charge.reference.merchant
            && at.paid == Some(amount.minor())
            && now < at.time.plus_millis(rules.same_amount_millis)
    };
    let standing = Standing {
        new_device: device.is_new(now),
        suspected: payer.suspected_until.is_some_and(|until| now < until),
        usage: payer.usage,
        limits: *limits,
    };
    let same_amount = device.presented.and_then(|presented| presented.at).is_some_and(same_as);
    let of_code = [
        (ConfirmationReason::Typed, rules.typed && charge.code_source == CodeSource::Typed),
        (ConfirmationReason::SameAmount, same_amount),
    ];
    let of_code = of_code.into_iter().find(|(_, applies)| *applies).map(|(reason, _)| reason);
    // The reasons are in the order of precedence.
    of_code.into_iter().chain(pin_reason(books.rules, &standing, amount)).min()
}

/// Why the payer must type the PIN for a payment of this amount, whatever brought it about; the
/// first reason that applies.
#[must_use]
pub fn pin_reason(rules: &Rules, standing: &Standing, amount: Money) -> Option<ConfirmationReason> {
    let Standing { new_device, suspected, usage, limits } = standing;
    let code_limit = rules.limits.proof.code.minor();
    let with_code = usage.day_spent_with(Proof::Code).checked_add(amount.minor());
    let reasons = [
        (ConfirmationReason::NewDevice, *new_device),
        (ConfirmationReason::Suspected, *suspected),
        (ConfirmationReason::Amount, amount.minor() > limits.without_pin.minor()),
        (ConfirmationReason::Count, usage.day_without_pin >= limits.without_pin_count),
        (ConfirmationReason::Day, with_code.is_none_or(|sum| sum > code_limit)),
    ];
    reasons.into_iter().find(|(_, applies)| *applies).map(|(reason, _)| reason)
}
