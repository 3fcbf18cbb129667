//! `wallet payer confirmations`

use serde_json::json;

use crate::client::models::{Confirmation, Confirmations, DecidedPayment};
use crate::client::{Answer, Request};
use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::receipts::Said;
use crate::secrets::Pin;

use super::{DeviceArgs, KeyArgs, Online};

/// List the payments that wait for your PIN
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet payer confirmations
  wallet payer confirmations --wait 25           until there is one, at most so many seconds
  wallet payer watch                             asks for the PIN as they arrive")]
pub(crate) struct Args {
    /// Wait up to so many seconds for one to arrive
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=25))]
    wait: Option<u32>,
    #[command(flatten)]
    device: DeviceArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let request = Request::get("/v1/wallet/confirmations").query("wait", args.wait);
    output.show(&args.device.online().await?.send::<Confirmations>(request).await?)
}

/// What the payer says to a payment that waits.
pub(super) enum Decision {
    /// Yes, and here is the proof.
    Confirm(Pin),
    /// No.
    Refuse,
}

impl Decision {
    /// The request that says so.
    pub(super) fn request(&self, payment: &str) -> Request<'static> {
        let path = format!("/v1/wallet/confirmations/{payment}");
        match self {
            Self::Confirm(pin) => {
                Request::post(format!("{path}/confirm"), json!({"pin": pin.digits()}))
            }
            Self::Refuse => Request::post(format!("{path}/refuse"), json!({})),
        }
    }
}

/// The payment to decide on: the one that is named, or the only one that waits.
///
/// One that is named and does not wait is known by its name only: the server says why.
pub(super) async fn find(
    online: &Online,
    named: Option<String>,
) -> Result<(String, Option<Confirmation>), Failure> {
    let request = Request::get("/v1/wallet/confirmations");
    let mut waiting = online.send::<Confirmations>(request).await?.value.data;
    waiting.retain(|confirmation| named.is_some() || confirmation.this_device);
    choose(waiting, named)
}

fn choose(
    mut waiting: Vec<Confirmation>,
    named: Option<String>,
) -> Result<(String, Option<Confirmation>), Failure> {
    if let Some(id) = named {
        let found = waiting.into_iter().find(|confirmation| confirmation.payment == id);
        return Ok((id, found));
    }
    match (waiting.pop(), waiting.is_empty()) {
        (Some(only), true) => Ok((only.payment.clone(), Some(only))),
        (None, _) => Err(Failure::new(Exit::Refused, "nothing_waits", "no payment waits for you")),
        (Some(_), false) => {
            let sentence = "several payments wait for you: say which one";
            Err(Failure::new(Exit::Usage, "several_wait", sentence)
                .hint("`wallet payer confirmations` lists them"))
        }
    }
}

/// Sends a decision under a key that was said before, and verifies the receipt.
pub(super) async fn decide(
    online: &Online,
    payment: &str,
    decision: &Decision,
    key: KeyArgs,
    output: Output,
) -> Result<Answer<DecidedPayment>, Failure> {
    let answer = online.move_money(decision.request(payment), key, output).await?;
    verify(online, &answer.value)?;
    Ok(answer)
}

/// Checks that the issuer signed what became of a payment.
pub(super) fn verify(online: &Online, payment: &DecidedPayment) -> Result<(), Failure> {
    let DecidedPayment { id, state, amount, currency, receipt, .. } = payment;
    online.verify(Said { id, state, amount, currency, receipt })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Confirmation, choose};

    fn waiting(ids: &[&str]) -> Vec<Confirmation> {
        let confirmation = |id| {
            serde_json::from_value(json!({
                "payment": id, "merchant_name": "Tea House", "amount": "1.00", "currency": "CNY",
                "reason": "amount", "expires_at": "",
            }))
            .unwrap()
        };
        ids.iter().map(confirmation).collect()
    }

    #[test]
    fn without_a_name_the_only_payment_that_waits_is_meant_and_never_one_of_several() {
        let (id, found) = choose(waiting(&["pay_1"]), None).unwrap();
        assert!(id == "pay_1" && found.is_some());
        assert_eq!(choose(waiting(&[]), None).unwrap_err().code(), "nothing_waits");
        assert_eq!(choose(waiting(&["pay_1", "pay_2"]), None).unwrap_err().code(), "several_wait");
    }

    #[test]
    fn a_payment_that_is_named_is_meant_whether_it_waits_or_not() {
        let named = |id: &str| choose(waiting(&["pay_1", "pay_2"]), Some(id.to_owned())).unwrap();
        assert_eq!(named("pay_2").1.unwrap().payment, "pay_2");
        assert!(named("pay_3").1.is_none());
    }
}
