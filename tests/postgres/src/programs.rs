//! The programs that PostgreSQL is made of.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian keeps them, which it does not put on the path.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Variables with which libpq and the server would find somebody else's database.
const VARIABLES: [&str; 12] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGDATABASE",
    "PGUSER",
    "PGPASSWORD",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSSLMODE",
    "PGOPTIONS",
    "PGDATA",
    "PGCLIENTENCODING",
];

/// The folder with the programs, and who runs them.
#[derive(Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    root: bool,
}

impl Programs {
    /// Finds the newest ones.
    pub(crate) fn find() -> Self {
        let version = |folder: &PathBuf| -> Option<u32> {
            folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok())
        };
        let debian = std::fs::read_dir(DEBIAN).into_iter().flatten().filter_map(Result::ok);
        let mut debian: Vec<PathBuf> = debian.map(|entry| entry.path()).collect();
        debian.sort_by_key(version);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = debian.into_iter().rev().map(|folder| folder.join("bin"));
        let folder = folders
            .chain(std::env::split_paths(&path))
            .find(|folder| folder.join("initdb").exists())
            .expect("PostgreSQL is missing: `bash tests/run` installs it");
        let root = std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
        Self { folder, root }
    }

    /// Hands a folder to whoever runs the server.
    pub(crate) fn own(&self, folder: &Path) {
        if self.root {
            must(Command::new("chown").arg("nobody").arg(folder));
        }
    }

    /// A program of the server's. They refuse to be run by root; then nobody does it.
    pub(crate) fn server(&self, name: &str) -> Command {
        let path = self.folder.join(name);
        let command = if self.root {
            let mut command = Command::new("runuser");
            command.args(["-u", "nobody", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        clean(command)
    }

    /// A program that connects to the server.
    pub(crate) fn client(&self, name: &str) -> Command {
        clean(Command::new(self.folder.join(name)))
    }
}

fn clean(mut command: Command) -> Command {
    for name in VARIABLES {
        command.env_remove(name);
    }
    // Whoever runs the server may not be allowed to be where the tests are.
    command.current_dir("/");
    command
}

/// Runs a command, which has to succeed.
#[track_caller]
pub(crate) fn must(command: &mut Command) {
    // The server inherits what it writes to, so this must not be a pipe that is read to its end.
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
