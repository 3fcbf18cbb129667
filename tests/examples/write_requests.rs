//! Writes a request for every operation of the API into a folder: what the fuzz target `http`
//! begins with.

use std::path::PathBuf;
use std::{env, fs, io};

use wallet_tests::{Database, Hostile};

#[tokio::main]
async fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from);
    let folder = folder.ok_or_else(|| io::Error::other("which folder?"))?;
    fs::create_dir_all(&folder)?;
    let hostile = Hostile::new(Database::Sqlite, Hostile::FUZZED).await;
    for (number, request) in hostile.requests().iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:03}")), request)?;
    }
    Ok(())
}
