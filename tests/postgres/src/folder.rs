//! Where a server keeps its files.

use std::process::Command;

use tempfile::TempDir;

/// A file system in memory. A database is some hundred files, and a disk that a compiler keeps
/// busy takes half a second to make them; memory takes a fiftieth of that.
const MEMORY: &str = "/dev/shm";
/// What has to be free there, in bytes: several times what a server and its log take. Containers
/// often have less.
const FREE_BYTES_MIN: u64 = 1 << 30;

/// A new folder, in memory where there is room.
pub(crate) fn new() -> TempDir {
    if free_bytes(MEMORY).is_some_and(|free| free >= FREE_BYTES_MIN)
        && let Ok(folder) = tempfile::tempdir_in(MEMORY)
    {
        return folder;
    }
    tempfile::tempdir().unwrap()
}

fn free_bytes(path: &str) -> Option<u64> {
    let output = Command::new("df").args(["--block-size=1", "--output=avail", path]).output();
    let output = String::from_utf8(output.ok()?.stdout).ok()?;
    output.lines().nth(1)?.trim().parse().ok()
}
