//! What payers do with each other, and what they take out.

use super::super::command::OWNERS;
use super::super::rules::{self, text};
use super::objects::{Envelope, Transfer, Withdrawal};
use super::payment::Proof;
use super::sums::Spends;
use super::{Decision, Expected, Model, done, kept, refused};

fn moved(state: &str, amount: i64) -> Expected {
    done(vec![("/state", state.to_owned()), ("/amount", text(amount))])
}

impl Model {
    fn may_ask(&self, payer: usize) -> Result<(), Expected> {
        if self.is_frozen(payer) { Err(kept("payer_unavailable")) } else { Ok(()) }
    }

    fn may_have(&self, payer: usize, payee: usize) -> Result<(), Expected> {
        if payer == payee {
            return Err(kept("same_payer"));
        }
        if self.is_frozen(payee) { Err(kept("recipient_unavailable")) } else { Ok(()) }
    }

    fn has(&self, payer: usize, amount: i64) -> Result<(), Expected> {
        if amount > self.available(payer) { Err(kept("insufficient_funds")) } else { Ok(()) }
    }

    fn may_spend(&self, payer: usize, amount: i64, now: i64) -> Result<(), Expected> {
        let spends = Spends { amount, counted: Proof::Pin, shown: Proof::Pin };
        self.within_limits(payer, now, spends)?;
        self.has(payer, amount)
    }

    pub(super) fn transfer(&mut self, phone: usize, to: usize, amount: i64, now: i64) -> Decision {
        let payer = OWNERS[phone];
        self.may_ask(payer)?;
        self.may_have(payer, to)?;
        self.may_spend(payer, amount, now)?;
        let day = self.open_day(payer, now);
        self.transfers.push(Transfer { payer, payee: to, amount, day });
        Ok(moved("succeeded", amount))
    }

    pub(super) fn withdraw(&mut self, phone: usize, amount: i64, now: i64) -> Decision {
        let payer = OWNERS[phone];
        self.may_ask(payer)?;
        self.has(payer, amount)?;
        self.open_day(payer, now);
        self.withdrawals.push(Withdrawal { payer, amount, end: None });
        Ok(moved("authorized", amount))
    }

    pub(super) fn end_withdrawal(&mut self, withdrawal: usize, paid: Option<usize>) -> Decision {
        if self.withdrawals[withdrawal].end.is_some() {
            return Err(refused("withdrawal_closed"));
        }
        if paid.is_some() && self.withdrawals.iter().any(|it| it.end == Some(paid)) {
            return Err(refused("reference_conflict"));
        }
        self.withdrawals[withdrawal].end = Some(paid);
        let it = &self.withdrawals[withdrawal];
        Ok(moved(it.state(), it.amount))
    }

    pub(super) fn make_envelope(
        &mut self,
        phone: usize,
        (amount, count): (i64, usize),
        to: Option<usize>,
        now: i64,
    ) -> Decision {
        let payer = OWNERS[phone];
        self.may_ask(payer)?;
        if let Some(to) = to {
            self.may_have(payer, to)?;
        }
        self.may_spend(payer, amount, now)?;
        let day = self.open_day(payer, now);
        // What cannot be divided is the first ones'.
        let shares = i64::try_from(count).unwrap();
        let share = |n: i64| amount / shares + i64::from(n < amount % shares);
        self.envelopes.push(Envelope {
            payer,
            to,
            amount,
            shares: (0..shares).map(share).collect(),
            claimants: Vec::new(),
            day,
            until: now + rules::ENVELOPE,
            expired: false,
        });
        Ok(moved("authorized", amount))
    }

    pub(super) fn claim(&mut self, phone: usize, envelope: usize) -> Decision {
        let payer = OWNERS[phone];
        self.may_ask(payer)?;
        let it = &self.envelopes[envelope];
        if payer != it.payer && it.to.is_some_and(|to| to != payer) {
            return Err(refused("unknown_envelope"));
        }
        if payer == it.payer {
            return Err(kept("own_envelope"));
        }
        if it.claimants.contains(&payer) {
            return Err(kept("envelope_claimed"));
        }
        match it.state() {
            "succeeded" => return Err(kept("envelope_empty")),
            "expired" => return Err(kept("envelope_expired")),
            _ => {}
        }
        if self.is_frozen(it.payer) {
            return Err(kept("sender_unavailable"));
        }
        let it = &mut self.envelopes[envelope];
        let amount = it.shares[it.claimants.len()];
        it.claimants.push(payer);
        Ok(done(vec![("/n", it.claimants.len().to_string()), ("/amount", text(amount))]))
    }

    pub(super) fn expire_envelopes(&mut self, now: i64) -> bool {
        let late = |it: &&mut Envelope| it.state() == "authorized" && it.until <= now;
        let senders: Vec<usize> = self
            .envelopes
            .iter_mut()
            .filter(late)
            .map(|it| {
                it.expired = true;
                it.payer
            })
            .collect();
        for payer in &senders {
            self.open_day(*payer, now);
        }
        !senders.is_empty()
    }
}
