//! Requests, put together from parts that are written once.

use std::io::Write as _;

use wallet_core::code::PaymentCode;

use crate::commands::bench::commands::{Purchase, Purchases};
use crate::commands::bench::people::People;

/// What all clients send.
#[derive(Debug)]
pub(in super::super) struct Requests {
    purchases: Purchases,
    /// For each merchant what comes before the idempotency key.
    heads: Vec<Vec<u8>>,
    currency: &'static str,
}

impl Requests {
    /// Requests in the names of these merchants.
    pub(in super::super) fn new(people: &People, purchases: Purchases) -> Self {
        let head = |merchant| {
            format!(
                "POST /v1/payments HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {}\r\n\
                 content-type: application/json\r\nidempotency-key: ",
                people.api_key_secret(merchant)
            )
            .into_bytes()
        };
        let heads = (0..people.merchants).map(head).collect();
        Self { purchases, heads, currency: people.currency.code() }
    }

    /// Writes the `n`-th request of a client, which charges this code.
    pub(super) fn write(
        &self,
        buffer: &mut Vec<u8>,
        (client, n): (usize, usize),
        code: &PaymentCode,
    ) {
        let Purchase { merchant, minor, key, reference } = self.purchases.get(client, n);
        let (digits, currency) = (code.digits(), self.currency);
        let parts = [
            r#"{"code":""#,
            digits,
            r#"","currency":""#,
            currency,
            r#"","reference":""#,
            &reference,
            r#"","amount":""#,
        ];
        // The amount has four characters and is followed by a quotation mark and a brace.
        let length = parts.iter().map(|part| part.len()).sum::<usize>() + 6;
        buffer.clear();
        buffer.extend_from_slice(&self.heads[merchant]);
        buffer.extend_from_slice(key.as_bytes());
        // Writing to a vector does not fail.
        let _ = write!(buffer, "\r\ncontent-length: {length}\r\n\r\n");
        for part in parts {
            buffer.extend_from_slice(part.as_bytes());
        }
        let _ = write!(buffer, "{}.{:02}\"}}", minor / 100, minor % 100);
    }
}
