//! A QR symbol in a terminal.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::widgets::Widget;
use wallet_core::qr::Qr;

/// Black on white from the fixed colour cube: themes change the sixteen named colours, and a
/// light code on a dark ground is unreadable to most scanners.
const INK: Style = Style::new().fg(Color::Indexed(16)).bg(Color::Indexed(231));

/// Draws a payment code with its quiet zone, two modules in each cell.
pub(crate) struct QrView<'a>(pub(crate) &'a Qr);

impl QrView<'_> {
    /// Columns that a payment code of kind 1 takes: 41 modules and the quiet zone.
    pub(crate) const COLUMNS: u16 = 49;
    /// Rows that it takes.
    pub(crate) const ROWS: u16 = 25;
}

impl Widget for QrView<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        for (y, row) in (area.top()..area.bottom()).zip(self.0.half_block_rows()) {
            for (x, cell) in (area.left()..area.right()).zip(row) {
                buffer[(x, y)].set_char(cell.glyph()).set_style(INK);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::widgets::Widget as _;
    use wallet_core::qr::{Medium, Qr};

    use super::QrView;

    #[test]
    fn a_payment_code_fills_exactly_its_columns_and_rows_in_black_on_white() {
        let qr = Qr::new(&"7".repeat(321), Medium::Screen).unwrap();
        let rows = qr.half_block_rows();
        assert_eq!((rows[0].len(), rows.len()), (49, 25));
        let area = Rect::new(0, 0, QrView::COLUMNS, QrView::ROWS);
        let mut buffer = Buffer::empty(area);
        QrView(&qr).render(area, &mut buffer);
        for (y, row) in (0..).zip(&rows) {
            for (x, cell) in (0..).zip(row) {
                assert_eq!(buffer[(x, y)].symbol(), cell.glyph().to_string());
                assert_eq!(buffer[(x, y)].bg, ratatui::style::Color::Indexed(231));
            }
        }
    }
}
