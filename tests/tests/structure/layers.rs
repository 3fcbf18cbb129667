//! Which part of the code knows what.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::source::{Code, root, sources, text};

/// Fails with every place where a source below `folder` says one of these paths.
#[track_caller]
fn assert_ignorant(folder: &str, forbidden: &[&str]) {
    let mut found = Vec::new();
    for file in sources(folder) {
        let code = Code::read(&file);
        for path in forbidden {
            let names: Vec<&str> = path.split("::").collect();
            if code.says(&names) {
                found.push(format!("{} says {path}", file.display()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_rules_know_no_database_no_network_no_clock_and_nothing_asynchronous() {
    let machinery = [
        "async",
        "await",
        "axum",
        "env",
        "fs",
        "getrandom",
        "std::net",
        "rand",
        "reqwest",
        "rusqlite",
        "rustls",
        "serde",
        "serde_json",
        "sqlx",
        "thread",
        "tokio",
        "tracing",
        "Instant",
        "SystemTime",
    ];
    assert_ignorant("wallet-server/src/domain", &machinery);
    let neighbours = [
        "crate::clock",
        "crate::entropy",
        "crate::http",
        "crate::issuer",
        "crate::metrics",
        "crate::service",
        "crate::settings",
        "crate::store",
        "crate::worker",
    ];
    assert_ignorant("wallet-server/src/domain", &neighbours);
}

#[test]
fn the_store_knows_no_http_no_use_cases_and_no_keys() {
    let others =
        ["axum", "crate::http", "crate::issuer", "crate::service", "crate::worker", "settle"];
    assert_ignorant("wallet-server/src/store", &others);
}

#[test]
fn use_cases_know_neither_http_nor_the_database_driver() {
    assert_ignorant(
        "wallet-server/src/service",
        &["axum", "rusqlite", "sqlx", "crate::http", "StatusCode"],
    );
}

#[test]
fn http_knows_neither_the_database_driver_nor_the_rules() {
    assert_ignorant(
        "wallet-server/src/http",
        &["rusqlite", "sqlx", "crate::domain::settle", "settle"],
    );
}

#[test]
fn no_route_is_written_without_its_description() {
    // The description's own pages are the only ones that it does not describe.
    let pages = Path::new("wallet-server/src/http/openapi/pages.rs");
    let mut others = sources("wallet-server/src/http");
    others.retain(|file| file != pages && Code::read(file).says(&["routing"]));
    assert!(others.is_empty(), "use utoipa_axum::routes: {others:?}");
}

#[test]
fn no_two_bodies_have_one_name_in_a_document() {
    let mut names = BTreeSet::new();
    for file in sources("wallet-server/src") {
        let content = text(&file).unwrap();
        for rest in content.split("#[schema(as = ").skip(1) {
            let name = rest.split([')', ',']).next().unwrap().to_owned();
            assert!(names.insert(name.clone()), "{name} in {}", file.display());
        }
    }
    assert!(names.len() > 50, "only {} names", names.len());
}

#[test]
fn workers_know_neither_http_nor_the_database_driver() {
    assert_ignorant("wallet-server/src/worker", &["axum", "rusqlite", "sqlx", "crate::http"]);
}

#[test]
fn what_calls_out_knows_nothing_of_the_wallet() {
    let others = [
        "crate::store",
        "crate::service",
        "crate::issuer",
        "crate::http",
        "axum",
        "rusqlite",
        "sqlx",
    ];
    assert_ignorant("wallet-server/src/outbound", &others);
    let mut callers = sources("wallet-server/src");
    callers.retain(|file| {
        !file.starts_with("wallet-server/src/outbound") && Code::read(file).says(&["reqwest"])
    });
    assert!(callers.is_empty(), "requests go out through outbound/ alone: {callers:?}");
}

#[test]
fn only_the_batcher_settles() {
    let callers: Vec<PathBuf> = sources("wallet-server/src")
        .into_iter()
        .filter(|file| !file.starts_with("wallet-server/src/domain/settle"))
        .filter(|file| {
            let code = Code::read(file);
            // With and without the rules beside it.
            code.says(&["domain", "settle", "settle"])
                || code.says(&["domain", "settle", "Rules", "settle"])
        })
        .collect();
    assert_eq!(callers, [Path::new("wallet-server/src/worker/batcher/batch.rs")]);
}

#[test]
fn sql_stands_in_the_store_and_nowhere_else() {
    let elsewhere = ["wallet-cli", "wallet-core", "wallet-server"].map(sources).concat();
    let mut found = Vec::new();
    for file in elsewhere {
        if file.starts_with("wallet-server/src/store") {
            continue;
        }
        let statements = Code::read(&file).literals.into_iter().filter(|text| is_sql(text));
        found.extend(statements.map(|text| format!("{}: {text}", file.display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Whether a literal holds a statement: a verb and, somewhere behind it, its companion.
fn is_sql(literal: &str) -> bool {
    const PAIRS: [(&str, &str); 7] = [
        ("select", "from"),
        ("insert", "into"),
        ("update", "set"),
        ("delete", "from"),
        ("create", "table"),
        ("pragma", "="),
        ("begin", "immediate"),
    ];
    let text = literal.trim_start_matches('r').trim_matches(['"', '#']).to_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    PAIRS.iter().any(|(verb, companion)| {
        words.first() == Some(verb) && words.iter().any(|word| word == companion)
    })
}

#[test]
fn a_statement_is_told_from_a_sentence() {
    for statement in ["select id from t", "INSERT INTO t", "\n  update t set a = 1", "with"] {
        assert_eq!(is_sql(&format!("\"{statement}\"")), statement != "with", "{statement}");
    }
    assert!(!is_sql("\"Ask again to select another key.\""));
    let code = Code::parse("//! select a from b\n/// async\nfn f() { g(\"text\") } // tokio");
    assert_eq!(code.names, ["fn", "f", "g"]);
    assert_eq!(code.literals, ["\"text\""]);
}

#[test]
fn the_core_reads_no_clock_no_file_no_environment_and_no_network() {
    let machine = [
        "async",
        "await",
        "env",
        "fs",
        "getrandom",
        "std::net",
        "process",
        "thread",
        "tokio",
        "Instant",
        "SystemTime",
    ];
    assert_ignorant("wallet-core/src", &machine);
}

/// The crates that a package needs to run, with these features.
fn dependencies(package: &str, features: &str) -> BTreeSet<String> {
    let tree = ["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"];
    let output = Command::new(env!("CARGO"))
        .args(tree)
        .args(["--package", package, "--no-default-features", "--features", features])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_core_depends_on_nothing_that_does_input_or_output() {
    let machinery = [
        "async-std",
        "axum",
        "getrandom",
        "hyper",
        "mio",
        "rand",
        "reqwest",
        "rusqlite",
        "rustls",
        "socket2",
        "sqlx",
        "sqlx-core",
        "tokio",
    ];
    for features in ["default", "requests", "keyfile", "qr", "scan", "till", "totp"] {
        let crates = dependencies("wallet-core", features);
        assert!(crates.contains("ed25519-dalek"), "not a dependency tree: {crates:?}");
        let found: Vec<_> = machinery.iter().filter(|name| crates.contains(**name)).collect();
        assert!(found.is_empty(), "with {features}: {found:?}");
    }
}

#[test]
fn an_embedder_of_codes_alone_pays_for_no_pictures() {
    let crates = dependencies("wallet-core", "default");
    for name in
        ["argon2", "png", "qrcode", "rxing", "serde", "serde_json", "sfv", "totp-rs", "zune-jpeg"]
    {
        assert!(!crates.contains(name), "{name}");
    }
}
