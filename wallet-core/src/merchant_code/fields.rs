//! The parts of a code, each with the form that it must have to be written.

use core::fmt;

use crate::{Currency, Error, Money, PositiveMoney};

/// The most characters of a merchant's name.
pub(super) const NAME_LENGTH_MAX: usize = 100;
/// The most characters of an amount (EMVCo MPM 1.1, object 54).
const AMOUNT_LENGTH_MAX: usize = 13;

const INVALID_NAME: Error = Error::new(
    "invalid_merchant_name",
    "a merchant's name is 1 to 100 characters, none of which is a control character",
);
const INVALID_CATEGORY: Error =
    Error::new("invalid_merchant_category", "a merchant category code is four digits (ISO 18245)");
const INVALID_COUNTRY: Error =
    Error::new("invalid_country", "a country is two capital letters (ISO 3166-1)");
const INVALID_CITY: Error = Error::new(
    "invalid_city",
    "a city is 1 to 15 printable ASCII characters, without spaces at its ends",
);
const INVALID_LABEL: Error = Error::new(
    "invalid_code_label",
    "a label in a code is 1 to 25 printable ASCII characters, without spaces at its ends",
);
const TOO_LONG: Error =
    Error::new("amount_too_long", "the amount has more than the 13 characters that a code holds");

/// Whether this is text that EMV objects of up to `length_max` characters hold.
fn is_printable(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim() == text
}

fn is_name(text: &str) -> bool {
    (1..=NAME_LENGTH_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Declares a text of one form.
macro_rules! text_field {
    ($(#[$doc:meta])* $name:ident, $error:expr, $fits:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash)]
        pub struct $name(String);

        impl $name {
            /// Reads the text, as it is.
            pub fn parse(text: &str) -> Result<Self, Error> {
                let fits: fn(&str) -> bool = $fits;
                if fits(text) { Ok(Self(text.to_owned())) } else { Err($error) }
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

text_field! {
    /// A merchant's name: 1 to 100 characters, none of which is a control character. Anything
    /// else is `invalid_merchant_name`.
    MerchantName, INVALID_NAME, is_name
}

text_field! {
    /// A merchant category code of ISO 18245: four digits. Anything else is
    /// `invalid_merchant_category`.
    MerchantCategory, INVALID_CATEGORY,
    |text| text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit())
}

text_field! {
    /// A country of ISO 3166-1: two capital letters. Anything else is `invalid_country`.
    Country, INVALID_COUNTRY,
    |text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

text_field! {
    /// A city: 1 to 15 printable ASCII characters, without spaces at its ends. Anything else is
    /// `invalid_city`.
    City, INVALID_CITY, |text| is_printable(text, 15)
}

text_field! {
    /// What is sold: 1 to 25 printable ASCII characters, without spaces at its ends. Anything
    /// else is `invalid_code_label`.
    Label, INVALID_LABEL, |text| is_printable(text, 25)
}

/// An amount that a code can hold: more than zero, and at most 13 characters long as decimal text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PrintedAmount(PositiveMoney);

impl PrintedAmount {
    /// An amount that a code can hold.
    ///
    /// # Errors
    /// `amount_too_long`.
    pub fn new(amount: PositiveMoney) -> Result<Self, Error> {
        let fits = amount.money().amount_text().len() <= AMOUNT_LENGTH_MAX;
        if fits { Ok(Self(amount)) } else { Err(TOO_LONG) }
    }

    /// The amount.
    #[must_use]
    pub fn money(self) -> Money {
        self.0.money()
    }
}

/// What a code asks for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Purpose {
    /// One payment of this amount.
    Order(PrintedAmount),
    /// Any number of payments of this amount.
    FixedPlate(PrintedAmount),
    /// Any number of payments, of amounts that the payers enter.
    OpenPlate(Currency),
}

/// An order, or a plate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum MerchantCodeKind {
    /// Paid once.
    Order,
    /// Paid any number of times.
    Plate,
}

impl MerchantCodeKind {
    /// `order` or `plate`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Plate => "plate",
        }
    }
}

impl fmt::Display for MerchantCodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Purpose {
    /// An order or a plate.
    #[must_use]
    pub fn kind(self) -> MerchantCodeKind {
        match self {
            Self::Order(_) => MerchantCodeKind::Order,
            Self::FixedPlate(_) | Self::OpenPlate(_) => MerchantCodeKind::Plate,
        }
    }

    /// The amount; `None` if the payer enters it.
    #[must_use]
    pub fn amount(self) -> Option<Money> {
        match self {
            Self::Order(amount) | Self::FixedPlate(amount) => Some(amount.money()),
            Self::OpenPlate(_) => None,
        }
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        match self {
            Self::Order(amount) | Self::FixedPlate(amount) => amount.money().currency(),
            Self::OpenPlate(currency) => currency,
        }
    }
}
