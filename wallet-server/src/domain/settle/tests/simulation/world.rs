//! Everybody together, from a seed to a report.

use std::fmt;

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use wallet_core::receipt::PaymentState;

use super::clients::{Crediting, Phone};
use super::network::{Message, Network, Weather, below, happens};
use super::sales::{Code, Selling};
use super::server::{Health, Server};
use crate::domain::command::Command;
use crate::domain::settle::tests::database::Database;
use crate::domain::settle::tests::fixture::{
    By, Decision, Sale, asking_rules, deposit, number_of, sale, yuan,
};

/// How many sales and top-ups a run has.
const SALES: u32 = 14;
const DEPOSITS: u32 = 4;
/// How long everything breaks, and how long everybody may then take to come to rest, in seconds.
const STORM: i64 = 200;
const CALM: i64 = 600;
/// The devices that show codes: two of one payer, one of another.
const DEVICES: u32 = 3;

/// What came of a run, or of many.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Report {
    operations: u64,
    /// Sales that ended as paid.
    paid: u64,
    messages_lost: u64,
    messages_doubled: u64,
    messages_overtaken: u64,
    crashed_before_commit: u64,
    crashed_after_commit: u64,
    run_again: u64,
    /// Clients who believe something else than the books say.
    pub(super) lost: u64,
    /// What took place more than once.
    pub(super) doubled: u64,
    /// Clients who do not come to rest.
    pub(super) stuck: u64,
}

impl Report {
    fn numbers(&self) -> [(&'static str, u64); 11] {
        [
            ("operations", self.operations),
            ("paid", self.paid),
            ("messages lost", self.messages_lost),
            ("messages doubled", self.messages_doubled),
            ("messages overtaken", self.messages_overtaken),
            ("crashes before the commit", self.crashed_before_commit),
            ("crashes after it", self.crashed_after_commit),
            ("batches run again", self.run_again),
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("stuck", self.stuck),
        ]
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.operations += other.operations;
        self.paid += other.paid;
        self.messages_lost += other.messages_lost;
        self.messages_doubled += other.messages_doubled;
        self.messages_overtaken += other.messages_overtaken;
        self.crashed_before_commit += other.crashed_before_commit;
        self.crashed_after_commit += other.crashed_after_commit;
        self.run_again += other.run_again;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.stuck += other.stuck;
    }

    /// Whether every fault has taken place, and sales succeeded all the same.
    pub(super) fn has_seen_everything(&self) -> bool {
        self.numbers()[..8].iter().all(|(_, number)| *number > 0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (name, number)) in self.numbers().into_iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {number}")?;
        }
        Ok(())
    }
}

pub(super) struct World {
    rng: ChaCha8Rng,
    network: Network,
    server: Server,
    sales: Vec<Selling>,
    phones: Vec<Phone>,
    credits: Vec<Crediting>,
    /// The last code that each device has shown.
    shown: Vec<Code>,
}

/// Who receives an answer, by the number of the client.
const NOBODY: usize = usize::MAX;

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut database = Database::open_with(asking_rules());
        database.run(0, [deposit(9_001, 1, yuan(500)), deposit(9_002, 2, yuan(300))]);

        let weather = Weather {
            lost: below(&mut rng, 250),
            doubled: below(&mut rng, 200),
            delay_max: 1 + below(&mut rng, 18),
        };
        let health = Health {
            before_commit: below(&mut rng, 150),
            after_commit: below(&mut rng, 150),
            answer_lost: below(&mut rng, 150),
        };
        let sales = (1..=SALES).map(|number| a_sale(number, &mut rng)).collect();
        let credits = (1..=DEPOSITS).map(|number| {
            let payer = 1 + below(&mut rng, 2);
            let amount = yuan(50 + i64::from(below(&mut rng, 200)));
            let begin = i64::from(below(&mut rng, 100));
            Crediting::new(deposit(9_100 + number, payer, amount), begin)
        });
        Self {
            credits: credits.collect(),
            network: Network::new(weather),
            server: Server::new(database, health),
            sales,
            phones: vec![Phone::new(1), Phone::new(2)],
            shown: (1..=DEVICES).map(|device| (device, -1, 0)).collect(),
            rng,
        }
    }

    /// Lets everything break for a while, then nothing, and says what came of it.
    pub(super) fn run(mut self) -> Report {
        for now in 0..STORM {
            self.turn(now);
        }
        self.network.weather = Weather::CALM;
        self.server.health = Health::GOOD;
        for now in STORM..STORM + CALM {
            self.turn(now);
            if self.is_at_rest() {
                break;
            }
        }
        self.report()
    }

    fn turn(&mut self, now: i64) {
        self.send(now);
        for message in self.network.arrivals(now) {
            match message {
                Message::Request(client, command) => self.server.receive(now, client, *command),
                Message::Answer(client, answer) => {
                    let (command, outcome) = *answer;
                    self.hear(now, client, &command, &outcome);
                }
            }
        }
        // What the time has ended is found every few seconds.
        if happens(&mut self.rng, 300) {
            for id in self.server.overdue(now) {
                let of = Sale { number: number_of(id.as_bytes()), ..self.sale_of(id) };
                self.server.receive(now, NOBODY, Decision::of(0, &of, By::Time).into());
            }
        }
        for (client, command, outcome) in self.server.turn(now, &mut self.rng) {
            if client != NOBODY {
                let answer = Message::Answer(client, Box::new((command, outcome)));
                self.network.send(now, answer, &mut self.rng);
            }
        }
    }

    /// Merchant and device of a payment, as a sale.
    fn sale_of(&self, id: crate::domain::ids::PaymentId) -> Sale {
        let open = self.server.database.books().payments[&id].open();
        let payer = number_of(open.payer.as_bytes());
        let device = if payer == 1 { 1 } else { 3 };
        Sale { merchant: number_of(open.answer.merchant.as_bytes()), device, ..sale(1) }
    }

    /// Everybody sends what it is time for.
    fn send(&mut self, now: i64) {
        let mut commands: Vec<(usize, Command)> = Vec::new();
        for (client, selling) in self.sales.iter_mut().enumerate() {
            if let Some(device) = selling.wants_code(now) {
                selling.scan(next_code(&mut self.shown, device, now));
            }
            let command = selling.ask(now, &self.server, &mut self.rng);
            commands.extend(command.map(|command| (client, command)));
        }
        let mut client = self.sales.len();
        for phone in &mut self.phones {
            let asked = phone.ask(now, &self.server, &mut self.rng);
            commands.extend(asked.into_iter().map(|command| (client, command)));
            client += 1;
        }
        for credit in &mut self.credits {
            let command = credit.ask(now, &mut self.rng);
            commands.extend(command.map(|command| (client, command)));
            client += 1;
        }
        for (client, command) in commands {
            let request = Message::Request(client, Box::new(command));
            self.network.send(now, request, &mut self.rng);
        }
    }

    fn hear(
        &mut self,
        now: i64,
        client: usize,
        command: &Command,
        outcome: &crate::domain::outcome::Outcome,
    ) {
        let (sales, phones) = (self.sales.len(), self.phones.len());
        if let Some(selling) = self.sales.get_mut(client) {
            selling.hear(now, &self.server, command, outcome);
        } else if let Some(phone) = self.phones.get_mut(client - sales) {
            phone.hear(command);
        } else {
            self.credits[client - sales - phones].hear(outcome);
        }
    }

    fn stuck(&self) -> usize {
        self.sales.iter().filter(|selling| !selling.is_at_rest()).count()
            + self.phones.iter().filter(|phone| !phone.is_at_rest()).count()
            + self.credits.iter().filter(|credit| !credit.is_done).count()
    }

    fn is_at_rest(&self) -> bool {
        let nothing_held = [1, 2].iter().all(|payer| self.server.database.held(*payer) == 0);
        self.stuck() == 0 && nothing_held
    }

    /// Holds what everybody believes against the books.
    fn report(&self) -> Report {
        let (accidents, crashes) = (self.network.accidents, self.server.crashes);
        let mut report = Report {
            operations: self.server.settled,
            messages_lost: accidents.lost,
            messages_doubled: accidents.doubled,
            messages_overtaken: accidents.overtaken,
            crashed_before_commit: crashes.before_commit,
            crashed_after_commit: crashes.after_commit,
            run_again: crashes.run_again,
            stuck: u64::try_from(self.stuck()).unwrap(),
            ..Report::default()
        };
        let held: i64 = [1, 2].iter().map(|payer| self.server.database.held(*payer)).sum();
        report.stuck += u64::from(held != 0);
        let books = self.server.database.books();
        for selling in &self.sales {
            let reference = format!("order {}", selling.reference());
            let rows = books.payments.values().filter(|row| row.first.reference == reference);
            let captured: Vec<_> = rows.filter(|row| is_captured(row.last.state)).collect();
            let given_back: i64 = captured.iter().map(|row| row.refunded.amount.minor()).sum();
            let refunds: u32 = captured.iter().map(|row| row.refunded.count).sum();
            report.paid += u64::from(selling.is_paid());
            report.doubled += u64::from(captured.len() > 1 || refunds > 1);
            let agrees = selling.is_paid() == (captured.len() == 1);
            report.lost += u64::from(!agrees || selling.given_back != given_back);
        }
        for credit in &self.credits {
            let reference = format!("bank {}", credit.deposit.reference);
            let credited =
                books.top_ups.values().filter(|row| row.answer.external_reference == reference);
            match credited.count() {
                0 => report.lost += u64::from(credit.is_done),
                1 => {}
                _ => report.doubled += 1,
            }
        }
        report
    }
}

fn is_captured(state: PaymentState) -> bool {
    matches!(
        state,
        PaymentState::Succeeded | PaymentState::PartiallyRefunded | PaymentState::Refunded
    )
}

/// The code that a phone shows next, above the last one.
fn next_code(shown: &mut [Code], device: u32, now: i64) -> Code {
    let code = shown.iter_mut().find(|code| code.0 == device).expect("a device that shows codes");
    let step = now.div_euclid(30);
    *code = if code.1 == step { (device, step, code.2 + 1) } else { (device, step, 0) };
    *code
}

fn a_sale(number: u32, rng: &mut ChaCha8Rng) -> Selling {
    // Few of them meet the limits: it is other things that break here.
    let most = if happens(rng, 100) { 160 } else { 60 };
    let amount = 1 + i64::from(below(rng, most));
    let wants_back = happens(rng, 300).then(|| 1 + i64::from(below(rng, 60)).min(amount - 1));
    let sale = Sale {
        number: 0,
        merchant: 1 + below(rng, 2),
        reference: number,
        amount: yuan(amount),
        device: 1 + below(rng, DEVICES),
        limit: yuan(200),
        manual: happens(rng, 300),
        ..sale(1)
    };
    let patience = 3 + i64::from(below(rng, 58));
    Selling::new(sale, wants_back, patience, i64::from(below(rng, 120)))
}
