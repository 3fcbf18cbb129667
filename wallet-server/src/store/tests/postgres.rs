//! A PostgreSQL server of our own, on a Unix socket in a new folder, for as long as a test runs.
//! It never touches a server that somebody else started.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Where Debian keeps the server's programs, which it does not put on the path.
const DEBIAN: &str = "/usr/lib/postgresql";

pub(super) struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Postgres {
    pub(super) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The server may run as another user, see `program`.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let server = Self { folder, programs: programs() };
        let data = server.path("data");
        server.must("initdb", &["-D", &data, "-A", "trust", "-U", "wallet", "--no-sync"]);
        let options = format!("-c listen_addresses='' -c fsync=off -k {}", server.path(""));
        let log = server.path("log");
        server.must("pg_ctl", &["-D", &data, "-o", &options, "-l", &log, "-w", "start"]);
        server
    }

    /// Runs a script; the error is what the server said.
    pub(super) fn run(&self, script: &str) -> Result<(), String> {
        let socket = self.path("");
        let mut psql = self
            .program("psql", &["-h", &socket, "-U", "wallet", "-d", "postgres", "-q", "-f", "-"])
            .args(["-v", "ON_ERROR_STOP=1", "-o", "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        psql.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        let Output { status, stderr, .. } = psql.wait_with_output().unwrap();
        if status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&stderr).into_owned()) }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn must(&self, name: &str, arguments: &[&str]) {
        let command = &mut self.program(name, arguments);
        let status = command.stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{name} failed");
    }

    /// A program of the server. It refuses to run as root, so then it runs as nobody.
    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let path = self.programs.join(name);
        let root = std::fs::metadata("/proc/self")
            .is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
        let mut command = if root {
            let mut command = Command::new("runuser");
            command.args(["-u", "nobody", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.args(arguments).current_dir(self.folder.path());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.must("pg_ctl", &["-D", &self.path("data"), "-m", "immediate", "-w", "stop"]);
    }
}

/// The folder with the newest server programs.
fn programs() -> PathBuf {
    let debian = std::fs::read_dir(DEBIAN).into_iter().flatten().filter_map(Result::ok);
    let mut debian: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    debian.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = debian.into_iter().rev().chain(std::env::split_paths(&path));
    let has_server = |folder: &PathBuf| Path::new(folder).join("initdb").exists();
    found.into_iter().find(has_server).expect("PostgreSQL is missing: tests/run installs it")
}
