//! What a payer proves with: the PIN, one-time passwords, recovery codes.

use std::path::PathBuf;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{from_file, prompt};
use crate::failure::{Exit, Failure};
use crate::system;

/// How many digits PINs and one-time passwords have.
pub(crate) const DIGITS: usize = 6;

/// What to do without a terminal to ask for a PIN.
const PIN_HINT: &str = "set WALLET_PIN, or use --pin-file";

/// Six digits that only the payer knows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Pin(Zeroizing<String>);

impl Pin {
    /// Reads a PIN; the server says whether it is the right one.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        if is_six_digits(text) {
            return Ok(Self(Zeroizing::new(text.to_owned())));
        }
        Err(Failure::new(Exit::Usage, "invalid_pin", "a PIN has six digits"))
    }

    /// The digits, for the body of a request.
    pub(crate) fn digits(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin(secret)")
    }
}

fn is_six_digits(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The payer's PIN.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Wallet")]
pub(crate) struct PinArgs {
    /// Read the PIN from this file
    ///
    /// Without it, the variable WALLET_PIN is used, or you are asked.
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
}

impl PinArgs {
    /// The PIN that proves who acts.
    pub(crate) fn ask(&self, question: &str) -> Result<Pin, Failure> {
        match self.given()? {
            Some(pin) => Ok(pin),
            None => Pin::parse(prompt(question, PIN_HINT)?.trim()),
        }
    }

    /// The PIN, if a file or the environment has it.
    pub(crate) fn given(&self) -> Result<Option<Pin>, Failure> {
        given(self.pin_file.as_ref(), "WALLET_PIN")?.map(|text| Pin::parse(text.trim())).transpose()
    }
}

/// A PIN that is to be used from now on.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Wallet")]
pub(crate) struct NewPinArgs {
    /// Read the new PIN from this file
    ///
    /// Without it, the variable WALLET_NEW_PIN is used, or you are asked.
    #[arg(long, value_name = "FILE")]
    new_pin_file: Option<PathBuf>,
}

impl NewPinArgs {
    /// The new PIN, asked for twice.
    pub(crate) fn choose(&self) -> Result<Pin, Failure> {
        match given(self.new_pin_file.as_ref(), "WALLET_NEW_PIN")? {
            Some(text) => Pin::parse(text.trim()),
            None => choose_pin("set WALLET_NEW_PIN, or use --new-pin-file"),
        }
    }
}

/// Asks twice for a PIN that nobody has set yet.
pub(crate) fn choose_first_pin() -> Result<Pin, Failure> {
    choose_pin(PIN_HINT)
}

fn choose_pin(hint: &str) -> Result<Pin, Failure> {
    let first = Pin::parse(prompt("Choose a PIN of six digits: ", hint)?.trim())?;
    if first.digits() != prompt("The same again: ", hint)?.trim() {
        return Err(Failure::new(Exit::Usage, "pins_differ", "the two are not the same"));
    }
    Ok(first)
}

/// What stands beside a PIN or in its place.
pub(crate) enum Proof {
    /// Six digits of an authenticator app.
    OneTimePassword(Zeroizing<String>),
    /// One of the codes that were shown once.
    RecoveryCode(Zeroizing<String>),
}

impl Proof {
    /// Six digits are a one-time password, anything else is a recovery code.
    pub(crate) fn parse(text: &str) -> Self {
        let text = Zeroizing::new(text.trim().to_owned());
        if is_six_digits(&text) { Self::OneTimePassword(text) } else { Self::RecoveryCode(text) }
    }

    /// Adds it to the body of a request.
    pub(crate) fn add_to(&self, body: &mut Value) {
        match self {
            Self::OneTimePassword(text) => body["totp"] = json!(text.as_str()),
            Self::RecoveryCode(text) => body["recovery_code"] = json!(text.as_str()),
        }
    }
}

/// A second proof of who acts.
#[derive(clap::Args, Debug, Default)]
#[command(next_help_heading = "Wallet")]
pub(crate) struct ProofArgs {
    /// Read the one-time password from this file; or, where one is taken, a recovery code
    ///
    /// Without it, the variable WALLET_OTP is used, or you are asked.
    #[arg(long, value_name = "FILE")]
    otp_file: Option<PathBuf>,
}

impl ProofArgs {
    /// A one-time password or a recovery code.
    pub(crate) fn ask(&self) -> Result<Proof, Failure> {
        let text = self.ask_password("One-time password, or a recovery code: ")?;
        Ok(Proof::parse(&text))
    }

    /// A one-time password and nothing else.
    pub(crate) fn ask_password(&self, question: &str) -> Result<Zeroizing<String>, Failure> {
        match self.given()? {
            Some(text) => Ok(text),
            None => ask_one_time_password(question),
        }
    }

    /// The text, if a file or the environment has it.
    pub(crate) fn given(&self) -> Result<Option<Zeroizing<String>>, Failure> {
        let text = given(self.otp_file.as_ref(), "WALLET_OTP")?;
        Ok(text.map(|text| Zeroizing::new(text.trim().to_owned())))
    }
}

/// Asks a person, whatever files and the environment hold: scripts can't know the password of a
/// secret that is new.
pub(crate) fn ask_one_time_password(question: &str) -> Result<Zeroizing<String>, Failure> {
    let text = prompt(question, "set WALLET_OTP, or use --otp-file")?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

fn given(file: Option<&PathBuf>, variable: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    match file {
        Some(path) => from_file(path).map(Some),
        None => Ok(system::variable(variable).map(Zeroizing::new)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Pin, PinArgs, Proof};

    #[test]
    fn a_pin_has_six_digits_and_is_never_printed() {
        assert_eq!(Pin::parse("048213").unwrap().digits(), "048213");
        for text in ["", "12345", "1234567", "12345a", "１２３４５６", " 48213"] {
            assert_eq!(Pin::parse(text).unwrap_err().code(), "invalid_pin", "{text}");
        }
        assert_eq!(format!("{:?}", Pin::parse("048213").unwrap()), "Pin(secret)");
    }

    #[test]
    fn a_pin_comes_from_the_file_that_is_named() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("pin");
        let args = PinArgs { pin_file: Some(path.clone()) };
        std::fs::write(&path, "048213\n").unwrap();
        assert_eq!(args.ask("").unwrap().digits(), "048213");
        std::fs::write(&path, "secret\n").unwrap();
        assert_eq!(args.given().unwrap_err().code(), "invalid_pin");
    }

    #[test]
    fn six_digits_are_a_one_time_password_and_anything_else_a_recovery_code() {
        for (text, body) in [
            ("287082\n", json!({"totp": "287082"})),
            ("abcd-efgh", json!({"recovery_code": "abcd-efgh"})),
            ("12345678", json!({"recovery_code": "12345678"})),
        ] {
            let mut request = json!({});
            Proof::parse(text).add_to(&mut request);
            assert_eq!(request, body);
        }
    }
}
