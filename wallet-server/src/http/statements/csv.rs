//! Rows of a statement as CSV (RFC 4180): lines end with CR LF, and what holds a comma, a quote or a
//! line break stands in quotes.
//!
//! | column | holds |
//! |---|---|
//! | `time` | when, RFC 3339, UTC, milliseconds |
//! | `type` | what happened, such as `payment.succeeded` |
//! | `event` | the id of the event |
//! | `subject` | the id of what it is about: a payment, a refund, a payout |
//! | `payment` | the id of the payment behind it, or nothing |
//! | `reference` | the merchant's name for that payment, or nothing |
//! | `currency` | ISO 4217 |
//! | `gross`, `fee`, `net` | in major units; gross is fee and net together |
//! | `balance` | what was available after it, in major units |

use crate::http::transactions::TransactionBody;

/// The names of the columns.
pub(super) const HEADING: &str =
    "time,type,event,subject,payment,reference,currency,gross,fee,net,balance\r\n";

/// Adds a row.
pub(super) fn write(csv: &mut String, row: &TransactionBody) {
    let cells = [
        &row.created_at,
        &row.r#type,
        &row.id,
        &row.subject,
        row.payment.as_deref().unwrap_or_default(),
        row.reference.as_deref().unwrap_or_default(),
        row.currency,
        &row.gross,
        &row.fee,
        &row.net,
        &row.balance,
    ];
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            csv.push(',');
        }
        write_cell(csv, cell);
    }
    csv.push_str("\r\n");
}

fn write_cell(csv: &mut String, cell: &str) {
    if !cell.contains([',', '"', '\r', '\n']) {
        csv.push_str(cell);
        return;
    }
    csv.push('"');
    for part in cell.split_inclusive('"') {
        csv.push_str(part);
        if part.ends_with('"') {
            csv.push('"');
        }
    }
    csv.push('"');
}

#[cfg(test)]
mod tests {
    use super::write_cell;

    #[test]
    fn what_would_break_a_line_stands_in_quotes() {
        for (cell, written) in [
            ("order-1", "order-1"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("\"", "\"\"\"\""),
            ("one\r\ntwo", "\"one\r\ntwo\""),
            ("茶", "茶"),
        ] {
            let mut csv = String::new();
            write_cell(&mut csv, cell);
            assert_eq!(csv, written);
        }
    }
}
