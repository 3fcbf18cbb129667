//! A PostgreSQL server of the tests' own, and a new database in it for each test.
//!
//! It is made when a test asks for it, speaks on a Unix socket in a new folder only, and is gone
//! when the test program is, however that ends. A server that somebody else started is never
//! touched: its socket is elsewhere, and the variables that lead libpq there are ignored.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test that cannot set up its database fails"
)]

mod archive;
mod database;
mod folder;
mod programs;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;

pub use archive::documented_archive_command;
pub use database::Database;
use programs::Programs;

/// The user that owns everything.
const USER: &str = "wallet";

/// What the server is told. A test that kills the server keeps what the machine's memory keeps, so
/// nothing waits for the disk; commits are as synchronous as ever. Vacuuming would only hold up
/// the copying of databases.
const SETTINGS: [&str; 9] = [
    "port=5432",
    "listen_addresses=",
    "max_connections=300",
    "shared_buffers=64MB",
    "fsync=off",
    "full_page_writes=off",
    "max_wal_size=128MB",
    "autovacuum=off",
    "log_min_messages=error",
];

/// Waits until nothing holds the other end of its input any more, because the test program closed
/// it or is no more, and leaves nothing behind.
const CARETAKER: &str = r#"
read -r _
"$@" -m immediate stop
rm -rf "$0"
"#;

/// A PostgreSQL server. The last handle to it stops it.
#[derive(Clone, Debug)]
pub struct Postgres(Arc<Server>);

#[derive(Debug)]
struct Server {
    folder: TempDir,
    programs: Programs,
    archives: bool,
    caretaker: Child,
    databases: AtomicU32,
}

impl Postgres {
    /// The server that all tests of this program share.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(Postgres::start);
        SHARED.clone()
    }

    /// A server of its own, for a test that does to it what others would not survive.
    #[must_use]
    pub fn start() -> Self {
        Self::make(false)
    }

    fn make(archives: bool) -> Self {
        let programs = Programs::find();
        let folder = folder::new();
        programs.own(folder.path());
        let data = folder.path().join("data");
        let stop = programs.server("pg_ctl");
        let mut caretaker = std::process::Command::new("sh");
        caretaker.args(["-c", CARETAKER]).arg(folder.path());
        caretaker.arg(stop.get_program()).args(stop.get_args()).arg("--pgdata").arg(&data);
        caretaker.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Whoever interrupts the tests in a terminal must not interrupt the clearing up.
        std::os::unix::process::CommandExt::process_group(&mut caretaker, 0);
        let caretaker = caretaker.spawn().unwrap();

        // A collation unlike the order of bytes shows what relies on either.
        let options = ["--no-sync", "--auth=trust", "--username", USER, "--encoding=UTF8"];
        let collation = ["--locale=C", "--locale-provider=icu", "--icu-locale=en-US"];
        let mut initdb = programs.server("initdb");
        programs::must(initdb.args(options).args(collation).arg("--pgdata").arg(&data));

        let databases = AtomicU32::new(0);
        let server = Self(Arc::new(Server { folder, programs, archives, caretaker, databases }));
        server.start_again();
        server
    }

    /// A new database with nothing in it.
    #[must_use]
    pub fn database(&self) -> Database {
        self.create("template1")
    }

    /// A new database with what another one holds, to which nobody may be connected.
    #[must_use]
    pub fn copy_of(&self, template: &Database) -> Database {
        self.create(template.name())
    }

    fn create(&self, template: &str) -> Database {
        let number = self.0.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{number}");
        let script = format!("create database {name} template {template}");
        self.run("postgres", &script).unwrap_or_else(|error| panic!("{error}"));
        Database::new(self.clone(), name)
    }

    /// The folder with the socket.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.folder.path()
    }

    /// Stops the server as a power cut would: at once, in the middle of whatever it does.
    pub fn stop_at_once(&self) {
        programs::must(self.control().args(["-m", "immediate", "-w", "stop"]));
    }

    /// Starts the server after it was stopped.
    pub fn start_again(&self) {
        let settings = SETTINGS.join(" -c ");
        let mut options = format!("-c {settings} -k '{}'", self.folder().display());
        if self.0.archives {
            options.push_str(&self.archive_options());
        }
        let log = self.folder().join("log");
        let mut control = self.control();
        programs::must(control.arg("-o").arg(options).arg("-l").arg(log).args(["-w", "start"]));
    }

    fn control(&self) -> std::process::Command {
        let mut command = self.0.programs.server("pg_ctl");
        command.arg("--pgdata").arg(self.folder().join("data"));
        command
    }

    /// Runs a script; the error is what the server said.
    fn run(&self, database: &str, script: &str) -> Result<(), String> {
        let mut psql = self.client("psql", database);
        psql.args(["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--file=-"]);
        psql.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut psql = psql.spawn().unwrap();
        // When it gives up before it has read everything, it says why.
        drop(psql.stdin.take().unwrap().write_all(script.as_bytes()));
        let output = psql.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(said) }
    }

    fn client(&self, name: &str, database: &str) -> std::process::Command {
        let mut command = self.0.programs.client(name);
        command.arg("--host").arg(self.folder());
        command.args(["--port=5432", "--username", USER, "--dbname", database]);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.caretaker.stdin.take());
        drop(self.caretaker.wait());
    }
}

#[cfg(test)]
mod tests;
