//! A till with one sale, from the shown code to a belief that is certain.
//!
//! | state | the till | until |
//! |---|---|---|
//! | charging | charges under one key, again and again | an answer; out of patience: undoing |
//! | waiting | looks at the payment that waits for its payer | it is decided; the same |
//! | capturing | captures what is held | an answer; the same |
//! | undoing | calls off whatever stands under its reference | an answer |
//! | refunding | gives some of it back | an answer |
//! | paid, unpaid | is certain | – |
//!
//! Patience is short at some tills, so that the calling off overtakes charges that are still on
//! their way with codes that are still good.

use rand_chacha::ChaCha8Rng;
use wallet_core::receipt::PaymentState;

use super::network::below;
use super::server::Server;
use crate::domain::command::Command;
use crate::domain::ids::PaymentId;
use crate::domain::outcome::{Answer, Outcome, Refusal};
use crate::domain::settle::tests::fixture::{
    By, Decision, GiveBack, Sale, Undo, id_bytes, number_of, yuan,
};

/// How often it scans again after a code that was no use.
const SCANS_MAX: u32 = 3;
/// Keys of one sale are told apart by their last two digits.
const KEYS: u32 = 100;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Charging,
    Waiting(u32),
    Capturing(u32),
    Undoing,
    Refunding(u32),
    Paid,
    Unpaid,
}

/// A sale, and what its till knows.
#[derive(Debug)]
pub(super) struct Selling {
    /// What it asks for: number and reference of the sale, the code that was scanned last.
    sale: Sale,
    state: State,
    /// The payment, once the till has heard of it.
    payment: Option<u32>,
    /// How much it means to give back, in minor units.
    wants_back: Option<i64>,
    /// How much it believes to have given back.
    pub(super) given_back: i64,
    keys: u32,
    scans: u32,
    /// How long it asks before it calls the sale off, in seconds.
    patience: i64,
    since: i64,
    ask_at: i64,
}

/// A code that a phone shows: device, step and number.
pub(super) type Code = (u32, i64, u8);

impl Selling {
    /// A sale that begins at `begin`; the code is shown then.
    pub(super) fn new(sale: Sale, wants_back: Option<i64>, patience: i64, begin: i64) -> Self {
        let (state, payment, given_back, keys, scans) = (State::Charging, None, 0, 0, 0);
        let (since, ask_at) = (begin, begin);
        Self { sale, state, payment, wants_back, given_back, keys, scans, patience, since, ask_at }
    }

    /// The number of its reference.
    pub(super) fn reference(&self) -> u32 {
        self.sale.reference
    }

    /// The device whose code it wants to scan now.
    pub(super) fn wants_code(&self, now: i64) -> Option<u32> {
        let wants = self.state == State::Charging && self.scans == self.keys && now >= self.since;
        wants.then_some(self.sale.device)
    }

    /// A code is scanned: charged under a key of its own.
    pub(super) fn scan(&mut self, (device, step, seq): Code) {
        self.scans += 1;
        self.sale = Sale { device, step, seq, ..self.sale.clone() };
        self.next_key();
    }

    fn next_key(&mut self) {
        self.keys += 1;
        self.sale.key = self.reference() * KEYS + self.keys;
    }

    fn become_at(&mut self, state: State, now: i64) {
        (self.state, self.since, self.ask_at) = (state, now, now);
        match state {
            State::Capturing(_) | State::Undoing | State::Refunding(_) => self.next_key(),
            State::Charging | State::Waiting(_) | State::Paid | State::Unpaid => {}
        }
    }

    /// What it sends now, if anything.
    pub(super) fn ask(
        &mut self,
        now: i64,
        server: &Server,
        rng: &mut ChaCha8Rng,
    ) -> Option<Command> {
        if now < self.ask_at || (self.state == State::Charging && self.scans == 0) {
            return None;
        }
        self.ask_at = now + 1 + i64::from(below(rng, 5));
        let is_over = now > self.since + self.patience;
        match self.state {
            State::Charging | State::Waiting(_) | State::Capturing(_) if is_over => {
                self.become_at(State::Undoing, now);
                None
            }
            State::Charging => Some(self.sale.clone().into()),
            State::Waiting(payment) => {
                self.look(now, payment, server);
                None
            }
            State::Capturing(payment) => {
                let by = By::Capture(1, None);
                Some(
                    Decision { key: self.sale.key, ..Decision::of(0, &self.of(payment), by) }
                        .into(),
                )
            }
            State::Undoing => Some(Undo { key: self.sale.key, ..Undo::of(0, &self.sale) }.into()),
            State::Refunding(payment) => {
                let amount = self.wants_back.map(yuan);
                let back = GiveBack::of(0, &self.of(payment), amount);
                Some(GiveBack { key: self.sale.key, ..back }.into())
            }
            State::Paid | State::Unpaid => None,
        }
    }

    fn of(&self, payment: u32) -> Sale {
        Sale { number: payment, ..self.sale.clone() }
    }

    /// Looks at a payment, as `GET /v1/payments/{id}` does.
    fn look(&mut self, now: i64, payment: u32, server: &Server) {
        let id = PaymentId::from_bytes(id_bytes(payment));
        let row = &server.database.books().payments[&id];
        self.reached(now, payment, row.last.state);
    }

    /// A payment is in a state that the till has heard of.
    fn reached(&mut self, now: i64, payment: u32, state: PaymentState) {
        self.payment = Some(payment);
        let next = match state {
            PaymentState::RequiresConfirmation => State::Waiting(payment),
            PaymentState::Authorized => State::Capturing(payment),
            PaymentState::Succeeded if self.wants_back.is_some() => State::Refunding(payment),
            PaymentState::Succeeded | PaymentState::PartiallyRefunded | PaymentState::Refunded => {
                State::Paid
            }
            PaymentState::Declined | PaymentState::Canceled | PaymentState::Expired => {
                State::Unpaid
            }
        };
        if next != self.state {
            self.become_at(next, now);
        }
    }

    /// Hears an answer; one to an earlier question is of no interest.
    pub(super) fn hear(&mut self, now: i64, server: &Server, command: &Command, outcome: &Outcome) {
        let key = format!("key {}", self.sale.key);
        if self.is_at_rest() || command.key().is_none_or(|asked| asked.key != key) {
            return;
        }
        match outcome {
            Outcome::Answered { answer, .. } => self.answered(now, answer),
            Outcome::Refused(refusal) => self.refused(now, server, *refusal),
        }
    }

    fn answered(&mut self, now: i64, answer: &Answer) {
        match answer {
            Answer::Payment(payment) => {
                let number = number_of(payment.id.as_bytes());
                self.reached(now, number, payment.record.state);
            }
            // Nothing was decided about the sale: another code, another key.
            Answer::Rejected(_) if self.scans < SCANS_MAX => self.scans = self.keys,
            Answer::Rejected(_) => self.become_at(State::Undoing, now),
            Answer::ReferenceCanceled => self.become_at(State::Unpaid, now),
            Answer::Refund(refund) => {
                self.given_back += refund.record.asked.minor();
                self.become_at(State::Paid, now);
            }
            // It can no longer be given back.
            Answer::NotMoved(_) => self.become_at(State::Paid, now),
            Answer::TopUp(_) | Answer::Movement(_) | Answer::Order(_) => {
                panic!("not asked for: {answer:?}")
            }
        }
    }

    fn refused(&mut self, now: i64, server: &Server, refusal: Refusal) {
        match (self.state, refusal) {
            (_, Refusal::ReferenceCanceled) => self.become_at(State::Unpaid, now),
            (State::Undoing, Refusal::CancelTooLate) => self.become_at(State::Paid, now),
            (State::Undoing, Refusal::PaymentClosed) => match self.payment_now(server) {
                Some((payment, state)) => {
                    self.wants_back = None;
                    self.reached(now, payment, state);
                }
                None => panic!("closed, and not there"),
            },
            (State::Charging, Refusal::ReferenceConflict) => self.become_at(State::Undoing, now),
            (State::Capturing(_), Refusal::HoldExpired | Refusal::PaymentClosed) => {
                self.become_at(State::Undoing, now);
            }
            (State::Refunding(_), Refusal::NotRefundable) => panic!("it was paid"),
            // It asks again.
            _ => {}
        }
    }

    /// The payment under the till's reference, as `GET /v1/payments?reference=` shows it.
    fn payment_now(&self, server: &Server) -> Option<(u32, PaymentState)> {
        let reference = format!("order {}", self.reference());
        let mut payments = server.database.books().payments.iter();
        let found = payments.find(|(_, row)| row.first.reference == reference)?;
        Some((number_of(found.0.as_bytes()), found.1.last.state))
    }

    /// Whether it is certain.
    pub(super) fn is_at_rest(&self) -> bool {
        matches!(self.state, State::Paid | State::Unpaid)
    }

    /// Whether it believes to be paid.
    pub(super) fn is_paid(&self) -> bool {
        self.state == State::Paid
    }
}
