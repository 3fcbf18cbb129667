//! The demo on a terminal: the phone on the left, what happens on the right.

mod draw;

use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Rect;
use tokio::runtime::Runtime;
use wallet_core::code::Ask;

use crate::failure::{Exit, Failure};
use crate::screen::{QrView, fits};

use super::scenario::{Scenario, Step};
use super::world::World;

/// Columns and rows that the screen needs: the code and its frame beside the steps, and the trial
/// balance below these.
const SIZE: (u16, u16) = (QrView::COLUMNS + 51, QrView::ROWS + 6);
/// How often the countdown moves.
const REDRAW_MILLIS: u64 = 100;

/// Whether the terminal is large enough.
pub(super) fn fits_terminal() -> bool {
    ratatui::crossterm::terminal::size()
        .is_ok_and(|(width, height)| fits(Rect::new(0, 0, width, height), SIZE))
}

/// Runs the demo until it ends and the payer leaves, or leaves early.
pub(super) fn run(
    world: &mut World,
    scenario: &mut Scenario,
    runtime: &Runtime,
) -> Result<(), Failure> {
    let mut terminal = ratatui::try_init().map_err(|error| failed(&error))?;
    let result = Screen { world, scenario, runtime, started: false }.run(&mut terminal);
    ratatui::restore();
    result
}

/// What the keys act on.
struct Screen<'a> {
    world: &'a mut World,
    scenario: &'a mut Scenario,
    runtime: &'a Runtime,
    /// Whether the key for the step that waits has been pressed.
    started: bool,
}

impl Screen<'_> {
    fn run(&mut self, terminal: &mut ratatui::DefaultTerminal) -> Result<(), Failure> {
        loop {
            let draw = |frame: &mut ratatui::Frame| draw::draw(frame, self.world, self.scenario);
            terminal.draw(draw).map_err(|error| failed(&error))?;
            match self.step_to_do() {
                Some(step) => self.perform(step)?,
                None => match key().map_err(|error| failed(&error))? {
                    Some(Key::Leave) => return Ok(()),
                    Some(Key::Next) => self.started = true,
                    Some(Key::Fresh) => self.renew(Ask::Fresh)?,
                    None => self.rotate()?,
                },
            }
        }
    }

    /// The next step, unless it waits for a key.
    fn step_to_do(&self) -> Option<Step> {
        let step = self.scenario.next()?;
        (self.started || step.waits_for().is_none()).then_some(step)
    }

    fn perform(&mut self, step: Step) -> Result<(), Failure> {
        let outcome = self.runtime.block_on(self.world.perform(step));
        self.scenario.record(outcome);
        self.started = false;
        // The code on the screen is burned now, by itself or by a later one that was presented;
        // the phone shows the next one at once.
        match step {
            Step::HearOfIt | Step::CodeLimit | Step::Confirm => self.renew(Ask::Fresh),
            _ => Ok(()),
        }
    }

    fn rotate(&mut self) -> Result<(), Failure> {
        let due =
            self.world.shown().is_some_and(|(showing, _)| self.world.now() >= showing.next_due);
        if due { self.renew(Ask::Current) } else { Ok(()) }
    }

    fn renew(&mut self, ask: Ask) -> Result<(), Failure> {
        if self.world.shown().is_none() {
            return Ok(());
        }
        match self.world.show_code(ask) {
            // After 256 codes in half a minute the old one stays until the next half minute.
            Err(failure) if failure.code() == "step_exhausted" => Ok(()),
            shown => shown.map(drop),
        }
    }
}

enum Key {
    Leave,
    Next,
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
    Ok(match code {
        KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Some(Key::Leave),
        KeyCode::Char('q') | KeyCode::Esc => Some(Key::Leave),
        KeyCode::Char(' ') | KeyCode::Enter => Some(Key::Next),
        KeyCode::Char('n') => Some(Key::Fresh),
        _ => None,
    })
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Local, "terminal", format!("the terminal can't be used: {error}"))
}
