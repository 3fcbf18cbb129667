//! `wallet code read`: the digits that a picture holds.

use core::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;
use crate::pictures;

/// Print the text of every QR code in a picture, one a line
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet code read photo.jpg
  wallet payer code --once --png code.png && wallet code read code.png | wallet code inspect -")]
pub(crate) struct Args {
    /// A PNG or JPEG picture; - reads standard input
    picture: PathBuf,
}

#[derive(Serialize)]
struct Texts {
    texts: Vec<String>,
}

impl fmt::Display for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts.join("\n"))
    }
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    output.show(&Texts { texts: pictures::read(&args.picture)? })
}
