//! Waits with a till for the payer who must confirm.
//!
//! | what ends the waiting | so |
//! |---|---|
//! | the payer confirms or refuses, or it is too late | that is the outcome |
//! | the cashier (Ctrl-C), or the patience of the till | the payment is called off |
//! | …but the payer was faster | that is the outcome |
//! | the server can't be reached | asked again, until the patience is over |

use std::time::Duration;

use wallet_core::Timestamp;

use crate::client::models::Payment;
use crate::client::{Answer, Client, Request};
use crate::commands::merchant::cancel::cancel;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::{system, times};

/// How long the server may hold a question open.
const WAIT_SECONDS_MAX: i64 = 25;
/// An answer that says nothing new is not asked for again sooner.
const PAUSE: Duration = Duration::from_secs(1);
/// The server ends a payment itself a moment after its time; till then it is asked.
const GRACE_MILLIS: i64 = 3_000;

/// How long a till waits, and what it does then.
#[derive(clap::Args, Debug)]
pub(super) struct WaitArgs {
    /// How long to wait for a payer who must confirm, 0 for not at all [default: until it expires]
    #[arg(long, value_name = "SECONDS")]
    patience: Option<u32>,
    /// Leave a payment that still waits alone, instead of calling it off
    #[arg(long)]
    no_cancel: bool,
}

/// Why the waiting ended without an outcome.
enum Ended {
    /// The cashier pressed Ctrl-C.
    Interrupted,
    /// The patience is over.
    Late,
}

impl WaitArgs {
    /// Waits until a payment is decided, and says so when that takes time.
    pub(super) async fn outcome(
        &self,
        client: &Client,
        payment: Answer<Payment>,
        output: Output,
    ) -> Result<Answer<Payment>, Failure> {
        if !payment.value.is_waiting() {
            return Ok(payment);
        }
        output.announce(&payment)?;
        let id = payment.value.id.clone();
        let ended = if self.patience == Some(0) {
            Ended::Late
        } else {
            let until = self.until(&payment.value)?;
            tokio::select! {
                outcome = ask_until(client, &id, until) => match outcome? {
                    Some(outcome) => return Ok(outcome),
                    None => Ended::Late,
                },
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted.map_err(|error| {
                        Failure::new(Exit::Unexpected, "signals", error.to_string())
                    })?;
                    Ended::Interrupted
                }
            }
        };
        if self.no_cancel {
            return Err(still_waiting(&id));
        }
        output.note(match ended {
            Ended::Interrupted => "interrupted: calling it off",
            Ended::Late => "nobody confirmed: calling it off",
        });
        call_off(client, &id).await
    }

    fn until(&self, payment: &Payment) -> Result<Timestamp, Failure> {
        let expires_at = match &payment.expires_at {
            Some(time) => times::parse(time)?.plus_millis(GRACE_MILLIS),
            None => system::now(),
        };
        let patience = self
            .patience
            .map(|seconds| system::now().plus_millis(i64::from(seconds).saturating_mul(1000)));
        Ok(patience.map_or(expires_at, |patience| patience.min(expires_at)))
    }
}

/// Asks until the payment is decided; nothing when the time is over.
async fn ask_until(
    client: &Client,
    id: &str,
    until: Timestamp,
) -> Result<Option<Answer<Payment>>, Failure> {
    loop {
        let left = until.unix_millis().saturating_sub(system::now().unix_millis()).max(0);
        let wait = (left.saturating_add(999) / 1000).min(WAIT_SECONDS_MAX);
        let asked_at = system::instant();
        let request = Request::get(format!("/v1/payments/{id}")).query("wait", Some(wait));
        match client.send::<Payment>(request).await {
            Ok(payment) if !payment.value.is_waiting() => return Ok(Some(payment)),
            Err(failure) if failure.exit() == Exit::Refused => return Err(failure),
            // The payment is there, whatever the network does: the next question finds it.
            Ok(_) | Err(_) => {}
        }
        if left == 0 {
            return Ok(None);
        }
        tokio::time::sleep(PAUSE.saturating_sub(asked_at.elapsed())).await;
    }
}

/// Calls the payment off; if the payer was faster, that is the outcome.
async fn call_off(client: &Client, id: &str) -> Result<Answer<Payment>, Failure> {
    match cancel(client, id, &system::random_hex::<16>()).await {
        Err(failure) if failure.exit() == Exit::Refused => {
            let decided = client.send::<Payment>(Request::get(format!("/v1/payments/{id}"))).await;
            match decided {
                Ok(payment) if !payment.value.is_waiting() => Ok(payment),
                _ => Err(failure),
            }
        }
        outcome => outcome,
    }
}

fn still_waiting(id: &str) -> Failure {
    let sentence = "the payment still waits for its payer";
    Failure::new(Exit::AskAgain, "requires_confirmation", sentence).hint(format!(
        "`wallet merchant payment {id}` tells what became of it, `wallet merchant cancel {id}` \
         calls it off"
    ))
}

/// A payment that is decided, but not in the till's favour.
pub(super) fn unless_paid(payment: &Payment) -> Result<(), Failure> {
    if matches!(payment.state.as_str(), "succeeded" | "authorized") {
        return Ok(());
    }
    let code = payment.decline_code.as_deref().unwrap_or(&payment.state);
    let sentence = format!("not paid: the payment is {}", payment.state);
    Err(Failure::new(Exit::Refused, code, sentence))
}
