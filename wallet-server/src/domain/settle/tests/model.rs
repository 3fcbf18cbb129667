//! The rules again, as plainly as can be: everything is looked up in the list of what happened.
//!
//! Slow on purpose. It has no balances, marks or tables; it adds up and searches the past.

use std::collections::HashSet;

use wallet_core::{Mode, Timestamp};

use super::fixture::{
    Change, DAY_LIMIT, DAY_WITHOUT_PIN, DEVICES, MERCHANTS, MONTH_LIMIT, OWN_CURRENCIES, PAYERS,
    PAYMENT_LIMIT, SAME_AMOUNT, SUSPECTED, Seen, WAIT, WITHOUT_PIN, WITHOUT_PIN_COUNT, What,
    currency, number_of,
};
use crate::domain::command::{
    AuthenticCode, Charge, CodeSource, Command, Resolve, Resolver, TopUp, Verdict,
};
use crate::domain::ids::PaymentId;
use crate::domain::outcome::{DeclineCode, Refusal, Rejection};

#[derive(Default)]
pub(super) struct Model {
    past: Vec<Past>,
    frozen: HashSet<u32>,
    closed_merchants: HashSet<u32>,
    revoked_devices: HashSet<u32>,
    revoked_keys: HashSet<u32>,
    canceled: HashSet<(u32, String)>,
}

struct Past {
    command: Command,
    seen: Seen,
    day: i64,
    now: Timestamp,
    /// Whose code it was that has been shown at two tills.
    copied: Option<u32>,
}

/// A payment that was made, and what has become of it.
#[derive(Clone, Copy)]
struct Payment<'a> {
    charge: &'a Charge,
    first: What,
    last: What,
    day: i64,
    made_at: Timestamp,
}

impl Payment<'_> {
    /// Whether it moved money, or keeps it set aside.
    fn counts(&self) -> bool {
        matches!(self.last, What::Paid(_) | What::Waits(_))
    }

    fn amount(&self) -> i64 {
        self.charge.amount.money().minor()
    }

    fn code(&self) -> Option<&AuthenticCode> {
        match &self.charge.verdict {
            Verdict::Authentic(code) => Some(code),
            Verdict::Invalid => None,
        }
    }

    fn payer(&self) -> Option<u32> {
        self.code().map(|code| number_of(code.payer.as_bytes()))
    }
}

fn set(numbers: &mut HashSet<u32>, number: u32, member: bool) {
    if member {
        numbers.insert(number);
    } else {
        numbers.remove(&number);
    }
}

fn again(seen: Seen) -> Seen {
    match seen {
        Seen::New(what) => Seen::Again(what),
        Seen::Again(_) | Seen::Refused(_) => seen,
    }
}

fn request_hash(command: &Command) -> [u8; 32] {
    match command {
        Command::Charge(charge) => charge.request_hash,
        Command::Resolve(resolve) => resolve.request().map_or([0; 32], |request| request.hash),
        Command::TopUp(top_up) => top_up.request_hash,
        other => panic!("not played here: {other:?}"),
    }
}

impl Model {
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::PayerActive(number, active) => set(&mut self.frozen, number, !active),
            Change::MerchantActive(number, active) => {
                set(&mut self.closed_merchants, number, !active);
            }
            Change::RevokeDevice(number) => set(&mut self.revoked_devices, number, true),
            Change::RevokeKey(number) => set(&mut self.revoked_keys, number, true),
            Change::CancelReference(merchant, number) => {
                let reference = format!("order {number}");
                let taken = self.payments().any(|payment| {
                    let scope = &payment.charge.reference;
                    number_of(scope.merchant.as_bytes()) == merchant
                        && scope.mode == Mode::Live
                        && scope.reference == reference
                });
                if !taken {
                    self.canceled.insert((merchant, reference));
                }
            }
        }
    }

    pub(super) fn decide(&mut self, command: &Command, now: Timestamp) -> Seen {
        let day = self.day_of(command, now);
        let seen = match command {
            Command::Charge(charge) => self.charge(command, charge, now, day),
            Command::Resolve(resolve) => self.resolve(command, resolve, now),
            Command::TopUp(top_up) => self.top_up(command, top_up),
            other => panic!("not played here: {other:?}"),
        };
        let copied = match command {
            Command::Charge(charge) => self.copied(charge, seen),
            _ => None,
        };
        self.past.push(Past { command: command.clone(), seen, day, now, copied });
        seen
    }

    /// The day on which something counts: no earlier than the payer's last one.
    fn day_of(&self, command: &Command, now: Timestamp) -> i64 {
        let today = now.unix_seconds().div_euclid(86_400);
        let payer = command.payers().next().map(|id| number_of(id.as_bytes()));
        let counted = self.payments().filter(|it| it.payer() == payer);
        let moved = counted.filter(|it| !matches!(it.first, What::Declined(..)));
        // A suspicion and a decision open a day as well.
        let others = self.past.iter().filter(|past| {
            let decided = matches!(
                (&past.command, past.seen),
                (
                    Command::Resolve(_),
                    Seen::New(What::Declined(..) | What::Canceled(_) | What::Expired(_))
                )
            );
            (decided || past.copied.is_some())
                && past.command.payers().next().map(|id| number_of(id.as_bytes())) == payer
        });
        moved.map(|it| it.day).chain(others.map(|past| past.day)).fold(today, i64::max)
    }

    /// Whose code was shown at two tills, if this refusal shows that.
    fn copied(&self, charge: &Charge, seen: Seen) -> Option<u32> {
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

    /// Payments that were made, declined ones included, with what has become of them.
    fn payments(&self) -> impl Iterator<Item = Payment<'_>> {
        self.past.iter().filter_map(|past| match (&past.command, past.seen) {
            (
                Command::Charge(charge),
                Seen::New(first @ (What::Paid(_) | What::Waits(_) | What::Declined(..))),
            ) => {
                let last = self.decisions(charge.id).next().map_or(first, |decision| decision.0);
                Some(Payment { charge, first, last, day: past.day, made_at: past.now })
            }
            _ => None,
        })
    }

    /// What was decided about a payment that waited, and when.
    fn decisions(&self, payment: PaymentId) -> impl Iterator<Item = (What, Timestamp)> {
        self.past.iter().filter_map(move |past| match (&past.command, past.seen) {
            (Command::Resolve(resolve), Seen::New(what)) if resolve.payment == payment => {
                Some((what, past.now))
            }
            _ => None,
        })
    }

    fn resolve(&self, command: &Command, resolve: &Resolve, now: Timestamp) -> Seen {
        if let Resolver::Merchant { api_key, .. } = &resolve.by
            && self.revoked_keys.contains(&number_of(api_key.as_bytes()))
        {
            return Seen::Refused(Refusal::KeyRevoked);
        }
        if let Some(seen) = self.kept(command) {
            return seen;
        }
        let Some(payment) = self.payments().find(|it| it.charge.id == resolve.payment) else {
            return Seen::Refused(Refusal::UnknownPayment);
        };
        let code = payment.code().unwrap();
        if (code.payer, payment.charge.reference.merchant) != (resolve.payer, resolve.merchant) {
            return Seen::Refused(Refusal::UnknownPayment);
        }
        let What::Waits(number) = payment.last else {
            return Seen::Refused(Refusal::PaymentClosed);
        };
        let late = now >= payment.made_at.plus_millis(WAIT * 1000);
        match &resolve.by {
            Resolver::Payer { device, confirmed, .. } => {
                let revoked = DEVICES.iter().any(|it| {
                    super::fixture::device_id(it.0) == *device
                        && self.revoked_devices.contains(&it.0)
                });
                if *device != code.device || revoked {
                    Seen::Refused(Refusal::OtherDevice)
                } else if late {
                    Seen::Refused(Refusal::ConfirmationExpired)
                } else if *confirmed && self.frozen.contains(&number_of(code.payer.as_bytes())) {
                    Seen::Refused(Refusal::PayerUnavailable)
                } else if *confirmed {
                    Seen::New(What::Paid(number))
                } else {
                    Seen::New(What::Declined(number, DeclineCode::RefusedByPayer))
                }
            }
            Resolver::Merchant { .. } => Seen::New(What::Canceled(number)),
            Resolver::Time if late => Seen::New(What::Expired(number)),
            Resolver::Time => Seen::Refused(Refusal::PaymentClosed),
        }
    }

    /// Whether the payer is asked before this is paid.
    fn asks(&self, charge: &Charge, code: &AuthenticCode, now: Timestamp, day: i64) -> bool {
        let payer = number_of(code.payer.as_bytes());
        let amount = charge.amount.money().minor();
        let own = || self.payments().filter(|it| it.payer() == Some(payer));
        let paid_at_once = || own().filter(|it| it.day == day && matches!(it.first, What::Paid(_)));
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
            || i64::try_from(paid_at_once().count()).unwrap() >= WITHOUT_PIN_COUNT
            || paid_at_once().map(|it| it.amount()).sum::<i64>() + amount > DAY_WITHOUT_PIN
    }

    /// Whether a code of this payer was shown at two tills lately, and nothing confirmed since.
    fn is_suspected(&self, payer: u32, now: Timestamp) -> bool {
        let mut until = None;
        for past in &self.past {
            if past.copied == Some(payer) {
                until = Some(past.now.plus_millis(SUSPECTED * 1000));
            }
            if let (Command::Resolve(resolve), Seen::New(What::Paid(_))) =
                (&past.command, past.seen)
                && number_of(resolve.payer.as_bytes()) == payer
            {
                until = None;
            }
        }
        until.is_some_and(|until| now < until)
    }

    fn credits(&self) -> impl Iterator<Item = (&TopUp, Seen)> {
        self.past.iter().filter_map(|past| match (&past.command, past.seen) {
            (Command::TopUp(it), Seen::New(_)) => Some((it, past.seen)),
            _ => None,
        })
    }

    fn kept(&self, command: &Command) -> Option<Seen> {
        let answered = |past: &&Past| {
            command.key().is_some()
                && past.command.key() == command.key()
                && !matches!(past.seen, Seen::Refused(_))
        };
        let past = self.past.iter().find(answered)?;
        Some(if request_hash(&past.command) == request_hash(command) {
            again(past.seen)
        } else {
            Seen::Refused(Refusal::KeyReused)
        })
    }

    fn charge(&self, command: &Command, charge: &Charge, now: Timestamp, day: i64) -> Seen {
        if self.revoked_keys.contains(&number_of(charge.api_key.as_bytes())) {
            return Seen::Refused(Refusal::KeyRevoked);
        }
        if let Some(seen) = self.kept(command) {
            return seen;
        }
        let merchant = number_of(charge.reference.merchant.as_bytes());
        let scope = (merchant, charge.reference.reference.clone());
        if charge.key.mode == Mode::Live && self.canceled.contains(&scope) {
            return Seen::Refused(Refusal::ReferenceCanceled);
        }
        if let Some(holder) = self.payments().find(|it| it.charge.reference == charge.reference) {
            return if holder.charge.fingerprint == charge.fingerprint {
                Seen::Again(holder.first)
            } else {
                Seen::Refused(Refusal::ReferenceConflict)
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
        let device = DEVICES.iter().find(|it| code.device == super::fixture::device_id(it.0));
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
        let counted = || self.payments().filter(|it| it.payer() == Some(*payer) && it.counts());
        let today: i64 = counted().filter(|it| it.day == day).map(|it| it.amount()).sum();
        let month: i64 = counted().map(|it| it.amount()).sum();
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
            None => What::Paid(number),
        }))
    }

    fn top_up(&self, command: &Command, top_up: &TopUp) -> Seen {
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

    /// What a payer has free, in minor units.
    pub(super) fn wallet(&self, payer: u32) -> i64 {
        let credits = self.credits().filter(|it| number_of(it.0.payer.as_bytes()) == payer);
        let paid_in: i64 = credits.map(|it| it.0.amount.money().minor()).sum();
        let spent = self.payments().filter(|it| it.payer() == Some(payer) && it.counts());
        paid_in - spent.map(|it| it.amount()).sum::<i64>()
    }

    /// What is held for a payer, in minor units.
    pub(super) fn held(&self, payer: u32) -> i64 {
        let waits = |it: &Payment<'_>| matches!(it.last, What::Waits(_));
        let held = self.payments().filter(|it| it.payer() == Some(payer) && waits(it));
        held.map(|it| it.amount()).sum()
    }

    /// What a merchant sold for and what it owes in fees, in minor units.
    pub(super) fn sold(&self, merchant: u32) -> (i64, i64) {
        let (_, _, _, share, fixed) = *MERCHANTS.iter().find(|it| it.0 == merchant).unwrap();
        let sales = self.payments().filter(|it| matches!(it.last, What::Paid(_)));
        let sales =
            sales.filter(|it| number_of(it.charge.reference.merchant.as_bytes()) == merchant);
        sales.map(|sale| sale.amount()).fold((0, 0), |(sum, fees), amount| {
            let exact = amount * i64::from(share);
            let rounded = exact / 10_000 + i64::from(exact % 10_000 >= 5_000);
            (sum + amount, fees + (rounded + fixed).min(amount))
        })
    }
}
