//! The cryptography under this crate against vectors that others have published.
//!
//! A round trip proves that this code agrees with itself. These prove that it agrees with the
//! standards, and that it refuses what attackers of other implementations have sent.
//!
//! | vectors | against |
//! |---|---|
//! | RFC 8032, section 7.1 | [`DeviceKey`](crate::DeviceKey), [`DevicePublicKey`](crate::DevicePublicKey) |
//! | Wycheproof, Ed25519 | the same |
//! | RFC 9180, appendix A.2.1 | what seals and opens codes |
//! | Wycheproof, X25519 | the library underneath, and the opening of codes |
//! | Wycheproof, HKDF-SHA-256 and ChaCha20-Poly1305 | the libraries underneath |
//! | RFC 9106, section 5.3 | the library under key files |
//!
//! Those of RFC 6238 stand with one-time passwords, those of RFC 9421 and RFC 9530 with signed
//! requests, those for HMAC with the server's keyed hashes, which are the only place to use it.
//!
//! Where this crate refuses what Wycheproof lets pass, a test says so by name.

#[cfg(feature = "keyfile")]
mod argon2;
mod ed25519;
mod hpke;
mod primitives;
mod x25519;

/// Bytes written in hexadecimal, over one line or many.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_ascii_whitespace().collect();
    base16ct::lower::decode_vec(digits).unwrap()
}

/// The same, of a length that is known.
fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}
