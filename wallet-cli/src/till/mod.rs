//! Runs a sale of [`wallet_core::till`] on this machine: the network, the clock, the disk and the
//! cashier.
//!
//! | what ends a run | so |
//! |---|---|
//! | an outcome | it is on the disk and is told |
//! | Ctrl-C, or the end of the patience | the sale is called off, and that has an outcome |
//! | the same, when it is to be left alone | the sale stays open |
//! | Ctrl-C again, or a server that does not say for a minute that it has called the sale off | the sale stays open |
//! | a crash, a kill | the sale stays open |
//!
//! A sale that stays open is gone on with by the next run.

mod journal;

use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use wallet_core::Timestamp;
use wallet_core::till::{Action, Outcome, Request, Sale};

use crate::client::models::Payment;
use crate::client::{Answer, Client, Exchange};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

pub(crate) use journal::{Entry, Journal};

/// How long a cashier waits to hear that a sale is called off, before the sale is left open.
const REVERSING_MAX: Duration = Duration::from_mins(1);

/// A till at work.
pub(crate) struct Till<'a> {
    pub(crate) client: &'a Client,
    pub(crate) output: Output,
    /// Whether a sale that is not decided in time stays open, instead of being called off.
    pub(crate) leaves_alone: bool,
}

/// Time that does not go back: the system's when the run began, counted on from there.
struct Clock {
    wall: Timestamp,
    since: Instant,
}

/// What the cashier has done so far.
struct Cashier {
    signal: Signal,
    interruptions: u32,
}

impl Till<'_> {
    /// Runs a sale, new or resumed, to its outcome, which is on the disk then.
    pub(crate) async fn run(
        &self,
        mut sale: Sale,
        resumed: bool,
        entry: &Entry,
    ) -> Result<Outcome, Failure> {
        let clock = Clock { wall: system::now(), since: system::instant() };
        let mut cashier = Cashier::watch()?;
        let (mut announced, mut reversing_since) = (false, None);
        let mut begun = resumed;
        loop {
            if self.leaves_alone && begun && is_late(&sale, &cashier, clock.now()) {
                return Err(left_open(&sale));
            }
            if sale.is_reversing() {
                let since = *reversing_since.get_or_insert_with(system::instant);
                if since.elapsed() > REVERSING_MAX || cashier.interruptions > 1 || is_stuck(&sale) {
                    return Err(left_open(&sale));
                }
            }
            match sale.next(clock.now()) {
                Action::Store(record) => {
                    if sale.is_reversing() {
                        self.output.note(why(&cashier));
                    }
                    entry.store(record, sale.outcome().is_some())?;
                    sale.stored();
                }
                Action::Send(request) => {
                    announced = announced || self.announce(&sale)?;
                    self.send(&mut sale, &request, &clock, &mut cashier).await;
                    begun = true;
                }
                Action::Wait(pause) => tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = cashier.interrupts() => sale.call_off(clock.now()),
                },
                Action::End(outcome) => return Ok(outcome),
            }
        }
    }

    async fn send(&self, sale: &mut Sale, request: &Request, clock: &Clock, cashier: &mut Cashier) {
        tokio::select! {
            exchange = self.client.exchange(request) => match exchange {
                Exchange::Answered(answer) => sale.answered(request, &answer, clock.now()),
                Exchange::Unsent => sale.unsent(request, clock.now()),
                Exchange::Lost => sale.lost(request, clock.now()),
            },
            () = cashier.interrupts() => sale.call_off(clock.now()),
        }
    }

    /// Says that the payer must confirm, once.
    fn announce(&self, sale: &Sale) -> Result<bool, Failure> {
        let Some(followed) = sale.followed() else { return Ok(false) };
        let payment = Answer::<Payment>::read(&followed.body)?;
        if !payment.value.is_waiting() {
            return Ok(false);
        }
        self.output.announce(&payment)?;
        Ok(true)
    }
}

impl Clock {
    fn now(&self) -> Timestamp {
        let passed = i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.wall.plus_millis(passed)
    }
}

impl Cashier {
    fn watch() -> Result<Self, Failure> {
        let signal = signal(SignalKind::interrupt())
            .map_err(|error| Failure::new(Exit::Unexpected, "signals", error.to_string()))?;
        Ok(Self { signal, interruptions: 0 })
    }

    /// Returns when Ctrl-C is pressed.
    async fn interrupts(&mut self) {
        if self.signal.recv().await.is_none() {
            // No signal will ever come; the other side of the race goes on.
            std::future::pending::<()>().await;
        }
        self.interruptions += 1;
    }
}

/// Whether the till would call the sale off now.
fn is_late(sale: &Sale, cashier: &Cashier, now: Timestamp) -> bool {
    let open = !sale.is_reversing() && sale.outcome().is_none();
    open && (cashier.interruptions > 0 || now >= sale.deadline())
}

/// Whether only a person can help.
fn is_stuck(sale: &Sale) -> bool {
    sale.is_reversing() && sale.problem().is_some_and(|problem| !problem.passes_by_itself())
}

fn why(cashier: &Cashier) -> &'static str {
    if cashier.interruptions > 0 {
        "interrupted: calling it off"
    } else {
        "nobody confirmed, or nothing was heard: calling it off"
    }
}

/// The run ends and the sale does not.
fn left_open(sale: &Sale) -> Failure {
    let reference = &sale.order().reference;
    let failure = match (sale.followed(), sale.problem()) {
        (Some(payment), _) if payment.state == "requires_confirmation" => Failure::new(
            Exit::AskAgain,
            "requires_confirmation",
            "the payment still waits for its payer",
        ),
        (_, Some(problem)) => {
            let sentence = format!("whether it is paid is not known: {problem}");
            Failure::new(Exit::AskAgain, "undecided", sentence)
        }
        (_, None) => Failure::new(Exit::AskAgain, "undecided", "whether it is paid is not known"),
    };
    failure.hint(format!(
        "`wallet merchant charge --resume {reference}` ends it, and so does the same charge again: \
         the payer pays once\n  until then, don't take the money for {reference} in another way"
    ))
}
