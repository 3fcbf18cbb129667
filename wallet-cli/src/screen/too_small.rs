//! What a window shows that can't hold a code.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Paragraph, Widget, Wrap};

/// Asks for a larger window: a code that is cut off reads to nobody.
pub(crate) struct TooSmall {
    /// Columns and rows.
    pub(crate) needed: (u16, u16),
}

impl Widget for TooSmall {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let (columns, rows) = self.needed;
        let text = format!(
            "The window is too small for the code: {columns} columns and {rows} rows are needed. \
             Enlarge it, or make its font smaller. q: leave"
        );
        Paragraph::new(text).wrap(Wrap { trim: true }).render(area, buffer);
    }
}
