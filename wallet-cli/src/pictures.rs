//! QR codes in pictures and on the terminal.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use wallet_core::code::SealedCode;
use wallet_core::qr::{Medium, Qr};
use wallet_core::scan;

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::wallet_file::replace_file;

/// The largest file that is looked at: photographs of phones have some ten megabytes.
const PICTURE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Where to draw codes besides the screen.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct PictureArgs {
    /// Draw each code into this PNG file
    #[arg(long, value_name = "FILE")]
    png: Option<PathBuf>,
    /// Draw each code into this SVG file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Pixels a module in the PNG file
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pixels: u8,
}

impl PictureArgs {
    /// Draws into the files that were named.
    pub(crate) fn draw(&self, qr: &Qr) -> Result<(), Failure> {
        if let Some(path) = &self.png {
            let png = qr.to_png(self.pixels).map_err(|error| Failure::core(Exit::Usage, error))?;
            write(path, &png)?;
        }
        self.svg.as_ref().map_or(Ok(()), |path| write(path, qr.to_svg().as_bytes()))
    }

    /// Draws a text into the files, and on the terminal of whoever sits there.
    pub(crate) fn show(&self, text: &str, output: Output) -> Result<(), Failure> {
        let qr = qr(text, Medium::Screen)?;
        self.draw(&qr)?;
        show_qr(&qr, output)
    }

    /// The same for files that are going to be printed.
    pub(crate) fn show_printed(&self, text: &str, output: Output) -> Result<(), Failure> {
        self.draw(&qr(text, Medium::Print)?)?;
        show(text, output)
    }
}

/// Draws a text on the terminal of whoever sits there.
pub(crate) fn show(text: &str, output: Output) -> Result<(), Failure> {
    show_qr(&qr(text, Medium::Screen)?, output)
}

fn show_qr(qr: &Qr, output: Output) -> Result<(), Failure> {
    if output.is_json() || !std::io::stdout().is_terminal() {
        return Ok(());
    }
    output.line(&qr.to_terminal().trim_end())
}

fn qr(text: &str, medium: Medium) -> Result<Qr, Failure> {
    Qr::new(text, medium).map_err(|error| Failure::core(Exit::Unexpected, error))
}

/// The texts of all QR codes in a picture; `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<Vec<String>, Failure> {
    let bytes = bytes(path).map_err(|error| Failure::file(path, &error))?;
    scan::read_picture(&bytes).map_err(|error| Failure::core(Exit::Refused, error))
}

fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().take(PICTURE_BYTES_MAX).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(path)?.take(PICTURE_BYTES_MAX).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

/// Draws into a file: whoever reads it sees the old picture or the new one, never a part.
///
/// Only the owner may read it, since whoever does can charge the code.
pub(crate) fn write(path: &Path, picture: &[u8]) -> Result<(), Failure> {
    let is_device = path.metadata().is_ok_and(|metadata| !metadata.is_file());
    let written =
        if is_device { std::fs::write(path, picture) } else { replace_file(path, picture) };
    written.map_err(|error| Failure::file(path, &error))
}

/// The text of the one QR code in a picture, whatever it is.
pub(crate) fn read_only(path: &Path) -> Result<String, Failure> {
    only(read(path)?, "QR code", |_| true)
}

/// The one EMV code in a picture.
pub(crate) fn read_merchant_code(path: &Path) -> Result<String, Failure> {
    only(read(path)?, "merchant code", |text| text.starts_with("000201"))
}

/// The one payment code in a picture.
pub(crate) fn read_payment_code(path: &Path) -> Result<String, Failure> {
    only_payment_code(read(path)?)
}

/// Two codes in view are refused: a till must not choose who pays.
fn only_payment_code(texts: Vec<String>) -> Result<String, Failure> {
    let is_code = |text: &str| SealedCode::parse_any_prefix(text).is_ok();
    only(texts, "payment code", is_code)
}

/// The one text in a picture that begins so, as `wallet:terminal:` does.
pub(crate) fn read_with_prefix(path: &Path, prefix: &str, what: &str) -> Result<String, Failure> {
    only(read(path)?, what, |text| text.starts_with(prefix))
}

fn only(texts: Vec<String>, what: &str, is_one: impl Fn(&str) -> bool) -> Result<String, Failure> {
    let mut found = texts.into_iter().filter(|text| is_one(text));
    let refused = |code: String, sentence: String| {
        Err(Failure::new(Exit::Refused, &code.replace(' ', "_").to_lowercase(), sentence))
    };
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => {
            refused(format!("no_{what}"), format!("the picture holds a QR code, but no {what}"))
        }
        (Some(_), Some(_)) => {
            let sentence = format!("the picture holds several {what}s; show one");
            refused(format!("several_{what}s"), sentence)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::only_payment_code;

    /// Digits of the right length whose first chunk says version 1, kind 1, slot `slot`.
    fn code(slot: u128) -> String {
        let header: u128 = (1 << 5 | 1 << 3 | slot) << 88;
        format!("70{header:029}{}", "0".repeat(290))
    }

    #[test]
    fn a_picture_must_show_one_payment_code_among_whatever_else() {
        let other = || "https://example.com".to_owned();
        assert_eq!(only_payment_code(vec![other(), code(0)]).unwrap(), code(0));
        let error = only_payment_code(vec![other()]).unwrap_err();
        assert_eq!(error.code(), "no_payment_code");
        let error = only_payment_code(vec![code(0), code(1)]).unwrap_err();
        assert_eq!(error.code(), "several_payment_codes");
    }
}
