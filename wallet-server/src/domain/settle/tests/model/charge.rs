//! Charges and top-ups.

use wallet_core::Timestamp;

use super::super::fixture::{
    DAY_LIMIT, DAY_WITHOUT_PIN, DEVICES, MERCHANTS, MONTH_LIMIT, OWN_CURRENCIES, PAYERS,
    PAYMENT_LIMIT, SAME_AMOUNT, SUSPECTED, Seen, WITHOUT_PIN, WITHOUT_PIN_COUNT, What, currency,
    device_id, number_of,
};
use super::{Model, Payment, again};
use crate::domain::command::{
    AuthenticCode, Capture, Charge, CodeSource, Command, Resolve, Resolver, TopUp, Verdict,
};
use crate::domain::outcome::{DeclineCode, Refusal, Rejection};

impl Model {
    pub(super) fn charge(
        &self,
        command: &Command,
        charge: &Charge,
        now: Timestamp,
        day: i64,
    ) -> Seen {
        if self.revoked_keys.contains(&number_of(charge.api_key.as_bytes())) {
            return Seen::Refused(Refusal::KeyRevoked);
        }
        if let Some(seen) = self.kept(command) {
            return seen;
        }
        let merchant = number_of(charge.reference.merchant.as_bytes());
        if self.is_buried(&charge.reference) {
            return Seen::Refused(Refusal::ReferenceCanceled);
        }
        if let Some(holder) = self.holder(&charge.reference) {
            return if holder.charge.fingerprint != charge.fingerprint {
                Seen::Refused(Refusal::ReferenceConflict)
            } else if matches!(holder.last, What::Canceled(_)) {
                Seen::Refused(Refusal::ReferenceCanceled)
            } else {
                Seen::Again(holder.first)
            };
        }
        if !self.merchant_takes(merchant, charge) {
            return Seen::Refused(Refusal::MerchantUnavailable);
        }
        self.code(charge, now, day).unwrap_or_else(Seen::Refused)
    }

    fn merchant_takes(&self, number: u32, charge: &Charge) -> bool {
        !self.closed_merchants.contains(&number)
            && MERCHANTS.iter().any(|merchant| {
                (merchant.0, merchant.1) == (number, charge.key.mode)
                    && currency(merchant.2) == charge.amount.money().currency()
                    && OWN_CURRENCIES.contains(&merchant.2)
            })
    }

    fn code(&self, charge: &Charge, now: Timestamp, day: i64) -> Result<Seen, Refusal> {
        let Verdict::Authentic(code) = &charge.verdict else { return Err(Refusal::InvalidCode) };
        let device = DEVICES.iter().find(|it| code.device == device_id(it.0));
        let (device, owner) = device.ok_or(Refusal::InvalidCode)?;
        let (payer, mode, wallet) = PAYERS.iter().find(|it| it.0 == *owner).unwrap();
        if *mode != charge.key.mode {
            return Err(Refusal::InvalidCode);
        }
        let steps_old = now.unix_seconds().div_euclid(30) - i64::from(code.mark.step.number());
        if steps_old < -1 {
            return Err(Refusal::ClockSkew);
        }
        if steps_old > 1 {
            return Ok(Seen::New(What::Rejected(Rejection::CodeExpired)));
        }
        let of_device = |it: &Payment<'_>| it.code().is_some_and(|it| it.device == code.device);
        let mut shown = self.payments().filter(of_device);
        if shown.any(|it| it.code().is_some_and(|it| it.mark >= code.mark)) {
            return Ok(Seen::New(What::Rejected(Rejection::CodeUsed)));
        }
        let number = number_of(charge.id.as_bytes());
        let amount = charge.amount.money().minor();
        let currencies =
            [charge.amount.money().currency(), code.limit.currency(), currency(wallet)];
        let counted = || self.payments().filter(|it| it.payer() == Some(*payer));
        let today: i64 = counted().filter(|it| it.day == day).map(|it| it.counted()).sum();
        let month: i64 = counted().map(|it| it.counted()).sum();
        // In order of precedence, the first that holds.
        let declines = [
            (self.revoked_devices.contains(device), DeclineCode::DeviceRevoked),
            (self.frozen.contains(payer), DeclineCode::PayerUnavailable),
            (currencies.iter().any(|it| *it != currencies[0]), DeclineCode::CurrencyMismatch),
            (amount > code.limit.minor(), DeclineCode::OverCodeLimit),
            (currencies[0] != currency("CNY"), DeclineCode::DeclinedByLimit),
            (amount > PAYMENT_LIMIT || today + amount > DAY_LIMIT, DeclineCode::DeclinedByLimit),
            // All histories lie in one month.
            (month + amount > MONTH_LIMIT, DeclineCode::DeclinedByLimit),
            (amount > self.wallet(*payer), DeclineCode::InsufficientFunds),
        ];
        Ok(Seen::New(match declines.into_iter().find(|it| it.0) {
            Some((_, decline)) => What::Declined(number, decline),
            None if self.asks(charge, code, now, day) => What::Waits(number),
            None if charge.capture == Capture::Manual => What::Authorized(number),
            None => What::Paid(number),
        }))
    }

    pub(super) fn top_up(&self, command: &Command, top_up: &TopUp) -> Seen {
        if let Some(seen) = self.kept(command) {
            return seen;
        }
        let same = |it: &&(&TopUp, Seen)| {
            (it.0.key.mode, &it.0.external_reference)
                == (top_up.key.mode, &top_up.external_reference)
        };
        if let Some((known, seen)) = self.credits().find(|it| same(&it)) {
            return if (known.payer, known.amount) == (top_up.payer, top_up.amount) {
                again(seen)
            } else {
                Seen::Refused(Refusal::ReferenceConflict)
            };
        }
        let number = number_of(top_up.payer.as_bytes());
        let payer = PAYERS.iter().find(|it| (it.0, it.1) == (number, top_up.key.mode));
        let Some(payer) = payer else {
            return Seen::Refused(Refusal::UnknownPayer);
        };
        if self.frozen.contains(&payer.0) {
            return Seen::Refused(Refusal::PayerUnavailable);
        }
        if currency(payer.2) != top_up.amount.money().currency()
            || !OWN_CURRENCIES.contains(&payer.2)
        {
            return Seen::Refused(Refusal::WrongCurrency);
        }
        Seen::New(What::Credited(number_of(top_up.id.as_bytes())))
    }

    /// Whose code was shown at two tills, if this refusal shows that.
    pub(super) fn copied(&self, charge: &Charge, seen: Seen) -> Option<u32> {
        let Verdict::Authentic(code) = &charge.verdict else { return None };
        if seen != Seen::New(What::Rejected(Rejection::CodeUsed)) {
            return None;
        }
        let of_device = |it: &Payment<'_>| it.code().is_some_and(|it| it.device == code.device);
        let shown = self.payments().filter(of_device);
        let last = shown.max_by_key(|it| it.code().map(|code| code.mark))?;
        let elsewhere = (last.charge.reference.merchant, last.charge.terminal)
            != (charge.reference.merchant, charge.terminal);
        let same_code = last.code().is_some_and(|it| it.mark == code.mark);
        (same_code && elsewhere).then(|| number_of(code.payer.as_bytes()))
    }

    /// Whether the payer is asked before this is paid.
    fn asks(&self, charge: &Charge, code: &AuthenticCode, now: Timestamp, day: i64) -> bool {
        let payer = number_of(code.payer.as_bytes());
        let amount = charge.amount.money().minor();
        let own = || self.payments().filter(|it| it.payer() == Some(payer));
        let without_pin = || {
            let first = |it: &Payment<'_>| matches!(it.first, What::Paid(_) | What::Authorized(_));
            own().filter(move |it| it.day == day && first(it))
        };
        let of_device = |it: &Payment<'_>| it.code().is_some_and(|it| it.device == code.device);
        let last = own().filter(of_device).max_by_key(|it| it.code().map(|code| code.mark));
        let again = last.is_some_and(|it| {
            it.charge.reference.merchant == charge.reference.merchant
                && it.amount() == amount
                && !matches!(it.first, What::Declined(..))
                && now < it.made_at.plus_millis(SAME_AMOUNT * 1000)
        });
        charge.code_source == CodeSource::Typed
            || self.is_suspected(payer, now)
            || again
            || amount > WITHOUT_PIN
            || i64::try_from(without_pin().count()).unwrap() >= WITHOUT_PIN_COUNT
            || without_pin().map(|it| it.counted()).sum::<i64>() + amount > DAY_WITHOUT_PIN
    }

    /// Whether a code of this payer was shown at two tills lately, and nothing confirmed since.
    fn is_suspected(&self, payer: u32, now: Timestamp) -> bool {
        let mut until = None;
        for past in &self.past {
            if past.copied == Some(payer) {
                until = Some(past.now.plus_millis(SUSPECTED * 1000));
            }
            if let Command::Resolve(Resolve { by: Resolver::Payer { confirmed: true, .. }, .. }) =
                &past.command
                && past.effect.is_some()
                && past.payer() == Some(payer)
            {
                until = None;
            }
        }
        until.is_some_and(|until| now < until)
    }
}
