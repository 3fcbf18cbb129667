//! The rules again, as plainly as can be: everything is looked up in the list of what happened.
//!
//! Slow on purpose. It has no balances, marks or tables; it adds up and searches the past.

mod charge;
mod later;
mod payouts;
mod sums;

use std::collections::{HashMap, HashSet};

use wallet_core::Timestamp;

use super::fixture::{Change, MERCHANTS, Seen, What, number_of};
use crate::domain::command::{AuthenticCode, Charge, Command, ReferenceRef, TopUp, Verdict};
use crate::domain::ids::PaymentId;
use crate::domain::request_hash::RequestHash;

#[derive(Default)]
pub(super) struct Model {
    past: Vec<Past>,
    frozen: HashSet<u32>,
    closed_merchants: HashSet<u32>,
    revoked_devices: HashSet<u32>,
    revoked_keys: HashSet<u32>,
    /// What was paid to merchants' bank accounts.
    paid_to_merchants: HashMap<u32, i64>,
    /// The numbers of payouts of which the bank may know.
    batched: HashSet<u32>,
}

struct Past {
    command: Command,
    seen: Seen,
    day: i64,
    now: Timestamp,
    /// Whose code it was that has been shown at two tills.
    copied: Option<u32>,
    effect: Option<Effect>,
}

/// What a command made of a payment that was there before.
#[derive(Clone, Copy)]
struct Effect {
    payment: PaymentId,
    made: Made,
    /// Whether the money waits for the operator, because its owner was frozen.
    suspended: bool,
}

#[derive(Clone, Copy)]
enum Made {
    Authorized,
    Captured(i64),
    /// Nothing is held any more.
    Freed(What),
    Reversed(i64),
    Refunded(i64, i64),
}

/// What was seen, and what it did to a payment that was there before.
type Decided = (Seen, Option<Effect>);

/// A payment that was made, and what has become of it.
#[derive(Clone, Copy)]
struct Payment<'a> {
    charge: &'a Charge,
    first: What,
    last: What,
    day: i64,
    made_at: Timestamp,
    /// When it was authorized or captured, whichever was last.
    moved_at: Timestamp,
    captured: i64,
    refunded: i64,
    fee_returned: i64,
    refunds: u32,
}

impl Payment<'_> {
    /// What it keeps set aside, or has moved to its merchant.
    fn counted(&self) -> i64 {
        match self.last {
            What::Waits(_) | What::Authorized(_) => self.amount(),
            _ => self.captured,
        }
    }

    fn amount(&self) -> i64 {
        self.charge.amount.money().minor()
    }

    fn number(&self) -> u32 {
        number_of(self.charge.id.as_bytes())
    }

    fn merchant(&self) -> u32 {
        number_of(self.charge.reference.merchant.as_bytes())
    }

    /// What the merchant owes for what it captured.
    fn fee(&self) -> i64 {
        let merchant = MERCHANTS.iter().find(|it| it.0 == self.merchant());
        let (_, _, _, share, fixed) = *merchant.unwrap();
        let exact = self.captured * i64::from(share);
        let rounded = exact / 10_000 + i64::from(exact % 10_000 >= 5_000);
        (rounded + fixed).min(self.captured)
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

fn request_hash(command: &Command) -> RequestHash {
    match command {
        Command::Charge(charge) => charge.request_hash,
        Command::Resolve(resolve) => {
            resolve.request().map_or(RequestHash::from_bytes([0; 16]), |request| request.hash)
        }
        Command::CancelReference(cancel) => cancel.request.hash,
        Command::Refund(refund) => refund.request.hash,
        Command::EndSuspense(end) => end.request.hash,
        Command::TopUp(top_up) => top_up.request_hash,
        Command::RequestPayout(ask) => ask.request.hash,
        Command::FinishPayout(finish) => finish.request.hash,
        other => panic!("not played here: {other:?}"),
    }
}

impl Past {
    /// Whether the answer stays with its key.
    fn is_kept(&self) -> bool {
        !matches!(self.seen, Seen::Refused(_)) && self.command.key().is_some()
    }

    fn payer(&self) -> Option<u32> {
        self.command.payers().next().map(|id| number_of(id.as_bytes()))
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
            Change::PayMerchant(number) => {
                let owed = self.owed(number);
                *self.paid_to_merchants.entry(number).or_default() += owed;
            }
            Change::BatchPayouts => {
                let open = self.open_payouts();
                self.batched.extend(open);
            }
        }
    }

    pub(super) fn decide(&mut self, command: &Command, now: Timestamp) -> Seen {
        let day = self.day_of(command, now);
        let (seen, effect) = match command {
            Command::Charge(charge) => (self.charge(command, charge, now, day), None),
            Command::Resolve(resolve) => self.resolve(command, resolve, now),
            Command::CancelReference(cancel) => self.cancel_reference(command, cancel, now),
            Command::Refund(refund) => self.refund(command, refund, now),
            Command::EndSuspense(end) => (self.end_suspense(command, end), None),
            Command::TopUp(top_up) => (self.top_up(command, top_up), None),
            Command::RequestPayout(ask) => (self.ask_payout(command, ask), None),
            Command::FinishPayout(finish) => (self.finish_payout(command, finish), None),
            other => panic!("not played here: {other:?}"),
        };
        let copied = match command {
            Command::Charge(charge) => self.copied(charge, seen),
            _ => None,
        };
        self.past.push(Past { command: command.clone(), seen, day, now, copied, effect });
        seen
    }

    /// The day on which something counts: no earlier than the payer's last one.
    fn day_of(&self, command: &Command, now: Timestamp) -> i64 {
        let today = now.unix_seconds().div_euclid(86_400);
        let payer = command.payers().next().map(|id| number_of(id.as_bytes()));
        let counted = self.payments().filter(|it| it.payer() == payer);
        let moved = counted.filter(|it| !matches!(it.first, What::Declined(..)));
        // A suspicion opens a day as well, and so does a decision after which less may count.
        let others = self.past.iter().filter(|past| {
            let decided = past.effect.is_some_and(|effect| {
                !matches!(effect.made, Made::Authorized | Made::Refunded(..))
            });
            (decided || past.copied.is_some()) && past.payer() == payer
        });
        moved.map(|it| it.day).chain(others.map(|past| past.day)).fold(today, i64::max)
    }

    /// Payments that were made, declined ones included, with what has become of them.
    fn payments(&self) -> impl Iterator<Item = Payment<'_>> {
        self.past.iter().filter_map(|past| match (&past.command, past.seen) {
            (
                Command::Charge(charge),
                Seen::New(
                    first @ (What::Paid(_)
                    | What::Waits(_)
                    | What::Authorized(_)
                    | What::Declined(..)),
                ),
            ) => {
                let paid = matches!(first, What::Paid(_));
                let payment = Payment {
                    charge,
                    first,
                    last: first,
                    day: past.day,
                    made_at: past.now,
                    moved_at: past.now,
                    captured: if paid { charge.amount.money().minor() } else { 0 },
                    refunded: 0,
                    fee_returned: 0,
                    refunds: 0,
                };
                Some(self.become_of(payment))
            }
            _ => None,
        })
    }

    /// A payment after all that was decided about it.
    fn become_of<'a>(&'a self, mut payment: Payment<'a>) -> Payment<'a> {
        for past in &self.past {
            let Some(effect) = past.effect.filter(|it| it.payment == payment.charge.id) else {
                continue;
            };
            let number = payment.number();
            match effect.made {
                Made::Authorized => {
                    (payment.last, payment.moved_at) = (What::Authorized(number), past.now);
                }
                Made::Captured(amount) => {
                    (payment.last, payment.moved_at) = (What::Paid(number), past.now);
                    payment.captured = amount;
                }
                Made::Freed(what) => payment.last = what,
                Made::Reversed(_) => {
                    (payment.last, payment.captured) = (What::Canceled(number), 0);
                }
                Made::Refunded(amount, fee) => {
                    payment.refunded += amount;
                    payment.fee_returned += fee;
                    payment.refunds += 1;
                    if payment.refunded == payment.captured {
                        payment.last = What::Returned(number);
                    }
                }
            }
        }
        payment
    }

    /// The payment that took a reference.
    fn holder(&self, reference: &ReferenceRef) -> Option<Payment<'_>> {
        self.payments().find(|it| it.charge.reference == *reference)
    }

    /// Whether a reference was called off before a payment came.
    fn is_buried(&self, reference: &ReferenceRef) -> bool {
        self.past.iter().any(|past| match &past.command {
            Command::CancelReference(cancel) => {
                cancel.reference == *reference && past.seen == Seen::New(What::Buried)
            }
            _ => false,
        })
    }

    fn credits(&self) -> impl Iterator<Item = (&TopUp, Seen)> {
        self.past.iter().filter_map(|past| match (&past.command, past.seen) {
            (Command::TopUp(it), Seen::New(_)) => Some((it, past.seen)),
            _ => None,
        })
    }

    fn kept(&self, command: &Command) -> Option<Seen> {
        let key = command.key()?;
        let past = self.past.iter().find(|it| it.is_kept() && it.command.key() == Some(key))?;
        Some(if request_hash(&past.command) == request_hash(command) {
            again(past.seen)
        } else {
            Seen::Refused(crate::domain::outcome::Refusal::KeyReused)
        })
    }
}
