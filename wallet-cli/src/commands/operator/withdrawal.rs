//! `wallet operator withdrawal`

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::client::models::{List, PageArgs, Withdrawal};
use crate::client::{OperatorArgs, Request};
use crate::commands::{ModeArg, ids};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

/// Pay out what payers asked for, or give it back
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    List(ListArgs),
    Pay(PayArgs),
    Return(ReturnArgs),
}

/// List withdrawals, with where the money is to go
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator withdrawal list --state authorized")]
pub(crate) struct ListArgs {
    /// Only these
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Real or play money
    #[arg(long, value_enum, default_value = "live")]
    mode: ModeArg,
    #[command(flatten)]
    page: PageArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

/// How far a withdrawal is.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum State {
    /// The money is held and waits to be paid out
    Authorized,
    /// It was paid out
    Succeeded,
    /// It was given back
    Canceled,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// Record that a withdrawal was paid out
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Example:
  wallet operator withdrawal pay wdr_0192f0c1 --external-reference bank-2026-11-22-0007")]
pub(crate) struct PayArgs {
    #[command(flatten)]
    which: Which,
    /// What the bank calls the transfer
    #[arg(long, value_name = "TEXT")]
    external_reference: String,
}

/// Give the money of a withdrawal back to its payer
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  wallet operator withdrawal return wdr_0192f0c1")]
pub(crate) struct ReturnArgs {
    #[command(flatten)]
    which: Which,
}

/// Which withdrawal, at which server.
#[derive(clap::Args, Debug)]
struct Which {
    /// Its id
    #[arg(value_name = "WITHDRAWAL", value_parser = ids::parse)]
    id: String,
    /// Repeat an earlier request [default: a new key]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl Which {
    async fn ask(self, action: &str, body: Value, output: Output) -> Result<(), Failure> {
        let path = format!("/v1/operator/withdrawals/{}/{action}", self.id);
        let key = self.idempotency_key.unwrap_or_else(system::random_hex::<16>);
        let request = Request::post(path, body).idempotency_key(&key);
        let answer = self.operator.client()?.send::<Withdrawal>(request).await;
        output.show(&answer.map_err(|failure| match failure.exit() {
            Exit::AskAgain => failure.hint(format!("repeat it with --idempotency-key {key}")),
            _ => failure,
        })?)
    }
}

pub(super) async fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::List(args) => {
            let request = Request::get("/v1/operator/withdrawals")
                .query("mode", Some(args.mode.as_str()))
                .query("state", args.state.map(State::as_str));
            let request = args.page.apply(request);
            output.show(&args.operator.client()?.send::<List<Withdrawal>>(request).await?)
        }
        Command::Pay(args) => {
            let body = json!({"external_reference": args.external_reference});
            args.which.ask("pay", body, output).await
        }
        Command::Return(args) => args.which.ask("return", json!({}), output).await,
    }
}
