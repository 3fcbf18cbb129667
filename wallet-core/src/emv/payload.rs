//! A payload that was read, and what its objects mean.

use core::fmt;

use super::crc::{CRC_HEADER, checksum};
use super::object::{encode, find};
use super::rules::{self, Inspector};
use super::{DataObject, Path, Rule, Violation, read};
use crate::{Currency, Error, Money};

/// How much of what generators do wrong is forgiven; [the module](super) says what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strictness {
    /// Only what breaks no rule.
    Strict,
    /// Also what real generators break without doing harm.
    Lenient,
}

/// A payload: data objects whose values have the right form, and whose checksum was right.
///
/// ```
/// use wallet_core::emv::{Initiation, Payload, Strictness};
/// let text = "00020101021129370016A000000677010111011300668012345675802TH530376463046197";
/// let payload = Payload::parse(text, Strictness::Strict)?;
/// assert_eq!(payload.initiation(), Some(Initiation::Static));
/// assert_eq!(payload.country(), Some("TH"));
/// assert_eq!(payload.accounts().next().unwrap().guid(), Some("A000000677010111"));
/// assert_eq!(payload.to_string(), text);
///
/// let altered = text.replace("0066", "0067");
/// let violation = Payload::parse(&altered, Strictness::Lenient).unwrap_err();
/// assert_eq!(violation.code(), "emv_wrong_checksum");
/// # Ok::<(), wallet_core::emv::Violation>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payload {
    objects: Vec<DataObject>,
    findings: Vec<Violation>,
}

/// Whether a code is for one payment or for many (object 01).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Initiation {
    /// The same code for many payments: `11`.
    Static,
    /// A code for each payment: `12`.
    Dynamic,
}

/// What the payer is asked to add (objects 55 to 57). Amounts are decimal text in the currency of
/// the payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tip<'a> {
    /// As much as the payer likes.
    Prompted,
    /// This much.
    Fixed(&'a str),
    /// This many percent of the amount.
    Percentage(&'a str),
}

/// The merchant in another language (object 64).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LocalLanguage<'a> {
    /// The language, two letters of ISO 639.
    pub language: &'a str,
    /// The merchant's name.
    pub name: &'a str,
    /// The city.
    pub city: Option<&'a str>,
}

impl Payload {
    /// Reads a payload.
    ///
    /// # Errors
    /// The first rule that is broken, and where. Objects and checksum come first, then forms of
    /// values in the order of the text, then what is missing.
    pub fn parse(text: &str, strictness: Strictness) -> Result<Self, Violation> {
        let mut inspector = Inspector::new(strictness);
        let objects = read::payload(text, &mut inspector)?;
        rules::check(&objects, &mut inspector)?;
        Ok(Self { objects, findings: inspector.findings })
    }

    /// A payload of these objects, in this order, without the checksum, which is added.
    ///
    /// # Errors
    /// The rule that is broken; a payload that was made is as good as one that was read strictly.
    pub fn from_objects(objects: &[DataObject]) -> Result<Self, Violation> {
        if let Some(object) = objects.iter().find(|object| !object.is_writable()) {
            return Err(Violation::new(Rule::ValueLength, Path::default().child(object.id()), 0));
        }
        Self::parse(&with_checksum(&encode(objects)), Strictness::Strict)
    }

    /// The objects in the order of the text, without the checksum.
    #[must_use]
    pub fn objects(&self) -> &[DataObject] {
        &self.objects
    }

    /// What is not as EMVCo asks for, and was accepted all the same.
    #[must_use]
    pub fn findings(&self) -> &[Violation] {
        &self.findings
    }

    /// The object with this number.
    #[must_use]
    pub fn object(&self, number: u8) -> Option<&DataObject> {
        find(&self.objects, number)
    }

    /// The text of an object; `None` where there is none, or none with characters.
    fn text(&self, number: u8) -> Option<&str> {
        self.object(number).and_then(DataObject::as_text).filter(|text| !text.is_empty())
    }

    /// The format, `01`: the only one there is.
    #[must_use]
    pub fn format_indicator(&self) -> &str {
        self.text(0).unwrap_or_default()
    }

    /// Whether the code is for one payment or for many; some codes don't say.
    #[must_use]
    pub fn initiation(&self) -> Option<Initiation> {
        match self.text(1) {
            Some("11") => Some(Initiation::Static),
            Some("12") => Some(Initiation::Dynamic),
            Some(_) | None => None,
        }
    }

    /// The merchant's accounts with schemes, objects 02 to 51.
    pub fn accounts(&self) -> impl Iterator<Item = &DataObject> {
        self.objects.iter().filter(|object| matches!(object.id().number(), 2..=51))
    }

    /// The merchant category code, four digits of ISO 18245.
    #[must_use]
    pub fn category(&self) -> Option<&str> {
        self.text(52)
    }

    /// The currency, three digits.
    #[must_use]
    pub fn currency_digits(&self) -> Option<&str> {
        self.text(53)
    }

    /// The currency.
    ///
    /// # Errors
    /// `unknown_currency`: the digits name none, or there are none.
    pub fn currency(&self) -> Result<Currency, Error> {
        let numeric = self.currency_digits().and_then(|digits| digits.parse().ok());
        Currency::from_numeric(numeric.unwrap_or_default())
    }

    /// The amount as it stands there; `None` if the payer enters it.
    #[must_use]
    pub fn amount_text(&self) -> Option<&str> {
        self.text(54)
    }

    /// The amount; `None` if the payer enters it.
    ///
    /// # Errors
    /// `unknown_currency`, `amount_too_precise`.
    pub fn amount(&self) -> Result<Option<Money>, Error> {
        let currency = self.currency()?;
        // A point at the end is allowed here and is no amount elsewhere.
        let text = self.amount_text().map(|text| text.strip_suffix('.').unwrap_or(text));
        text.map(|text| Money::parse(text, currency)).transpose()
    }

    /// What the payer is asked to add.
    #[must_use]
    pub fn tip(&self) -> Option<Tip<'_>> {
        match self.text(55) {
            Some("01") => Some(Tip::Prompted),
            Some("02") => self.text(56).map(Tip::Fixed),
            Some("03") => self.text(57).map(Tip::Percentage),
            Some(_) | None => None,
        }
    }

    /// The country, two letters of ISO 3166-1.
    #[must_use]
    pub fn country(&self) -> Option<&str> {
        self.text(58)
    }

    /// The merchant's name. Nothing proves it.
    #[must_use]
    pub fn merchant_name(&self) -> Option<&str> {
        self.text(59)
    }

    /// The merchant's city.
    #[must_use]
    pub fn city(&self) -> Option<&str> {
        self.text(60)
    }

    /// The merchant's postal code.
    #[must_use]
    pub fn postal_code(&self) -> Option<&str> {
        self.text(61)
    }

    /// An object of the additional data, 62: 01 bill number, 02 mobile number, 03 store label,
    /// 04 loyalty number, 05 reference label, 06 customer label, 07 terminal label, 08 purpose,
    /// 09 data asked of the payer, 10 tax id, 11 channel.
    #[must_use]
    pub fn additional_data(&self, number: u8) -> Option<&str> {
        let within = self.object(62).and_then(|template| find(template.objects(), number));
        within.and_then(DataObject::as_text).filter(|text| !text.is_empty())
    }

    /// The merchant in another language.
    #[must_use]
    pub fn local_language(&self) -> Option<LocalLanguage<'_>> {
        let objects = self.object(64)?.objects();
        let text = |number| find(objects, number).and_then(DataObject::as_text);
        Some(LocalLanguage { language: text(0)?, name: text(1)?, city: text(2) })
    }

    /// The templates that nobody but their owner defines, 80 to 99; see [`DataObject::guid`].
    pub fn unreserved(&self) -> impl Iterator<Item = &DataObject> {
        self.objects.iter().filter(|object| object.id().number() >= 80)
    }
}

/// The text, with its checksum. Of a payload that was read strictly it is the text that was read.
impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_checksum(&encode(&self.objects)))
    }
}

/// Objects with the checksum behind them.
pub(crate) fn with_checksum(objects: &str) -> String {
    let covered = format!("{objects}{CRC_HEADER}");
    let checksum = checksum(&covered);
    covered + &checksum
}
