//! The code on a screen that redraws itself.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Style, Stylize as _};
use ratatui::text::{Line, Text};
use wallet_core::code::{Ask, Showing};
use wallet_core::qr::Qr;

use crate::failure::{Exit, Failure};
use crate::screen::{Countdown, QrView, TooSmall, fits};

use super::CodeMaker;
use super::listen::News;

/// How often the countdown moves; also how long a payment may take to show.
const REDRAW_MILLIS: u64 = 100;
/// The lines below the code: countdown, terms, connection, what happened last, keys.
const PANEL_LINES: u16 = 5;

/// What is on the screen.
struct Screen<'a> {
    maker: &'a mut CodeMaker,
    shown: Option<(Showing, Qr)>,
    /// Why there is no code right now: 256 in one half minute, or a clock that is wrong.
    trouble: Option<Failure>,
    connection: Line<'static>,
    last: Line<'static>,
}

/// Shows codes until the payer leaves; the terminal is as before afterwards, whatever happens.
pub(super) fn run(maker: &mut CodeMaker, news: &Receiver<News>) -> Result<(), Failure> {
    let mut screen = Screen {
        maker,
        shown: None,
        trouble: None,
        connection: Line::from("connecting …").dark_gray(),
        last: Line::default(),
    };
    screen.renew(Ask::Fresh)?;
    let mut terminal = ratatui::try_init().map_err(|error| terminal_failed(&error))?;
    let result = screen.run(&mut terminal, news);
    ratatui::restore();
    result
}

impl Screen<'_> {
    fn run(
        &mut self,
        terminal: &mut ratatui::DefaultTerminal,
        news: &Receiver<News>,
    ) -> Result<(), Failure> {
        loop {
            for news in news.try_iter() {
                self.hear(news)?;
            }
            if self.is_due() {
                self.renew(Ask::Current)?;
            }
            terminal.draw(|frame| self.draw(frame)).map_err(|error| terminal_failed(&error))?;
            match key().map_err(|error| terminal_failed(&error))? {
                Some(Key::Leave) => return Ok(()),
                Some(Key::Fresh) => self.renew(Ask::Fresh)?,
                None => {}
            }
        }
    }

    fn is_due(&self) -> bool {
        let now = self.maker.now();
        self.shown.as_ref().is_none_or(|(showing, _)| now >= showing.next_due)
    }

    /// A wrong clock and a full step pass; a wallet that can't be written does not.
    fn renew(&mut self, ask: Ask) -> Result<(), Failure> {
        match self.maker.show(ask) {
            Ok(shown) => (self.shown, self.trouble) = (Some(shown), None),
            Err(failure) if matches!(failure.code(), "step_exhausted" | "clock_behind") => {
                (self.shown, self.trouble) = (None, Some(failure));
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn hear(&mut self, news: News) -> Result<(), Failure> {
        match news {
            News::Online(issuer, mark) => {
                let taken = self.maker.refresh(&issuer).and_then(|()| self.maker.adopt(mark));
                if let Err(failure) = taken {
                    // The codes are sealed to the wallet's own issuer whoever answers here.
                    self.connection = Line::from(failure.to_string()).red();
                    return Ok(());
                }
                self.connection = Line::from("● online").green();
                if self.is_about_this_code(mark.map(|mark| (mark.step.number(), mark.seq))) {
                    self.renew(Ask::Fresh)?;
                }
            }
            News::Offline => {
                self.connection = Line::from("○ offline: the code works all the same").dark_gray();
            }
            News::Happened(event) => {
                self.last = if event.kind.ends_with(".declined") {
                    Line::from(format!("✗ {event}")).red()
                } else {
                    Line::from(format!("✓ {event}")).green().bold()
                };
                if self.is_about_this_code(event.code.map(|code| (code.step, code.seq))) {
                    self.renew(Ask::Fresh)?;
                }
            }
        }
        Ok(())
    }

    /// A code that was presented is burned, and so are all before it.
    fn is_about_this_code(&self, used: Option<(u32, u8)>) -> bool {
        let shown = self.shown.as_ref().map(|(showing, _)| showing.mark);
        let shown = shown.map(|mark| (mark.step.number(), mark.seq));
        used.is_some() && used >= shown
    }

    fn draw(&self, frame: &mut Frame) {
        let area = frame.area();
        let size = (QrView::COLUMNS, QrView::ROWS + PANEL_LINES);
        if !fits(area, size) {
            frame.render_widget(TooSmall { needed: size }, area);
            return;
        }
        let [code, panel] =
            Layout::vertical([Constraint::Length(QrView::ROWS), Constraint::Fill(1)]).areas(area);
        let [countdown, text] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(panel);
        let countdown =
            countdown.intersection(ratatui::layout::Rect { width: QrView::COLUMNS, ..countdown });
        if let Some((showing, qr)) = &self.shown {
            frame.render_widget(QrView(qr), code);
            frame.render_widget(Countdown::until(showing.next_due, self.maker.now()), countdown);
        } else if let Some(trouble) = &self.trouble {
            frame.render_widget(Text::from(trouble.to_string()).fg(Color::Red), code);
        }
        let keys = "space: fresh code   q: leave";
        let lines = vec![
            self.terms(),
            self.connection.clone(),
            self.last.clone(),
            Line::styled(keys, Style::new().dark_gray()),
        ];
        frame.render_widget(Text::from(lines), text);
    }

    fn terms(&self) -> Line<'static> {
        let terms = self.maker.terms();
        let limit = terms.limit.money();
        let text = match terms.terminal {
            Some(terminal) => format!("up to {limit}, only at terminal {terminal}"),
            None => format!("up to {limit}"),
        };
        Line::from(text).bold()
    }
}

enum Key {
    Leave,
    Fresh,
}

/// Waits a moment for a key that means something.
fn key() -> std::io::Result<Option<Key>> {
    if !event::poll(Duration::from_millis(REDRAW_MILLIS))? {
        return Ok(None);
    }
    let Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. }) = event::read()?
    else {
        return Ok(None);
    };
    let control_c = code == KeyCode::Char('c') && modifiers.contains(KeyModifiers::CONTROL);
    Ok(match code {
        _ if control_c => Some(Key::Leave),
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Leave),
        KeyCode::Char(' ' | 'n') | KeyCode::Enter => Some(Key::Fresh),
        _ => None,
    })
}

fn terminal_failed(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Local, "terminal", format!("the terminal can't be used: {error}"))
}
