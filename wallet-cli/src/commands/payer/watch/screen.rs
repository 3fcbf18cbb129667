//! A person at a terminal: lines that scroll by, and below them the question.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;
use tokio::runtime::Runtime;
use wallet_core::Timestamp;

use crate::client::models::{Confirmation, DecidedPayment};
use crate::failure::{Exit, Failure};

use super::super::Online;
use super::super::confirmations::{Decision, verify};
use super::super::online::new_key;
use super::desk::{Act, Desk, Press};
use super::listen::News;

/// How often the seconds are counted; also how long news may take to show.
const REDRAW: Duration = Duration::from_millis(100);
/// How long to wait before a decision without an answer is sent again.
const AGAIN: Duration = Duration::from_secs(1);
/// Goes to the start of the line and erases it.
const ERASE_LINE: &str = "\r\x1b[2K";

/// What the keys act on.
pub(super) struct Screen<'a> {
    runtime: &'a Runtime,
    online: &'a Arc<Online>,
    sender: Sender<News>,
    desk: Desk,
    offline: bool,
}

impl<'a> Screen<'a> {
    pub(super) fn new(runtime: &'a Runtime, online: &'a Arc<Online>, sender: Sender<News>) -> Self {
        Self { runtime, online, sender, desk: Desk::default(), offline: false }
    }

    /// Shows what happens until the payer leaves.
    pub(super) fn run(mut self, news: &Receiver<News>) -> Result<(), Failure> {
        let _raw = RawMode::begin()?;
        loop {
            for news in news.try_iter() {
                let said = self.hear(news)?;
                say(&said)?;
            }
            let now = self.online.now();
            say(&self.desk.expire(now))?;
            self.draw(now)?;
            match key()?.and_then(|press| self.desk.press(press)) {
                Some(Act::Leave) => return Ok(()),
                Some(Act::Send(payment, decision)) => self.send(*payment, decision),
                None => {}
            }
        }
    }

    /// Takes news in, and returns what to say about them.
    fn hear(&mut self, news: News) -> Result<Vec<String>, Failure> {
        if let News::Event(_) | News::Waiting(_) = news {
            self.offline = false;
        }
        Ok(match news {
            // The question itself says so.
            News::Event(told) if told.value.kind == "payment.requires_confirmation" => Vec::new(),
            News::Event(told) => {
                let mark = if told.value.is_warning() { '!' } else { '·' };
                vec![format!("{mark} {}", told.value)]
            }
            News::Waiting(now) => {
                self.desk.update(now.into_iter().map(|told| told.value).collect())
            }
            News::Decided { payment, outcome } => vec![self.desk.decided(&payment, &outcome)],
            News::Offline(_) if self.offline => Vec::new(),
            News::Offline(failure) => {
                self.offline = true;
                vec![format!("! {}", failure.sentence())]
            }
            News::Refused(failure) => return Err(failure),
        })
    }

    /// Sends a decision while the seconds go on being counted.
    fn send(&self, payment: Confirmation, decision: Decision) {
        let (online, sender) = (Arc::clone(self.online), self.sender.clone());
        self.runtime.spawn(async move {
            let outcome = decide(&online, &payment, &decision).await;
            // Nobody is left to tell when the payer has left.
            let _ = sender.send(News::Decided { payment: payment.payment, outcome });
        });
    }

    fn draw(&self, now: Timestamp) -> Result<(), Failure> {
        let width = terminal::size().map_or(80, |(width, _)| usize::from(width));
        let line: String = printable(&self.desk.prompt(now)).chars().take(width - 1).collect();
        write(&format!("{ERASE_LINE}{line}"))
    }
}

/// Sends a decision, under one key, until there is an answer or it is too late for one.
async fn decide(
    online: &Online,
    payment: &Confirmation,
    decision: &Decision,
) -> Result<DecidedPayment, Failure> {
    let key = new_key();
    loop {
        let request = decision.request(&payment.payment).idempotency_key(&key);
        let failure = match online.send::<DecidedPayment>(request).await {
            Ok(answer) => return verify(online, &answer.value).map(|()| answer.value),
            Err(failure) => failure,
        };
        let lost = match failure.exit() {
            Exit::Unreachable => true,
            Exit::AskAgain => failure.may_pass_by_waiting(),
            Exit::Unexpected | Exit::Usage | Exit::Refused | Exit::Local => false,
        };
        let late = payment.expires_at().is_ok_and(|until| until <= online.now());
        if !lost || late {
            return Err(failure);
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Prints lines above the question.
fn say(lines: &[String]) -> Result<(), Failure> {
    lines.iter().try_for_each(|line| write(&format!("{ERASE_LINE}{}\r\n", printable(line))))
}

/// Names come from others: none of them commands the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| failed(&error))
}

/// Waits a moment for a key that means something.
fn key() -> Result<Option<Press>, Failure> {
    let read = || {
        if !event::poll(REDRAW)? {
            return Ok(None);
        }
        event::read().map(Some)
    };
    let Some(Event::Key(KeyEvent { code, modifiers, kind: KeyEventKind::Press, .. })) =
        read().map_err(|error| failed(&error))?
    else {
        return Ok(None);
    };
    Ok(match code {
        KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => Some(Press::Leave),
        KeyCode::Char('q') | KeyCode::Esc => Some(Press::Leave),
        KeyCode::Char('r') => Some(Press::Refuse),
        KeyCode::Char(digit) if digit.is_ascii_digit() => Some(Press::Digit(digit)),
        KeyCode::Backspace => Some(Press::Erase),
        KeyCode::Enter => Some(Press::Enter),
        _ => None,
    })
}

/// Keys come one by one and unseen; as before when dropped.
struct RawMode;

impl RawMode {
    fn begin() -> Result<Self, Failure> {
        terminal::enable_raw_mode().map(|()| Self).map_err(|error| failed(&error))
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // Nothing is left to be done about a terminal that does not listen.
        let _ = terminal::disable_raw_mode();
        let _ = writeln!(std::io::stdout());
    }
}

fn failed(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Local, "terminal", format!("the terminal can't be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_merchants_name_does_not_command_the_terminal() {
        assert_eq!(printable("Tea\x1b[2J House\r\n"), "Tea [2J House  ");
    }
}
