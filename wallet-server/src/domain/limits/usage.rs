//! What a payer has spent on the present day and in the present month.

use super::{Day, Proof, Today};

/// What counts against a payer's limits, in minor units of the wallet's currency.
///
/// One day and one month, the last ones in which something was counted. A clock that is turned
/// back does not open a new day: what happens then counts on the later one.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Usage {
    /// The last day on which something was counted.
    pub day: Day,
    /// That day's sum with static codes.
    pub day_static: i64,
    /// That day's sum with signed codes.
    pub day_code: i64,
    /// That day's sum with the PIN.
    pub day_pin: i64,
    /// How many of that day's payments the payer did not confirm.
    pub day_without_pin: i64,
    /// The first day of the last month in which something was counted.
    pub month_start: Day,
    /// That month's sum.
    pub month: i64,
}

impl Usage {
    /// What counts today.
    #[must_use]
    pub fn on(self, today: Today) -> Self {
        let mut usage = self;
        if today.day > usage.day {
            usage = Self {
                day: today.day,
                month_start: usage.month_start,
                month: usage.month,
                ..Self::default()
            };
        }
        if today.month_start > usage.month_start {
            usage = Self { month_start: today.month_start, month: 0, ..usage };
        }
        usage
    }

    /// The day's sum.
    #[must_use]
    pub fn day_spent(&self) -> i64 {
        self.day_spent_with(Proof::Pin)
    }

    /// The day's sum with a proof and all weaker ones.
    #[must_use]
    pub fn day_spent_with(&self, proof: Proof) -> i64 {
        let sums = [(Proof::Static, self.day_static), (Proof::Code, self.day_code)];
        let sums = sums.into_iter().chain([(Proof::Pin, self.day_pin)]);
        sums.filter(|sum| sum.0 <= proof).fold(0, |total, sum| total.saturating_add(sum.1))
    }

    /// With another movement; `None` beyond 64 bits.
    #[must_use]
    pub fn counting(mut self, amount: i64, proof: Proof) -> Option<Self> {
        let sum = self.of(proof);
        *sum = sum.checked_add(amount)?;
        self.month = self.month.checked_add(amount)?;
        if proof != Proof::Pin {
            self.day_without_pin = self.day_without_pin.checked_add(1)?;
        }
        Some(self)
    }

    /// With the PIN for what was counted last: it is not one that the payer did not confirm.
    #[must_use]
    pub fn confirmed(self) -> Self {
        Self { day_without_pin: self.day_without_pin.saturating_sub(1).max(0), ..self }
    }

    /// Without a part of what was counted on a day. The number of payments stays.
    #[must_use]
    pub fn releasing(mut self, amount: i64, proof: Proof, day: Day) -> Self {
        if day == self.day {
            let sum = self.of(proof);
            *sum = sum.saturating_sub(amount).max(0);
        }
        if day >= self.month_start {
            self.month = self.month.saturating_sub(amount).max(0);
        }
        self
    }

    fn of(&mut self, proof: Proof) -> &mut i64 {
        match proof {
            Proof::Static => &mut self.day_static,
            Proof::Code => &mut self.day_code,
            Proof::Pin => &mut self.day_pin,
        }
    }
}
