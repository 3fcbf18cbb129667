//! The ledger without a server: settlement over the books, in this process.

use std::sync::Arc;

use tokio::task::JoinSet;
use wallet_core::receipt::PaymentState;
use wallet_server::clock::Clock;
use wallet_server::domain::command::Command;
use wallet_server::domain::outcome::{Answer, Outcome};
use wallet_server::metrics::Metrics;
use wallet_server::worker::{Alarm, Batcher, Engine, EngineParts, Notifier, Unsettled};

use super::books::Books;
use super::tally::{Pace, Progress, Tally};
use crate::failure::{Exit, Failure};

/// How long a command may wait: longer than any run.
const DEADLINE_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Running settlement.
pub(super) struct Ledger {
    batcher: Batcher,
    settlement: Engine,
    clock: Arc<dyn Clock>,
}

impl Ledger {
    /// Starts settlement over these books, by this clock.
    pub(super) async fn start(books: &Books, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let (batcher, settlement) = Engine::start(EngineParts {
            store: Arc::clone(&books.store),
            rules: books.rules.clone(),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&books.entropy),
            notifier: Notifier::default(),
            metrics: Arc::new(Metrics::default()),
            alarm: Alarm::default(),
        })
        .await
        .map_err(|error| Failure::new(Exit::Unexpected, "settlement", error.to_string()))?;
        Ok(Self { batcher, settlement, clock })
    }

    /// Settles what each of the clients brings, one command after the other, all clients at once.
    pub(super) async fn drive<Next>(
        &self,
        clients: Vec<Next>,
        pace: Pace,
        progress: &Arc<Progress>,
    ) -> Result<Tally, Failure>
    where
        Next: FnMut() -> Option<Command> + Send + 'static,
    {
        let mut running = JoinSet::new();
        for (client, next) in clients.into_iter().enumerate() {
            let (batcher, clock) = (self.batcher.clone(), Arc::clone(&self.clock));
            let progress = Arc::clone(progress);
            running.spawn(async move {
                let mut next = next;
                let mut tally = Tally::default();
                let mut n = 0;
                while let Some(since) = pace.turn(client, n).await {
                    let Some(command) = next() else {
                        tally.ran_out = true;
                        break;
                    };
                    let deadline = clock.now().plus_millis(DEADLINE_MILLIS);
                    match batcher.settle(command, deadline).await {
                        Ok(Outcome::Answered { answer: Answer::Payment(payment), .. }) => {
                            tally.payment(payment.id, payment.record.state, since);
                        }
                        Ok(Outcome::Answered {
                            answer:
                                Answer::TopUp(_)
                                | Answer::Movement(_)
                                | Answer::Refund(_)
                                | Answer::Order(_)
                                | Answer::ReferenceCanceled,
                            ..
                        }) => {}
                        Ok(Outcome::Answered { answer: Answer::NotMoved(why), .. }) => {
                            tally.other(why.code());
                        }
                        Ok(Outcome::Answered { answer: Answer::Rejected(why), .. }) => {
                            tally.other(why.as_str());
                        }
                        Ok(Outcome::Refused(why)) => tally.other(why.as_str()),
                        Err(Unsettled::Unknown) => tally.unanswered += 1,
                        Err(why) => tally.other(format!("{why:?}").to_lowercase()),
                    }
                    progress.step();
                    n += 1;
                }
                tally
            });
        }
        let mut all = Tally::default();
        while let Some(one) = running.join_next().await {
            let one = one.map_err(|error| {
                Failure::new(Exit::Unexpected, "bench_client", error.to_string())
            })?;
            all.add(one);
        }
        Ok(all)
    }

    /// The same for what must succeed as a whole.
    pub(super) async fn drive_all<Next>(
        &self,
        clients: Vec<Next>,
        progress: &Arc<Progress>,
    ) -> Result<(), Failure>
    where
        Next: FnMut() -> Option<Command> + Send + 'static,
    {
        let tally = self.drive(clients, Pace::to_the_end(), progress).await?;
        let declined = tally.count(PaymentState::Declined);
        if declined == 0 && tally.unanswered == 0 && tally.others.is_empty() {
            return Ok(());
        }
        let sentence = format!(
            "the books could not be filled: {declined} declined, {} unanswered, others: {:?}",
            tally.unanswered, tally.others
        );
        Err(Failure::new(Exit::Unexpected, "not_filled", sentence))
    }

    /// Ends once everything queued is settled.
    pub(super) async fn stop(self) {
        drop(self.batcher);
        self.settlement.stop().await;
    }
}
