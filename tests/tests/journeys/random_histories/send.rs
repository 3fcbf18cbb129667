//! How people ask for things: real requests of tills, phones and the operator.

use serde_json::{Value, json};
use wallet_tests::{Answer, Charge as TillCharge, PIN, Signed, Signer};

use super::command::{Asked, Charge, Command, PayoutEnd, Reference, Shown};
use super::rules::text;
use super::scene::Scene;

impl Scene {
    fn reference(&self, reference: Reference) -> String {
        match reference {
            Reference::Named(n) => format!("r-{n}"),
            Reference::OfPayment(payment) => self.ids.payments[payment].clone(),
        }
    }

    /// Asks for something.
    pub(super) async fn send(&self, asked: &Asked) -> Answer {
        let key = format!("k-{}", asked.key);
        let key = key.as_str();
        let payment = |payment: usize| &self.ids.payments[payment];
        match asked.command {
            Command::Charge(charge) => {
                self.tills[charge.merchant].charge(&self.charge(charge, key)).await
            }
            Command::Confirm { phone, payment: of } => {
                let path = format!("/v1/wallet/confirmations/{}/confirm", payment(of));
                self.phone(phone, &path, key, json!({ "pin": PIN })).await
            }
            Command::Refuse { phone, payment: of } => {
                let path = format!("/v1/wallet/confirmations/{}/refuse", payment(of));
                self.phone(phone, &path, key, Value::Null).await
            }
            Command::Capture { merchant, payment: of, amount } => {
                let amount = amount.map(text);
                self.tills[merchant].capture(payment(of), key, amount.as_deref()).await
            }
            Command::Cancel { merchant, payment: of } => {
                self.tills[merchant].cancel(payment(of), key).await
            }
            Command::CancelReference { merchant, reference } => {
                self.tills[merchant].cancel_reference(&self.reference(reference), key).await
            }
            Command::Refund { merchant, payment: of, amount } => {
                let amount = amount.map(text);
                self.tills[merchant].refund(payment(of), key, amount.as_deref()).await
            }
            Command::MakeOrder { merchant, amount, reference, seconds } => {
                let mut body = money(Some(amount));
                body["reference"] = self.reference(reference).into();
                body["expires_in"] = seconds.into();
                self.tills[merchant].ask("/v1/orders", key, body).await
            }
            Command::CloseOrder { merchant, order } => {
                let path = format!("/v1/orders/{}/close", self.ids.orders[order].0);
                self.tills[merchant].ask(&path, key, Value::Null).await
            }
            Command::AskPayout { merchant, by_operator: false, amount } => {
                let body = amount.map_or(json!({}), |amount| money(Some(amount)));
                self.tills[merchant].ask("/v1/payouts", key, body).await
            }
            Command::EndPayout { payout, end: PayoutEnd::CanceledBy(merchant) } => {
                let path = format!("/v1/payouts/{}/cancel", self.ids.payouts[payout]);
                self.tills[merchant].ask(&path, key, Value::Null).await
            }
            Command::Transfer { .. }
            | Command::Withdraw { .. }
            | Command::MakeEnvelope { .. }
            | Command::Claim { .. }
            | Command::PayCode { .. } => self.send_as_payer(&asked.command, key).await,
            Command::TopUp { .. }
            | Command::EndWithdrawal { .. }
            | Command::AskPayout { by_operator: true, .. }
            | Command::EndPayout { .. }
            | Command::EndSuspense { .. } => self.send_as_operator(&asked.command, key).await,
        }
    }

    fn charge(&self, charge: Charge, key: &str) -> TillCharge {
        let reference = self.reference(charge.reference);
        let asked = TillCharge::new(&reference, &self.codes[charge.code], &text(charge.amount));
        let mut asked = asked.key(key);
        if let Some(terminal) = charge.terminal {
            asked = asked.with("terminal", self.terminals[charge.merchant][terminal].as_str());
        }
        if charge.typed {
            asked = asked.with("code_source", "typed");
        }
        if charge.manual { asked.with("capture", "manual") } else { asked }
    }

    async fn phone(&self, phone: usize, path: &str, key: &str, body: Value) -> Answer {
        self.phones[phone].post_under_key(&self.world, path, key, &body).await
    }

    async fn send_as_payer(&self, command: &Command, key: &str) -> Answer {
        match *command {
            Command::Transfer { phone, to, amount } => {
                let mut body = money(Some(amount));
                body["receive_code"] = self.receive_codes[to].as_str().into();
                body["pin"] = PIN.into();
                self.phone(phone, "/v1/wallet/transfers", key, body).await
            }
            Command::Withdraw { phone, amount } => {
                let mut body = money(Some(amount));
                body["destination"] = "IBAN 123".into();
                body["pin"] = PIN.into();
                self.phone(phone, "/v1/wallet/withdrawals", key, body).await
            }
            Command::MakeEnvelope { phone, amount, shares, to } => {
                let mut body = money(Some(amount));
                body["shares"] = shares.into();
                body["split"] = "equal".into();
                body["pin"] = PIN.into();
                if let Some(to) = to {
                    body["handle"] = format!("payer{to}").into();
                }
                self.phone(phone, "/v1/wallet/envelopes", key, body).await
            }
            Command::Claim { phone, envelope } => {
                let body = json!({ "token": self.ids.envelopes[envelope].1 });
                self.phone(phone, "/v1/wallet/envelopes/claim", key, body).await
            }
            Command::PayCode { phone, code, amount, pin } => {
                let mut body = money(amount);
                body["code"] = match code {
                    Shown::Order(order) => self.ids.orders[order].1.as_str().into(),
                    Shown::Plate(plate) => self.ids.plates[plate].as_str().into(),
                };
                self.pay_code(phone, key, &body.to_string(), pin).await
            }
            other => panic!("{other:?} is not a payer's"),
        }
    }

    /// Pays a merchant's code; again while another PIN of this payer waits to be looked at.
    async fn pay_code(&self, phone: usize, key: &str, body: &str, pin: bool) -> Answer {
        let phone = &self.phones[phone];
        let keyid = phone.key_id();
        loop {
            let at = self.world.now();
            let signer = Signer { key: phone.device.key(), keyid: &keyid, at };
            let call = ("POST", "/v1/wallet/payments");
            let mut signed =
                Signed::under_key(&self.world, signer, call, body.as_bytes(), Some(key));
            if pin {
                signed.fields.push(("wallet-pin".to_owned(), PIN.to_owned()));
            }
            let answer = signed.send().await;
            if answer.text("/code") != "too_many_requests" {
                return answer;
            }
        }
    }

    async fn send_as_operator(&self, command: &Command, key: &str) -> Answer {
        let reference = |n: usize| json!({ "external_reference": format!("bank-{n}") });
        let (path, body) = match *command {
            Command::TopUp { payer, amount, external } => {
                let mut body = money(Some(amount));
                body["payer"] = self.phones[payer].payer.as_str().into();
                body["external_reference"] = format!("bank-{external}").into();
                ("top_ups".to_owned(), body)
            }
            Command::EndWithdrawal { withdrawal, paid } => {
                let verb = if paid.is_some() { "pay" } else { "return" };
                let path = format!("withdrawals/{}/{verb}", self.ids.withdrawals[withdrawal]);
                (path, paid.map_or(json!({}), reference))
            }
            Command::EndSuspense { suspense, paid } => {
                let verb = if paid.is_some() { "pay_out" } else { "release" };
                let path = format!("suspense/{}/{verb}", self.ids.suspense[suspense]);
                (path, paid.map_or(json!({}), reference))
            }
            Command::AskPayout { merchant, amount, .. } => {
                let mut body = money(amount);
                body["merchant"] = self.tills[merchant].merchant.as_str().into();
                ("payouts".to_owned(), body)
            }
            Command::EndPayout { payout, end: PayoutEnd::Paid(external) } => {
                (format!("payouts/{}/pay", self.ids.payouts[payout]), reference(external))
            }
            Command::EndPayout { payout, .. } => {
                let body = json!({ "reason": "no such account" });
                (format!("payouts/{}/return", self.ids.payouts[payout]), body)
            }
            other => panic!("{other:?} is not the operator's"),
        };
        let path = format!("/v1/operator/{path}");
        self.world.operator_post_under_key(&path, key, body).await
    }
}

/// The fields of an amount; none for nothing.
fn money(amount: Option<i64>) -> Value {
    amount.map_or(json!({}), |amount| json!({ "amount": text(amount), "currency": "CNY" }))
}
