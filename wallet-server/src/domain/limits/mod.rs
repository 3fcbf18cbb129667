//! What a payer may spend, what of it is left, and when the payer must confirm.
//!
//! Everything that leaves a wallet for somebody else counts: payments from the moment the money is
//! held, transfers, red envelopes. What is released again, because nobody confirmed or claimed it,
//! gives its share back on the day on which it counted; a refund does not.
//!
//! | limit | of |
//! |---|---|
//! | `payment` | one movement |
//! | `day`, `month` | the sum, in the issuer's time zone |
//! | a day's sum by proof | what was paid with this proof or a weaker one: static code, code, PIN |
//! | `without_pin`, `without_pin_count` | what needs no confirmation: one payment, how many a day |
//!
//! The issuer's and the payer's own count together: the lower one holds.

mod usage;

use wallet_core::{Money, Timestamp};

use crate::domain::named::named;

pub use usage::Usage;

/// A day in the issuer's time zone: days since 1970-01-01.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Day(pub i32);

impl Day {
    /// The day with this date, as in `2026-11-22`; `None` for anything else.
    #[must_use]
    pub fn from_date(text: &str) -> Option<Self> {
        let date: jiff::civil::Date = text.parse().ok()?;
        // A date has one form.
        (date.to_string() == text).then(|| number(date))
    }
}

/// Where the issuer's days begin.
#[derive(Clone, Debug)]
pub struct Calendar(jiff::tz::TimeZone);

/// A day, and the first day of its month.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Today {
    /// The day.
    pub day: Day,
    /// The first of its month.
    pub month_start: Day,
}

impl Calendar {
    /// The days of a time zone.
    #[must_use]
    pub fn new(zone: jiff::tz::TimeZone) -> Self {
        Self(zone)
    }

    /// The day that a moment lies in.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> Day {
        self.today(at).day
    }

    /// The moment at which a day is over.
    #[must_use]
    pub fn end(&self, Day(day): Day) -> Timestamp {
        let next = EPOCH.checked_add(jiff::Span::new().days(i64::from(day).saturating_add(1)));
        // The last day that jiff knows is as far away as any.
        let midnight = next.and_then(|date| date.to_zoned(self.0.clone()));
        let millis = midnight.map_or(LATEST_MILLIS, |at| at.timestamp().as_millisecond());
        Timestamp::from_unix_millis(millis)
    }

    /// What the time zone is called, as `Asia/Shanghai`.
    #[must_use]
    pub fn time_zone(&self) -> &str {
        self.0.iana_name().unwrap_or("unknown")
    }

    /// The day that a moment lies in, and the first of its month.
    #[must_use]
    pub fn today(&self, at: Timestamp) -> Today {
        // Out of jiff's range (years -9999 to 9999) only with a broken clock.
        let instant = jiff::Timestamp::from_millisecond(at.unix_millis()).unwrap_or_default();
        let date = self.0.to_datetime(instant).date();
        Today { day: number(date), month_start: number(date.first_of_month()) }
    }
}

/// Some days before the last moment that jiff knows, so that something can be added.
const LATEST_MILLIS: i64 = 253_402_000_000_000;

const EPOCH: jiff::civil::Date = jiff::civil::Date::constant(1970, 1, 1);

fn number(date: jiff::civil::Date) -> Day {
    Day(date.since(EPOCH).map_or(0, |span| span.get_days()))
}

/// How surely it was the payer: the stronger, the later.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Proof {
    /// The payer scanned a static code, such as a sticker.
    Static,
    /// The payer's device signed a code or a request.
    Code,
    /// The payer typed the PIN as well.
    Pin,
}

named!(Proof {
    Static => "static",
    Code => "code",
    Pin => "pin",
});

/// A set of limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most for one movement.
    pub payment: Money,
    /// The most for one day.
    pub day: Money,
    /// The most for one month.
    pub month: Money,
    /// The most for one payment that the payer does not confirm.
    pub without_pin: Money,
    /// The most payments a day that the payer does not confirm.
    pub without_pin_count: i64,
}

impl Limits {
    /// Of each limit the lower one.
    #[must_use]
    pub fn lower(self, other: Self) -> Self {
        Self {
            payment: lower(self.payment, other.payment),
            day: lower(self.day, other.day),
            month: lower(self.month, other.month),
            without_pin: lower(self.without_pin, other.without_pin),
            without_pin_count: self.without_pin_count.min(other.without_pin_count),
        }
    }

    /// With those of a payer's own in their places.
    #[must_use]
    pub fn replaced_by(self, own: &OwnLimits) -> Self {
        let money = |own: Option<i64>, limit: Money| {
            own.map_or(limit, |minor| Money::from_minor(minor, limit.currency()))
        };
        Self {
            payment: money(own.payment, self.payment),
            day: money(own.day, self.day),
            month: money(own.month, self.month),
            without_pin: money(own.without_pin, self.without_pin),
            without_pin_count: own.without_pin_count.unwrap_or(self.without_pin_count),
        }
    }
}

/// The lower of two amounts in one currency.
fn lower(one: Money, other: Money) -> Money {
    if other.minor() < one.minor() { other } else { one }
}

/// The limits that a payer has chosen, in minor units; the others are those of new payers.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct OwnLimits {
    /// See [`Limits::payment`].
    pub payment: Option<i64>,
    /// See [`Limits::day`].
    pub day: Option<i64>,
    /// See [`Limits::month`].
    pub month: Option<i64>,
    /// See [`Limits::without_pin`].
    pub without_pin: Option<i64>,
    /// See [`Limits::without_pin_count`].
    pub without_pin_count: Option<i64>,
}

/// The most for a day with each proof or a weaker one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ProofLimits {
    /// With a static code.
    pub static_code: Money,
    /// With a code that the device signed.
    pub code: Money,
    /// With the PIN.
    pub pin: Money,
}

impl ProofLimits {
    fn of(&self, proof: Proof) -> Money {
        match proof {
            Proof::Static => self.static_code,
            Proof::Code => self.code,
            Proof::Pin => self.pin,
        }
    }
}

/// The limits that the issuer sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LimitRules {
    /// What no payer may exceed.
    pub issuer: Limits,
    /// What a payer has who never chose others.
    pub new_payers: Limits,
    /// The most for one payment with a device that is new to its payer.
    pub new_device_payment: Money,
    /// The most for the day on which such a device pays.
    pub new_device_day: Money,
    /// By the strength of the proof.
    pub proof: ProofLimits,
}

impl LimitRules {
    /// What holds for a payer.
    #[must_use]
    pub fn of(&self, own: &OwnLimits) -> Limits {
        self.new_payers.replaced_by(own).lower(self.issuer)
    }

    /// What holds for a payer with a device that may be new.
    #[must_use]
    pub fn of_device(&self, own: &OwnLimits, new_device: bool) -> Limits {
        let limits = self.of(own);
        if !new_device {
            return limits;
        }
        Limits {
            payment: lower(limits.payment, self.new_device_payment),
            day: lower(limits.day, self.new_device_day),
            ..limits
        }
    }

    /// Whether an amount may leave the wallet, and what will then have been counted.
    ///
    /// # Errors
    /// The limit that is in the way, and what is left of it.
    pub fn allow(
        &self,
        limits: &Limits,
        amount: Money,
        usage: &Usage,
        proof: Proof,
    ) -> Result<Usage, OverLimit> {
        self.allow_as(limits, amount, usage, proof, proof)
    }

    /// The same for an amount that is paid by a static code. It counts as such with the PIN as
    /// well, because the PIN says who pays, and not that the code on the wall is the merchant's; but
    /// the limit of what is paid with nothing but a device does not stop a payer who typed it.
    ///
    /// # Errors
    /// The limit that is in the way, and what is left of it.
    pub fn allow_static(
        &self,
        limits: &Limits,
        amount: Money,
        usage: &Usage,
        with_pin: bool,
    ) -> Result<Usage, OverLimit> {
        let shown = if with_pin { Proof::Pin } else { Proof::Code };
        let usage = self.allow_as(limits, amount, usage, Proof::Static, shown)?;
        Ok(if with_pin { usage.confirmed() } else { usage })
    }

    /// Whether an amount may leave the wallet that counts as proved by `counted`, of a payer who has
    /// shown `shown`: its own limit holds, and so do those of what was shown and of all that is
    /// stronger.
    fn allow_as(
        &self,
        limits: &Limits,
        amount: Money,
        usage: &Usage,
        counted: Proof,
        shown: Proof,
    ) -> Result<Usage, OverLimit> {
        let currency = amount.currency();
        if limits.payment.currency() != currency {
            // The issuer has set no limits in this currency, so nothing is allowed.
            return Err(OverLimit { limit: LimitName::Payment, left: Money::zero(currency) });
        }
        let by_proof = Proof::ALL.iter().filter(|proof| **proof == counted || **proof >= shown);
        let by_proof = by_proof.map(|proof| {
            self.proof.of(*proof).minor().saturating_sub(usage.day_spent_with(*proof))
        });
        let checks = [
            (LimitName::Payment, limits.payment.minor()),
            (LimitName::Day, limits.day.minor().saturating_sub(usage.day_spent())),
            (LimitName::Month, limits.month.minor().saturating_sub(usage.month)),
            (LimitName::Proof, by_proof.min().unwrap_or(0)),
        ];
        for (limit, left) in checks {
            if amount.minor() > left {
                let left = Money::from_minor(left.max(0), currency);
                return Err(OverLimit { limit, left });
            }
        }
        let over = OverLimit { limit: LimitName::Month, left: Money::zero(currency) };
        usage.counting(amount.minor(), counted).ok_or(over)
    }
}

/// Which limit was in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitName {
    /// One movement.
    Payment,
    /// The day.
    Day,
    /// The month.
    Month,
    /// The day, with this strength of proof.
    Proof,
}

named!(LimitName {
    Payment => "payment",
    Day => "day",
    Month => "month",
    Proof => "proof",
});

/// More than a limit allows: for the payer to know, and for nobody else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverLimit {
    /// Which limit.
    pub limit: LimitName,
    /// What is left of it.
    pub left: Money,
}

#[cfg(test)]
mod tests;
