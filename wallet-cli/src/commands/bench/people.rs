//! Who takes part: merchants and payers whose ids and keys follow from a seed, so that a later run
//! knows them again.

use sha2::{Digest as _, Sha256};
use wallet_core::{Currency, DeviceKey, DeviceKeyId, Timestamp};
use wallet_server::domain::ids::{AccountId, ApiKeyId, MerchantId, PayerId};

/// Everyone in the books of a benchmark.
#[derive(Clone, Debug)]
pub(super) struct People {
    seed: String,
    created_at: Timestamp,
    /// How many payers there are.
    pub(super) payers: usize,
    /// How many merchants there are.
    pub(super) merchants: usize,
    /// What they pay in.
    pub(super) currency: Currency,
}

impl People {
    pub(super) fn new(
        seed: &str,
        created_at: Timestamp,
        (payers, merchants): (usize, usize),
        currency: Currency,
    ) -> Self {
        Self { seed: seed.to_owned(), created_at, payers, merchants, currency }
    }

    /// Since when they are in the books.
    pub(super) fn created_at(&self) -> Timestamp {
        self.created_at
    }

    pub(super) fn payer(&self, number: usize) -> PayerId {
        PayerId::from_bytes(self.id("payer", number))
    }

    pub(super) fn payer_account(&self, number: usize) -> AccountId {
        AccountId::from_bytes(self.id("payer account", number))
    }

    pub(super) fn device_key_id(&self, number: usize) -> DeviceKeyId {
        DeviceKeyId::from_bytes(first(&self.derive("device key id", number)))
    }

    pub(super) fn device_key(&self, number: usize) -> DeviceKey {
        DeviceKey::from_seed(&self.derive("device key", number))
    }

    pub(super) fn merchant(&self, number: usize) -> MerchantId {
        MerchantId::from_bytes(self.id("merchant", number))
    }

    pub(super) fn merchant_account(&self, number: usize) -> AccountId {
        AccountId::from_bytes(self.id("merchant account", number))
    }

    pub(super) fn api_key_id(&self, number: usize) -> ApiKeyId {
        ApiKeyId::from_bytes(self.id("api key", number))
    }

    /// The secret of a merchant's API key, as the server would make it.
    pub(super) fn api_key_secret(&self, number: usize) -> String {
        let secret = base16ct::lower::encode_string(&self.derive("api key secret", number));
        format!("sk_live_{secret}")
    }

    fn derive(&self, what: &str, number: usize) -> [u8; 32] {
        digest(&[&self.seed, what], number)
    }

    /// An id that is ordered by time, as if one were made every millisecond.
    fn id(&self, what: &str, number: usize) -> [u8; 16] {
        let millis = i64::try_from(number).unwrap_or(i64::MAX);
        time_ordered(self.created_at.plus_millis(millis), &self.derive(what, number))
    }
}

/// A hash of some texts and a number: pseudo-random, and the same in every run.
pub(super) fn digest(texts: &[&str], number: usize) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text);
        hash.update([0]);
    }
    hash.chain_update(number.to_be_bytes()).finalize().into()
}

/// A UUID of version 7 (RFC 9562) with these random bits.
pub(super) fn time_ordered(at: Timestamp, random: &[u8; 32]) -> [u8; 16] {
    let mut id: [u8; 16] = first(random);
    let millis = u64::try_from(at.unix_millis()).unwrap_or(0).to_be_bytes();
    for (byte, millis) in id.iter_mut().zip(millis.iter().skip(2)) {
        *byte = *millis;
    }
    id[6] = 0x70 | (id[6] & 0x0f);
    id[8] = 0x80 | (id[8] & 0x3f);
    id
}

fn first<const N: usize>(bytes: &[u8; 32]) -> [u8; N] {
    std::array::from_fn(|index| bytes[index])
}

/// An order in which to go through `0..count`, everyone once a round, neighbours far apart: whom a
/// database has just seen is not whom it sees next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    count: usize,
    stride: usize,
}

impl Spread {
    pub(super) fn over(count: usize) -> Self {
        // The golden section spreads best; a stride without a common divisor reaches everyone.
        let golden = (count.saturating_mul(618) / 1000).max(1);
        let stride = (golden..=count.max(1)).find(|stride| divisor(*stride, count) == 1);
        Self { count: count.max(1), stride: stride.unwrap_or(1) }
    }

    /// Who comes at this position, and in which round.
    pub(super) fn at(self, position: usize) -> (usize, usize) {
        let (round, within) = (position / self.count, position % self.count);
        ((within.saturating_mul(self.stride)) % self.count, round)
    }
}

/// The greatest common divisor.
fn divisor(one: usize, other: usize) -> usize {
    if other == 0 { one } else { divisor(other, one % other) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use wallet_core::{Currency, Timestamp};

    use super::{People, Spread};

    #[test]
    fn everyone_comes_once_a_round() {
        for count in [1, 2, 3, 10, 64, 1000, 4096] {
            let spread = Spread::over(count);
            for round in 0..3 {
                let positions = round * count..(round + 1) * count;
                let met: BTreeSet<_> = positions.map(|position| spread.at(position)).collect();
                assert_eq!(met, (0..count).map(|number| (number, round)).collect(), "{count}");
            }
        }
    }

    #[test]
    fn people_are_the_same_in_every_run_and_nobody_twice() {
        let yuan = Currency::from_code("CNY").unwrap();
        let people = |seed| People::new(seed, Timestamp::from_unix_seconds(1), (9, 9), yuan);
        let (one, again, other) = (people("a"), people("a"), people("b"));
        assert_eq!(one.api_key_secret(3), again.api_key_secret(3));
        assert_ne!(one.api_key_secret(3), other.api_key_secret(3));
        assert_eq!(one.device_key(3).seed(), again.device_key(3).seed());
        assert!(one.payer(3) < one.payer(4), "ids rise with time");
        let ids: BTreeSet<_> = (0..9).map(|number| one.device_key_id(number)).collect();
        assert_eq!(ids.len(), 9);
    }
}
