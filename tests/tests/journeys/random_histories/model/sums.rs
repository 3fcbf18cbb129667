//! What everybody has and has spent: added up from the beginning, each time.

use super::super::rules;
use super::objects::{Envelope, PayoutState};
use super::payment::{Payment, Proof};
use super::{Expected, Model, kept};

const DAY_MILLIS: i64 = 24 * rules::HOUR;
/// The issuer's days begin when it is midnight in Shanghai.
const SHANGHAI: i64 = 8 * rules::HOUR;

/// The day that a moment lies in there.
pub(super) fn day(now: i64) -> i64 {
    (now + SHANGHAI).div_euclid(DAY_MILLIS)
}

/// The first day of a day's month.
fn month_start(day: i64) -> i64 {
    let seconds = day * DAY_MILLIS / 1000;
    let date = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
    day + 1 - i64::from(date.day())
}

/// What a payer wants to do with some money, for the limits.
#[derive(Clone, Copy)]
pub(super) struct Spends {
    pub(super) amount: i64,
    /// What it counts as.
    pub(super) counted: Proof,
    /// What the payer has shown.
    pub(super) shown: Proof,
}

impl Model {
    /// The day on which something counts: never before the last one on which something of this
    /// payer did, also when the clock is turned back.
    pub(super) fn day_of(&self, payer: usize, now: i64) -> i64 {
        let opened = self.opened.iter().filter(|it| it.0 == payer);
        opened.map(|it| it.1).fold(day(now), i64::max)
    }

    /// Opens the day.
    pub(super) fn open_day(&mut self, payer: usize, now: i64) -> i64 {
        let day = self.day_of(payer, now);
        self.opened.push((payer, day));
        day
    }

    /// What counts: the day, the amount and the proof of everything that left the wallet.
    fn counted(&self, payer: usize) -> impl Iterator<Item = (i64, i64, Proof)> {
        let payments = self.payments.iter().filter(move |it| it.payer == payer);
        let payments = payments.map(|it| (it.day, it.counts(), it.proof));
        let transfers = self.transfers.iter().filter(move |it| it.payer == payer);
        let transfers = transfers.map(|it| (it.day, it.amount, Proof::Pin));
        let envelopes = self.envelopes.iter().filter(move |it| it.payer == payer);
        let envelopes = envelopes.map(|it| (it.day, it.cost(), Proof::Pin));
        payments.chain(transfers).chain(envelopes)
    }

    /// What was spent on a day with a proof or a weaker one.
    pub(super) fn spent(&self, payer: usize, day: i64, proof: Proof) -> i64 {
        let counted = self.counted(payer).filter(|it| it.0 == day && it.2 <= proof);
        counted.map(|it| it.1).sum()
    }

    fn spent_in_month(&self, payer: usize, day: i64) -> i64 {
        let start = month_start(day);
        self.counted(payer).filter(|it| it.0 >= start).map(|it| it.1).sum()
    }

    /// How many payments of a day were made without the PIN, whatever became of them.
    pub(super) fn without_pin(&self, payer: usize, day: i64) -> usize {
        let payments = self.payments.iter();
        payments.filter(|it| it.payer == payer && it.day == day && it.without_pin).count()
    }

    /// Whether a payer may spend that; if not, which limit is in the way, and what is left of it.
    pub(super) fn within_limits(
        &self,
        payer: usize,
        now: i64,
        Spends { amount, counted, shown }: Spends,
    ) -> Result<(), Expected> {
        let day = self.day_of(payer, now);
        let of_proof = |proof| match proof {
            Proof::Static => rules::DAY_STATIC,
            Proof::Code => rules::DAY_CODE,
            Proof::Pin => rules::DAY_PIN,
        };
        let proofs = [Proof::Static, Proof::Code, Proof::Pin];
        let proofs = proofs.into_iter().filter(|proof| *proof == counted || *proof >= shown);
        let by_proof = proofs.map(|proof| of_proof(proof) - self.spent(payer, day, proof)).min();
        let left = [
            ("payment", rules::PAYMENT),
            ("day", rules::DAY - self.spent(payer, day, Proof::Pin)),
            ("month", rules::MONTH - self.spent_in_month(payer, day)),
            ("proof", by_proof.unwrap()),
        ];
        match left.into_iter().find(|(_, left)| amount > *left) {
            None => Ok(()),
            Some((limit, left)) => Err(Expected {
                says: vec![("/limit", limit.to_owned()), ("/remaining", rules::text(left.max(0)))],
                ..kept("declined_by_limit")
            }),
        }
    }

    /// What is left of a day, of a month, and of the payments without the PIN.
    pub(in super::super) fn left(&self, payer: usize, now: i64) -> (i64, i64, usize) {
        let day = self.day_of(payer, now);
        (
            (rules::DAY - self.spent(payer, day, Proof::Pin)).max(0),
            (rules::MONTH - self.spent_in_month(payer, day)).max(0),
            rules::WITHOUT_PIN_COUNT.saturating_sub(self.without_pin(payer, day)),
        )
    }

    /// What a payer can spend.
    pub(in super::super) fn available(&self, payer: usize) -> i64 {
        let own = |owner: usize| owner == payer;
        let top_ups = self.top_ups.iter().filter(|it| own(it.payer)).map(|it| it.amount);
        let given = self.transfers.iter().filter(|it| own(it.payee)).map(|it| it.amount);
        let claimed = self.envelopes.iter().map(|it| it.got(payer));
        let released = self.suspense.iter().filter(|it| own(it.payer) && it.end == Some(None));
        let came: i64 =
            top_ups.chain(given).chain(claimed).chain(released.map(|it| it.amount)).sum();
        let payments = self.payments.iter().filter(|it| own(it.payer)).map(Payment::cost);
        let transfers = self.transfers.iter().filter(|it| own(it.payer)).map(|it| it.amount);
        let envelopes = self.envelopes.iter().filter(|it| own(it.payer)).map(Envelope::cost);
        let taken = self.withdrawals.iter().filter(|it| own(it.payer) && it.end != Some(None));
        let went: i64 =
            payments.chain(transfers).chain(envelopes).chain(taken.map(|it| it.amount)).sum();
        came - went
    }

    /// What is set aside of a payer's.
    pub(in super::super) fn held(&self, payer: usize) -> i64 {
        let payments = self.payments.iter().filter(|it| it.payer == payer).map(Payment::held);
        let taken = self.withdrawals.iter().filter(|it| it.payer == payer && it.end.is_none());
        let envelopes = self.envelopes.iter().filter(|it| it.payer == payer);
        let envelopes = envelopes.map(|it| it.cost() - it.claimed());
        payments.chain(taken.map(|it| it.amount)).chain(envelopes).sum()
    }

    /// What a merchant can have paid out, or give back.
    pub(in super::super) fn earned(&self, merchant: usize) -> i64 {
        let payments = self.payments.iter().filter(|it| it.merchant == merchant);
        let earned =
            payments.map(|it| it.captured() - it.fee() - (it.refunded() - it.fee_returned()));
        let payouts = self.payouts.iter().filter(|it| it.merchant == merchant);
        let payouts = payouts.filter(|it| it.state != PayoutState::Canceled).map(|it| it.amount);
        earned.sum::<i64>() - payouts.sum::<i64>()
    }

    /// What waits to be paid out to a merchant.
    pub(in super::super) fn paying_out(&self, merchant: usize) -> i64 {
        let payouts = self.payouts.iter().filter(|it| it.merchant == merchant);
        payouts.filter(|it| it.state == PayoutState::Waiting).map(|it| it.amount).sum()
    }

    /// What the issuer has earned.
    pub(in super::super) fn fees(&self) -> i64 {
        self.payments.iter().map(|it| it.fee() - it.fee_returned()).sum()
    }

    /// What waits for its owners.
    pub(in super::super) fn suspended(&self) -> i64 {
        self.suspense.iter().filter(|it| it.end.is_none()).map(|it| it.amount).sum()
    }

    /// What is in the bank account.
    pub(in super::super) fn bank(&self) -> i64 {
        let came: i64 = self.top_ups.iter().map(|it| it.amount).sum();
        let taken = self.withdrawals.iter().filter(|it| it.state() == "succeeded");
        let payouts = self.payouts.iter().filter(|it| it.state == PayoutState::Paid);
        let suspense = self.suspense.iter().filter(|it| it.state() == "paid_out");
        let went = taken.map(|it| it.amount).chain(payouts.map(|it| it.amount));
        came - went.chain(suspense.map(|it| it.amount)).sum::<i64>()
    }
}
