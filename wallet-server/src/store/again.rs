//! Transactions that somebody else was in the way of are run again.

use std::time::Duration;

/// How often, at most, before the error is handed on.
pub(crate) const ATTEMPTS_MAX: u32 = 10;
/// The longest pause before an attempt.
const PAUSE_MAX_MILLIS: u32 = 250;

/// Lets others pass before attempt `number`: none before the second, and then random pauses that
/// grow. Two that met once and start again at the same time would meet again and again.
pub(crate) async fn pause_before(number: u32) {
    let most = PAUSE_MAX_MILLIS.min(1_u32.checked_shl(number).unwrap_or(u32::MAX));
    if number > 2 {
        // Without randomness everybody pauses for the same time, which is not wrong.
        let micros = getrandom::u32().unwrap_or(0) % (most * 1_000);
        tokio::time::sleep(Duration::from_micros(micros.into())).await;
    }
}

/// Awaits the value of an expression, which is computed again when the transaction in it met a
/// conflict. Nothing of that attempt was committed.
macro_rules! again {
    ($attempt:expr) => {{
        let mut attempt = 1;
        loop {
            match $attempt.await {
                Err(error)
                    if error.remedy() == $crate::store::Remedy::Again
                        && attempt < $crate::store::again::ATTEMPTS_MAX =>
                {
                    attempt += 1;
                    $crate::store::again::pause_before(attempt).await;
                }
                outcome => break outcome,
            }
        }
    }};
}

pub(crate) use again;
