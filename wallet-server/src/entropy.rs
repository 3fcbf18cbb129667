//! Where randomness comes from: the operating system, or a seed in tests.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use rand_core::{CryptoRng, UnwrapErr};
use uuid::Uuid;
use wallet_core::Timestamp;

/// A source of randomness that threads share.
pub struct Entropy(Mutex<Box<dyn CryptoRng + Send>>);

impl Entropy {
    /// The operating system's generator. It panics if that fails, as no key can be made then.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Box::new(UnwrapErr(getrandom::SysRng)))
    }

    /// Another generator: a seeded one, for tests.
    #[must_use]
    pub fn new(rng: Box<dyn CryptoRng + Send>) -> Self {
        Self(Mutex::new(rng))
    }

    /// Lends the generator.
    pub fn with<T>(&self, work: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        // A panic while the lock was held leaves a generator that still generates.
        work(&mut **self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// A new time-ordered id.
    #[must_use]
    pub fn id<Id: From<Uuid>>(&self, now: Timestamp) -> Id {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid().into()
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
