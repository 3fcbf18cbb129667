//! A till on a network that breaks: every kind of trouble once, and what the cashier is told.
//!
//! ```sh
//! cargo run -p wallet-core --features till --example charge_till
//! ```
//!
//! A real till sends its requests with an HTTP client, and stores its records in a file that is
//! replaced in one step: written beside, flushed, renamed, the directory flushed.

use std::collections::VecDeque;

use wallet_core::till::{Action, Answer, Keys, Order, Patience, Request, Sale};
use wallet_core::{Currency, Error, Money, PositiveMoney, Timestamp};

/// What the network makes of a request.
enum Network {
    Answers(u16, &'static str),
    LosesTheAnswer,
    PullsTheTillsPlug,
}

use Network::{Answers, LosesTheAnswer, PullsTheTillsPlug};

const PAID: &str = r#"{"id":"pay_1","object":"payment","state":"succeeded"}"#;
const WAITS: &str = r#"{"id":"pay_1","object":"payment","state":"requires_confirmation"}"#;
const USED: &str = r#"{"code":"code_used","certainty":"final","detail":"Scan the next one."}"#;
const CALLED_OFF: &str = r#"{"object":"cancellation","reference":"order-17","payment":null}"#;
const BUSY: &str = r#"{"code":"overloaded","certainty":"retry","detail":"The server is busy."}"#;

fn main() -> Result<(), Error> {
    run("a good day", [Answers(201, PAID)])?;
    run("a busy server", [Answers(503, BUSY), Answers(201, PAID)])?;
    run("a code that was used", [Answers(422, USED)])?;
    run("the payer confirms", [Answers(201, WAITS), Answers(200, WAITS), Answers(200, PAID)])?;
    // The repeat tells what was; what is, the next question tells.
    run("an answer is lost", [LosesTheAnswer, Answers(201, PAID), Answers(200, PAID)])?;
    run("the till crashes", [PullsTheTillsPlug, Answers(201, PAID), Answers(200, PAID)])?;
    let outage = (0..13).map(|_| LosesTheAnswer).chain([Answers(200, CALLED_OFF)]);
    run("the network is gone for a minute", outage)
}

fn run(title: &str, network: impl IntoIterator<Item = Network>) -> Result<(), Error> {
    println!("\n{title}");
    let mut network: VecDeque<Network> = network.into_iter().collect();
    let mut now = Timestamp::from_unix_seconds(1_795_353_372);
    let mut sale = begin(now)?;
    let mut disk = String::new();
    loop {
        match sale.next(now) {
            Action::Store(record) => {
                disk = record;
                sale.stored();
            }
            Action::Send(request) => {
                println!("  {:<4} {}", request.method.as_str(), request.path);
                now = now.plus_millis(100);
                match network.pop_front() {
                    Some(Answers(status, body)) => answer(&mut sale, &request, status, body, now),
                    Some(PullsTheTillsPlug) => sale = Sale::resume(&disk, now)?,
                    Some(LosesTheAnswer) | None => {
                        now = now.plus_millis(millis(request.timeout));
                        sale.lost(&request, now);
                    }
                }
            }
            Action::Wait(pause) => now = now.plus_millis(millis(pause)),
            Action::End(outcome) => {
                let word = if outcome.is_paid() { "PAID" } else { "NOT PAID" };
                println!("  {word}: {outcome:?}");
                return Ok(());
            }
        }
    }
}

fn begin(now: Timestamp) -> Result<Sale, Error> {
    let amount = PositiveMoney::new(Money::parse("12.50", Currency::from_code("CNY")?)?)?;
    // A real till takes these from the system's random numbers.
    let keys = Keys { charge: "c-8d1f2a".to_owned(), reversal: "r-60b7e3".to_owned() };
    Ok(Sale::begin(Order::new("order-17", amount), "7004", keys, Patience::default(), now))
}

fn answer(sale: &mut Sale, request: &Request, status: u16, body: &str, now: Timestamp) {
    let answer = Answer { status, replayed: false, retry_after: None, body: body.to_owned() };
    sale.answered(request, &answer, now);
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
