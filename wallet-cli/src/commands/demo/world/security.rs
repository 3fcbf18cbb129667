//! What protects the payer: a PIN for larger payments, one-time passwords for more phones.

use serde_json::json;
use totp_rs::Totp;

use crate::client::Request;
use crate::client::models::{Confirmations, DecidedPayment, Payment, RecoveryCodes, TotpSecret};
use crate::failure::{Exit, Failure};
use crate::{receipts, system};

use super::super::scenario::{LARGE_PRICE, LEFT_AFTER_LARGE, Observation};
use super::{World, out_of_order};

/// The payer's PIN.
pub(super) const PIN: &str = "482913";
/// How long till and phone wait for each other.
const WAIT_SECONDS: u32 = 5;
/// How often the phone asks for news before it gives up.
const QUESTIONS_MAX: usize = 5;

impl World {
    pub(super) async fn set_pin(&self) -> Result<Observation, Failure> {
        let request = Request::put("/v1/wallet/pin", json!({"pin": PIN}));
        self.ask::<()>(self.phone()?, request).await?;
        Ok(Observation::Done("six digits, known to the payer alone".to_owned()))
    }

    /// A charge that the till sees waiting, and the phone confirms.
    pub(super) async fn confirm(&self) -> Result<Observation, Failure> {
        let phone = self.phone()?;
        let code = phone.fresh_code(None)?.code;
        let charged = self.try_to_charge(code.digits(), LARGE_PRICE).await?;
        let request = Request::get("/v1/wallet/confirmations").query("wait", Some(WAIT_SECONDS));
        let waiting = self.ask::<Confirmations>(phone, request).await?.data;
        let waiting = waiting.first().ok_or_else(out_of_order)?;
        let path = format!("/v1/wallet/confirmations/{}/confirm", waiting.payment);
        let request =
            Request::post(path, json!({"pin": PIN})).idempotency_key(&system::random_hex::<16>());
        let confirmed = self.ask::<DecidedPayment>(phone, request).await?;
        let request =
            Request::get(format!("/v1/payments/{}", charged.id)).query("wait", Some(WAIT_SECONDS));
        let paid = self.shop()?.send::<Payment>(request).await?.value;
        receipts::verify(&paid, &self.running()?.document)?;
        let left = self.balance(phone).await?.available;
        let ok = charged.is_waiting()
            && waiting.payment == charged.id
            && confirmed.state == "succeeded"
            && paid.state == "succeeded"
            && left == LEFT_AFTER_LARGE;
        let said = format!("{}: {} {}, with the PIN", paid.state, paid.amount, paid.currency);
        let details = vec![
            format!("the till sees {}", charged.state),
            format!("the phone asks: {waiting}"),
            format!("the PIN is right: the till sees {}", paid.state),
            format!("the payer has {left} CNY"),
        ];
        Ok(Observation::Checked { ok, said, details })
    }

    /// Another phone of the same payer, which an invitation alone does not let in.
    pub(super) async fn second_phone(&self) -> Result<Observation, Failure> {
        let phone = self.phone()?;
        let secret: TotpSecret =
            self.ask(phone, Request::post("/v1/wallet/totp", json!({"pin": PIN}))).await?;
        let app = Totp::from_url(&secret.otpauth_uri)
            .map_err(|error| Failure::new(Exit::Unexpected, "otpauth_uri", error.to_string()))?;
        let now = u64::try_from(phone.profile.now().unix_seconds()).unwrap_or_default();
        // Each password works once, so the first one is that of the half minute before.
        let first = app.generate(now.saturating_sub(30)).to_string();
        let request = Request::post("/v1/wallet/totp/confirm", json!({"totp": first}));
        let codes = self.ask::<RecoveryCodes>(phone, request).await?.recovery_codes;

        let after = self.events(None).await?.next;
        let payer = &self.payer.as_ref().ok_or_else(out_of_order)?.id;
        let invitation = self.invite(payer).await?;
        let waits = self.join("phone-2", json!({"invitation": invitation})).await?.is_none();
        let totp = app.generate(now).to_string();
        let body = json!({"invitation": invitation, "totp": totp});
        let second = self.join("phone-2", body).await?.ok_or_else(out_of_order)?;
        let told = self.hears("device.added", after).await?;
        let sees = self.balance(&second).await?.available == LEFT_AFTER_LARGE;

        let ok = codes.len() == 10 && waits && told && sees;
        let said = "let in by a one-time password".to_owned();
        let details = vec![
            format!("an authenticator app learnt the secret; {} recovery codes", codes.len()),
            format!("with the invitation alone it waits: {waits}"),
            format!("the first phone is told of it: {told}"),
        ];
        Ok(Observation::Checked { ok, said, details })
    }

    /// Whether the phone hears of this after a cursor.
    async fn hears(&self, kind: &str, mut after: Option<String>) -> Result<bool, Failure> {
        for _ in 0..QUESTIONS_MAX {
            let events = self.events(after.as_deref()).await?;
            if events.data.iter().any(|event| event.kind == kind) {
                return Ok(true);
            }
            if events.data.is_empty() {
                break;
            }
            after = events.next.or(after);
        }
        Ok(false)
    }
}
