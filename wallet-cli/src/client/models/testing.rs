//! What there is in test mode only.

use core::fmt;

use serde::Deserialize;

/// A code that comes to an outcome when it is charged.
#[derive(Debug, Deserialize)]
pub(crate) struct TestCode {
    outcome: String,
    /// The digits.
    pub(crate) code: String,
    limit: String,
    currency: String,
    expires_at: String,
}

impl fmt::Display for TestCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { outcome, limit, currency, expires_at, .. } = self;
        write!(f, "{outcome}: up to {limit} {currency}, until {expires_at}")
    }
}

/// The clock of a server with which nothing but tests is done.
#[derive(Debug, Deserialize)]
pub(crate) struct TestClock {
    now: String,
    advanced_seconds: i64,
}

impl fmt::Display for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} s ahead of the machine's clock", self.now, self.advanced_seconds)
    }
}
