//! One frame of the demo.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Stylize as _};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, BorderType, Padding, Paragraph, Wrap};

use crate::screen::{Countdown, QrView, TooSmall, fits};

use super::super::scenario::{Finding, Scenario, Step};
use super::super::world::World;
use super::SIZE;

/// The frame around the code, which the quiet zone does not replace.
const PHONE: (u16, u16) = (QrView::COLUMNS + 2, QrView::ROWS + 3);

/// How many steps are listed, so that there is room for what is behind the last one.
const STEPS_SHOWN: u16 = 18;
/// How many of them are still to come, while there are so many.
const STEPS_AHEAD: usize = 3;

pub(super) fn draw(frame: &mut Frame, world: &World, scenario: &Scenario) {
    let area = frame.area();
    if !fits(area, SIZE) {
        frame.render_widget(TooSmall { needed: SIZE }, area);
        return;
    }
    let [main, keys] = Layout::vertical([Constraint::Fill(1), Constraint::Length(2)]).areas(area);
    let [left, right] =
        Layout::horizontal([Constraint::Length(PHONE.0), Constraint::Fill(1)]).areas(main);
    draw_phone(frame, Rect { height: PHONE.1, ..left }, world, scenario);
    draw_steps(frame, right, scenario);
    draw_keys(frame, keys, scenario);
}

fn draw_phone(frame: &mut Frame, area: Rect, world: &World, scenario: &Scenario) {
    let heard = scenario.findings().iter().find(|finding| finding.step == Step::HearOfIt);
    let mut block = frame_around("the payer's phone");
    if let Some(Finding { ok: true, said, .. }) = heard {
        block = block.title_bottom(Line::from(format!(" ✓ {said} ")).green().bold().centered());
    }
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let Some((showing, qr)) = world.shown() else {
        let text = Line::from("no code yet").dark_gray().centered();
        frame.render_widget(text, Rect { y: inside.y + inside.height / 2, ..inside });
        return;
    };
    let [code, countdown] =
        Layout::vertical([Constraint::Length(QrView::ROWS), Constraint::Length(1)]).areas(inside);
    frame.render_widget(QrView(qr), code);
    frame.render_widget(Countdown::until(showing.next_due, world.now()), countdown);
}

fn draw_steps(frame: &mut Frame, area: Rect, scenario: &Scenario) {
    let [steps, last] =
        Layout::vertical([Constraint::Length(STEPS_SHOWN + 2), Constraint::Fill(1)]).areas(area);
    let findings = scenario.findings();
    let lines: Vec<Line> = shown_steps(findings.len())
        .map(|index| match findings.get(index) {
            Some(finding) => done(finding),
            None => ahead(Step::ALL[index], scenario.next() == Some(Step::ALL[index])),
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(frame_around("what happens")), steps);
    if let Some(finding) = findings.last() {
        draw_details(frame, last, finding);
    }
}

/// The steps that fit: those around the next one.
fn shown_steps(next: usize) -> Range<usize> {
    let count = usize::from(STEPS_SHOWN).min(Step::ALL.len());
    let first = next.saturating_sub(count - STEPS_AHEAD).min(Step::ALL.len() - count);
    first..first + count
}

/// What is behind the last finding: a receipt, postings, sums.
fn draw_details(frame: &mut Frame, area: Rect, finding: &Finding) {
    let lines = finding.details.iter().map(|line| Line::from(line.as_str()));
    let text: Text = lines.collect();
    let block = frame_around(finding.step.title());
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).block(block), area);
}

fn done(finding: &Finding) -> Line<'_> {
    let Finding { step, ok, said, .. } = finding;
    let refusal = said.starts_with("refused");
    let (mark, color) = match (ok, refusal) {
        (false, _) => ("✗ ", Color::Red),
        (true, true) => ("✓ ", Color::Yellow),
        (true, false) => ("✓ ", Color::Green),
    };
    Line::from(vec![
        Span::from(mark).fg(color).bold(),
        Span::from(format!("{:<11}", step.title())).bold(),
        Span::from(said.as_str()),
    ])
}

fn ahead(step: Step, is_next: bool) -> Line<'static> {
    let line = Line::from(format!("{} {}", if is_next { '›' } else { '·' }, step.title()));
    if is_next { line.cyan().bold() } else { line.dark_gray() }
}

fn draw_keys(frame: &mut Frame, area: Rect, scenario: &Scenario) {
    let first = match scenario.next() {
        Some(step) => step.waits_for().unwrap_or("one moment …"),
        None if scenario.went_as_said() => "that was all: everything went as said",
        None => "that was all: a step went differently",
    };
    let key = |name: &'static str| Span::from(name).bold().black().on_cyan();
    let mut spans = Vec::new();
    if scenario.next().is_some() {
        spans.push(key(" space "));
    }
    spans.push(Span::from(format!(" {first}   ")));
    spans.extend([key(" n "), " new code   ".into(), key(" q "), " leave".into()]);
    let line = Line::from(spans);
    frame.render_widget(Text::from(vec![Line::default(), line]), area);
}

fn frame_around(title: &'static str) -> Block<'static> {
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(Color::DarkGray)
        .title(Line::from(format!(" {title} ")).cyan())
        .padding(Padding::ZERO)
}

#[cfg(test)]
mod tests {
    use super::{STEPS_SHOWN, Step, shown_steps};

    #[test]
    fn the_next_step_and_the_last_one_are_always_in_sight() {
        for next in 0..=Step::ALL.len() {
            let shown = shown_steps(next);
            assert_eq!(shown.len(), usize::from(STEPS_SHOWN));
            assert!(shown.contains(&next.min(Step::ALL.len() - 1)), "{next}: {shown:?}");
            assert!(next == 0 || shown.contains(&(next - 1)), "{next}: {shown:?}");
        }
    }
}
