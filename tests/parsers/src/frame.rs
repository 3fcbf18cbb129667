//! The grey pixels of a camera's frame: the width as two bytes, then the rows.

use wallet_core::qr::{Medium, QUIET_ZONE, Qr};
use wallet_core::scan::{Effort, read_luma};

/// A frame is read or refused by name.
pub fn check(bytes: &[u8]) {
    let Some((width, pixels)) = bytes.split_first_chunk() else { return };
    let width = usize::from(u16::from_be_bytes(*width));
    if let Err(error) = read_luma(width, pixels, Effort::Quick) {
        let whole = width > 0 && !pixels.is_empty() && pixels.len().is_multiple_of(width);
        let expected = if whole { "no_code_found" } else { "unreadable_picture" };
        assert!(error.code() == expected || width > 16_384, "{error:?}");
    }
}

/// A symbol's pixels with its quiet zone, and the length of a side.
pub(crate) fn pixels(qr: &Qr, module: usize) -> (usize, Vec<u8>) {
    let side = (qr.side() + 2 * QUIET_ZONE) * module;
    let dark = |x: usize, y: usize| {
        let (x, y) = (x / module, y / module);
        let inside = QUIET_ZONE..QUIET_ZONE + qr.side();
        inside.contains(&x) && inside.contains(&y) && qr.is_dark(x - QUIET_ZONE, y - QUIET_ZONE)
    };
    let rows = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    (side, rows.map(|(x, y)| if dark(x, y) { 0 } else { 255 }).collect())
}

/// A frame that holds a code.
#[must_use]
pub fn seeds() -> Vec<Vec<u8>> {
    let (side, pixels) = pixels(&Qr::new("70", Medium::Screen).unwrap(), 2);
    let width = u16::try_from(side).unwrap().to_be_bytes();
    vec![[width.as_slice(), &pixels].concat()]
}
