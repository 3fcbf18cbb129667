//! The rules again, as plainly as can be: a list of what was made and what became of it, and sums
//! over all of it whenever something is to be known.
//!
//! Slow on purpose. It has no balances, no counters, no marks and no ledger, and shares nothing
//! with the server: it was written from what `docs/http-api.md` promises.

mod charge;
mod codes;
mod decided;
mod merchants;
mod objects;
mod payment;
mod people;
mod sums;

use super::command::{Asked, Caller, Command, PayoutEnd, Reference};
use super::rules;
use objects::{Burned, TopUp, Transfer};
pub(super) use objects::{Code, Envelope, Order, OrderState, Payout, Plate, Suspense, Withdrawal};
pub(super) use payment::Payment;

/// What is to be answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Expected {
    /// The error; empty if there is none.
    pub(super) code: &'static str,
    pub(super) replayed: bool,
    /// What the answer says besides, by JSON pointer.
    pub(super) says: Vec<(&'static str, String)>,
    /// Whether a repeat finds this answer, whatever happens meanwhile.
    pub(super) kept: bool,
}

fn done(says: Vec<(&'static str, String)>) -> Expected {
    Expected { code: "", replayed: false, says, kept: true }
}

/// Refused for good: the key stands for that.
fn kept(code: &'static str) -> Expected {
    Expected { code, ..done(Vec::new()) }
}

/// Refused without a trace.
fn refused(code: &'static str) -> Expected {
    Expected { kept: false, ..kept(code) }
}

fn again(expected: &Expected) -> Expected {
    Expected { replayed: true, ..expected.clone() }
}

/// What a decision comes to; an early end is one as well.
type Decision = Result<Expected, Expected>;

struct Kept {
    caller: Caller,
    key: usize,
    command: Command,
    expected: Expected,
}

/// Everything that ever happened, in its order.
#[derive(Default)]
pub(super) struct Model {
    pub(super) codes: Vec<Code>,
    pub(super) payments: Vec<Payment>,
    pub(super) withdrawals: Vec<Withdrawal>,
    pub(super) envelopes: Vec<Envelope>,
    pub(super) orders: Vec<Order>,
    pub(super) plates: Vec<Plate>,
    pub(super) payouts: Vec<Payout>,
    pub(super) suspense: Vec<Suspense>,
    top_ups: Vec<TopUp>,
    transfers: Vec<Transfer>,
    burned: Vec<Burned>,
    /// References that were called off before anything came.
    buried: Vec<(usize, Reference)>,
    /// Until when somebody else may have a payer's code; nothing after it was the payer.
    suspicions: Vec<(usize, Option<i64>)>,
    /// Days on which something of a payer was counted, or came not to count any more.
    opened: Vec<(usize, i64)>,
    frozen: Vec<(usize, bool)>,
    fees: Vec<(usize, (i64, i64))>,
    kept: Vec<Kept>,
}

impl Model {
    /// What a request is to be answered with, at this moment.
    pub(super) fn decide(&mut self, asked: &Asked, now: i64) -> Expected {
        if self.is_unknown(&asked.command) {
            return refused("not_found");
        }
        let caller = asked.command.caller();
        let known = self.kept.iter().find(|it| (it.caller, it.key) == (caller, asked.key));
        if let Some(known) = known {
            return if known.command.is_repeat_of(&asked.command) {
                again(&known.expected)
            } else {
                refused("idempotency_key_reused")
            };
        }
        let expected = self.act(&asked.command, now).unwrap_or_else(|refusal| refusal);
        if expected.kept {
            let (key, command, expected) = (asked.key, asked.command, expected.clone());
            self.kept.push(Kept { caller, key, command, expected });
        }
        expected
    }

    fn act(&mut self, command: &Command, now: i64) -> Decision {
        match *command {
            Command::Charge(charge) => self.charge(&charge, now),
            Command::Confirm { phone, payment } => self.confirm(phone, payment, now),
            Command::Refuse { phone, payment } => self.refuse(phone, payment, now),
            Command::Capture { payment, amount, .. } => self.capture(payment, amount, now),
            Command::Cancel { payment, .. } => self.cancel(payment, now),
            Command::CancelReference { merchant, reference } => {
                self.cancel_reference(merchant, reference, now)
            }
            Command::Refund { payment, amount, .. } => self.refund(payment, amount, now),
            Command::TopUp { payer, amount, external } => self.top_up(payer, amount, external),
            Command::Transfer { phone, to, amount } => self.transfer(phone, to, amount, now),
            Command::Withdraw { phone, amount } => self.withdraw(phone, amount, now),
            Command::EndWithdrawal { withdrawal, paid } => self.end_withdrawal(withdrawal, paid),
            Command::MakeEnvelope { phone, amount, shares, to } => {
                self.make_envelope(phone, (amount, shares), to, now)
            }
            Command::Claim { phone, envelope } => self.claim(phone, envelope),
            Command::MakeOrder { merchant, amount, reference, seconds } => {
                self.make_order(merchant, amount, reference, now + seconds * 1000)
            }
            Command::CloseOrder { merchant, order } => self.close_order(merchant, order),
            Command::PayCode { phone, code, amount, pin } => {
                self.pay_code(phone, code, amount, pin, now)
            }
            Command::AskPayout { merchant, by_operator, amount } => {
                self.ask_payout(merchant, by_operator, amount)
            }
            Command::EndPayout { payout, end } => self.end_payout(payout, end),
            Command::EndSuspense { suspense, paid } => self.end_suspense(suspense, paid),
        }
    }

    /// Whether it is about what is somebody else's. That comes before the key.
    fn is_unknown(&self, command: &Command) -> bool {
        match *command {
            Command::Confirm { phone, payment } | Command::Refuse { phone, payment } => {
                self.payments[payment].payer != super::command::OWNERS[phone]
            }
            Command::Capture { merchant, payment, .. }
            | Command::Cancel { merchant, payment }
            | Command::Refund { merchant, payment, .. } => {
                self.payments[payment].merchant != merchant
            }
            Command::EndPayout { payout, end: PayoutEnd::CanceledBy(merchant) } => {
                self.payouts[payout].merchant != merchant
            }
            _ => false,
        }
    }

    /// The operator freezes somebody, or lets them pay again.
    pub(super) fn freeze(&mut self, payer: usize, frozen: bool) {
        self.frozen.push((payer, frozen));
    }

    /// A merchant pays another fee from now on.
    pub(super) fn set_fee(&mut self, merchant: usize, fee: (i64, i64)) {
        self.fees.push((merchant, fee));
    }

    /// The operator puts what waits to be paid out into a batch; says whether there was any.
    pub(super) fn batch_payouts(&mut self) -> bool {
        let waiting = |payout: &&mut Payout| payout.state() == "authorized" && !payout.batched;
        let waiting: Vec<_> = self.payouts.iter_mut().filter(waiting).collect();
        let any = !waiting.is_empty();
        for payout in waiting {
            payout.batched = true;
        }
        any
    }

    /// A payer's phone shows a code.
    pub(super) fn show(&mut self, code: Code) -> usize {
        self.codes.push(code);
        self.codes.len() - 1
    }

    /// Ends everything whose time is over; says whether there was any.
    pub(super) fn expire(&mut self, now: i64) -> bool {
        let payments = self.expire_payments(now);
        let envelopes = self.expire_envelopes(now);
        let orders = self.expire_orders(now);
        payments || envelopes || orders
    }

    fn is_frozen(&self, payer: usize) -> bool {
        self.frozen.iter().rev().find(|it| it.0 == payer).is_some_and(|it| it.1)
    }

    /// A share rounded half up to a cent, and a fixed part; never more than the amount.
    fn fee(&self, merchant: usize, amount: i64) -> i64 {
        let set = self.fees.iter().rev().find(|it| it.0 == merchant);
        let (share, fixed) = set.map_or(rules::FEES[merchant], |it| it.1);
        let exact = amount * share;
        let rounded = exact / 10_000 + i64::from(exact % 10_000 >= 5_000);
        (rounded + fixed).min(amount)
    }

    fn is_suspected(&self, payer: usize, now: i64) -> bool {
        let last = self.suspicions.iter().rev().find(|it| it.0 == payer);
        last.and_then(|it| it.1).is_some_and(|until| now < until)
    }
}
