//! What a signature can cover: derived components and header fields.

use super::MALFORMED;
use crate::Error;

/// The most characters of a field name; real ones have under 40.
const FIELD_NAME_CHARS_MAX: usize = 64;

/// One covered component of a request (RFC 9421 §2), without component parameters.
///
/// `@request-target`, `@query-param`, `@status` and the parameters `sf`, `key`, `bs`, `tr` and
/// `req` are refused: nothing here needs them, and each is one more way to read a request twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Component {
    /// `@method`: the method as sent; methods are case-sensitive.
    Method,
    /// `@authority`: host and port, in lower case, without the scheme's default port (§2.2.3).
    Authority,
    /// `@path`: the path as sent, `/` when empty.
    Path,
    /// `@query`: `?` and the query as sent, `?` alone when there is none.
    Query,
    /// `@target-uri`: scheme, authority, path and query, the first two normalised.
    TargetUri,
    /// `@scheme`: the scheme in lower case.
    Scheme,
    /// A header field, all of its values joined.
    Field(FieldName),
}

impl Component {
    /// Reads a component's name: `@method`, `content-digest` and so on.
    ///
    /// ```
    /// use wallet_core::requests::Component;
    /// assert_eq!(Component::parse("@query")?, Component::Query);
    /// assert_eq!(Component::parse("@status").unwrap_err().code(), "signature_malformed");
    /// # Ok::<(), wallet_core::Error>(())
    /// ```
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "@method" => Ok(Self::Method),
            "@authority" => Ok(Self::Authority),
            "@path" => Ok(Self::Path),
            "@query" => Ok(Self::Query),
            "@target-uri" => Ok(Self::TargetUri),
            "@scheme" => Ok(Self::Scheme),
            field => FieldName::parse(field).map(Self::Field),
        }
    }

    /// The name as it stands in `Signature-Input`, without quotes.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Method => "@method",
            Self::Authority => "@authority",
            Self::Path => "@path",
            Self::Query => "@query",
            Self::TargetUri => "@target-uri",
            Self::Scheme => "@scheme",
            Self::Field(name) => name.as_str(),
        }
    }
}

/// A header field's name in lower case, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldName(String);

impl FieldName {
    /// Accepts lower-case field names only, as RFC 9421 §2.1 writes them.
    pub fn parse(name: &str) -> Result<Self, Error> {
        let lower = name.bytes().all(|byte| is_token_byte(byte) && !byte.is_ascii_uppercase());
        if lower && (1..=FIELD_NAME_CHARS_MAX).contains(&name.len()) {
            Ok(Self(name.to_owned()))
        } else {
            Err(MALFORMED)
        }
    }

    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a byte may stand in an HTTP token (RFC 9110 §5.6.2): methods and field names.
pub(super) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
