//! Writes the seeds of every parser into the corpus of its fuzz target.

use std::path::Path;
use std::{fs, io};

use wallet_test_parsers::PARSERS;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for parser in PARSERS {
        let folder = corpus.join(parser.name);
        fs::create_dir_all(&folder)?;
        for (number, seed) in (parser.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}
