//! Draws what is asked for next. It looks at what was made so far, so that most requests are about
//! something that is there; it does not ask whether they will succeed.

use super::command::{Asked, Charge, Command, OWNERS, PayoutEnd, Reference, Shown};
use super::dice::Dice;
use super::model::{Code, Model};
use super::rules::{self, yuan};

const MERCHANTS: usize = rules::FEES.len();
const PAYERS: usize = 4;
/// The bank's references below this one come more than once.
const FIRST_NEW: usize = 10;

/// What happens beside requests under keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    Request,
    /// The clock is set, by so many milliseconds.
    Clock(i64),
    Freeze {
        payer: usize,
        frozen: bool,
    },
    Fee {
        merchant: usize,
        fee: (i64, i64),
    },
    Batch,
    Plate {
        merchant: usize,
        amount: Option<i64>,
    },
}

pub(super) struct Generator {
    pub(super) dice: Dice,
    asked: Vec<Asked>,
    keys: usize,
    references: usize,
    /// How far the clock has been set forward since the beginning.
    passed: i64,
}

/// No further: answers that are kept under keys are forgotten after thirty days.
const PASSED_MAX: i64 = 25 * 24 * rules::HOUR;

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        let dice = Dice::new(seed);
        Self { dice, asked: Vec::new(), keys: 0, references: 0, passed: 0 }
    }

    pub(super) fn event(&mut self) -> Event {
        let dice = &mut self.dice;
        match dice.below(100) {
            0..9 => self.clock(),
            9..11 => {
                // Thawed more often than frozen.
                let frozen = dice.percent(30);
                Event::Freeze { payer: dice.below(PAYERS), frozen }
            }
            11 => {
                let fee = (dice.between(0, 300), dice.between(0, 20));
                Event::Fee { merchant: dice.below(MERCHANTS), fee }
            }
            12..15 => Event::Batch,
            15 => {
                let amount = if dice.percent(50) { Some(dice.amount()) } else { None };
                Event::Plate { merchant: dice.below(MERCHANTS), amount }
            }
            _ => Event::Request,
        }
    }

    fn clock(&mut self) -> Event {
        let (dice, hour) = (&mut self.dice, rules::HOUR);
        let by = match dice.below(100) {
            0..45 => dice.between(1, 25_000),
            45..60 => dice.between(25_000, 90_000),
            60..70 => dice.between(5 * 60_000, hour),
            70..76 => dice.between(hour, 3 * hour),
            76..82 => dice.between(12 * hour, 60 * hour),
            82..95 => -dice.between(1, 70_000),
            _ => -dice.between(hour, 30 * hour),
        };
        // Never before the beginning: devices that were enrolled later would be new ones.
        let by = by.clamp(-self.passed, PASSED_MAX - self.passed);
        self.passed += by;
        Event::Clock(by)
    }

    /// A request: a new one, one again, or one that uses a key again for something else.
    pub(super) fn asked(&mut self, model: &mut Model, now: i64) -> Asked {
        let earlier = self.dice.recent(self.asked.len()).map(|n| self.asked[n].clone());
        let asked = match (self.dice.below(100), earlier) {
            (0..7, Some(earlier)) => return earlier,
            (7..11, Some(earlier)) => Asked { key: self.key(), ..earlier },
            (11..14, Some(Asked { key, .. })) => Asked { key, command: self.command(model, now) },
            _ => {
                let command = self.command(model, now);
                Asked { key: self.key(), command }
            }
        };
        self.asked.push(asked.clone());
        asked
    }

    fn key(&mut self) -> usize {
        self.keys += 1;
        self.keys
    }

    fn command(&mut self, model: &mut Model, now: i64) -> Command {
        // Whoever has nothing is only ever refused.
        if self.keys < 2 * PAYERS {
            let (payer, external) = (self.keys % PAYERS, FIRST_NEW + self.keys);
            return Command::TopUp { payer, amount: yuan(100), external };
        }
        loop {
            let command = match self.dice.below(100) {
                0..22 => Some(self.charge(model, now)),
                22..42 => self.about_payment(model),
                42..46 => Some(self.top_up()),
                46..66 => self.of_payer(model),
                66..80 => self.of_codes(model),
                _ => self.of_operator(model),
            };
            if let Some(command) = command {
                return command;
            }
        }
    }

    fn merchant(&mut self) -> usize {
        self.dice.below(MERCHANTS)
    }

    fn phone(&mut self) -> usize {
        self.dice.below(OWNERS.len())
    }

    fn reference(&mut self) -> Reference {
        if self.references > 0 && self.dice.percent(8) {
            let n = self.dice.recent(self.references).unwrap();
            return Reference::Named(n);
        }
        self.references += 1;
        Reference::Named(self.references - 1)
    }

    fn charge(&mut self, model: &mut Model, now: i64) -> Command {
        let again = self.dice.recent(model.codes.len()).filter(|_| self.dice.percent(9));
        let code = again.unwrap_or_else(|| self.code(model, now));
        let terminal = if self.dice.percent(60) { Some(self.dice.below(2)) } else { None };
        Command::Charge(Charge {
            merchant: self.merchant(),
            terminal,
            code,
            amount: self.dice.amount(),
            reference: self.reference(),
            typed: self.dice.percent(8),
            manual: self.dice.percent(35),
        })
    }

    /// A code of a phone whose clock may be wrong.
    fn code(&mut self, model: &mut Model, now: i64) -> usize {
        let phone = self.phone();
        let wrong = if self.dice.percent(8) { self.dice.between(-3, 3) } else { 0 };
        let step = now.div_euclid(30_000) + wrong;
        let shown = model.codes.iter().filter(|it| (it.phone, it.mark.0) == (phone, step));
        let mark = (step, u8::try_from(shown.count()).unwrap());
        let limit = self.dice.of(&[yuan(200), yuan(200), yuan(60), yuan(10)]);
        model.show(Code { phone, mark, limit })
    }

    /// Something that was made: mostly one that waits for this, otherwise any.
    fn among<T>(&mut self, made: &[T], waits: impl Fn(&T) -> bool) -> Option<usize> {
        let waiting: Vec<_> = (0..made.len()).filter(|n| waits(&made[*n])).collect();
        if waiting.is_empty() || self.dice.percent(20) {
            return self.dice.recent(made.len());
        }
        self.dice.recent(waiting.len()).map(|n| waiting[n])
    }

    fn about_payment(&mut self, model: &Model) -> Option<Command> {
        let what = self.dice.below(20);
        let states: &[&str] = match what {
            0..5 => &["requires_confirmation"],
            5..9 => &["authorized"],
            9..13 => &["requires_confirmation", "authorized", "succeeded"],
            _ => &["succeeded", "partially_refunded", "partially_refunded"],
        };
        let payment = self.among(&model.payments, |it| states.contains(&it.state()))?;
        let it = &model.payments[payment];
        let other = self.dice.percent(4);
        let merchant = if other { self.merchant() } else { it.merchant };
        let phones: Vec<_> = (0..OWNERS.len()).filter(|n| OWNERS[*n] == it.payer).collect();
        let phone = if other { self.phone() } else { self.dice.of(&phones) };
        Some(match what {
            0..4 => Command::Confirm { phone, payment },
            4 => Command::Refuse { phone, payment },
            5..9 => Command::Capture { merchant, payment, amount: self.dice.part(it.amount) },
            9..11 => Command::Cancel { merchant, payment },
            11..13 => {
                // Perhaps one that nothing stands under.
                let known = self.dice.percent(70);
                let reference = if known { it.reference } else { self.reference() };
                Command::CancelReference { merchant, reference }
            }
            _ => {
                let left = it.captured() - it.refunded();
                let amount = self.dice.part(left.max(1));
                Command::Refund { merchant, payment, amount }
            }
        })
    }

    fn top_up(&mut self) -> Command {
        let payer = self.dice.below(PAYERS);
        let external =
            if self.dice.percent(15) { self.dice.below(FIRST_NEW) } else { FIRST_NEW + self.keys };
        Command::TopUp { payer, amount: 5 * self.dice.amount(), external }
    }

    fn of_payer(&mut self, model: &Model) -> Option<Command> {
        let (phone, amount) = (self.phone(), self.dice.amount());
        Some(match self.dice.below(20) {
            0..6 => Command::Transfer { phone, to: self.dice.below(PAYERS), amount },
            6..9 => Command::Withdraw { phone, amount },
            9..13 => {
                let to = if self.dice.percent(25) { Some(self.dice.below(PAYERS)) } else { None };
                let most = if to.is_some() { 1 } else { usize::try_from(amount.min(3)).unwrap() };
                Command::MakeEnvelope { phone, amount, shares: 1 + self.dice.below(most), to }
            }
            _ => Command::Claim {
                phone,
                envelope: self.among(&model.envelopes, |it| it.state() == "authorized")?,
            },
        })
    }

    fn of_codes(&mut self, model: &Model) -> Option<Command> {
        Some(match self.dice.below(10) {
            0..3 => Command::MakeOrder {
                merchant: self.merchant(),
                amount: self.dice.amount(),
                reference: self.reference(),
                seconds: self.dice.between(60, 1200),
            },
            3 => {
                let order = self.among(&model.orders, |it| it.state() == "open")?;
                let own = self.dice.percent(95);
                let merchant = if own { model.orders[order].merchant } else { self.merchant() };
                Command::CloseOrder { merchant, order }
            }
            nth => {
                let order = self.among(&model.orders, |it| it.state() == "open").map(Shown::Order);
                let plate = self.dice.recent(model.plates.len()).map(Shown::Plate);
                let code = if nth < 7 { order? } else { plate? };
                let fixed = match code {
                    Shown::Order(order) => Some(model.orders[order].amount),
                    Shown::Plate(plate) => model.plates[plate].amount,
                };
                let wrong = self.dice.percent(8);
                let said =
                    if wrong { self.dice.amount() } else { fixed.unwrap_or(self.dice.amount()) };
                let is_said = fixed.is_none() != self.dice.percent(10);
                let amount = is_said.then_some(said);
                Command::PayCode { phone: self.phone(), code, amount, pin: self.dice.percent(40) }
            }
        })
    }

    fn of_operator(&mut self, model: &Model) -> Option<Command> {
        let external =
            if self.dice.percent(10) { self.dice.below(FIRST_NEW) } else { FIRST_NEW + self.keys };
        let paid = if self.dice.percent(60) { Some(external) } else { None };
        Some(match self.dice.below(20) {
            0..6 => Command::AskPayout {
                merchant: self.merchant(),
                by_operator: self.dice.percent(25),
                amount: if self.dice.percent(30) { None } else { Some(self.dice.amount()) },
            },
            6..13 => {
                let payout = self.among(&model.payouts, |it| it.state() != "canceled")?;
                let own = self.dice.percent(95);
                let merchant = if own { model.payouts[payout].merchant } else { self.merchant() };
                let end = match self.dice.below(6) {
                    0 | 1 => PayoutEnd::CanceledBy(merchant),
                    2..5 => PayoutEnd::Paid(external),
                    _ => PayoutEnd::Returned,
                };
                Command::EndPayout { payout, end }
            }
            13..16 => {
                let withdrawal = self.among(&model.withdrawals, |it| it.state() == "authorized")?;
                Command::EndWithdrawal { withdrawal, paid }
            }
            _ => {
                let suspense = self.among(&model.suspense, |it| it.state() == "open")?;
                Command::EndSuspense { suspense, paid }
            }
        })
    }
}
