//! Draws QR codes (ISO/IEC 18004) as SVG, PNG or terminal text.
//!
//! One text gives one symbol, on every machine and in every release: the error correction level
//! follows from the [`Medium`], the version is the smallest that fits, and text of digits alone is
//! written in numeric mode, three digits in ten bits. The quiet zone of [`QUIET_ZONE`] modules is
//! always drawn, and always dark on light, because most readers miss a code that lacks either.
//!
//! | text | screen (level L) | print (level M) |
//! |---|---|---|
//! | 321 digits, an online code | version 6, 41 × 41 | version 8, 49 × 49 |
//! | 437 digits, a gate code | version 8, 49 × 49 | version 10, 57 × 57 |

mod png;
mod svg;
mod terminal;

use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

use crate::Error;

pub use png::PIXELS_PER_MODULE_MAX;
pub use terminal::HalfBlock;

/// Light modules on each side of a symbol: ISO/IEC 18004, section 6.3.8, asks for four.
pub const QUIET_ZONE: usize = 4;

/// The largest version of a QR code: 177 × 177 modules.
const VERSION_MAX: i16 = 40;

/// The number that announces UTF-8 bytes (AIM ECI assignments); without it they are ISO 8859-1 to
/// the standard and Shift JIS to some readers.
const UTF_8: u32 = 26;

const TOO_LONG: Error = Error::new("qr_too_long", "the text does not fit in a QR code");

/// Where a symbol is shown, which decides how much of it repairs damage.
///
/// On a screen the number of modules decides whether a code reads, so a screen gets the least
/// error correction and the largest modules. Paper gets dirty and torn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Error correction level L: about 7 % of the symbol may be damaged.
    Screen,
    /// Error correction level M: about 15 % of the symbol may be damaged.
    Print,
}

impl Medium {
    const fn level(self) -> EcLevel {
        match self {
            Self::Screen => EcLevel::L,
            Self::Print => EcLevel::M,
        }
    }
}

/// A QR symbol, ready to be drawn.
///
/// ```
/// use wallet_core::qr::{Medium, Qr};
/// let qr = Qr::new(&"7".repeat(321), Medium::Screen)?;
/// assert_eq!(qr.side(), 41);
/// assert!(qr.to_svg().contains("viewBox=\"0 0 49 49\""));
/// let png = qr.to_png(4)?;
/// assert!(png.starts_with(b"\x89PNG"));
/// # Ok::<(), wallet_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr {
    side: usize,
    /// Row by row from the top, `side` × `side`, true for dark.
    modules: Vec<bool>,
}

impl Qr {
    /// Lays out `text`; refused with `qr_too_long` if no version holds it.
    ///
    /// Text outside ASCII is written as its UTF-8 bytes, announced as such.
    pub fn new(text: &str, medium: Medium) -> Result<Self, Error> {
        let symbol = smallest_symbol(text, medium.level())?;
        let modules = symbol.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Self { side: symbol.width(), modules })
    }

    /// Modules along each side, without the quiet zone: 21 to 177.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// Whether the module in column `x` and row `y`, from the top left, is dark.
    ///
    /// Everything outside the symbol is light, as the quiet zone is.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        x < self.side && y < self.side && self.modules[y * self.side + x]
    }

    /// Modules along each side with the quiet zone, which every drawing includes.
    fn drawn_side(&self) -> usize {
        self.side + 2 * QUIET_ZONE
    }

    /// As [`Qr::is_dark`], counted from the corner of the quiet zone.
    fn is_drawn_dark(&self, x: usize, y: usize) -> bool {
        match (x.checked_sub(QUIET_ZONE), y.checked_sub(QUIET_ZONE)) {
            (Some(x), Some(y)) => self.is_dark(x, y),
            _ => false,
        }
    }
}

fn smallest_symbol(text: &str, level: EcLevel) -> Result<QrCode, Error> {
    for version in (1..=VERSION_MAX).map(Version::Normal) {
        // The only refusal is that the text is too long for this version.
        if let Ok(symbol) = symbol_of_version(text, version, level) {
            return Ok(symbol);
        }
    }
    Err(TOO_LONG)
}

fn symbol_of_version(text: &str, version: Version, level: EcLevel) -> qrcode::QrResult<QrCode> {
    let mut bits = Bits::new(version);
    let bytes = text.as_bytes();
    if !text.is_empty() && bytes.iter().all(u8::is_ascii_digit) {
        bits.push_numeric_data(bytes)?;
    } else if text.is_ascii() {
        bits.push_optimal_data(bytes)?;
    } else {
        // The optimiser would take pairs of UTF-8 bytes for Shift JIS and write them as kanji.
        bits.push_eci_designator(UTF_8)?;
        bits.push_byte_data(bytes)?;
    }
    bits.push_terminator(level)?;
    QrCode::with_bits(bits, level)
}

#[cfg(test)]
mod tests;
