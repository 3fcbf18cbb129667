//! Reads QR codes from pictures and camera frames.
//!
//! Photographs are blurred, noisy, tilted and unevenly lit. One pass of the reader gets most of
//! them; what it misses it usually gets from the same picture smoothed, reduced, enlarged or
//! sharpened. So passes are tried in three stages, cheapest first, and the first stage that finds
//! anything is the last. `docs/pictures.md` has the measurements behind the order.
//!
//! | stage | passes | for |
//! |---|---|---|
//! | 1 | as it is; smoothed; reduced by 2, 4, 8 … | most pictures, noise, large modules |
//! | 2 | doubled; doubled and smoothed; sharpened and doubled | small modules, blur |
//! | 3 | inverted, then as stage 1 | light codes on a dark ground |
//!
//! [`read_picture`] goes through all stages; a frame of a camera is given an [`Effort`]. Time and
//! memory are bounded for any picture, also for one made to keep the reader busy.

mod decode;
mod luma;
mod read;

use crate::Error;
use luma::Luma;

/// The longest side of a picture, in pixels.
pub const SIDE_MAX: usize = 16_384;

/// The most pixels of a picture: what phones with 48 megapixels make.
///
/// Checked before pixels are decoded, so that a small file which declares a huge picture cannot
/// take more than about 550 MB of memory.
pub const PIXELS_MAX: usize = 50_000_000;

const UNREADABLE: Error = Error::new(
    "unreadable_picture",
    "not a PNG or JPEG picture, damaged, or larger than 50 million pixels",
);
const NO_CODE: Error = Error::new("no_code_found", "no QR code could be read in the picture");

/// How long to look for a code before giving up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Stage 1 only: for a camera, which has another frame soon.
    Quick,
    /// All stages: for a picture that is all there is. A picture without a code takes several
    /// times as long as with [`Effort::Quick`].
    Thorough,
}

/// Reads the texts of all QR codes in a PNG or JPEG file, each text once.
///
/// Refused with `unreadable_picture` if it is neither, is damaged or exceeds [`SIDE_MAX`] or
/// [`PIXELS_MAX`], and with `no_code_found` if it holds no code that can be read. Transparent
/// pixels count as lying on white.
///
/// ```
/// # #[cfg(feature = "qr")] {
/// use wallet_core::{qr::{Medium, Qr}, scan::read_picture};
/// let picture = Qr::new("00020101", Medium::Screen)?.to_png(4)?;
/// assert_eq!(read_picture(&picture)?, ["00020101"]);
/// # }
/// assert_eq!(wallet_core::scan::read_picture(b"GIF89a").unwrap_err().code(), "unreadable_picture");
/// # Ok::<(), wallet_core::Error>(())
/// ```
pub fn read_picture(bytes: &[u8]) -> Result<Vec<String>, Error> {
    found(read::read(&decode::decode(bytes)?, Effort::Thorough))
}

/// Reads the texts of all QR codes in a frame of grey pixels, each text once.
///
/// `pixels` holds rows of `width` from the top, 0 for black and 255 for white, such as the Y plane
/// of a camera frame. Refused with `unreadable_picture` if there are no whole rows or too many
/// pixels, and with `no_code_found`.
///
/// ```
/// use wallet_core::scan::{Effort, read_luma};
/// let blank_frame = vec![200; 640 * 480];
/// let error = read_luma(640, &blank_frame, Effort::Quick).unwrap_err();
/// assert_eq!(error.code(), "no_code_found");
/// ```
pub fn read_luma(width: usize, pixels: &[u8], effort: Effort) -> Result<Vec<String>, Error> {
    found(read::read(&Luma::new(width, pixels.to_vec()).ok_or(UNREADABLE)?, effort))
}

fn found(texts: Vec<String>) -> Result<Vec<String>, Error> {
    if texts.is_empty() { Err(NO_CODE) } else { Ok(texts) }
}
