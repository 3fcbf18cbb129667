//! What becomes of payments, references and money in suspense.

use wallet_core::{Mode, Timestamp};

use super::super::fixture::{
    CANCEL, DEVICES, HOLD, REFUND, REFUNDS_MAX, Seen, WAIT, What, device_id, number_of,
};
use super::{Decided, Effect, Made, Model, Payment};
use crate::domain::command::{
    CancelReference, Capture, Command, EndSuspense, Refund, Resolve, Resolver, SuspenseEnd,
};
use crate::domain::ids::{ApiKeyId, MerchantId, PayerId, PaymentId};
use crate::domain::outcome::{DeclineCode, Refusal};

fn refused(refusal: Refusal) -> Decided {
    (Seen::Refused(refusal), None)
}

/// What a command makes of a payment, where nothing goes into suspense.
fn made(payment: &Payment<'_>, what: What, made: Made) -> Decided {
    let effect = Effect { payment: payment.charge.id, made, suspended: false };
    (Seen::New(what), Some(effect))
}

impl Model {
    pub(super) fn is_revoked(&self, api_key: ApiKeyId) -> bool {
        self.revoked_keys.contains(&number_of(api_key.as_bytes()))
    }

    fn payment_of(&self, id: PaymentId, owners: (PayerId, MerchantId)) -> Option<Payment<'_>> {
        let payment = self.payments().find(|it| it.charge.id == id)?;
        let known = (payment.code()?.payer, payment.charge.reference.merchant);
        (known == owners).then_some(payment)
    }

    pub(super) fn resolve(&self, command: &Command, resolve: &Resolve, now: Timestamp) -> Decided {
        if resolve.api_key().is_some_and(|key| self.is_revoked(key)) {
            return refused(Refusal::KeyRevoked);
        }
        if let Some(seen) = self.kept(command) {
            return (seen, None);
        }
        let owners = (resolve.payer, resolve.merchant);
        let Some(payment) = self.payment_of(resolve.payment, owners) else {
            return refused(Refusal::UnknownPayment);
        };
        match &resolve.by {
            Resolver::Payer { .. } => self.answer(resolve, &payment, now),
            Resolver::Merchant { .. } => self.cancel(&payment, now),
            Resolver::Capture { amount, .. } => {
                let number = payment.number();
                match payment.last {
                    What::Authorized(_) => {}
                    What::Waits(_) => return refused(Refusal::PaymentWaiting),
                    _ => return refused(Refusal::PaymentClosed),
                }
                let held = payment.charge.amount.money();
                let amount = amount.map_or(held, wallet_core::PositiveMoney::money);
                if is_late(&payment, now) {
                    refused(Refusal::HoldExpired)
                } else if amount.currency() != held.currency() {
                    refused(Refusal::WrongCurrency)
                } else if amount.minor() > held.minor() {
                    refused(Refusal::CaptureTooLarge)
                } else {
                    made(&payment, What::Paid(number), Made::Captured(amount.minor()))
                }
            }
            Resolver::TimeOfTest { .. } if payment.charge.key.mode == Mode::Live => {
                refused(Refusal::UnknownPayment)
            }
            Resolver::Time | Resolver::TimeOfTest { .. } => {
                let expired = What::Expired(payment.number());
                let over = matches!(resolve.by, Resolver::TimeOfTest { .. });
                match payment.last {
                    What::Waits(_) | What::Authorized(_) if over || is_late(&payment, now) => {
                        made(&payment, expired, Made::Freed(expired))
                    }
                    _ => refused(Refusal::PaymentClosed),
                }
            }
        }
    }

    /// The payer confirms or refuses.
    fn answer(&self, resolve: &Resolve, payment: &Payment<'_>, now: Timestamp) -> Decided {
        let Resolver::Payer { device, confirmed, .. } = &resolve.by else {
            return refused(Refusal::OtherDevice);
        };
        let What::Waits(number) = payment.last else {
            return refused(Refusal::PaymentClosed);
        };
        let code = payment.code().unwrap();
        let revoked = DEVICES
            .iter()
            .any(|it| device_id(it.0) == *device && self.revoked_devices.contains(&it.0));
        if *device != code.device || revoked {
            refused(Refusal::OtherDevice)
        } else if is_late(payment, now) {
            refused(Refusal::ConfirmationExpired)
        } else if !*confirmed {
            let declined = What::Declined(number, DeclineCode::RefusedByPayer);
            made(payment, declined, Made::Freed(declined))
        } else if self.frozen.contains(&number_of(code.payer.as_bytes())) {
            refused(Refusal::PayerUnavailable)
        } else if payment.charge.capture == Capture::Manual {
            made(payment, What::Authorized(number), Made::Authorized)
        } else {
            made(payment, What::Paid(number), Made::Captured(payment.amount()))
        }
    }

    /// The merchant calls a payment off.
    fn cancel(&self, payment: &Payment<'_>, now: Timestamp) -> Decided {
        let canceled = What::Canceled(payment.number());
        match payment.last {
            What::Waits(_) | What::Authorized(_) => made(payment, canceled, Made::Freed(canceled)),
            What::Paid(_) if payment.refunds == 0 => {
                let amount = payment.captured;
                if now > payment.moved_at.plus_millis(CANCEL * 1000) {
                    refused(Refusal::CancelTooLate)
                } else if self.owed(payment.merchant()) < amount - payment.fee() {
                    refused(Refusal::BalanceInsufficient)
                } else {
                    self.given_back(payment, canceled, Made::Reversed(amount))
                }
            }
            _ => refused(Refusal::PaymentClosed),
        }
    }

    /// Money goes back to the payer, or waits for one who is frozen.
    fn given_back(&self, payment: &Payment<'_>, what: What, made: Made) -> Decided {
        let suspended = payment.payer().is_some_and(|payer| self.frozen.contains(&payer));
        (Seen::New(what), Some(Effect { payment: payment.charge.id, made, suspended }))
    }

    pub(super) fn cancel_reference(
        &self,
        command: &Command,
        cancel: &CancelReference,
        now: Timestamp,
    ) -> Decided {
        if self.is_revoked(cancel.api_key) {
            return refused(Refusal::KeyRevoked);
        }
        if let Some(seen) = self.kept(command) {
            return (seen, None);
        }
        let Some(payment) = self.holder(&cancel.reference) else {
            return (Seen::New(What::Buried), None);
        };
        if cancel.holder.map(|holder| holder.0) != Some(payment.charge.id) {
            return refused(Refusal::ReferenceMoved);
        }
        match payment.last {
            What::Waits(_) | What::Authorized(_) | What::Paid(_) => self.cancel(&payment, now),
            last => (Seen::New(last), None),
        }
    }

    pub(super) fn refund(&self, command: &Command, refund: &Refund, now: Timestamp) -> Decided {
        if self.is_revoked(refund.api_key) {
            return refused(Refusal::KeyRevoked);
        }
        if let Some(seen) = self.kept(command) {
            return (seen, None);
        }
        let Some(payment) = self.payment_of(refund.payment, (refund.payer, refund.merchant)) else {
            return refused(Refusal::UnknownPayment);
        };
        let (What::Paid(_) | What::Returned(_)) = payment.last else {
            return refused(Refusal::NotRefundable);
        };
        let left = payment.captured - payment.refunded;
        let amount = refund.amount.map_or(left, |amount| amount.money().minor());
        let currency = payment.charge.amount.money().currency();
        let other = refund.amount.is_some_and(|amount| amount.money().currency() != currency);
        let total = payment.fee() * (payment.refunded + amount) / payment.captured;
        let fee = total - payment.fee_returned;
        // In order of precedence, the first that holds.
        let refusals = [
            (other, "currency_mismatch", 0),
            (now > payment.made_at.plus_millis(REFUND * 1000), "refund_too_late", 0),
            (payment.refunds >= REFUNDS_MAX, "too_many_refunds", 0),
            (left == 0 || amount > left, "refund_exceeds_payment", left),
            (self.owed(payment.merchant()) < amount - fee, "balance_insufficient", 0),
        ];
        if let Some((_, code, left)) = refusals.into_iter().find(|it| it.0) {
            return (Seen::New(What::Kept(code, left)), None);
        }
        let what = What::Refunded(number_of(refund.id.as_bytes()), amount, fee);
        self.given_back(&payment, what, Made::Refunded(amount, fee))
    }

    pub(super) fn end_suspense(&self, command: &Command, end: &EndSuspense) -> Seen {
        if let Some(seen) = self.kept(command) {
            return seen;
        }
        let (number, payer) = (number_of(end.id.as_bytes()), number_of(end.payer.as_bytes()));
        let owner = (payer, end.request.key.mode);
        let known = self.suspense().find(|it| it.number == number && (it.payer, it.mode) == owner);
        let Some(known) = known else {
            return Seen::Refused(Refusal::UnknownSuspense);
        };
        if known.ended.is_some() {
            return Seen::Refused(Refusal::SuspenseClosed);
        }
        let used = |end: &SuspenseEnd| {
            let of_mode = self.suspense().filter(|it| it.mode == owner.1);
            of_mode.filter_map(|it| it.ended).any(|ended| ended == end)
        };
        match &end.end {
            SuspenseEnd::Released if self.frozen.contains(&payer) => {
                Seen::Refused(Refusal::PayerUnavailable)
            }
            paid @ SuspenseEnd::PaidOut { .. } if used(paid) => {
                Seen::Refused(Refusal::ReferenceConflict)
            }
            _ => Seen::New(What::Ended(number)),
        }
    }
}

/// Whether it is too late to go on with what waits.
fn is_late(payment: &Payment<'_>, now: Timestamp) -> bool {
    let seconds = if matches!(payment.last, What::Authorized(_)) { HOLD } else { WAIT };
    now >= payment.moved_at.plus_millis(seconds * 1000)
}
