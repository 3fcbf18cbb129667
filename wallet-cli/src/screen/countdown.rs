//! How long a code still lives.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::widgets::{LineGauge, Widget};
use wallet_core::{STEP_SECONDS, Timestamp};

/// From here on the bar is red: who scans now may be too late.
const URGENT_SECONDS: i64 = 5;

/// A bar that empties until the next code is due.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Countdown {
    left_millis: i64,
}

impl Countdown {
    pub(crate) fn until(due: Timestamp, now: Timestamp) -> Self {
        Self { left_millis: due.unix_millis().saturating_sub(now.unix_millis()).max(0) }
    }

    /// Whole seconds left, rounded up, so that 0 means now.
    fn seconds(self) -> i64 {
        self.left_millis.saturating_add(999) / 1000
    }

    /// What is left of a step, from 1 down to 0.
    fn ratio(self) -> f64 {
        // A bar is a picture: rounding it does no harm.
        let left = u32::try_from(self.left_millis).map_or(f64::MAX, f64::from);
        (left / f64::from(STEP_SECONDS * 1000)).min(1.0)
    }
}

impl Widget for Countdown {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let color = if self.seconds() <= URGENT_SECONDS { Color::Red } else { Color::Green };
        LineGauge::default()
            .label(format!("new code in {:>2} s", self.seconds()))
            .ratio(self.ratio())
            .filled_symbol("━")
            .unfilled_symbol("─")
            .filled_style(Style::new().fg(color))
            .unfilled_style(Style::new().fg(Color::DarkGray))
            .render(area, buffer);
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::Timestamp;

    use super::Countdown;

    #[test]
    fn a_countdown_runs_from_thirty_seconds_to_nothing_and_never_below() {
        let due = Timestamp::from_unix_seconds(60);
        let left = |millis| Countdown::until(due, Timestamp::from_unix_millis(millis));
        assert_eq!(left(30_000).seconds(), 30);
        assert_eq!(left(59_001).seconds(), 1);
        assert_eq!(left(61_000).seconds(), 0);
        assert!((left(45_000).ratio() - 0.5).abs() < 1e-9);
        assert!((left(-90_000).ratio() - 1.0).abs() < 1e-9);
    }
}
