//! `wallet bench`: how many payments a second a machine settles, and whether the books are right
//! afterwards.
//!
//! | file | |
//! |---|---|
//! | [`place`], [`books`], [`people`], [`mod@fill`] | where the books are, who is in them, and since when |
//! | [`http`], [`server`], [`codes`], [`load`], [`flood`] | a run over HTTP |
//! | [`direct`], [`ledger`], [`commands`] | a run without a server |
//! | [`webhooks`] | endpoints that are told of the payments of a run |
//! | [`share`], [`tally`], [`cpu`], [`report`] | who sends what, and what was measured |

mod books;
mod codes;
mod commands;
mod cpu;
mod direct;
mod fill;
mod flood;
mod http;
mod ledger;
mod load;
mod parallel;
mod people;
mod place;
mod report;
mod server;
mod share;
mod tally;
mod watch;
mod webhooks;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use wallet_core::Timestamp;
use wallet_core::receipt::PaymentState;
use wallet_server::Settings;
use wallet_server::domain::ids::PaymentId;
use wallet_server::store::{Finding, Store};

use self::books::{Books, cores};
use self::fill::{Wanted, fill};
use self::people::time_ordered;
use self::place::Place;
use self::report::{Machine, Measured, Report, Run};
use self::tally::Tally;
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::system;

/// Measure how many payments a second this machine settles, and check the books afterwards
///
/// Fills a new database with payers and merchants, makes real payment codes in advance, starts a
/// server of its own, sends charges over HTTP for some seconds, stops the server, and checks every
/// invariant of the books. Ends with exit code 1 if one of them does not hold.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
The load generator shares the machine with the server. Its processor time is reported apart.

A directory that is kept knows its payers again: fill it once, measure it often.

Examples:
  wallet bench
  wallet bench --hot --connections 256 --json
  wallet bench --database postgres://wallet@localhost/bench --servers 2
  wallet bench --ledger-only --in-flight 4096
  wallet bench --pin-flood 1000
  wallet bench --webhooks --rate 300
  wallet bench --payers 1000000 --preload 10000000 --keep books
  wallet bench --payers 1000000 --preload 10000000 --keep books --rate 4000")]
pub(crate) struct Args {
    /// The database, which has no books yet; a new SQLite file if none is given
    #[arg(long, value_name = "DATABASE")]
    database: Option<String>,
    /// How many payers there are, each with a device
    #[arg(long, value_name = "N", default_value = "10000", value_parser = count)]
    payers: usize,
    /// How many merchants there are
    #[arg(long, value_name = "N", default_value = "1000", value_parser = count)]
    merchants: usize,
    /// How many connections send charges, each one at a time
    #[arg(long, value_name = "N", default_value = "64", value_parser = count)]
    connections: usize,
    /// For how many seconds they send
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// One merchant receives every payment
    #[arg(long)]
    hot: bool,
    /// How many server processes share the database; more than one needs PostgreSQL
    #[arg(long, value_name = "N", default_value = "1", value_parser = count)]
    servers: usize,
    /// Put this many payments of past days into the books first
    #[arg(long, value_name = "N", default_value = "0")]
    preload: usize,
    /// Let payers sign for these payments, so that an audit with the issuer's keys finds them right
    #[arg(long, requires = "preload")]
    signed: bool,
    /// Send this many charges a second over all connections, instead of as many as possible
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rate: Option<u64>,
    /// Measure once more while so many devices try wrong PINs, each once a second
    #[arg(long, value_name = "CLIENTS", value_parser = count)]
    pin_flood: Option<usize>,
    /// Measure once more while so many endpoints are told of every payment, half of them dead
    #[arg(long, value_name = "ENDPOINTS", num_args = 0..=1, default_missing_value = "1000",
        value_parser = count, conflicts_with = "pin_flood")]
    webhooks: Option<usize>,
    /// Measure settlement alone, without HTTP and without codes
    #[arg(long, conflicts_with_all = ["connections", "servers", "pin_flood", "webhooks"])]
    ledger_only: bool,
    /// How many commands are under way at once
    #[arg(long, value_name = "N", default_value = "1024", value_parser = count, requires = "ledger_only")]
    in_flight: usize,
    /// A setting of the servers that are measured, by its name in the configuration file
    #[arg(long, value_name = "NAME=VALUE", value_parser = super::serve::assignment)]
    set: Vec<(String, String)>,
    /// Keep database, keys and payers in this directory, which is new, empty or kept before
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What a run leaves to be checked.
struct Outcome {
    store: Arc<Store>,
    measured: Measured,
    beside: Option<Beside>,
    /// A moment before the first payment of the run.
    since: Timestamp,
}

/// What was measured once more, with something beside.
enum Beside {
    Flooded(Flooded),
    Told(Told),
}

impl Beside {
    fn measured(&self) -> &Measured {
        match self {
            Self::Flooded(flooded) => &flooded.measured,
            Self::Told(told) => &told.measured,
        }
    }
}

/// The same while merchants' endpoints are told.
struct Told {
    endpoints: usize,
    measured: Measured,
    arrivals: webhooks::Arrivals,
    living_that_wait: usize,
}

/// The same while PINs flood the servers.
struct Flooded {
    clients: usize,
    measured: Measured,
    answers: flood::Answers,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    args.check()?;
    super::block_on(async {
        let signals =
            |error: std::io::Error| Failure::new(Exit::Unexpected, "signals", error.to_string());
        let mut terminate = signal(SignalKind::terminate()).map_err(signals)?;
        // Whichever way it ends, servers that were started are killed as `bench` is dropped.
        tokio::select! {
            done = bench(args, output) => done,
            _ = tokio::signal::ctrl_c() => Err(interrupted()),
            _ = terminate.recv() => Err(interrupted()),
        }
    })
}

fn interrupted() -> Failure {
    Failure::new(Exit::Unexpected, "interrupted", "interrupted: nothing was measured")
}

async fn bench(args: &Args, output: Output) -> Result<(), Failure> {
    let mut place = Place::open(args.keep.as_deref(), system::now())?;
    let url = database_url(args, &mut place)?;
    let settings = Settings::load(None, &server::settings(&place, &url, 0))
        .map_err(|error| Failure::new(Exit::Usage, "invalid_settings", error.to_string()))?;
    let books = Books::open(&place, &settings).await?;
    let wanted = Wanted {
        payers: args.payers,
        merchants: args.merchants,
        preload: args.preload,
        signed: args.signed,
    };
    let people = fill(&books, &mut place, wanted, output).await?;
    let Outcome { store, measured, beside, since } = if args.ledger_only {
        direct::measure(args, &mut place, books, people, output).await?
    } else {
        http::measure(args, &mut place, books, people, output).await?
    };
    output.note("checking the books");
    let tallies = [&measured].into_iter().chain(beside.as_ref().map(Beside::measured));
    let tallies: Vec<&Tally> = tallies.map(|measured| &measured.tally).collect();
    let findings = check(&store, &tallies, since).await?;
    let database = store.measure().await?.version;
    store.close().await;
    let machine = Machine { cores: cores(), database };
    let report = Report::new(measured, beside, findings, machine, args.run(&place));
    output.show(&report)?;
    if place.is_kept() {
        output.note(format!("the files are in {}", place.path().display()));
    }
    if report.invariants_ok {
        return Ok(());
    }
    Err(Failure::new(Exit::Unexpected, "invariants", "the books are not as they must be"))
}

/// Where the books are.
fn database_url(args: &Args, place: &mut Place) -> Result<String, Failure> {
    place.database(args.database.as_deref())
}

/// How many merchants receive payments.
fn receivers(args: &Args) -> usize {
    if args.hot { 1 } else { args.merchants }
}

/// Checks the books as a whole, and that they hold what was acknowledged and no more.
async fn check(
    store: &Store,
    tallies: &[&Tally],
    since: Timestamp,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = store.check_books(|_| {}).await?;
    let acknowledged: Vec<_> =
        tallies.iter().flat_map(|tally| &tally.acknowledged).copied().collect();
    findings.push(store.check_acknowledged(&acknowledged).await?);
    let first = PaymentId::from_bytes(time_ordered(since, &[0; 32]));
    let state = PaymentState::Succeeded;
    let recorded = store.count_payments(first, state).await?;
    let known = tallies.iter().map(|tally| {
        u64::try_from(tally.count(state)).unwrap_or(u64::MAX).saturating_add(tally.unanswered)
    });
    let known = known.fold(0, u64::saturating_add);
    let wrong = recorded.saturating_sub(known);
    findings.push(Finding { check: "no_more_than_acknowledged", wrong, example: None });
    Ok(findings)
}

impl Args {
    /// Refuses what makes no sense together.
    fn check(&self) -> Result<(), Failure> {
        let refused = |sentence: &str| Err(Failure::new(Exit::Usage, "usage", sentence));
        let (what, clients) = if self.ledger_only {
            ("commands under way", self.in_flight)
        } else {
            ("connections", self.connections)
        };
        if clients > self.payers {
            let sentence =
                format!("{clients} {what} need as many payers; there are {}", self.payers);
            return refused(&sentence);
        }
        if let Some(clients) = self.pin_flood.filter(|clients| *clients > self.payers) {
            let sentence =
                format!("{clients} devices need as many payers; there are {}", self.payers);
            return refused(&sentence);
        }
        if let Some(endpoints) = self.webhooks.filter(|endpoints| *endpoints > self.merchants) {
            let sentence = format!(
                "{endpoints} endpoints need as many merchants; there are {}",
                self.merchants
            );
            return refused(&sentence);
        }
        let database = self.database.as_deref().unwrap_or("sqlite:");
        if self.servers > 1 && database.starts_with("sqlite:") {
            return refused(
                "several servers on one database need PostgreSQL: one SQLite file has one server",
            );
        }
        Ok(())
    }

    /// What the report says about the run.
    fn run(&self, place: &Place) -> Run {
        Run {
            ledger_only: self.ledger_only,
            payers: self.payers,
            merchants: self.merchants,
            hot: self.hot,
            clients: if self.ledger_only { self.in_flight } else { self.connections },
            servers: self.servers,
            rate: self.rate,
            payments_before: place.state.preloaded,
        }
    }
}

/// A number of things: at least one.
fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("a whole number".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;
    use crate::commands::Command;

    /// What is said against a command line.
    fn refused(line: &str) -> String {
        let line = format!("wallet bench {line}");
        match Cli::try_parse_from(line.split_whitespace()).map(|cli| cli.command) {
            Ok(Command::Bench(args)) => {
                args.check().err().map(|failure| failure.sentence().to_owned()).unwrap_or_default()
            }
            Ok(other) => panic!("{other:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn nonsense_is_refused_before_anything_is_made() {
        for (line, why) in [
            ("--connections 0", "at least 1"),
            ("--payers some", "a whole number"),
            ("--seconds 0", "not in 1..=3600"),
            ("--payers 10 --connections 11", "11 connections need as many payers"),
            ("--ledger-only --payers 10 --in-flight 11", "11 commands under way"),
            ("--servers 2", "PostgreSQL"),
            ("--servers 2 --database sqlite:x", "PostgreSQL"),
            ("--in-flight 9", "--ledger-only"),
            ("--ledger-only --servers 2", "cannot be used with"),
            ("--ledger-only --pin-flood 2", "cannot be used with"),
            ("--payers 100 --pin-flood 101", "101 devices need as many payers"),
            ("--webhooks --merchants 10", "1000 endpoints need as many merchants"),
            ("--webhooks --pin-flood 2", "cannot be used with"),
        ] {
            assert!(refused(line).contains(why), "{line}: {}", refused(line));
        }
        assert_eq!(refused("--servers 2 --database postgres://x"), "");
        assert_eq!(refused("--ledger-only --in-flight 9"), "");
        assert_eq!(refused(""), "");
    }
}
