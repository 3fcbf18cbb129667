//! The demo as lines: a step a line, without input.

use std::io::IsTerminal as _;

use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;

use super::scenario::{Finding, Scenario, Step};
use super::world::World;

/// Runs all steps.
pub(super) async fn run(
    world: &mut World,
    scenario: &mut Scenario,
    output: Output,
) -> Result<(), Failure> {
    while let Some(step) = scenario.next() {
        let outcome = world.perform(step).await;
        if let Some(finding) = scenario.record(outcome) {
            print(finding, world, output)?;
        }
    }
    Ok(())
}

fn print(finding: &Finding, world: &World, output: Output) -> Result<(), Failure> {
    let Finding { step, ok, said, details } = finding;
    if output.is_json() {
        let line = json!({"step": step.title(), "ok": ok, "said": said, "details": details});
        return output.line(&line);
    }
    output.line(&line(finding))?;
    for detail in details {
        output.line(&format!("               {detail}"))?;
    }
    match world.shown() {
        Some((_, qr)) if *step == Step::ShowCode && std::io::stdout().is_terminal() => {
            output.line(&qr.to_terminal().trim_end())
        }
        _ => Ok(()),
    }
}

/// One finding as one line.
pub(super) fn line(finding: &Finding) -> String {
    let Finding { step, ok, said, .. } = finding;
    format!("{} {:<11}  {said}", if *ok { '✓' } else { '✗' }, step.title())
}
