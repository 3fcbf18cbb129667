//! What the money did: balances, postings, the trial balance.

use wallet_core::{Currency, Money};

use crate::client::Request;
use crate::client::models::{Balance, Entry, PayerBalance, TrialBalance, Whole};
use crate::failure::Failure;

use super::super::scenario::Observation;
use super::{Phone, World, unexpected};

impl World {
    /// Both sides, each asked in its own name.
    pub(super) async fn balances(&self) -> Result<Observation, Failure> {
        let payer = self.balance(self.phone()?).await?;
        let merchant = self.shop()?.send::<Balance>(Request::get("/v1/balance")).await?.value;
        Ok(Observation::Balances {
            payer: payer.available,
            merchant: merchant.available("CNY"),
            net: self.paid()?.payment.net.clone(),
        })
    }

    /// What a phone says that its payer has.
    pub(super) async fn balance(&self, phone: &Phone) -> Result<PayerBalance, Failure> {
        self.ask(phone, Request::get("/v1/wallet/balance")).await
    }

    pub(super) async fn postings(&self) -> Result<Observation, Failure> {
        let subject = &self.paid()?.payment.id;
        let request = Request::get("/v1/operator/entries").query("subject", Some(subject));
        let entries = self.running()?.operator.send::<Whole<Entry>>(request).await?.value;
        Ok(Observation::Postings {
            rows: entries.rows(),
            debits: sum(entries.data.iter().map(|entry| entry.debit.as_str()))?,
            credits: sum(entries.data.iter().map(|entry| entry.credit.as_str()))?,
        })
    }

    pub(super) async fn trial_balance(&self) -> Result<Observation, Failure> {
        let request = Request::get("/v1/operator/trial_balance").query("mode", Some("live"));
        let books = self.running()?.operator.send::<TrialBalance>(request).await?.value;
        Ok(Observation::TrialBalance(books))
    }
}

pub(super) fn sum<'a>(mut amounts: impl Iterator<Item = &'a str>) -> Result<String, Failure> {
    let yuan = Currency::from_code("CNY").map_err(unexpected)?;
    let total = amounts.try_fold(Money::zero(yuan), |total, amount| {
        Money::parse(amount, yuan).and_then(|amount| total.checked_add(amount))
    });
    Ok(total.map_err(unexpected)?.amount_text())
}
