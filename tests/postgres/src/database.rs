//! One database, for one test.

use std::path::Path;

use crate::{Postgres, USER};

/// A database that is dropped with this.
#[derive(Debug)]
pub struct Database {
    server: Postgres,
    name: String,
}

impl Database {
    pub(crate) fn new(server: Postgres, name: String) -> Self {
        Self { server, name }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The server that it is in.
    #[must_use]
    pub fn server(&self) -> &Postgres {
        &self.server
    }

    /// Where to connect to, as `postgres://…`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_through(self.server.folder())
    }

    /// The same through the socket `.s.PGSQL.5432` in another folder.
    #[must_use]
    pub fn url_through(&self, folder: &Path) -> String {
        let folder: String = folder
            .to_str()
            .unwrap()
            .bytes()
            .map(|byte| match byte {
                b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect();
        format!("postgres:///{}?host={folder}&port=5432&user={USER}", self.name)
    }

    /// Runs a script.
    ///
    /// # Errors
    /// What the server said.
    pub fn run(&self, script: &str) -> Result<(), String> {
        self.server.run(&self.name, script)
    }

    /// What the server answers to a question, as text.
    pub(crate) fn answer(&self, question: &str) -> String {
        let mut psql = self.server.client("psql", &self.name);
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--command", question]);
        let output = psql.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Everything in it as a script that makes it again; bytes are in lowercase hexadecimal.
    #[must_use]
    pub fn dump(&self) -> String {
        let output = self.server.client("pg_dump", &self.name).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Where the server has stopped, its files go with it.
        let script = format!("drop database {} with (force)", self.name);
        drop(self.server.run("postgres", &script));
    }
}
