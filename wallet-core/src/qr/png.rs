//! A QR code as PNG (ISO/IEC 15948).

use png::{BitDepth, ColorType, Compression, Encoder, Filter};

use super::Qr;
use crate::Error;

/// The largest number of pixels a module may take: the largest picture then has 11,840 × 11,840
/// pixels, 18 MB before compression.
pub const PIXELS_PER_MODULE_MAX: u8 = 64;

const SCALE_OUT_OF_RANGE: Error =
    Error::new("qr_scale_out_of_range", "a module takes 1 to 64 pixels");
const NOT_DRAWN: Error = Error::new("qr_not_drawn", "the picture could not be encoded");

impl Qr {
    /// Draws the symbol as a PNG picture of one bit a pixel, quiet zone included.
    ///
    /// Each module is a square of `pixels_per_module`, from 1 to [`PIXELS_PER_MODULE_MAX`]; any
    /// other number is refused with `qr_scale_out_of_range`. Below 4 many cameras fail.
    pub fn to_png(&self, pixels_per_module: u8) -> Result<Vec<u8>, Error> {
        if !(1..=PIXELS_PER_MODULE_MAX).contains(&pixels_per_module) {
            return Err(SCALE_OUT_OF_RANGE);
        }
        let scale = usize::from(pixels_per_module);
        let pixels = self.pixels(scale);
        let side = u32::try_from(self.drawn_side() * scale).map_err(|_| NOT_DRAWN)?;
        encode(side, &pixels).map_err(|_| NOT_DRAWN)
    }

    /// One bit a pixel, 1 for light, each row padded to whole bytes.
    fn pixels(&self, scale: usize) -> Vec<u8> {
        let side = self.drawn_side() * scale;
        let row_bytes = side.div_ceil(8);
        let mut pixels = Vec::with_capacity(row_bytes * side);
        for y in 0..self.drawn_side() {
            let mut row = vec![0xFF; row_bytes];
            for x in (0..side).filter(|x| self.is_drawn_dark(x / scale, y)) {
                row[x / 8] &= !(0x80 >> (x % 8));
            }
            for _ in 0..scale {
                pixels.extend_from_slice(&row);
            }
        }
        pixels
    }
}

fn encode(side: u32, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut picture = Vec::new();
    let mut encoder = Encoder::new(&mut picture, side, side);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::One);
    encoder.set_compression(Compression::Fast);
    // Rows repeat: the difference to the row above is mostly zero.
    encoder.set_filter(Filter::Up);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(picture)
}
