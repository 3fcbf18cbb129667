//! Where randomness comes from: the operating system, or a seed in tests.

use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use rand_core::{CryptoRng, TryCryptoRng, TryRng, UnwrapErr};
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

    /// Lends the generator, which everybody else waits for meanwhile: not for long computations.
    pub fn with<T>(&self, work: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        // A panic while the lock was held leaves a generator that still generates.
        work(&mut **self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A generator for what takes long: it takes the shared one for each draw only.
    #[must_use]
    pub fn shared(&self) -> SharedRng<'_> {
        SharedRng(self)
    }

    /// Random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.with(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// A random number below this one, each as likely as any other; 0 for 0.
    #[must_use]
    pub fn below(&self, end: u64) -> u64 {
        // What does not fill a last whole range would make some numbers likelier.
        let Some(left_over) = u64::MAX.checked_rem(end) else { return 0 };
        loop {
            let drawn = self.with(|rng| rng.next_u64());
            if drawn < u64::MAX - left_over {
                return drawn % end;
            }
        }
    }

    /// A new time-ordered id.
    #[must_use]
    pub fn id<Id: From<Uuid>>(&self, now: Timestamp) -> Id {
        let millis = u64::try_from(now.unix_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid().into()
    }
}

/// What [`Entropy::shared`] returns.
#[derive(Debug)]
pub struct SharedRng<'a>(&'a Entropy);

impl TryRng for SharedRng<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.with(|rng| rng.next_u32()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.with(|rng| rng.next_u64()))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.with(|rng| rng.fill_bytes(bytes));
        Ok(())
    }
}

impl TryCryptoRng for SharedRng<'_> {}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
