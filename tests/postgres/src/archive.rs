//! A server that loses its disk, and comes back from a base backup and the log that it archived.
//!
//! It is told what `docs/operating.md` tells operators.

use std::fs;
use std::time::{Duration, Instant};

use crate::{Database, Postgres, programs};

/// How long a segment of the log may take to the archive, and all of it back.
const DEADLINE: Duration = Duration::from_mins(1);

impl Postgres {
    /// A server of its own that archives its log.
    #[must_use]
    pub fn start_archiving() -> Self {
        Self::make(true)
    }

    pub(crate) fn archive_options(&self) -> String {
        let archive = self.folder().join("archive");
        if !archive.exists() {
            fs::create_dir(&archive).unwrap();
            self.0.programs.own(&archive);
        }
        let to = archive.display();
        let command = documented_archive_command(&to.to_string());
        // Nobody is let in before the archive was replayed to its end.
        format!(
            " -c archive_mode=on -c hot_standby=off -c restore_command='cp {to}/%f %p' \
             -c archive_command='{command}'"
        )
    }

    /// Has a running server forget that it has archived this segment of the log, as a crash at that
    /// moment does.
    #[expect(clippy::disallowed_methods, reason = "the server under test has a clock of its own")]
    pub fn forget_archived(&self, segment: &str) {
        let status = self.folder().join("data").join("pg_wal").join("archive_status");
        let of = |state: &str| status.join(format!("{segment}.{state}"));
        let begun = Instant::now();
        // The mark follows the file, some moments later.
        while let Err(error) = fs::rename(of("done"), of("ready")) {
            assert!(begun.elapsed() < DEADLINE, "{segment}: {error}");
        }
    }

    /// Takes a base backup, while whoever is connected goes on.
    pub fn back_up(&self) {
        let mut backup = self.0.programs.server("pg_basebackup");
        backup.arg("--pgdata").arg(self.folder().join("base")).arg("--checkpoint=fast");
        backup.arg("--host").arg(self.folder());
        programs::must(backup.args(["--port=5432", "--username", crate::USER, "--no-sync"]));
    }

    /// Loses the disk of a running server, all but the archive; then lays the base backup in its
    /// place and replays the archive to its end.
    #[expect(clippy::disallowed_methods, reason = "the server under test has a clock of its own")]
    pub fn lose_and_restore(&self) {
        self.stop_at_once();
        let data = self.folder().join("data");
        fs::remove_dir_all(&data).unwrap();
        fs::rename(self.folder().join("base"), &data).unwrap();
        let signal = data.join("recovery.signal");
        fs::write(&signal, "").unwrap();
        self.0.programs.own(&signal);
        self.start_again();
        let begun = Instant::now();
        while let Err(error) = self.run("postgres", "select 1") {
            assert!(begun.elapsed() < DEADLINE, "{error}");
        }
    }
}

/// What `docs/operating.md` tells operators to write into `archive_command`, for this archive.
#[must_use]
pub fn documented_archive_command(archive: &str) -> String {
    let page = include_str!("../../../docs/operating.md");
    let lines = page.lines().filter_map(|line| line.strip_prefix("archive_command = '"));
    let [command] = lines.collect::<Vec<_>>()[..] else { panic!("no archive_command") };
    command.strip_suffix('\'').unwrap().replace("/backup/wal", archive)
}

impl Database {
    /// Ends the segment of the log that is being written, waits until it is in the archive, and names
    /// it.
    #[expect(clippy::disallowed_methods, reason = "the server under test has a clock of its own")]
    #[must_use]
    pub fn archive(&self) -> String {
        // Without anything in it there is no segment to end.
        self.answer("select pg_logical_emit_message(true, 'archive', 'something')");
        let last = self.answer("select pg_walfile_name(pg_switch_wal())");
        let archived = self.server().folder().join("archive").join(last.trim());
        let begun = Instant::now();
        while !archived.exists() {
            assert!(begun.elapsed() < DEADLINE, "{} is not archived", archived.display());
            self.answer("select 1");
        }
        last.trim().to_owned()
    }
}
