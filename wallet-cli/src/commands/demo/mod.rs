//! `wallet demo`: the main job in one command.
//!
//! [`scenario`] says what happens and judges it, [`world`] makes it happen, [`plain`] and
//! [`screen`] show it.

mod plain;
mod scenario;
mod screen;
mod world;

use std::path::{Path, PathBuf};

use crate::failure::{Exit, Failure};
use crate::output::Output;

use scenario::Scenario;
use world::World;

/// Show the main job: a code is shown, scanned, charged and settled, and four are refused; then what
/// protects the payer, and a red envelope
///
/// Starts a server in this process on a free port of this machine, with a new SQLite file; needs
/// nothing and leaves nothing. On a terminal of 100 columns and 31 rows it waits for your keys.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Keys: space for the next step, n for a new code, q to leave.

Ends with exit code 1 if any step went differently from what it says.

Examples:
  wallet demo
  wallet demo --auto              to the end without input, a step a line
  wallet demo --keep playground   leaves the database, the picture and the payer's wallet there")]
pub(crate) struct Args {
    /// Run to the end without input, a step a line
    #[arg(long)]
    auto: bool,
    /// Keep the files in this directory, which must be empty or new
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let place = Place::for_files(args.keep.as_deref())?;
    let runtime = super::runtime()?;
    let mut world = World::new(place.path());
    let mut scenario = Scenario::default();
    let interactive = !args.auto && output.is_interactive() && screen::fits_terminal();
    let shown = if interactive {
        screen::run(&mut world, &mut scenario, &runtime)
    } else {
        runtime.block_on(plain::run(&mut world, &mut scenario, output))
    };
    runtime.block_on(world.shut_down());
    shown?;
    if interactive {
        for finding in scenario.findings() {
            output.line(&plain::line(finding))?;
        }
    }
    place.tell(output);
    verdict(&scenario, interactive)
}

/// Whoever leaves early has seen nothing wrong; a run without input must reach its end.
fn verdict(scenario: &Scenario, interactive: bool) -> Result<(), Failure> {
    if scenario.went_as_said() || (interactive && !scenario.has_failed()) {
        return Ok(());
    }
    Err(Failure::new(Exit::Unexpected, "demo", "a step went differently from what it says"))
}

/// Where the files are.
enum Place {
    Temporary(tempfile::TempDir),
    Kept(PathBuf),
}

impl Place {
    fn for_files(keep: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = keep else {
            let temporary = tempfile::Builder::new().prefix("wallet-demo-").tempdir();
            let error = |error| Failure::file(&std::env::temp_dir(), &error);
            return temporary.map(Self::Temporary).map_err(error);
        };
        std::fs::create_dir_all(path).map_err(|error| Failure::file(path, &error))?;
        let mut entries = std::fs::read_dir(path).map_err(|error| Failure::file(path, &error))?;
        if entries.next().is_some() {
            let sentence = format!("{} is not empty", path.display());
            return Err(Failure::new(Exit::Usage, "not_empty", sentence));
        }
        Ok(Self::Kept(path.to_owned()))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Temporary(directory) => directory.path(),
            Self::Kept(path) => path,
        }
    }

    fn tell(&self, output: Output) {
        if let Self::Kept(path) = self {
            output.note(format!("the files are in {}", path.display()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn files_are_kept_only_in_a_directory_of_their_own() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("new");
        assert_eq!(Place::for_files(Some(&path)).unwrap().path(), path);
        std::fs::write(path.join("file"), "").unwrap();
        let error = Place::for_files(Some(&path)).err().unwrap();
        assert_eq!(error.code(), "not_empty");
    }
}
