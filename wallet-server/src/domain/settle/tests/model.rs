//! The rules again, as plainly as can be: everything is looked up in the list of what happened.
//!
//! Slow on purpose. It has no balances, marks or tables; it adds up and searches the past.

use std::collections::HashSet;

use wallet_core::{Mode, Timestamp};

use super::fixture::{
    Change, DAY_LIMIT, DEVICES, MERCHANTS, OWN_CURRENCIES, PAYERS, PAYMENT_LIMIT, Seen, What,
    currency, number_of,
};
use crate::domain::command::{Charge, Command, TopUp, Verdict};
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
        Command::TopUp(top_up) => top_up.request_hash,
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
                let taken = self.payments().any(|(charge, ..)| {
                    let scope = &charge.reference;
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
        let day = now.unix_seconds().div_euclid(86_400);
        let seen = match command {
            Command::Charge(charge) => self.charge(command, charge, now, day),
            Command::TopUp(top_up) => self.top_up(command, top_up),
        };
        self.past.push(Past { command: command.clone(), seen, day });
        seen
    }

    /// Payments that were made, declined ones included, with the day they were made on.
    fn payments(&self) -> impl Iterator<Item = (&Charge, Seen, i64)> {
        self.past.iter().filter_map(|past| match (&past.command, past.seen) {
            (Command::Charge(it), Seen::New(What::Paid(_) | What::Declined(..))) => {
                Some((it, past.seen, past.day))
            }
            _ => None,
        })
    }

    /// Payments that moved money.
    fn paid(&self) -> impl Iterator<Item = (&Charge, i64)> {
        self.payments()
            .filter(|(_, seen, _)| matches!(seen, Seen::New(What::Paid(_))))
            .map(|(charge, _, day)| (charge, day))
    }

    fn credits(&self) -> impl Iterator<Item = (&TopUp, Seen)> {
        self.past.iter().filter_map(|past| match (&past.command, past.seen) {
            (Command::TopUp(it), Seen::New(_)) => Some((it, past.seen)),
            _ => None,
        })
    }

    fn kept(&self, command: &Command) -> Option<Seen> {
        let answered = |past: &&Past| {
            past.command.key() == command.key() && !matches!(past.seen, Seen::Refused(_))
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
        if let Some((holder, seen, _)) =
            self.payments().find(|(other, ..)| other.reference == charge.reference)
        {
            return if holder.fingerprint == charge.fingerprint {
                again(seen)
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
        let shown = |other: &Charge| match &other.verdict {
            Verdict::Authentic(it) if it.device == code.device => Some(it.mark),
            _ => None,
        };
        if self.payments().filter_map(|it| shown(it.0)).any(|mark| mark >= code.mark) {
            return Ok(Seen::New(What::Rejected(Rejection::CodeUsed)));
        }
        let number = number_of(charge.id.as_bytes());
        let amount = charge.amount.money().minor();
        let currencies =
            [charge.amount.money().currency(), code.limit.currency(), currency(wallet)];
        let today: i64 = self
            .paid_by(*payer)
            .filter(|it| it.1 == day)
            .map(|it| it.0.amount.money().minor())
            .sum();
        // In order of precedence, the first that holds.
        let declines = [
            (self.revoked_devices.contains(device), DeclineCode::DeviceRevoked),
            (self.frozen.contains(payer), DeclineCode::PayerUnavailable),
            (currencies.iter().any(|it| *it != currencies[0]), DeclineCode::CurrencyMismatch),
            (amount > code.limit.minor(), DeclineCode::OverCodeLimit),
            (currencies[0] != currency("CNY"), DeclineCode::DeclinedByLimit),
            (amount > PAYMENT_LIMIT || today + amount > DAY_LIMIT, DeclineCode::DeclinedByLimit),
            (amount > self.wallet(*payer), DeclineCode::InsufficientFunds),
        ];
        Ok(Seen::New(match declines.into_iter().find(|it| it.0) {
            Some((_, decline)) => What::Declined(number, decline),
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

    fn paid_by(&self, payer: u32) -> impl Iterator<Item = (&Charge, i64)> {
        self.paid().filter(move |(charge, _)| match &charge.verdict {
            Verdict::Authentic(code) => number_of(code.payer.as_bytes()) == payer,
            Verdict::Invalid => false,
        })
    }

    /// What a payer has, in minor units.
    pub(super) fn wallet(&self, payer: u32) -> i64 {
        let credits = self.credits().filter(|it| number_of(it.0.payer.as_bytes()) == payer);
        let paid_in: i64 = credits.map(|it| it.0.amount.money().minor()).sum();
        let paid: i64 = self.paid_by(payer).map(|it| it.0.amount.money().minor()).sum();
        paid_in - paid
    }

    /// What a merchant sold for and what it owes in fees, in minor units.
    pub(super) fn sold(&self, merchant: u32) -> (i64, i64) {
        let (_, _, _, share, fixed) = *MERCHANTS.iter().find(|it| it.0 == merchant).unwrap();
        let sales = self.paid().map(|it| it.0);
        let sales = sales.filter(|it| number_of(it.reference.merchant.as_bytes()) == merchant);
        sales.map(|sale| sale.amount.money().minor()).fold((0, 0), |(sum, fees), amount| {
            let exact = amount * i64::from(share);
            let rounded = exact / 10_000 + i64::from(exact % 10_000 >= 5_000);
            (sum + amount, fees + (rounded + fixed).min(amount))
        })
    }
}
