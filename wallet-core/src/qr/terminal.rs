//! A QR code as terminal text, two modules in each character cell.

use super::Qr;

/// Black on white from the fixed colour cube: the sixteen named colours follow the user's theme.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

/// One character cell: two modules, one above the other, which makes modules square.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HalfBlock {
    /// Whether the upper half is dark.
    pub upper_dark: bool,
    /// Whether the lower half is dark.
    pub lower_dark: bool,
}

impl HalfBlock {
    /// The character that draws the dark halves in the foreground colour.
    #[must_use]
    pub fn glyph(self) -> char {
        match (self.upper_dark, self.lower_dark) {
            (false, false) => ' ',
            (true, false) => '▀',
            (false, true) => '▄',
            (true, true) => '█',
        }
    }
}

impl Qr {
    /// Draws the symbol for a terminal with 256 colours, quiet zone included.
    ///
    /// Colours are explicit, black on white, so it reads on dark terminals; each line ends with a
    /// reset and a newline. A 41 × 41 symbol takes 49 columns and 25 lines.
    ///
    /// ```
    /// use wallet_core::qr::{Medium, Qr};
    /// let text = Qr::new(&"7".repeat(321), Medium::Screen)?.to_terminal();
    /// assert_eq!(text.lines().count(), 25);
    /// assert!(text.lines().all(|line| line.ends_with("\x1b[0m")));
    /// # Ok::<(), wallet_core::Error>(())
    /// ```
    #[must_use]
    pub fn to_terminal(&self) -> String {
        let mut text = String::new();
        for row in self.half_block_rows() {
            text.push_str(BLACK_ON_WHITE);
            text.extend(row.into_iter().map(HalfBlock::glyph));
            text.push_str(RESET);
            text.push('\n');
        }
        text
    }

    /// The cells of [`Qr::to_terminal`], row by row, for a text interface that sets its own
    /// colours.
    ///
    /// The rows include the quiet zone. The height in modules is odd, so the lower halves of the
    /// last row lie outside the symbol: they are light.
    #[must_use]
    pub fn half_block_rows(&self) -> Vec<Vec<HalfBlock>> {
        let side = self.drawn_side();
        let cell = |x, y| HalfBlock {
            upper_dark: self.is_drawn_dark(x, y),
            lower_dark: self.is_drawn_dark(x, y + 1),
        };
        (0..side).step_by(2).map(|y| (0..side).map(|x| cell(x, y)).collect()).collect()
    }
}
