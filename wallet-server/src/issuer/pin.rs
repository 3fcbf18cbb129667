//! PINs, hashed: Argon2id (RFC 9106) with a pepper that no database holds.

use argon2::{Algorithm, Argon2, AssociatedData, Params, ParamsBuilder, Version};

/// How long the salt of a PIN is.
pub const PIN_SALT_LENGTH: usize = 16;

/// The most memory that a hash may ask for, in KiB: 1 GiB.
const MEMORY_KIB_MAX: u32 = 1 << 20;
/// The most passes.
const PASSES_MAX: u32 = 100;
/// The only layout there is.
const VERSION: u8 = 1;

/// What a hash costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PinCost {
    memory_kib: u32,
    passes: u32,
}

impl PinCost {
    /// Memory in KiB, 8 to 1,048,576, and passes over it, 1 to 100; `None` beyond.
    #[must_use]
    pub fn new(memory_kib: u32, passes: u32) -> Option<Self> {
        let possible = (Params::MIN_M_COST..=MEMORY_KIB_MAX).contains(&memory_kib)
            && (1..=PASSES_MAX).contains(&passes);
        possible.then_some(Self { memory_kib, passes })
    }
}

/// A PIN to be hashed.
#[derive(Clone, Copy)]
pub struct PinInput<'a> {
    /// Its digits.
    pub pin: &'a [u8],
    /// Random, one for each PIN that was set.
    pub salt: &'a [u8; PIN_SALT_LENGTH],
    /// Whose it is: in another payer's row a hash is worth nothing.
    pub payer: &'a [u8; 16],
    /// What it may cost.
    pub cost: PinCost,
}

/// Hashes a PIN. One thread, because many are hashed at a time.
pub(super) fn hash(pepper: &[u8; 32], input: PinInput<'_>) -> Option<PinHash> {
    let PinInput { pin, salt, payer, cost } = input;
    let params = ParamsBuilder::new()
        .m_cost(cost.memory_kib)
        .t_cost(cost.passes)
        .data(AssociatedData::new(payer).ok()?)
        .build();
    let algorithm = Algorithm::Argon2id;
    let argon2 = Argon2::new_with_secret(pepper, algorithm, Version::V0x13, params.ok()?).ok()?;
    let mut hash = [0; 32];
    argon2.hash_password_into(pin, salt, &mut hash).ok()?;
    Some(PinHash { cost, hash })
}

/// What is kept of a PIN, with what it cost, so that another cost can be set later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PinHash {
    /// What it cost.
    pub cost: PinCost,
    hash: [u8; 32],
}

impl PinHash {
    /// Version (1 byte), memory in KiB (4), passes (4), hash (32); integers big-endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let PinCost { memory_kib, passes } = self.cost;
        [&[VERSION][..], &memory_kib.to_be_bytes(), &passes.to_be_bytes(), &self.hash].concat()
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; `None` for anything else.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        let (memory_kib, rest) = rest.split_first_chunk()?;
        let (passes, hash) = rest.split_first_chunk()?;
        let cost = PinCost::new(u32::from_be_bytes(*memory_kib), u32::from_be_bytes(*passes))?;
        Some(Self { cost, hash: hash.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{PinCost, PinHash, PinInput, hash};

    fn cheap(pepper: u8, pin: &[u8], salt: u8, payer: u8) -> PinHash {
        let cost = PinCost::new(8, 1).unwrap();
        hash(&[pepper; 32], PinInput { pin, salt: &[salt; 16], payer: &[payer; 16], cost }).unwrap()
    }

    #[test]
    fn a_hash_depends_on_pepper_pin_salt_and_payer() {
        let hash = cheap(1, b"135790", 2, 3);
        assert_eq!(hash, cheap(1, b"135790", 2, 3));
        let others = [
            cheap(9, b"135790", 2, 3),
            cheap(1, b"135791", 2, 3),
            cheap(1, b"135790", 9, 3),
            cheap(1, b"135790", 2, 9),
        ];
        assert!(others.iter().all(|other| *other != hash));
    }

    #[test]
    fn a_hash_reads_back_with_its_cost_and_nothing_else_does() {
        let hash = cheap(1, b"135790", 2, 3);
        let bytes = hash.to_bytes();
        assert_eq!(bytes.len(), 41);
        assert_eq!(PinHash::from_bytes(&bytes), Some(hash));
        for length in 0..bytes.len() {
            assert_eq!(PinHash::from_bytes(&bytes[..length]), None, "{length}");
        }
        // A cost that would keep the server busy for hours.
        let mut dear = bytes.clone();
        dear[1..5].fill(0xff);
        assert_eq!(PinHash::from_bytes(&dear), None);
        let mut other_version = bytes;
        other_version[0] = 2;
        assert_eq!(PinHash::from_bytes(&other_version), None);
    }

    #[test]
    fn costs_that_cannot_be_are_refused() {
        assert!(PinCost::new(19 * 1024, 2).is_some());
        for (memory_kib, passes) in [(7, 1), (8, 0), (1 << 21, 1), (8, 101)] {
            assert_eq!(PinCost::new(memory_kib, passes), None);
        }
    }
}
