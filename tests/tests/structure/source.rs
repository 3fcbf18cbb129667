//! The repository's files, and what a Rust source says once its comments are gone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;

use proc_macro2::{TokenStream, TokenTree};

/// Where the workspace is.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every file of the repository, relative to its root.
pub(crate) fn files() -> Vec<PathBuf> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).unwrap();
    let files: Vec<_> = names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|path| root().join(path).exists())
        .collect();
    assert!(files.len() > 100, "only {} files; is this the repository?", files.len());
    files
}

/// The Rust sources below a folder.
pub(crate) fn sources(folder: &str) -> Vec<PathBuf> {
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let found: Vec<_> =
        files().into_iter().filter(|path| path.starts_with(folder) && rust(path)).collect();
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

/// The text of a file; `None` if it is not text.
pub(crate) fn text(path: &Path) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(path)).unwrap()).ok()
}

/// What a source says: names and text, without comments and documentation.
#[derive(Default)]
pub(crate) struct Code {
    /// Identifiers and keywords, in order.
    pub(crate) names: Vec<String>,
    /// String literals, as written.
    pub(crate) literals: Vec<String>,
}

impl Code {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Self {
        Self::parse(&text(path).unwrap())
    }

    /// Reads a text.
    pub(crate) fn parse(text: &str) -> Self {
        let mut code = Self::default();
        code.add(TokenStream::from_str(text).unwrap());
        code
    }

    fn add(&mut self, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Ident(name) => self.names.push(name.to_string()),
                TokenTree::Literal(literal) => self.literals.push(literal.to_string()),
                TokenTree::Group(group) if !is_documentation(&group.stream()) => {
                    self.add(group.stream());
                }
                TokenTree::Group(_) | TokenTree::Punct(_) => {}
            }
        }
    }

    /// Whether names follow one another, as those of a path do.
    pub(crate) fn says(&self, path: &[&str]) -> bool {
        self.names.windows(path.len()).any(|names| names == path)
    }
}

/// The inside of `#[doc = "…"]`, as which comments that document arrive.
fn is_documentation(inside: &TokenStream) -> bool {
    matches!(inside.clone().into_iter().next(), Some(TokenTree::Ident(name)) if name == "doc")
}
