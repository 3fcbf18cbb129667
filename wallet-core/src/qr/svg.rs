//! A QR code as SVG 1.1.

use core::fmt::Write as _;

use super::Qr;

impl Qr {
    /// Draws the symbol as an SVG document of one unit a module, quiet zone included.
    ///
    /// It has a `viewBox` and no size, so it fills whatever box it is put in; the edges stay crisp
    /// at any size. Black on a white ground, whatever the page around it looks like.
    ///
    /// ```
    /// use wallet_core::qr::{Medium, Qr};
    /// let svg = Qr::new("https://example.com", Medium::Print)?.to_svg();
    /// assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
    /// # Ok::<(), wallet_core::Error>(())
    /// ```
    #[must_use]
    pub fn to_svg(&self) -> String {
        let side = self.drawn_side();
        let path = self.svg_path();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" \
             fill=\"#fff\"/><path fill=\"#000\" d=\"{path}\"/></svg>"
        )
    }

    /// Every horizontal run of dark modules as one closed rectangle.
    fn svg_path(&self) -> String {
        let mut path = String::new();
        for y in 0..self.drawn_side() {
            let mut x = 0;
            while x < self.drawn_side() {
                let run = (x..self.drawn_side()).take_while(|x| self.is_drawn_dark(*x, y)).count();
                if run > 0 {
                    // Writing to a string cannot fail.
                    let _ = write!(path, "M{x} {y}h{run}v1h-{run}z");
                }
                x += run + 1;
            }
        }
        path
    }
}
