//! A server: a queue in memory, books on a disk, and crashes.

use rand_chacha::ChaCha8Rng;
use wallet_core::Timestamp;
use wallet_core::receipt::PaymentState;

use super::network::{ClientId, happens};
use crate::domain::command::Command;
use crate::domain::ids::{PaymentId, RefundId, TopUpId, TransferId};
use crate::domain::outcome::{Outcome, Refusal};
use crate::domain::plan::NewHolder;
use crate::domain::settle::tests::database::Database;
use crate::domain::settle::tests::fixture::{at, id_bytes};

/// How many commands a batch takes.
const BATCH_MAX: usize = 5;
/// How long it takes to start again, in seconds.
const DOWN: i64 = 3;
/// Ids of the server's own begin here, above those of what is there from the start.
const IDS_FROM: u32 = 10_000;

/// How often it crashes with a batch at hand: of a thousand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Health {
    pub(super) before_commit: u32,
    pub(super) after_commit: u32,
    pub(super) answer_lost: u32,
}

impl Health {
    pub(super) const GOOD: Self = Self { before_commit: 0, after_commit: 0, answer_lost: 0 };
}

/// How it fared.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Crashes {
    pub(super) before_commit: u64,
    pub(super) after_commit: u64,
    pub(super) run_again: u64,
}

pub(super) struct Server {
    pub(super) database: Database,
    queue: Vec<(ClientId, Command)>,
    down_until: i64,
    ids: u32,
    pub(super) health: Health,
    pub(super) crashes: Crashes,
    pub(super) settled: u64,
}

impl Server {
    pub(super) fn new(database: Database, health: Health) -> Self {
        let (queue, crashes) = (Vec::new(), Crashes::default());
        Self { database, queue, down_until: 0, ids: IDS_FROM, health, crashes, settled: 0 }
    }

    fn is_down(&self, now: i64) -> bool {
        now < self.down_until
    }

    /// A request arrives: it gets ids, and what it names is looked up.
    pub(super) fn receive(&mut self, now: i64, client: ClientId, command: Command) {
        if self.is_down(now) {
            return;
        }
        let command = self.look_up(self.with_ids(command));
        self.ids += 1;
        self.queue.push((client, command));
    }

    fn with_ids(&self, mut command: Command) -> Command {
        let bytes = id_bytes(self.ids);
        let id = TransferId::from_bytes(bytes);
        match &mut command {
            Command::Charge(charge) => {
                (charge.id, charge.transfer) = (PaymentId::from_bytes(bytes), id);
            }
            Command::Resolve(resolve) => resolve.transfer = id,
            Command::CancelReference(cancel) => cancel.transfer = id,
            Command::Refund(refund) => {
                (refund.id, refund.transfer) = (RefundId::from_bytes(bytes), id);
            }
            Command::TopUp(top_up) => {
                (top_up.id, top_up.transfer) = (TopUpId::from_bytes(bytes), id);
            }
            other => panic!("nobody sends {other:?}"),
        }
        command
    }

    /// Who holds a reference is looked up before the queue, because its payer is to be locked.
    fn look_up(&self, mut command: Command) -> Command {
        if let Command::CancelReference(cancel) = &mut command {
            let books = self.database.books();
            cancel.holder = match books.references.get(&cancel.reference) {
                Some(NewHolder::Payment(id, _)) => Some((*id, books.payments[id].payer)),
                // Nobody sells by orders here.
                Some(NewHolder::Order(_) | NewHolder::Nothing) | None => None,
            };
        }
        command
    }

    /// Settles a batch, if there is one, and returns what is to be answered.
    pub(super) fn turn(
        &mut self,
        now: i64,
        rng: &mut ChaCha8Rng,
    ) -> Vec<(ClientId, Command, Outcome)> {
        if self.is_down(now) || self.queue.is_empty() {
            return Vec::new();
        }
        let size = self.queue.len().min(BATCH_MAX);
        let (clients, commands): (Vec<ClientId>, Vec<Command>) = self.queue.drain(..size).unzip();
        if happens(rng, self.health.before_commit) {
            self.crashes.before_commit += 1;
            self.crash(now);
            return Vec::new();
        }
        let mut outcomes = self.database.settle(&commands, at(now));
        self.settled += u64::try_from(size).unwrap();
        if happens(rng, self.health.answer_lost) {
            // The database has committed and did not say so: the batch is run once more.
            self.crashes.run_again += 1;
            let again = self.database.settle(&commands, at(now));
            for ((command, first), again) in commands.iter().zip(&outcomes).zip(&again) {
                assert_same(command, first, again);
            }
            outcomes = again;
        }
        if happens(rng, self.health.after_commit) {
            self.crashes.after_commit += 1;
            self.crash(now);
            return Vec::new();
        }
        let mut answers = Vec::new();
        for ((client, command), outcome) in clients.into_iter().zip(commands).zip(outcomes) {
            if outcome == Outcome::Refused(Refusal::ReferenceMoved) {
                // Somebody has paid under it since it was looked up.
                let command = self.look_up(command);
                self.queue.push((client, command));
            } else {
                answers.push((client, command, outcome));
            }
        }
        answers
    }

    /// What is in memory is gone.
    fn crash(&mut self, now: i64) {
        self.queue.clear();
        self.down_until = now + DOWN;
    }

    /// Payments whose time is over, as the worker finds them.
    pub(super) fn overdue(&self, now: i64) -> Vec<PaymentId> {
        let is_over = |end: Option<Timestamp>| end.is_some_and(|end| end < at(now));
        let books = self.database.books();
        let overdue = books.payments.iter().filter(|(_, row)| {
            let answer = row.open().answer;
            match answer.record.state {
                PaymentState::RequiresConfirmation => is_over(answer.expires_at),
                PaymentState::Authorized => is_over(answer.hold_expires_at),
                _ => false,
            }
        });
        overdue.map(|(id, _)| *id).collect()
    }
}

/// A batch that is run again after its commit gives the same answers. What was refused may find
/// now what the rest of the batch has done.
fn assert_same(command: &Command, first: &Outcome, again: &Outcome) {
    if let (Some(_), Outcome::Answered { answer, .. }) = (command.key(), first) {
        let replayed = Outcome::Answered { answer: answer.clone(), replayed: true };
        assert_eq!(*again, replayed, "it was settled twice");
    }
}
