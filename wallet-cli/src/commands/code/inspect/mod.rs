//! `wallet code inspect`: what anyone may see in a code.

mod emv;
mod payment;

use std::path::PathBuf;

use wallet_core::emv::Strictness;

use crate::failure::{Exit, Failure};
use crate::merchant_codes::Signer;
use crate::output::Output;
use crate::wallet_file::WalletArgs;
use crate::{pictures, secrets};

/// Explain what anyone may see in a code
///
/// Of a payer's payment code: its frame, and what stays sealed. Of a code that a merchant shows:
/// every field of the EMV payload, whose scheme it is, and whether the issuer of the wallet on
/// this machine signed it.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet code read photo.png | wallet code inspect -
  wallet code inspect --photo sticker.jpg
  wallet code inspect --lenient 00020101021226360009SG.PAYNOW\u{2026}

A text that breaks a rule ends with exit code 3 and names the rule, and so does a code that says
it is of this wallet's issuer and is not signed by it.")]
pub(crate) struct Args {
    /// The text of the code; - reads a line of standard input
    #[arg(required_unless_present = "photo", conflicts_with = "photo")]
    text: Option<String>,
    /// A picture of the code instead
    #[arg(long, value_name = "PHOTO")]
    photo: Option<PathBuf>,
    /// Read also what real generators get wrong without doing harm, and say what that is
    #[arg(long)]
    lenient: bool,
    #[command(flatten)]
    wallet: WalletArgs,
}

pub(super) fn run(args: &Args, output: Output) -> Result<(), Failure> {
    let text = args.text()?;
    if is_payment_code(text.trim()) {
        let inspection = payment::inspect(text.trim()).map_err(|error| {
            Failure::core(Exit::Refused, error).hint("this text is no payment code of kind 1")
        })?;
        return output.show(&inspection);
    }
    let strictness = if args.lenient { Strictness::Lenient } else { Strictness::Strict };
    // Whoever has no wallet here may look all the same.
    let profile = args.wallet.directory().and_then(|directory| directory.profile());
    let signer = profile.and_then(|profile| Signer::of(&profile)).ok();
    emv::run(&text, strictness, signer.as_ref(), output)
}

impl Args {
    fn text(&self) -> Result<String, Failure> {
        match (&self.photo, self.text.as_deref()) {
            (Some(photo), _) => pictures::read_only(photo),
            // The line's end belongs to the line; a second one would belong to the code.
            (None, Some("-")) => secrets::line_of_stdin()
                .map(|line| line.strip_suffix('\n').unwrap_or(&line).to_owned()),
            (None, text) => Ok(text.unwrap_or_default().to_owned()),
        }
    }
}

/// Payment codes are digits; EMV payloads begin with an object 00 of two characters, and no
/// payment code does, since its first chunk begins with its version.
fn is_payment_code(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with("0002")
}

#[cfg(test)]
mod tests {
    use super::is_payment_code;

    #[test]
    fn digits_are_a_payment_code_unless_they_begin_as_emv_payloads_do() {
        assert!(is_payment_code("7012631723838664830577725866051"));
        assert!(is_payment_code("0012631723838664830577725866051"));
        assert!(is_payment_code(""));
        assert!(!is_payment_code("000201"));
        assert!(!is_payment_code("00020101021129370016A000000677010111"));
        assert!(!is_payment_code("https://example.com"));
    }
}
