//! Secrets that are shown once and kept as a hash.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::entropy::Entropy;

/// A secret with 256 random bits behind a prefix that says what it is.
///
/// With so many random bits a plain hash is as good as a slow one, and a look-up by it leaks
/// nothing that a guesser could use.
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A new secret.
    #[must_use]
    pub fn generate(prefix: &str, entropy: &Entropy) -> Self {
        let bytes = Zeroizing::new(entropy.bytes::<32>());
        Self(Zeroizing::new(format!("{prefix}{:x}", base16ct::HexDisplay(bytes.as_slice()))))
    }

    /// The text, for the one answer that shows it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Its last characters, for people to tell secrets apart.
    #[must_use]
    pub fn end(&self, length: usize) -> String {
        self.0.get(self.0.len().saturating_sub(length)..).unwrap_or_default().to_owned()
    }

    /// What it is looked up by.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        secret_hash(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The hash under which a shown secret is looked up.
#[must_use]
pub fn secret_hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}
