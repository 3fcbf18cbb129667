//! What must hold of every parser, whatever bytes it is given.
//!
//! Each module is a parser that strangers can send bytes to. It has a `check`, which panics when
//! something does not hold, and `seeds`: good inputs to begin with. Two things feed them: the
//! property tests of this crate on stable Rust, and the targets of `tests/fuzz`, which a fuzzer
//! leads to code that no random change reaches.
//!
//! What holds everywhere: no panic, no endless loop, one text for one value (what is read is
//! written again as it was), and what verifies is what was signed.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a check that does not hold panics"
)]

pub mod emv;
pub mod frame;
pub mod issuer_document;
pub mod key_file;
pub mod merchant_code;
pub mod payment_code;
pub mod picture;
pub mod receipt;
pub mod request;
pub mod short_text;
pub mod till;
#[cfg(feature = "server")]
pub mod webhook_url;
mod world;

/// A parser.
#[derive(Clone, Copy)]
pub struct Parser {
    /// The name of its fuzz target and of its corpus.
    pub name: &'static str,
    /// What must hold.
    pub check: fn(&[u8]),
    /// Good inputs.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! parsers {
    ($($(#[$when:meta])? $name:ident),+) => {
        &[$($(#[$when])? Parser { name: stringify!($name), check: $name::check, seeds: $name::seeds }),+]
    };
}

/// All of them.
pub const PARSERS: &[Parser] = parsers![
    emv,
    frame,
    issuer_document,
    key_file,
    merchant_code,
    payment_code,
    picture,
    receipt,
    request,
    short_text,
    till,
    #[cfg(feature = "server")]
    webhook_url
];
