//! The payment, and the four that are refused.

use wallet_core::code::{CodeTerms, Freshness};
use wallet_core::till::Order;
use wallet_core::{Currency, DeviceKey, Money, PositiveMoney};

use crate::client::Request;
use crate::client::models::{PayerEvents, Payment};
use crate::commands::merchant::charge_at_once;
use crate::failure::Failure;
use crate::{pictures, receipts, system};

use super::super::scenario::{ABOVE_LOW_LIMIT, LOW_LIMIT, Observation, PRICE};
use super::{Paid, World, out_of_order, unexpected};

/// How old the expired code is: older than any code lives.
const EXPIRED_MILLIS: i64 = 120_000;
/// How long the phone waits to hear of its payment.
const WAIT_SECONDS: u32 = 5;

impl World {
    /// Reads the picture back, as the merchant's scanner would.
    pub(super) fn scan_picture(&mut self) -> Result<Observation, Failure> {
        let (showing, _) = self.shown.as_ref().ok_or_else(out_of_order)?;
        let digits = pictures::read_payment_code(&self.picture())?;
        let ok = digits == showing.code.digits();
        let said = if ok { "the picture holds these digits" } else { "the picture holds OTHERS" };
        let details = digits.as_bytes().chunks(54).map(String::from_utf8_lossy);
        let details = details.map(std::borrow::Cow::into_owned).collect();
        self.scanned = Some(digits);
        Ok(Observation::Checked { ok, said: said.to_owned(), details })
    }

    pub(super) async fn charge(&mut self) -> Result<Observation, Failure> {
        let digits = self.scanned.clone().ok_or_else(out_of_order)?;
        let (showing, _) = self.shown.clone().ok_or_else(out_of_order)?;
        let events_after = self.events(None).await?.next;
        let payment = self.try_to_charge(&digits, PRICE).await?;
        let Payment { state, amount, currency, id, fee, net, .. } = &payment;
        let said = format!("{state}: {amount} {currency}");
        let details = vec![id.clone(), format!("fee {fee} {currency}, net {net} {currency}")];
        let ok = state == "succeeded" && amount == PRICE;
        self.paid = Some(Paid { payment, digits, showing, events_after });
        Ok(Observation::Checked { ok, said, details })
    }

    pub(super) fn verify_receipt(&self) -> Result<Observation, Failure> {
        let payment = &self.paid()?.payment;
        let receipt = receipts::verify(payment, &self.running()?.document)?;
        let record = receipt.record();
        let details = vec![
            format!("{}: {}", record.state.as_str(), record.settled),
            format!("reference {}", payment.reference),
            format!("signed with {}", receipt.key_id()),
        ];
        let said = "the issuer's, verified offline".to_owned();
        Ok(Observation::Checked { ok: true, said, details })
    }

    /// The phone learns at once that its code was used.
    pub(super) async fn hear_of_it(&self) -> Result<Observation, Failure> {
        let Paid { events_after, showing, .. } = self.paid()?;
        let events = self.events(events_after.as_deref()).await?;
        let Some(event) = events.data.first() else {
            let said = "it heard nothing".to_owned();
            return Ok(Observation::Checked { ok: false, said, details: Vec::new() });
        };
        let mark = (showing.mark.step.number(), showing.mark.seq);
        let ok = event.kind == "payment.succeeded"
            && event.amount.as_deref() == Some(PRICE)
            && event.code.is_some_and(|code| (code.step, code.seq) == mark);
        Ok(Observation::Checked { ok, said: event.to_string(), details: Vec::new() })
    }

    /// What the phone hears after a cursor; without one, the cursor of now.
    pub(super) async fn events(&self, after: Option<&str>) -> Result<PayerEvents, Failure> {
        let request = Request::get("/v1/wallet/events")
            .query("after", after)
            .query("wait", after.map(|_| WAIT_SECONDS));
        self.ask(self.phone()?, request).await
    }

    /// The same code once more, as a new payment.
    pub(super) async fn used_code(&self) -> Result<Observation, Failure> {
        let Paid { digits, showing, .. } = self.paid()?;
        let answer = self.try_to_charge(digits, PRICE).await;
        let too_old = Freshness::of(showing.mark.step, self.now()) == Freshness::Expired;
        refusal(answer, too_old)
    }

    /// A charge that the payer could afford, above what the code allows.
    pub(super) async fn over_the_code_limit(&self) -> Result<Observation, Failure> {
        let showing = self.phone()?.fresh_code(Some(LOW_LIMIT))?;
        refusal(self.try_to_charge(showing.code.digits(), ABOVE_LOW_LIMIT).await, false)
    }

    /// A code that the device made two minutes ago.
    pub(super) async fn expired_code(&self) -> Result<Observation, Failure> {
        let phone = self.phone()?;
        let then = self.now().plus_millis(-EXPIRED_MILLIS);
        let terms: CodeTerms = phone.terms(None)?;
        let code = phone
            .device(&phone.key)?
            .make_code(then, 0, &terms, &mut system::rng())
            .map_err(unexpected)?;
        refusal(self.try_to_charge(code.digits(), PRICE).await, false)
    }

    /// A code that names the payer's device and is signed by somebody else.
    pub(super) async fn forged_code(&self) -> Result<Observation, Failure> {
        let phone = self.phone()?;
        let thief = DeviceKey::generate(&mut system::rng());
        let terms = phone.terms(None)?;
        let code = phone
            .device(&thief)?
            .make_code(self.now(), 0, &terms, &mut system::rng())
            .map_err(unexpected)?;
        refusal(self.try_to_charge(code.digits(), PRICE).await, false)
    }

    /// Charges a code as a new payment.
    pub(super) async fn try_to_charge(
        &self,
        digits: &str,
        amount: &str,
    ) -> Result<Payment, Failure> {
        let yuan = Currency::from_code("CNY").map_err(unexpected)?;
        let amount = Money::parse(amount, yuan).and_then(PositiveMoney::new).map_err(unexpected)?;
        let order = Order::new(&format!("demo-{}", system::random_hex::<4>()), amount);
        Ok(charge_at_once(self.shop()?, &order, digits).await?.value)
    }
}

/// A refusal is what is wanted; an answer that never came is not one.
fn refusal(answer: Result<Payment, Failure>, too_old: bool) -> Result<Observation, Failure> {
    match answer {
        Ok(payment) => Ok(Observation::Charged(payment.id)),
        Err(failure) if failure.is_answer() => {
            let code = failure.code().to_owned();
            Ok(Observation::Refused { code, detail: failure.sentence().to_owned(), too_old })
        }
        Err(failure) => Err(failure),
    }
}
