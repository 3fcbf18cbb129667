//! Times in answers: RFC 3339, UTC, milliseconds.

use wallet_core::Timestamp;

/// A moment as text, such as `2026-11-22T12:00:00.123Z`.
pub(super) fn rfc3339(at: Timestamp) -> String {
    // Out of range only for years beyond 9999, which no clock shows.
    let instant = jiff::Timestamp::from_millisecond(at.unix_millis()).unwrap_or_default();
    format!("{instant:.3}")
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::rfc3339;

    #[test]
    fn times_are_utc_with_milliseconds() {
        assert_eq!(
            rfc3339(Timestamp::from_unix_millis(1_795_348_800_120)),
            "2026-11-22T12:00:00.120Z"
        );
        assert_eq!(rfc3339(Timestamp::from_unix_millis(0)), "1970-01-01T00:00:00.000Z");
    }
}
