//! What a command prints: text for people, or one JSON value a line for programs.

use std::fmt::Display;
use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::failure::{Exit, Failure};

/// Where and how to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a program reads the output.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person sits in front of it and can press keys.
    pub(crate) fn is_interactive(self) -> bool {
        !self.json && std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
    }

    /// Whether somebody watches what is said on standard error.
    pub(crate) fn shows_progress(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// Prints a result: its `Display` form, or its JSON.
    pub(crate) fn show<T: Display + Serialize>(self, result: &T) -> Result<(), Failure> {
        if self.json { self.line(&to_json(result)?) } else { self.line(result) }
    }

    /// Prints a line as it is. A reader that went away, as `head` does, is no failure.
    #[expect(clippy::unused_self, reason = "one way to print for all commands")]
    pub(crate) fn line(self, line: &impl Display) -> Result<(), Failure> {
        match writeln!(std::io::stdout().lock(), "{line}") {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(unwritten(&error)),
            _ => Ok(()),
        }
    }

    /// Prints a line of a stream that has no end of its own, and says whether somebody still reads.
    ///
    /// A full disk is not a reader that went away: what is missing in the file would look as if it had
    /// not happened.
    #[expect(clippy::unused_self, reason = "one way to print for all commands")]
    pub(crate) fn stream(self, line: &impl Display) -> Result<bool, Failure> {
        let mut stdout = std::io::stdout().lock();
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(unwritten(&error)),
        }
    }

    /// Says something that is not the result, on standard error, to people only.
    pub(crate) fn note(self, note: impl Display) {
        if !self.json {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "{note}");
        }
    }

    /// Says something on standard error before the result is known, for programs as well.
    pub(crate) fn announce<T: Display + Serialize>(self, news: &T) -> Result<(), Failure> {
        let text = if self.json { to_json(news)? } else { news.to_string() };
        // Nobody is left to tell when standard error is gone.
        let _ = writeln!(std::io::stderr().lock(), "{text}");
        Ok(())
    }

    /// Prints why a command failed: on standard error, or as JSON on standard output.
    pub(crate) fn fail(self, failure: &Failure) {
        let _ = if self.json {
            writeln!(std::io::stdout().lock(), "{}", failure.to_json())
        } else {
            writeln!(std::io::stderr().lock(), "wallet: {failure}")
        };
    }
}

fn unwritten(error: &std::io::Error) -> Failure {
    Failure::new(Exit::Local, "output", format!("can't write: {error}"))
}

fn to_json<T: Serialize>(result: &T) -> Result<String, Failure> {
    serde_json::to_string(result)
        .map_err(|error| Failure::new(Exit::Unexpected, "output", error.to_string()))
}

/// A table for people: columns padded to their widest cell, two spaces apart.
///
/// Numbers are set right, as in an account book.
pub(crate) fn table(rows: &[Vec<String>], right_aligned: &[usize]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
            if right_aligned.contains(&column) {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_of_a_table_line_up_and_amounts_are_set_right() {
        let rows = [["account", "debit"], ["bank", "500.00"], ["payers", "0.00"]];
        let rows: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(table(&rows, &[1]), "account   debit\nbank     500.00\npayers     0.00");
    }
}
