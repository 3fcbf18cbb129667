//! Terminals on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use wallet_core::{Error, TerminalId};

use crate::failure::{Exit, Failure};
use crate::pictures;

/// What a till's printed QR code begins with.
const PREFIX: &str = "wallet:terminal:";

/// A terminal: its id, the text of its QR code, or a picture of that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum TerminalArg {
    Id(TerminalId),
    Picture(PathBuf),
}

impl FromStr for TerminalArg {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.strip_prefix(PREFIX) {
            Some(id) => TerminalId::from_hex(id).map(Self::Id),
            None => match TerminalId::from_hex(text) {
                Ok(id) => Ok(Self::Id(id)),
                // A name that is no file is rather an id with a slip of the pen.
                Err(error) if !PathBuf::from(text).exists() => Err(error),
                Err(_) => Ok(Self::Picture(text.into())),
            },
        }
    }
}

impl TerminalArg {
    /// The id, read from the picture if need be.
    pub(super) fn id(&self) -> Result<TerminalId, Failure> {
        match self {
            Self::Id(id) => Ok(*id),
            Self::Picture(path) => {
                let text = pictures::read_with_prefix(path, PREFIX, "terminal")?;
                let id = text.strip_prefix(PREFIX).unwrap_or(&text);
                TerminalId::from_hex(id).map_err(|error| Failure::core(Exit::Refused, error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use wallet_core::qr::{Medium, Qr};

    use super::TerminalArg;

    const ID: &str = "000102030405060708090a0b0c0d0e0f";

    #[test]
    fn a_terminal_is_its_digits_the_text_of_its_code_or_a_picture_of_it() {
        let temporary = tempfile::tempdir().unwrap();
        let picture = temporary.path().join("till.png");
        let text = format!("wallet:terminal:{ID}");
        let png = Qr::new(&text, Medium::Print).unwrap().to_png(8).unwrap();
        std::fs::write(&picture, png).unwrap();
        for argument in [ID, &text, &picture.display().to_string()] {
            let terminal: TerminalArg = argument.parse().unwrap();
            assert_eq!(terminal.id().unwrap().to_string(), ID, "{argument}");
        }
        for wrong in ["", "0001", "wallet:terminal:0001", "nowhere.png"] {
            wrong.parse::<TerminalArg>().unwrap_err();
        }
    }
}
