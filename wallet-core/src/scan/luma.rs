//! A grey picture and the few filters that help a reader.

use super::{PIXELS_MAX, SIDE_MAX};

/// Appends the filtered form of one row of pixels; all rows of a length get one length.
type RowFilter = fn(&[u8], &mut Vec<u8>);

/// A grey picture that is not empty: rows of `width` pixels from the top, 0 for black.
#[derive(Clone)]
pub(super) struct Luma {
    width: usize,
    pixels: Vec<u8>,
}

impl Luma {
    /// Nothing unless `pixels` are whole rows within the limits of this module.
    pub(super) fn new(width: usize, pixels: Vec<u8>) -> Option<Self> {
        let height = pixels.len().checked_div(width)?;
        let whole = height > 0 && pixels.len() == width * height;
        (whole && within_limits(width, height)).then_some(Self { width, pixels })
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn height(&self) -> usize {
        self.pixels.len() / self.width
    }

    pub(super) fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Each pixel averaged with its neighbours, weighted 1 : 2 : 1 along both axes.
    pub(super) fn smoothed(&self) -> Self {
        self.filtered(smooth_row)
    }

    /// Half as wide and high: a mean of four pixels each. One pixel stays one pixel.
    pub(super) fn halved(&self) -> Self {
        self.filtered(halve_row)
    }

    /// Twice as wide and high, interpolated.
    pub(super) fn doubled(&self) -> Self {
        self.filtered(double_row)
    }

    /// Edges exaggerated: the opposite of a blur of about two pixels.
    pub(super) fn sharpened(&self) -> Self {
        let blurred = self.smoothed().smoothed();
        let pixels = self.pixels.iter().zip(&blurred.pixels).map(|(sharp, blurred)| {
            let exaggerated = 3 * i16::from(*sharp) - 2 * i16::from(*blurred);
            u8::try_from(exaggerated.clamp(0, 255)).unwrap_or(u8::MAX)
        });
        Self { width: self.width, pixels: pixels.collect() }
    }

    /// Light for dark.
    pub(super) fn inverted(&self) -> Self {
        Self { width: self.width, pixels: self.pixels.iter().map(|pixel| !pixel).collect() }
    }

    /// Filters along the rows, then along the columns.
    fn filtered(&self, filter: RowFilter) -> Self {
        self.filtered_rows(filter).transposed().filtered_rows(filter).transposed()
    }

    fn filtered_rows(&self, filter: RowFilter) -> Self {
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for row in self.pixels.chunks_exact(self.width) {
            filter(row, &mut pixels);
        }
        Self { width: pixels.len() / self.height(), pixels }
    }

    fn transposed(&self) -> Self {
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for column in 0..self.width {
            pixels.extend(self.pixels[column..].iter().step_by(self.width));
        }
        Self { width: self.height(), pixels }
    }
}

/// Whether a picture of this size may be decoded at all.
pub(super) fn within_limits(width: usize, height: usize) -> bool {
    let sides = 1..=SIDE_MAX;
    sides.contains(&width) && sides.contains(&height) && width * height <= PIXELS_MAX
}

fn smooth_row(row: &[u8], out: &mut Vec<u8>) {
    let before = row.iter().take(1).chain(row);
    let after = row.iter().skip(1).chain(row.last());
    let triples = before.zip(row).zip(after);
    out.extend(triples.map(|((before, here), after)| before.midpoint(*after).midpoint(*here)));
}

fn halve_row(row: &[u8], out: &mut Vec<u8>) {
    match row {
        [only] => out.push(*only),
        _ => out.extend(row.chunks_exact(2).map(|pair| pair[0].midpoint(pair[1]))),
    }
}

/// Each pixel becomes two, a quarter of a pixel to either side of its middle.
fn double_row(row: &[u8], out: &mut Vec<u8>) {
    let before = row.iter().take(1).chain(row);
    let after = row.iter().skip(1).chain(row.last());
    for ((before, here), after) in before.zip(row).zip(after) {
        out.push(before.midpoint(*here).midpoint(*here));
        out.push(after.midpoint(*here).midpoint(*here));
    }
}

#[cfg(test)]
mod tests {
    use super::Luma;

    fn luma(width: usize, pixels: &[u8]) -> Luma {
        Luma::new(width, pixels.to_vec()).unwrap()
    }

    #[test]
    fn only_whole_rows_within_the_limits_are_a_picture() {
        assert!(Luma::new(3, vec![0; 6]).is_some());
        for (width, length) in [(0, 0), (0, 3), (3, 0), (3, 5), (4, 3), (usize::MAX, 5)] {
            assert!(Luma::new(width, vec![0; length]).is_none(), "{width} of {length}");
        }
        assert!(Luma::new(1, vec![0; super::SIDE_MAX]).is_some());
        assert!(Luma::new(1, vec![0; super::SIDE_MAX + 1]).is_none());
    }

    #[test]
    fn filters_keep_a_flat_picture_flat_and_give_the_size_they_promise() {
        for (width, height) in [(1, 1), (1, 7), (7, 1), (2, 2), (5, 4)] {
            let flat = luma(width, &vec![200; width * height]);
            let half = |side: usize| (side / 2).max(1);
            for (filtered, expected) in [
                (flat.smoothed(), (width, height)),
                (flat.sharpened(), (width, height)),
                (flat.doubled(), (2 * width, 2 * height)),
                (flat.halved(), (half(width), half(height))),
            ] {
                assert_eq!((filtered.width(), filtered.height()), expected);
                assert!(filtered.pixels().iter().all(|pixel| *pixel == 200));
            }
        }
    }

    #[test]
    fn filters_work_along_both_axes() {
        let dot = luma(3, &[0, 0, 0, 0, 160, 0, 0, 0, 0]);
        assert_eq!(dot.smoothed().pixels(), [10, 20, 10, 20, 40, 20, 10, 20, 10]);
        let corner = luma(2, &[160, 0, 0, 0]);
        assert_eq!(corner.halved().pixels(), [40]);
        assert_eq!(corner.doubled().pixels()[..4], [160, 120, 40, 0]);
        assert_eq!(corner.doubled().pixels()[4..8], [120, 90, 30, 0]);
        assert_eq!(corner.inverted().pixels(), [95, 255, 255, 255]);
        assert!(dot.sharpened().pixels()[4] == 255 && dot.sharpened().pixels()[0] == 0);
    }
}
