//! Names of variants: one list for Rust, SQL, JSON and the docs.

/// Gives each variant of an enum its name in the database and in the API.
///
/// A variant without a name does not compile, and neither does a name without a variant.
macro_rules! named {
    ($type:ident { $($variant:ident => $name:literal),+ $(,)? }) => {
        impl $type {
            /// Every variant.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name, in `snake_case`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// The variant with this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use named;

#[cfg(test)]
mod tests {
    use crate::domain::outcome::DeclineCode;

    #[test]
    fn a_name_reads_back_as_its_variant_and_no_other_text_does() {
        for code in DeclineCode::ALL {
            assert_eq!(DeclineCode::from_name(code.as_str()), Some(*code));
        }
        for text in ["", "Insufficient_Funds", "insufficient_funds "] {
            assert_eq!(DeclineCode::from_name(text), None, "{text}");
        }
    }
}
