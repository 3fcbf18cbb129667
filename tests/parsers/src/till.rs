//! What a till is answered, and what it has written down of a sale.
//!
//! An answer is a line with the status and, after a blank, the seconds of `Retry-After`; then the
//! body. Where the line ends with `!`, the answer is marked as a repeat.

use core::time::Duration;

use wallet_core::till::{Action, Answer, Keys, Order, Patience, Sale};
use wallet_core::{Currency, Money, PositiveMoney, Timestamp};

use crate::world::NOW;

/// How often the till goes on before the customer has had enough.
const ACTIONS_MAX: usize = 64;

/// Whatever the answers, a sale goes on from its last record, pays only if an answer says so, and
/// asks for nothing but what its paths allow.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(sale) = Sale::resume(text, NOW) {
        run(sale, None);
    }
    if let Some(answer) = read(text) {
        run(begin(), Some(&answer));
    }
}

fn begin() -> Sale {
    let yuan = Currency::from_code("CNY").unwrap();
    let amount = PositiveMoney::new(Money::from_minor(1250, yuan)).unwrap();
    let keys = Keys { charge: "charge".to_owned(), reversal: "reversal".to_owned() };
    Sale::begin(Order::new("order-1", amount), "70", keys, Patience::default(), NOW)
}

fn read(text: &str) -> Option<Answer> {
    let (line, body) = text.split_once('\n')?;
    let (line, replayed) = line.strip_suffix('!').map_or((line, false), |line| (line, true));
    let (status, seconds) = match line.split_once(' ') {
        Some((status, seconds)) => (status, Some(seconds.parse().ok()?)),
        None => (line, None),
    };
    Some(Answer {
        status: status.parse().ok()?,
        replayed,
        retry_after: seconds.map(Duration::from_secs),
        body: body.to_owned(),
    })
}

/// Runs a sale in which every question gets the same answer, or none.
fn run(mut sale: Sale, answer: Option<&Answer>) {
    let mut now = NOW;
    let was_over = sale.outcome().is_some();
    for _ in 0..ACTIONS_MAX {
        match sale.next(now) {
            Action::Store(record) => {
                let resumed = Sale::resume(&record, now).unwrap();
                assert_eq!(resumed.outcome(), sale.outcome());
                assert_eq!(resumed.keys(), sale.keys());
                assert_eq!(resumed.order(), sale.order());
                sale.stored();
            }
            Action::Send(request) => {
                let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
                let plain = |byte: u8| byte.is_ascii_graphic() && !b"?#\\\"<>".contains(&byte);
                assert!(path.starts_with("/v1/payments") && !path.contains(".."), "{path}");
                assert!(path.bytes().chain(query.bytes()).all(plain), "{}", request.path);
                match answer {
                    Some(answer) => sale.answered(&request, answer, now),
                    None => sale.lost(&request, now),
                }
            }
            Action::Wait(pause) => now = later(now, pause),
            Action::End(outcome) => {
                let said = answer.is_some_and(|answer| (200..300).contains(&answer.status));
                assert!(was_over || !outcome.is_paid() || said, "{outcome:?}");
                return;
            }
        }
    }
}

fn later(now: Timestamp, pause: Duration) -> Timestamp {
    now.plus_millis(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX))
}

/// Answers of each kind, and records.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let answers = [
        "201\n{\"id\":\"pay_1\",\"state\":\"succeeded\"}",
        "201!\n{\"id\":\"pay_1\",\"state\":\"requires_confirmation\"}",
        "402\n{\"code\":\"limit_exceeded\",\"certainty\":\"final\",\"payment\":{\"id\":\"pay_1\",\"state\":\"declined\"}}",
        "409\n{\"code\":\"reference_conflict\",\"certainty\":\"retry\"}",
        "422\n{\"code\":\"code_expired\",\"certainty\":\"final\"}",
        "503 5\n{\"code\":\"busy\",\"certainty\":\"retry\",\"title\":\"Busy\"}",
        "500\n{\"code\":\"internal\",\"certainty\":\"unknown\",\"detail\":\"?\"}",
        "200\n{\"object\":\"cancellation\",\"payment\":null}",
        "200\n{\"data\":[{\"id\":\"pay_1\",\"state\":\"canceled\"}]}",
        "502\n<html>",
    ];
    let mut seeds: Vec<Vec<u8>> = answers.map(|text| text.as_bytes().to_vec()).to_vec();
    let mut sale = begin();
    if let Action::Store(record) = sale.next(NOW) {
        seeds.push(record.into_bytes());
    }
    sale.stored();
    sale.call_off(NOW);
    if let Action::Send(request) = sale.next(NOW) {
        sale.lost(&request, NOW);
    }
    if let Action::Store(record) = sale.next(NOW) {
        seeds.push(record.into_bytes());
    }
    seeds
}
