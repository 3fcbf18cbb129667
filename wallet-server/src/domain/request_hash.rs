//! What tells a repeat of a request from another one under the same key or reference.

use sha2::{Digest, Sha256};

/// The first 16 bytes of a SHA-256 over what a request says.
///
/// Whoever made two requests with one hash, which takes some 2⁶⁴ tries, would get the answer to the
/// first one for the second: a way to lose one's own request. Half of the bytes are half of what the
/// books keep of it for every payment, twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestHash([u8; 16]);

impl RequestHash {
    /// A hash that was kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 32]> for RequestHash {
    fn from(hash: [u8; 32]) -> Self {
        let mut first = [0; 16];
        first.copy_from_slice(&hash[..16]);
        Self(first)
    }
}

impl From<Sha256> for RequestHash {
    fn from(hash: Sha256) -> Self {
        Self::from(<[u8; 32]>::from(hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::RequestHash;

    #[test]
    fn it_is_the_beginning_of_the_hash() {
        // FIPS 180-2, appendix B.1.
        let hash = RequestHash::from(Sha256::new_with_prefix("abc"));
        let begin = 0xba78_16bf_8f01_cfea_4141_40de_5dae_2223_u128;
        assert_eq!(hash, RequestHash::from_bytes(begin.to_be_bytes()));
    }
}
