//! One code, for scripts and for terminals that are none.

use core::fmt;
use std::io::IsTerminal as _;

use serde::Serialize;
use wallet_core::code::Ask;

use crate::failure::Failure;
use crate::output::Output;
use crate::times;

use super::{Args, CodeMaker};

#[derive(Serialize)]
struct Code {
    #[serde(rename = "code")]
    digits: String,
    step: u32,
    seq: u8,
    limit: String,
    currency: &'static str,
    next_due: String,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.digits)
    }
}

pub(super) fn run(args: &Args, maker: &mut CodeMaker, output: Output) -> Result<(), Failure> {
    let (showing, qr) = maker.show(Ask::Fresh)?;
    let next_due = times::format(showing.next_due);
    let limit = maker.terms().limit.money();
    if !output.is_json() && !args.text && std::io::stdout().is_terminal() {
        output.line(&qr.to_terminal().trim_end())?;
        output.note(format!("up to {limit}; a new code is due at {next_due}"));
        return Ok(());
    }
    output.show(&Code {
        digits: showing.code.digits().to_owned(),
        step: showing.mark.step.number(),
        seq: showing.mark.seq,
        limit: limit.amount_text(),
        currency: limit.currency().code(),
        next_due,
    })
}
