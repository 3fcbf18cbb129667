//! The QR codes of our own merchants: orders and plates as EMV payloads that the issuer signed.
//!
//! | kind | for | paid | 01 |
//! |---|---|---|---|
//! | order | one sale, shown on a screen | once, this amount | `12` |
//! | plate | a stall or goods on a shelf, printed | often, a fixed or an open amount | `11` |
//!
//! A sticker is easily covered by another one. So a code carries the merchant's name under the
//! issuer's signature, which a phone verifies offline; and the phone remembers whom it paid where
//! ([`KnownMerchants`]). `docs/merchant-codes.md` specifies the text to the last character.
//!
//! ```
//! use wallet_core::merchant_code::{City, Country, MerchantCategory, MerchantCode, MerchantName,
//!     Purpose, Reading};
//! use wallet_core::{Currency, Mode, SigningKey};
//! # use rand_core::SeedableRng;
//! # let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
//! let key = SigningKey::generate(&mut rng);
//! let issuer = key.public_key().root_issuer_id();
//! let plate = MerchantCode {
//!     purpose: Purpose::OpenPlate(Currency::from_code("CNY")?),
//!     id: [1; 16],
//!     merchant: [2; 16],
//!     name: MerchantName::parse("张记面馆")?,
//!     category: MerchantCategory::parse("5812")?,
//!     country: Country::parse("CN")?,
//!     city: City::parse("Chengdu")?,
//!     label: None,
//! };
//! let text = plate.sign(&issuer, Mode::Live, &key);
//!
//! // What the phone does.
//! let reading = MerchantCode::read(&text, &issuer, &[key.public_key()], Mode::Live)?;
//! assert_eq!(reading, Reading::Signed(plate));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fields;
mod known;
mod layout;
mod reading;
#[cfg(test)]
mod tests;

pub use fields::{
    City, Country, Label, MerchantCategory, MerchantCodeKind, MerchantName, PrintedAmount, Purpose,
};
pub use known::{Familiarity, KNOWN_MERCHANTS_MAX, KnownMerchant, KnownMerchants};
pub use layout::{GUID, describe};
pub use reading::{Reading, Suspicion};

use crate::emv::{Payload, Violation};
use crate::keys::{IssuerId, SigningKey, SigningPublicKey};
use crate::{Currency, Mode, Money};

/// What a merchant's code says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MerchantCode {
    /// What it asks for.
    pub purpose: Purpose,
    /// The order or the plate (`UUIDv7`).
    pub id: [u8; 16],
    /// The merchant (`UUIDv7`).
    pub merchant: [u8; 16],
    /// The merchant's name, as the issuer knows it.
    pub name: MerchantName,
    /// What kind of business it is.
    pub category: MerchantCategory,
    /// Where.
    pub country: Country,
    /// Where in the country.
    pub city: City,
    /// What is sold. Left out of a code that has no room for it.
    pub label: Option<Label>,
}

impl MerchantCode {
    /// An order or a plate.
    #[must_use]
    pub fn kind(&self) -> MerchantCodeKind {
        self.purpose.kind()
    }

    /// The amount; `None` if the payer enters it.
    #[must_use]
    pub fn amount(&self) -> Option<Money> {
        self.purpose.amount()
    }

    /// The currency of the amount, or of the one that the payer enters.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.purpose.currency()
    }

    /// The text of the QR code, signed by the issuer: at most
    /// [`PAYLOAD_LENGTH_MAX`](crate::emv::PAYLOAD_LENGTH_MAX) characters.
    ///
    /// The same code, issuer, mode and key give the same text.
    #[must_use]
    pub fn sign(&self, issuer: &IssuerId, mode: Mode, key: &SigningKey) -> String {
        layout::sign(self, issuer, mode, key)
    }

    /// What a payload says that looks like ours, for people who look at it; `None` if it can not
    /// be taken for a code of ours. **Nothing in it is proved.**
    #[must_use]
    pub fn unverified(payload: &Payload) -> Option<Self> {
        layout::fields(payload)
    }

    /// Reads the text of any EMV QR code, and says whose it is and whether the issuer signed it.
    ///
    /// `keys` are the issuer's, past and present
    /// ([`IssuerDocument::signing_keys`](crate::issuer::IssuerDocument::signing_keys)). After
    /// [`Suspicion::UnknownKey`] fetch the issuer's document again, and read once more: the
    /// issuer may have a new key.
    ///
    /// # Errors
    /// The rule of strict EMV parsing that the text breaks: it is nobody's code. A code of ours
    /// never breaks one.
    pub fn read(
        text: &str,
        issuer: &IssuerId,
        keys: &[SigningPublicKey],
        mode: Mode,
    ) -> Result<Reading, Violation> {
        reading::read(text, issuer, keys, mode)
    }
}
