//! A sale at a till: charge a shown code, wait, ask again, call off, until the outcome is certain.
//!
//! Money that moved without the till knowing is what hurts shops. This module decides everything
//! that a till has to decide when answers are late, lost or unclear, when the payer must confirm,
//! and when the till itself crashes; the caller sends, stores and sleeps.
//!
//! ```text
//!        begin, repeat                             resume(last record)
//!              │                                            │
//!              ▼   a payment that waits, or a repeat        ▼
//!     ┌──── charging ─────────────────────► following ◄── (as it was stored)
//!     │        │                               │  │
//!     │        │ late, or called off           │  │ decided
//!     │        ▼                               │  │
//!     │    reversing ◄─────────────────────────┘  │
//!     │        │       late, or called off        │
//!     │        ▼                                  │
//!     └────► ended ◄──────────────────────────────┘
//! ```
//!
//! | state | does | until | stored |
//! |---|---|---|---|
//! | charging | `POST /v1/payments`, always the same with the same key | an answer settles it | before it is sent |
//! | following | `GET /v1/payments/{id}?wait=` | the payment is decided | as charging |
//! | reversing | `POST /v1/payments/cancel`, always the same with a key of its own | the server has said it, or that it is too late; then `GET /v1/payments?reference=` | before it is sent |
//! | ended | nothing | | before the cashier is told |
//!
//! What an answer to the charge means:
//!
//! | the answer | if every earlier attempt was answered | otherwise |
//! |---|---|---|
//! | a payment, for the first time | its state is the outcome, or it waits | followed: a repeat tells what was |
//! | declined (402), `code_expired`, `code_used`, `reference_canceled`, `reference_conflict` | the outcome | the outcome: it holds for every attempt |
//! | any other `final`; `retry` that stays so | nothing happened: the outcome | called off |
//! | `retry` that passes: busy, clock skew | asked again | asked again |
//! | `unknown`, none, or not the server's | asked again | asked again |
//! | no connection | asked again | asked again |
//!
//! When the patience ends and no attempt can have arrived, that is certain without a network; in
//! any other case the sale is called off, which also stops a charge that is still on its way. A sale
//! that was begun with [`Sale::repeat`] counts as one with an earlier attempt that was not answered.
//!
//! **The rule for records**: [`Action::Store`] comes before the [`Action::Send`] or
//! [`Action::End`] that depends on it, and neither comes without [`Sale::stored`]. A record
//! replaces the one before, so a file that is replaced in one step, or a row, is enough. It holds
//! the code while the code may have to be sent again: until it is used, or for some 90 seconds, a
//! code is worth money, so nobody else may read it.
//!
//! ```
//! use wallet_core::till::{Action, Answer, Keys, Order, Patience, Sale};
//! use wallet_core::{Currency, Money, PositiveMoney, Timestamp};
//!
//! let amount = PositiveMoney::new(Money::parse("12.50", Currency::from_code("CNY")?)?)?;
//! let keys = Keys { charge: "4d0b…".to_owned(), reversal: "90fe…".to_owned() }; // random
//! let order = Order::new("order-17", amount);
//! let now = Timestamp::from_unix_seconds(1_795_353_372);
//! let mut sale = Sale::begin(order, "7004…", keys, Patience::default(), now);
//!
//! let mut record = String::new();
//! let outcome = loop {
//!     match sale.next(now) {
//!         Action::Store(line) => {
//!             record = line; // to the disk, and flushed
//!             sale.stored();
//!         }
//!         Action::Send(request) => {
//!             assert_eq!(request.path, "/v1/payments");
//!             let body = r#"{"id":"pay_1","state":"succeeded"}"#.to_owned(); // over the network
//!             let answer = Answer { status: 201, replayed: false, retry_after: None, body };
//!             sale.answered(&request, &answer, now);
//!         }
//!         Action::Wait(_) => unreachable!("sleep here, or until the cashier calls the sale off"),
//!         Action::End(outcome) => break outcome,
//!     }
//! };
//! assert!(outcome.is_paid());
//! // A crash after the last record changes nothing.
//! assert_eq!(Sale::resume(&record, now)?.next(now), Action::End(outcome));
//! # Ok::<(), wallet_core::Error>(())
//! ```

mod answer;
mod order;
mod outcome;
mod pace;
mod record;
mod sale;
mod state;

pub use answer::Answer;
pub use order::{Capture, CodeSource, Keys, Method, Order, Patience, Request};
pub use outcome::{Outcome, Payment, Problem};
pub use sale::{Action, Sale};

#[cfg(test)]
mod tests;
