//! `wallet payer scan`: paying a code that a merchant shows.
//!
//! | step | needs the network | ends it |
//! |---|---|---|
//! | read the picture, verify the signature | no | forged, damaged, another scheme's |
//! | compare with the merchants that were paid before | no | – |
//! | ask the server what it is | yes | paid, expired or closed already |
//! | warn, and ask the payer | no | the payer, or nobody to ask |
//! | pay; with the PIN where the server asks for it | yes | the server |
//! | verify the receipt, remember the merchant | no | a receipt for something else |

mod consent;

use std::path::PathBuf;

use serde_json::{Value, json};
use wallet_core::merchant_code::{KnownMerchant, MerchantCode};
use wallet_core::{Money, PositiveMoney};

use crate::client::models::{CodePayment, ScannedCode};
use crate::client::{Answer, Request};
use crate::failure::{Exit, Failure};
use crate::merchant_codes::{Signer, id, merchant_id, payable};
use crate::output::Output;
use crate::pictures;
use crate::receipts::Said;
use crate::secrets::{Pin, PinArgs};

use super::{DeviceArgs, KeyArgs, Online};
use consent::{ConsentArgs, Seen};

/// Pay a code that a merchant shows: an order, or a plate on a stall or on goods
///
/// Verifies the issuer's signature before anything is asked, shows the merchant's name, and warns
/// if another merchant was paid at this place before: somebody may have replaced the sticker.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer scan photo.jpg
  wallet payer scan sticker.png --amount 7.50 --place 'stall 7'
  wallet payer scan --text 000201… --yes                        for scripts

A code that is forged, damaged or another scheme's is not paid and ends with exit code 3.")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// How much, where the code leaves it to you
    #[arg(long)]
    amount: Option<String>,
    /// Where you are, in your own words, to know the merchant again
    #[arg(long, value_name = "NAME")]
    place: Option<String>,
    #[command(flatten)]
    consent: ConsentArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    pin: PinArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Where the code is.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
struct Source {
    /// A PNG or JPEG picture; - reads standard input
    photo: Option<PathBuf>,
    /// The text of the code
    #[arg(long)]
    text: Option<String>,
}

impl Source {
    fn read(&self) -> Result<String, Failure> {
        match (&self.photo, &self.text) {
            (Some(photo), _) => pictures::read_merchant_code(photo),
            (None, text) => Ok(text.clone().unwrap_or_default()),
        }
    }
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let text = args.source.read()?;
    let directory = args.device.wallet.directory()?;
    // What is not right is told without a network. Only a key may be newer than the wallet knows.
    match payable(&Signer::of(&directory.profile()?)?, &text) {
        Err(failure) if failure.code() != "code_unknown_key" => return Err(failure),
        _ => {}
    }
    let known = directory.known_merchants()?;
    let online = args.device.online().await?;
    let code = payable(&Signer::of(&online.profile)?, &text)?;
    let amount = amount(&code, args.amount.as_deref())?;
    let body = body(&text, amount);
    let scanned = look(&online, &code, body.clone()).await?;
    // A repeated request may be the very one that paid.
    if !args.key.repeats() {
        check_state(&code, &scanned)?;
    }
    let merchant =
        KnownMerchant { merchant: code.merchant, name: code.name.to_string(), place: args.place };
    let familiarity = known.compare(&merchant);
    args.consent.ask(&Seen::new(&code, amount, &scanned, familiarity), output)?;

    let key = args.key.announced(output)?;
    let pin = if scanned.needs_pin() { Some(args.pin.ask(PIN_QUESTION)?) } else { None };
    let paid = pay(&online, &key, &body, pin.as_ref()).await;
    let paid = match paid {
        // Something happened since the question.
        Err(failure) if failure.code() == "pin_required" && pin.is_none() => {
            let pin = args.pin.ask(PIN_QUESTION)?;
            pay(&online, &key, &body, Some(&pin)).await?
        }
        other => other?,
    };
    verify(&online, &code, amount, &paid.value)?;
    if let Err(failure) = directory.remember_merchant(merchant) {
        // The money has moved, and that is what this command tells.
        output.note(format!("the merchant will not be known again: {failure}"));
    }
    output.show(&paid)
}

const PIN_QUESTION: &str = "PIN to pay: ";

/// What is going to be paid: the code's amount, or the payer's where it has none.
fn amount(code: &MerchantCode, asked: Option<&str>) -> Result<Money, Failure> {
    let currency = code.currency();
    let asked = asked
        .map(|text| Money::parse(text, currency).and_then(PositiveMoney::new))
        .transpose()
        .map_err(|error| Failure::core(Exit::Usage, error))?
        .map(PositiveMoney::money);
    match (code.amount(), asked) {
        (Some(stated), Some(asked)) if stated != asked => {
            let sentence = format!("the code is for {stated}, and for no other amount");
            Err(Failure::new(Exit::Refused, "wrong_amount", sentence))
        }
        (Some(amount), _) | (None, Some(amount)) => Ok(amount),
        (None, None) => {
            let sentence = "the code leaves the amount to you";
            Err(Failure::new(Exit::Usage, "amount_missing", sentence)
                .hint(format!("say how much with --amount, in {currency}")))
        }
    }
}

fn body(text: &str, amount: Money) -> Value {
    json!({
        "code": text,
        "amount": amount.amount_text(),
        "currency": amount.currency().code(),
    })
}

/// Asks the server what the code stands for.
async fn look(online: &Online, code: &MerchantCode, body: Value) -> Result<ScannedCode, Failure> {
    let request = Request::post("/v1/wallet/merchant_codes", body);
    let scanned = online.send::<ScannedCode>(request).await?.value;
    if scanned.id != id(code) || scanned.merchant.id != merchant_id(&code.merchant) {
        let sentence = "the server answered about another code than the one that was read";
        return Err(Failure::new(Exit::Unexpected, "answer_differs", sentence));
    }
    Ok(scanned)
}

/// Whether the code can still be paid.
fn check_state(code: &MerchantCode, scanned: &ScannedCode) -> Result<(), Failure> {
    match scanned.state.as_str() {
        "open" | "active" => Ok(()),
        other => {
            let sentence = format!("the {} can't be paid: it is {other}", code.kind());
            Err(Failure::new(Exit::Refused, &format!("{}_{other}", code.kind()), sentence))
        }
    }
}

async fn pay(
    online: &Online,
    key: &str,
    body: &Value,
    pin: Option<&Pin>,
) -> Result<Answer<CodePayment>, Failure> {
    let request = Request::post("/v1/wallet/payments", body.clone()).pin(pin);
    online.move_money_under(key, request).await
}

/// Checks that the issuer signed a payment of this amount, to the merchant of this code.
fn verify(
    online: &Online,
    code: &MerchantCode,
    amount: Money,
    paid: &CodePayment,
) -> Result<(), Failure> {
    let CodePayment { id: payment, state, amount: paid_amount, currency, receipt, .. } = paid;
    let said = Said { id: payment, state, amount: paid_amount, currency, receipt };
    let receipt = online.receipt(said)?;
    let record = receipt.record();
    let is_of_code = paid.order.as_deref().or(paid.plate.as_deref()) == Some(id(code).as_str());
    if record.merchant == code.merchant && record.asked == amount && is_of_code {
        return Ok(());
    }
    let sentence = "the receipt is the issuer's, but not for the code that was read";
    Err(Failure::new(Exit::Unexpected, "receipt_differs", sentence))
}

#[cfg(test)]
mod tests {
    use wallet_core::merchant_code::{
        City, Country, MerchantCategory, MerchantCode, MerchantName, PrintedAmount, Purpose,
    };
    use wallet_core::{Currency, Money, PositiveMoney};

    use super::{amount, body};

    pub(super) fn code(fixed: Option<&str>) -> MerchantCode {
        let yuan = Currency::from_code("CNY").unwrap();
        let purpose = fixed.map_or(Purpose::OpenPlate(yuan), |text| {
            let money = PositiveMoney::new(Money::parse(text, yuan).unwrap()).unwrap();
            Purpose::FixedPlate(PrintedAmount::new(money).unwrap())
        });
        MerchantCode {
            purpose,
            id: [1; 16],
            merchant: [2; 16],
            name: MerchantName::parse("Tea House").unwrap(),
            category: MerchantCategory::parse("5812").unwrap(),
            country: Country::parse("CN").unwrap(),
            city: City::parse("Chengdu").unwrap(),
            label: None,
        }
    }

    #[test]
    fn the_amount_is_the_codes_or_the_payers_and_never_another_one() {
        let yuan = |text: &str| Money::parse(text, Currency::from_code("CNY").unwrap()).unwrap();
        let said = |fixed, asked| amount(&code(fixed), asked);
        assert_eq!(said(Some("7.50"), None).unwrap(), yuan("7.50"));
        assert_eq!(said(Some("7.50"), Some("7.5")).unwrap(), yuan("7.50"));
        assert_eq!(said(None, Some("3")).unwrap(), yuan("3.00"));
        for (fixed, asked, code) in [
            (Some("7.50"), Some("7.49"), "wrong_amount"),
            (None, None, "amount_missing"),
            (None, Some("0"), "amount_not_positive"),
            (None, Some("1.234"), "amount_too_precise"),
            (None, Some("-1"), "invalid_amount"),
        ] {
            assert_eq!(said(fixed, asked).unwrap_err().code(), code, "{fixed:?} {asked:?}");
        }
    }

    #[test]
    fn what_is_asked_and_what_is_paid_is_the_same() {
        let amount = amount(&code(None), Some("3")).unwrap();
        let expected = serde_json::json!({"code": "x", "amount": "3.00", "currency": "CNY"});
        assert_eq!(body("x", amount), expected);
    }
}
