//! Phones that confirm, and the operator who credits.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use wallet_core::receipt::PaymentState;

use super::network::{below, happens};
use super::server::Server;
use crate::domain::command::Command;
use crate::domain::outcome::{Answer, Outcome};
use crate::domain::settle::tests::fixture::{By, Decision, Deposit, number_of};
use wallet_core::Mode;

/// How often a payer confirms instead of refusing: of a thousand.
const CONFIRMS: u32 = 800;
/// Keys of payers' decisions begin here.
const KEYS_FROM: u32 = 5_000_000;

/// A payer's phone: decides what waits, and says so until it is answered.
#[derive(Debug)]
pub(super) struct Phone {
    payer: u32,
    /// What it has decided, and when it says so next.
    decided: BTreeMap<u32, (Decision, i64)>,
}

impl Phone {
    pub(super) fn new(payer: u32) -> Self {
        Self { payer, decided: BTreeMap::new() }
    }

    /// What it sends now.
    pub(super) fn ask(&mut self, now: i64, server: &Server, rng: &mut ChaCha8Rng) -> Vec<Command> {
        for (id, row) in &server.database.books().payments {
            let number = number_of(id.as_bytes());
            let open = row.open();
            let waits = open.answer.record.state == PaymentState::RequiresConfirmation;
            let is_own = number_of(row.payer.as_bytes()) == self.payer;
            if !waits || !is_own || self.decided.contains_key(&number) || !happens(rng, 300) {
                continue;
            }
            let mut device = [0; 4];
            device.copy_from_slice(&open.device.as_bytes()[4..]);
            let device = u32::from_be_bytes(device);
            let by = if happens(rng, CONFIRMS) { By::Confirm(device) } else { By::Refuse(device) };
            let decision = Decision {
                number: 0,
                key: KEYS_FROM + number,
                payment: number,
                mode: Mode::Live,
                payer: self.payer,
                merchant: number_of(open.answer.merchant.as_bytes()),
                by,
            };
            self.decided.insert(number, (decision, now));
        }
        let mut commands = Vec::new();
        for (decision, at) in self.decided.values_mut().filter(|(_, at)| *at <= now) {
            *at = now + 2 + i64::from(below(rng, 4));
            commands.push(decision.clone().into());
        }
        commands
    }

    /// Hears of a decision, whatever became of it.
    pub(super) fn hear(&mut self, command: &Command) {
        if let Command::Resolve(resolve) = command {
            // The phone keeps the decision, so that it is made once.
            let number = number_of(resolve.payment.as_bytes());
            if let Some((_, at)) = self.decided.get_mut(&number) {
                *at = i64::MAX;
            }
        }
    }

    /// Whether it waits for no answer.
    pub(super) fn is_at_rest(&self) -> bool {
        self.decided.values().all(|(_, at)| *at == i64::MAX)
    }
}

/// The operator credits a payer once.
#[derive(Debug)]
pub(super) struct Crediting {
    pub(super) deposit: Deposit,
    pub(super) is_done: bool,
    ask_at: i64,
}

impl Crediting {
    pub(super) fn new(deposit: Deposit, begin: i64) -> Self {
        Self { deposit, is_done: false, ask_at: begin }
    }

    pub(super) fn ask(&mut self, now: i64, rng: &mut ChaCha8Rng) -> Option<Command> {
        if self.is_done || now < self.ask_at {
            return None;
        }
        self.ask_at = now + 2 + i64::from(below(rng, 6));
        Some(self.deposit.clone().into())
    }

    pub(super) fn hear(&mut self, outcome: &Outcome) {
        if let Outcome::Answered { answer, .. } = outcome {
            assert!(matches!(answer, Answer::TopUp(_)), "{answer:?}");
            self.is_done = true;
        }
    }
}
