//! The one error of this crate: opaque, with a stable code to match on.
//!
//! Each module lists its refusals as constants next to the code that refuses. An error is two
//! static strings, so passing it on costs nothing and it can never carry a secret.

use core::fmt;

/// What went wrong: a stable [`code`](Error::code) for programs and a sentence for developers.
///
/// The sentence may change between releases; the code does not.
///
/// ```
/// use wallet_core::Currency;
/// let error = Currency::from_code("BTC").unwrap_err();
/// assert_eq!(error.code(), "unknown_currency");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    code: &'static str,
    sentence: &'static str,
}

impl Error {
    /// Names a refusal; `code` is `snake_case` and never changes.
    pub(crate) const fn new(code: &'static str, sentence: &'static str) -> Self {
        Self { code, sentence }
    }

    /// The stable code, in `snake_case`, for example `invalid_code`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {})", self.code, self.sentence)
    }
}

impl std::error::Error for Error {}
