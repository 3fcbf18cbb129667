//! Why a command ended badly, and the exit code that says so.

use core::fmt;

use serde_json::{Value, json};

use crate::client::{Certainty, Problem};

/// What a script may conclude from an exit code; `wallet --help` lists them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// Something that should not happen.
    Unexpected,
    /// The command line says something impossible. Clap ends with 2 as well.
    Usage,
    /// Refused: repeating the same changes nothing.
    Refused,
    /// The outcome is not known, or nothing was decided yet: ask again with the same key.
    AskAgain,
    /// The request did not reach the server.
    Unreachable,
    /// A file of this machine: the wallet directory, a key file, a picture to write.
    Local,
}

impl Exit {
    /// The number that the process ends with.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::AskAgain => 4,
            Self::Unreachable => 5,
            Self::Local => 6,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

/// A failed command: its exit code, a stable code, a sentence, and what the user can do.
#[derive(Debug)]
pub(crate) struct Failure(Box<Inner>);

#[derive(Debug)]
struct Inner {
    exit: Exit,
    code: String,
    sentence: String,
    hint: Option<String>,
    problem: Option<Problem>,
}

impl Failure {
    /// A failure with a stable code in `snake_case`.
    pub(crate) fn new(exit: Exit, code: &str, sentence: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            exit,
            code: code.to_owned(),
            sentence: sentence.into(),
            hint: None,
            problem: None,
        }))
    }

    /// A refusal of the core library.
    pub(crate) fn core(exit: Exit, error: wallet_core::Error) -> Self {
        Self::new(exit, error.code(), error.to_string())
    }

    /// A file that can't be read or written.
    pub(crate) fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(Exit::Local, "file", format!("{}: {error}", path.display()))
    }

    /// What the server answered.
    pub(crate) fn problem(problem: Problem) -> Self {
        let mut failure =
            Self::new(problem.exit(), &problem.code, problem.detail_or_title().to_owned());
        failure.0.problem = Some(problem);
        failure
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        self.0.hint = Some(match self.0.hint.take() {
            Some(earlier) => format!("{earlier}\n  {hint}"),
            None => hint,
        });
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// Whether the same request may end otherwise a moment later.
    ///
    /// A clock that is wrong, or a payer who must act, stays so however often one asks.
    pub(crate) fn may_pass_by_waiting(&self) -> bool {
        self.0.problem.as_ref().is_none_or(|problem| problem.status >= 500)
    }

    /// Whether the server said that no money moved and none will.
    pub(crate) fn is_final(&self) -> bool {
        let problem = self.0.problem.as_ref();
        problem.is_some_and(|problem| problem.certainty == Certainty::Final)
    }

    /// Whether the server said so.
    pub(crate) fn is_answer(&self) -> bool {
        self.0.problem.is_some()
    }

    /// What the server answered, as it wrote it.
    pub(crate) fn raw_problem(&self) -> Option<&Value> {
        self.0.problem.as_ref().map(|problem| &problem.raw)
    }

    /// The payment that the server's refusal is about.
    pub(crate) fn payment_id(&self) -> Option<&str> {
        self.raw_problem()?["payment"]["id"].as_str()
    }

    /// The sentence, without code and hints.
    pub(crate) fn sentence(&self) -> &str {
        &self.0.sentence
    }

    /// The stable code; the server's own where it answered.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// What `--json` prints.
    pub(crate) fn to_json(&self) -> Value {
        let Inner { exit, code, sentence, hint, problem } = &*self.0;
        json!({"error": {
            "code": code,
            "detail": sentence,
            "certainty": problem.as_ref().map(|problem| problem.certainty.as_str()),
            "exit_code": exit.number(),
            "hint": hint,
            "problem": problem.as_ref().map(|problem| &problem.raw),
        }})
    }
}

/// Only commands that open a database themselves meet one.
impl From<wallet_server::store::StoreError> for Failure {
    fn from(error: wallet_server::store::StoreError) -> Self {
        Self::new(Exit::Local, "database", error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { code, sentence, hint, problem, .. } = &*self.0;
        write!(f, "{sentence} [{code}]")?;
        if let Some(problem) = problem {
            write!(f, "{problem}")?;
        }
        hint.iter().try_for_each(|hint| write!(f, "\n  {hint}"))
    }
}

impl std::error::Error for Failure {}
