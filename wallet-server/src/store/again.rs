//! Transactions that somebody else was in the way of are run again.

/// How often, at most, before the error is handed on.
pub(crate) const ATTEMPTS_MAX: u32 = 6;

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
                }
                outcome => break outcome,
            }
        }
    }};
}

pub(crate) use again;
