//! Parts of the screens of `wallet demo` and `wallet payer code`.

mod countdown;
mod qr_view;
mod too_small;

use ratatui::layout::Rect;

pub(crate) use countdown::Countdown;
pub(crate) use qr_view::QrView;
pub(crate) use too_small::TooSmall;

/// Whether something of this many columns and rows fits.
pub(crate) fn fits(area: Rect, (columns, rows): (u16, u16)) -> bool {
    area.width >= columns && area.height >= rows
}
