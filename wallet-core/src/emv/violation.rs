//! Which rule is broken, and where.

use core::fmt;

use super::ObjectId;

/// A rule of a payload.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// At most 512 characters.
    PayloadLength,
    /// An object's id is two digits.
    Id,
    /// An object's length is two digits.
    Length,
    /// The text goes on for as long as the last object says.
    Complete,
    /// No object stands twice in a payload or in a template.
    NoRepeats,
    /// The first object is 00, with the value `01`.
    FormatIndicator,
    /// The last object is 63, of four characters.
    ChecksumLast,
    /// The checksum is that of the text before it.
    Checksum,
    /// The checksum is written in capitals.
    ChecksumCapitals,
    /// Nothing follows the checksum.
    NoLineBreak,
    /// An object has a value.
    NotEmpty,
    /// There is a merchant account, 02 to 51.
    Account,
    /// A mandatory object is there.
    Present,
    /// An object is there that EMVCo asks for and national schemes leave out.
    Recommended,
    /// A template of a scheme says whose it is, in 00.
    Guid,
    /// A value has the form of its object.
    Form,
    /// A value is no longer than its object may be.
    ValueLength,
    /// A value has printable ASCII characters only, where its object asks for that.
    Characters,
    /// No value has control characters.
    NoControlCharacters,
    /// An amount is more than zero.
    PositiveAmount,
    /// A tip's amount or percentage stands there exactly if 55 announces it.
    Tip,
}

impl Rule {
    /// The stable code of the rule broken, in `snake_case`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.words().0
    }

    /// What is wrong, as a sentence without its end.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::PayloadLength => ("emv_payload_too_long", "more than 512 characters"),
            Self::Id => ("emv_invalid_id", "an id is two digits"),
            Self::Length => ("emv_invalid_length", "a length is two digits"),
            Self::Complete => ("emv_incomplete", "the text ends within an object"),
            Self::NoRepeats => ("emv_repeated_object", "the object stands there twice"),
            Self::FormatIndicator => {
                ("emv_format_indicator", "the first object is not 00 with the value 01")
            }
            Self::ChecksumLast => {
                ("emv_checksum_missing", "the last object is not 63 with four characters")
            }
            Self::Checksum => ("emv_wrong_checksum", "the checksum is not that of the text"),
            Self::ChecksumCapitals => {
                ("emv_checksum_lower_case", "the checksum has lower-case letters")
            }
            Self::NoLineBreak => ("emv_line_break", "a line break follows the checksum"),
            Self::NotEmpty => ("emv_empty_value", "the value has no characters"),
            Self::Account => ("emv_no_account", "there is no merchant account, 02 to 51"),
            Self::Present => ("emv_missing_object", "a mandatory object is missing"),
            Self::Recommended => {
                ("emv_absent_object", "EMVCo asks for this object; national schemes leave it out")
            }
            Self::Guid => {
                ("emv_missing_guid", "the template has no globally unique identifier in 00")
            }
            Self::Form => ("emv_malformed_value", "the value does not have the object's form"),
            Self::ValueLength => ("emv_value_too_long", "the value is too long for its object"),
            Self::Characters => {
                ("emv_characters", "characters outside printable ASCII, where only that may stand")
            }
            Self::NoControlCharacters => ("emv_control_characters", "control characters"),
            Self::PositiveAmount => ("emv_zero_amount", "an amount of zero"),
            Self::Tip => (
                "emv_tip_mismatch",
                "56 goes with 02 in 55, 57 with 03, and neither with anything else",
            ),
        }
    }

    /// Whether strict parsing notes it and goes on.
    pub(super) fn is_advice(self) -> bool {
        matches!(self, Self::Recommended)
    }

    /// Whether lenient parsing notes it and goes on.
    pub(super) fn is_forgivable(self) -> bool {
        self.is_advice()
            || matches!(
                self,
                Self::NotEmpty
                    | Self::NoLineBreak
                    | Self::ChecksumCapitals
                    | Self::PositiveAmount
                    | Self::Characters
                    | Self::ValueLength
            )
    }
}

/// Where an object stands: its id, after the ids of the templates around it, such as `62.05`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Path(Vec<ObjectId>);

impl Path {
    /// The ids, outermost first; empty for the payload itself.
    #[must_use]
    pub fn ids(&self) -> &[ObjectId] {
        &self.0
    }

    /// The path of an object in what is at this path.
    #[must_use]
    pub fn child(&self, id: ObjectId) -> Self {
        Self(self.0.iter().copied().chain([id]).collect())
    }

    /// The numbers of the ids, to be matched.
    pub(super) fn numbers(&self) -> Vec<u8> {
        self.0.iter().map(|id| id.number()).collect()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, id) in self.0.iter().enumerate() {
            let point = if index == 0 { "" } else { "." };
            write!(f, "{point}{id}")?;
        }
        Ok(())
    }
}

/// A rule that a payload breaks, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    rule: Rule,
    path: Path,
    offset: usize,
}

impl Violation {
    pub(super) fn new(rule: Rule, path: Path, offset: usize) -> Self {
        Self { rule, path, offset }
    }

    /// The rule.
    #[must_use]
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// The stable code of the rule broken, such as `emv_wrong_checksum`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.rule.code()
    }

    /// The object; empty where the payload as a whole breaks the rule. Of a missing object it is
    /// the path that it should have.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many characters stand before the place.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.sentence())?;
        if !self.path.0.is_empty() {
            write!(f, " (object {})", self.path)?;
        }
        write!(f, " at character {}", self.offset.saturating_add(1))
    }
}

impl std::error::Error for Violation {}
