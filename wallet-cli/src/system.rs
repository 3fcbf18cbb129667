//! What the rest of the program takes as arguments: the time, randomness and the environment.

use std::time::{SystemTime, UNIX_EPOCH};

use rand_core::{CryptoRng, Rng as _, UnwrapErr};
use wallet_core::Timestamp;

/// This machine's time.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// The operating system's random numbers.
///
/// It panics when the system has none to give, since nothing here can go on without.
pub(crate) fn rng() -> impl CryptoRng {
    UnwrapErr(getrandom::SysRng)
}

/// `N` random bytes in hexadecimal: nonces, idempotency keys, references.
pub(crate) fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    rng().fill_bytes(&mut bytes);
    base16ct::lower::encode_string(&bytes)
}

/// A variable of the environment that is set and not empty.
///
/// For secrets only, which must not be flags; clap reads the others.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A point on the clock that never goes back, for measuring.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn instant() -> std::time::Instant {
    std::time::Instant::now()
}
