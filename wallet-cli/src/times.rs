//! Times as people and the server write them.

use wallet_core::Timestamp;

use crate::failure::{Exit, Failure};

/// Reads a time of RFC 3339, such as the server's `2026-11-22T12:00:00.123Z`.
pub(crate) fn parse(text: &str) -> Result<Timestamp, Failure> {
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        Failure::new(Exit::Unexpected, "unexpected_answer", "the server sent a time it should not")
    })?;
    Ok(Timestamp::from_unix_millis(time.as_millisecond()))
}

/// Writes a time as RFC 3339 in UTC, to the second.
pub(crate) fn format(time: Timestamp) -> String {
    jiff::Timestamp::from_second(time.unix_seconds()).map_or_else(
        // A clock that no calendar covers still gets printed.
        |_| format!("{} s", time.unix_seconds()),
        |time| time.to_string(),
    )
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::{format, parse};

    #[test]
    fn the_servers_times_are_read_to_the_millisecond_and_written_to_the_second() {
        let time = parse("2026-11-22T12:00:00.123Z").unwrap();
        assert_eq!(time.unix_millis() % 1000, 123);
        assert_eq!(format(time), "2026-11-22T12:00:00Z");
        assert_eq!(parse("yesterday").unwrap_err().code(), "unexpected_answer");
        assert_eq!(format(Timestamp::from_unix_millis(i64::MAX)), "9223372036854775 s");
    }
}
