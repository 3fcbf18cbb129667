//! What whoever runs the tests wishes, by variables of the environment.

/// A number, if one is wished for.
pub(crate) fn number(name: &str) -> Option<u64> {
    #[expect(clippy::disallowed_methods, reason = "tests are no part of the configuration")]
    let wished = std::env::var(name).ok()?;
    Some(wished.parse().expect("a number"))
}
