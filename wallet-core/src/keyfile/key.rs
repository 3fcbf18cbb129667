//! From a passphrase to a key: Argon2id with a bounded cost.

use core::fmt;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroizing;

use super::{BAD_PASSPHRASE, NO_MEMORY, UNSUPPORTED};
use crate::Error;

/// The most memory a file may ask for, in KiB (256 MiB): four times the default, and what a phone
/// can still give. A hostile file must not take the machine down before it is refused.
pub const MEMORY_KIB_MAX: u32 = 256 * 1024;

/// The most passes a file may ask for: with the most memory some seconds, not hours.
pub const PASSES_MAX: u32 = 16;

/// The most lanes a file may ask for; more than a machine's cores buy nothing.
pub const LANES_MAX: u32 = 16;

/// The longest passphrase in bytes: longer than any sentence, short enough to hash at once.
const PASSPHRASE_BYTES_MAX: usize = 1024;

/// Argon2 needs two blocks of 1 KiB in each of four slices of a lane (RFC 9106 §3.1).
const MEMORY_KIB_PER_LANE_MIN: u32 = 8;

/// What guessing one passphrase costs: Argon2id's parameters (RFC 9106 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB, at least 8 for each lane, at most [`MEMORY_KIB_MAX`].
    pub memory_kib: u32,
    /// Passes over the memory, 1 to [`PASSES_MAX`].
    pub passes: u32,
    /// Lanes, 1 to [`LANES_MAX`]. They are computed one after the other here.
    pub lanes: u32,
}

impl Cost {
    /// 64 MiB, 3 passes, 4 lanes: the second recommendation of RFC 9106 §4, for machines that
    /// can't spare 2 GiB, and several times what OWASP asks of a login (19 MiB, 2 passes). A file
    /// is opened once a start, and can be attacked offline for years.
    pub const DEFAULT: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

    /// The least that Argon2 can do: no protection, for tests that are not about the cost.
    pub const CHEAP_FOR_TESTS: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };

    fn params(self) -> Result<Params, Error> {
        let bounded = self.memory_kib <= MEMORY_KIB_MAX
            && (1..=PASSES_MAX).contains(&self.passes)
            && (1..=LANES_MAX).contains(&self.lanes)
            && self.memory_kib / MEMORY_KIB_PER_LANE_MIN >= self.lanes;
        if !bounded {
            return Err(UNSUPPORTED);
        }
        Params::new(self.memory_kib, self.passes, self.lanes, None).map_err(|_| UNSUPPORTED)
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A passphrase of 1 to 1024 bytes, wiped from memory when dropped.
///
/// Its bytes are taken as they are: whoever reads it from a person strips the line end, and where
/// several keyboards are in use brings it to one Unicode form first.
pub struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    /// Takes over the bytes of a passphrase.
    ///
    /// # Errors
    /// `keyfile_bad_passphrase` when it is empty (leave protection out explicitly instead) or too
    /// long.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Error> {
        let bytes = Zeroizing::new(bytes);
        if (1..=PASSPHRASE_BYTES_MAX).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(BAD_PASSPHRASE)
        }
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// The key for a passphrase and a salt; the memory it took is wiped.
pub(super) fn derive(
    passphrase: &Passphrase,
    salt: &[u8],
    cost: Cost,
) -> Result<Zeroizing<[u8; 32]>, Error> {
    let params = cost.params()?;
    let count = params.block_count();
    let mut memory = Zeroizing::new(Vec::new());
    memory.try_reserve_exact(count).map_err(|_| NO_MEMORY)?;
    memory.resize(count, Block::new());

    let mut key = Zeroizing::new([0; 32]);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2
        .hash_password_into_with_memory(&passphrase.0, salt, &mut *key, memory.as_mut_slice())
        .map_err(|_| UNSUPPORTED)?;
    Ok(key)
}
