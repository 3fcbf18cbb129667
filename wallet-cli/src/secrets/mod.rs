//! Secrets: from the environment, a file or a prompt, never from the command line.
//!
//! Arguments of a process are visible to every user of the machine and stay in shell histories.

mod payer;

use std::io::{BufRead as _, IsTerminal as _};
use std::path::{Path, PathBuf};

use wallet_core::keyfile::Passphrase;
use zeroize::Zeroizing;

pub(crate) use payer::{
    DIGITS, NewPinArgs, Pin, PinArgs, Proof, ProofArgs, ask_one_time_password, choose_first_pin,
};

use crate::failure::{Exit, Failure};
use crate::system;

/// The longest secret that is read: tokens and passphrases, not documents.
const SECRET_BYTES_MAX: usize = 4096;

/// What to do without a terminal to ask for a passphrase.
const PASSPHRASE_HINT: &str = "set WALLET_PASSPHRASE, or use --passphrase-file";

/// Reads a secret from a file, without the line end.
pub(crate) fn from_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| Failure::file(path, &error))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() || secret.len() > SECRET_BYTES_MAX {
        let sentence = format!("{} holds no secret", path.display());
        return Err(Failure::new(Exit::Local, "no_secret", sentence));
    }
    Ok(Zeroizing::new(secret.to_owned()))
}

/// An API key: the file if one is named, or the variable.
pub(crate) fn api_key(file: Option<&Path>, variable: &str) -> Result<Zeroizing<String>, Failure> {
    if let Some(path) = file {
        return from_file(path);
    }
    system::variable(variable).map(Zeroizing::new).ok_or_else(|| {
        let sentence = format!("no API key: set {variable} or name a file with --api-key-file");
        Failure::new(Exit::Usage, "no_api_key", sentence)
    })
}

/// An invitation: the file if one is named, a line of standard input, or asked for.
pub(crate) fn invitation(file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    token(file, "invitation", "use --invitation-file")
}

/// A text that is as good as what it stands for: the file if one is named, a line of standard
/// input, or asked for.
pub(crate) fn token(
    file: Option<&Path>,
    what: &str,
    hint: &str,
) -> Result<Zeroizing<String>, Failure> {
    if let Some(path) = file.filter(|path| *path != Path::new("-")) {
        return from_file(path);
    }
    let line = if file.is_none() && std::io::stdin().is_terminal() {
        prompt(&format!("The {what}: "), hint)?
    } else {
        line_of_stdin()?
    };
    let token = Zeroizing::new(line.trim().to_owned());
    if token.is_empty() {
        let sentence = format!("no {what} was given");
        return Err(Failure::new(Exit::Usage, &format!("no_{what}"), sentence));
    }
    Ok(token)
}

/// Reads one line of standard input.
pub(crate) fn line_of_stdin() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::new(Exit::Local, "input", format!("can't read: {error}")))?;
    Ok(line)
}

/// How the device key is protected at rest.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Wallet")]
pub(crate) struct PassphraseArgs {
    /// Read the passphrase of the device key from this file
    ///
    /// Without it, the variable WALLET_PASSPHRASE is used, or you are asked.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// As if `--passphrase-file` were given.
    #[cfg(test)]
    pub(crate) fn from_file(path: &Path) -> Self {
        Self { passphrase_file: Some(path.to_owned()) }
    }

    /// The passphrase that opens a key file.
    pub(crate) fn ask(&self) -> Result<Passphrase, Failure> {
        self.given()?.map_or_else(
            || passphrase(&prompt("Passphrase of this wallet: ", PASSPHRASE_HINT)?),
            Ok,
        )
    }

    /// A passphrase for a new key file, asked for twice.
    pub(crate) fn choose(&self) -> Result<Passphrase, Failure> {
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        let first = prompt("Choose a passphrase for this wallet: ", PASSPHRASE_HINT)?;
        if first != prompt("The same again: ", PASSPHRASE_HINT)? {
            return Err(Failure::new(
                Exit::Usage,
                "passphrases_differ",
                "the two are not the same",
            ));
        }
        passphrase(&first)
    }

    fn given(&self) -> Result<Option<Passphrase>, Failure> {
        let text = match &self.passphrase_file {
            Some(path) => Some(from_file(path)?),
            None => system::variable("WALLET_PASSPHRASE").map(Zeroizing::new),
        };
        text.map(|text| passphrase(&text)).transpose()
    }
}

fn passphrase(text: &str) -> Result<Passphrase, Failure> {
    Passphrase::new(text.as_bytes().to_vec()).map_err(|error| Failure::core(Exit::Usage, error))
}

/// Asks on the terminal, without showing what is typed.
fn prompt(question: &str, hint: &str) -> Result<Zeroizing<String>, Failure> {
    rpassword::prompt_password(question).map(Zeroizing::new).map_err(|_| {
        Failure::new(Exit::Usage, "no_terminal", "there is no terminal to ask for a secret")
            .hint(hint)
    })
}

#[cfg(test)]
mod tests {
    use super::from_file;

    #[test]
    fn a_secret_is_the_file_without_its_line_end_and_never_empty() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        for (content, secret) in [("sk_live_1\n", "sk_live_1"), (" a b \r\n", " a b "), ("x", "x")]
        {
            std::fs::write(&path, content).unwrap();
            assert_eq!(from_file(&path).unwrap().as_str(), secret);
        }
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(from_file(&path).unwrap_err().code(), "no_secret");
        assert_eq!(from_file(&directory.path().join("none")).unwrap_err().code(), "file");
    }
}
