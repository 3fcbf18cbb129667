//! Journeys are played on both databases, all of them.

use std::path::Path;

use crate::source::{Code, sources};

#[test]
fn every_journey_is_played_by_the_programs_for_both_databases() {
    let journeys = Code::read(Path::new("tests/tests/journeys/mod.rs"));
    let mut left_out = sources("tests/tests/journeys");
    left_out.retain(|file| {
        let name = file.file_stem().unwrap().to_str().unwrap();
        let top = file.parent() == Some(Path::new("tests/tests/journeys"));
        top && name != "mod" && !journeys.says(&["mod", name])
    });
    assert!(left_out.is_empty(), "{left_out:?}");
    for program in ["on_sqlite", "on_postgres"] {
        let code = Code::read(Path::new(&format!("tests/tests/{program}.rs")));
        assert!(code.says(&["mod", "journeys"]), "{program}");
    }
}

#[test]
fn no_other_program_has_a_world_on_one_database_alone() {
    let mut others = sources("tests/tests");
    others.retain(|file| {
        let top = file.parent() == Some(Path::new("tests/tests"));
        let both = ["on_sqlite.rs", "on_postgres.rs"].iter().any(|name| file.ends_with(name));
        top && !both && Code::read(file).names.iter().any(|name| name == "wallet_tests")
    });
    assert!(others.is_empty(), "make it a journey: {others:?}");
}
