//! What the repository holds.

use std::collections::BTreeSet;
use std::path::Path;

use crate::source::{files, root, sources, text};

/// A file that is longer wants to be a folder.
const LINES_MAX: usize = 600;

#[test]
fn the_top_level_is_the_workspace_its_readme_and_the_configuration_of_tools() {
    let allowed = [
        ".cargo",
        ".ci",
        ".gitignore",
        "Cargo.lock",
        "Cargo.toml",
        "README.md",
        "clippy.toml",
        "deny.toml",
        "docs",
        "rustfmt.toml",
        "tests",
        "wallet-cli",
        "wallet-core",
        "wallet-server",
    ];
    let top = |path: &Path| path.iter().next().map(|name| name.to_string_lossy().into_owned());
    let found: BTreeSet<String> = files().iter().filter_map(|path| top(path)).collect();
    assert_eq!(found, allowed.into_iter().map(str::to_owned).collect());
}

#[test]
fn no_source_is_so_long_that_it_wants_to_be_a_folder() {
    let lines = |path: &Path| text(path).unwrap().lines().count();
    let long: Vec<_> = sources("").into_iter().filter(|path| lines(path) > LINES_MAX).collect();
    assert!(long.is_empty(), "over {LINES_MAX} lines: {long:?}");
}

#[test]
fn every_source_begins_by_saying_what_it_is_for() {
    // The name of a `tests.rs` says it.
    let silent: Vec<_> = sources("")
        .into_iter()
        .filter(|path| !path.to_string_lossy().ends_with("tests.rs"))
        .filter(|path| !text(path).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn nothing_names_a_folder_of_somebodys_machine_or_the_host_of_a_registry() {
    // Cut in two, so that this file does not name them either.
    let forbidden = [
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("/wo", "rk/"),
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("py", "pi.org"),
        concat!("files.python", "hosted"),
        concat!("registry.", "npmjs"),
        concat!("deb.", "debian.org"),
        concat!("archive.", "ubuntu.com"),
    ];
    let mut found = Vec::new();
    for path in files() {
        let Some(text) = text(&path) else { continue };
        let named = forbidden.iter().filter(|place| text.contains(**place));
        found.extend(named.map(|place| format!("{}: {place}", path.display())));
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn every_dependency_is_locked_to_the_public_registry() {
    let lock = text(Path::new("Cargo.lock")).unwrap();
    let sources: BTreeSet<&str> =
        lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
    let registry = "\"registry+https://github.com/rust-lang/crates.io-index\"";
    assert_eq!(sources, BTreeSet::from([registry]));
}

#[test]
fn every_link_in_a_document_leads_to_a_file_and_to_a_heading_that_exist() {
    let mut broken = Vec::new();
    let documents = files().into_iter().filter(|path| path.extension().is_some_and(|e| e == "md"));
    for document in documents {
        let content = text(&document).unwrap();
        for link in links(&content) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.parent().unwrap().join(file),
            };
            let target = root().join(target);
            let leads = match std::fs::read_to_string(&target) {
                Ok(content) => heading.is_empty() || anchors(&content).any(|it| it == heading),
                Err(_) => target.is_dir() && heading.is_empty(),
            };
            if !leads {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_test_that_a_page_of_promises_names_exists() {
    // How many each names at the least: a change of its form must not make this look at nothing.
    for (page, least) in [("docs/security.md", 60), ("docs/reliability.md", 4)] {
        let content = text(Path::new(page)).unwrap();
        let mut named = 0;
        for row in content.lines().filter(|line| line.starts_with("| ")) {
            // A link to a file, and behind it the names of tests in that file.
            for cited in row.split("](../").skip(1) {
                let (file, names) = cited.split_once(')').unwrap();
                let source = text(Path::new(file)).unwrap_or_default();
                let names = names.split('[').next().unwrap().split('`').skip(1).step_by(2);
                for name in names.filter(|name| name.contains('_') && !name.contains(' ')) {
                    assert!(source.contains(&format!("fn {name}()")), "{file} has no test {name}");
                    named += 1;
                }
            }
        }
        assert!(named >= least, "{page} names only {named} tests");
    }
}

/// The targets of links within the repository, as in `[text](target)`.
fn links(markdown: &str) -> impl Iterator<Item = &str> {
    let targets = markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.contains(char::is_whitespace))
}

/// The names under which a document's headings are linked to.
fn anchors(markdown: &str) -> impl Iterator<Item = String> {
    let headings = markdown.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}
