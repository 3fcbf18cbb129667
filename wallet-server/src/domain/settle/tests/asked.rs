//! How requests become commands: with a number of their own, and about what was asked before.

use proptest::sample::Index;

use super::fixture::{By, Decision, Deposit, Ending, GiveBack, Sale, Undo, deposit, yuan};
use super::paying_out::{Payout, PayoutStep, payout};
use super::strategy::{Choice, NOTHING, Request, Twist};
use crate::domain::command::Command;

/// What was asked so far, by which repeats are made.
#[derive(Clone)]
pub(super) enum Asked {
    Sale(Sale),
    Deposit(Deposit),
    Decision(Decision),
    GiveBack(GiveBack),
    Undo(Undo),
    Ending(Ending),
    Payout(Payout),
    PayoutStep(PayoutStep),
}

impl From<Asked> for Command {
    fn from(asked: Asked) -> Self {
        match asked {
            Asked::Sale(sale) => sale.into(),
            Asked::Deposit(deposit) => deposit.into(),
            Asked::Decision(decision) => decision.into(),
            Asked::GiveBack(back) => back.into(),
            Asked::Undo(undo) => undo.into(),
            Asked::Ending(ending) => ending.into(),
            Asked::Payout(payout) => payout.into(),
            Asked::PayoutStep(step) => step.into(),
        }
    }
}

/// One of the sales so far; the later ones are more likely to go on.
fn recent(past: &[Asked], index: Index) -> Option<&Sale> {
    let sale = |asked: &'_ Asked| matches!(asked, Asked::Sale(_));
    let sales: Vec<&Asked> = past.iter().filter(|asked| sale(asked)).collect();
    let recent = &sales[sales.len().saturating_sub(10)..];
    if recent.is_empty() {
        return None;
    }
    let Asked::Sale(sale) = index.get(recent) else { return None };
    Some(sale)
}

/// One of the payouts so far, likewise.
fn recent_payout(past: &[Asked], index: Index) -> Option<&Payout> {
    let payout = |asked: &'_ Asked| matches!(asked, Asked::Payout(_));
    let payouts: Vec<&Asked> = past.iter().filter(|asked| payout(asked)).collect();
    let recent = &payouts[payouts.len().saturating_sub(4)..];
    if recent.is_empty() {
        return None;
    }
    let Asked::Payout(payout) = index.get(recent) else { return None };
    Some(payout)
}

impl Request {
    /// The request as it is asked, as number `number`, at a step.
    pub(super) fn ask(self, number: u32, step: i64, past: &[Asked]) -> Asked {
        match self {
            Self::Sale(sale, key, reference, seq) => Asked::Sale(Sale {
                number,
                key: key.unwrap_or(number),
                reference: reference.unwrap_or(number),
                seq: seq.unwrap_or_else(|| u8::try_from(number % 256).unwrap()),
                step: step + sale.step,
                ..sale
            }),
            Self::Deposit(it, key) => {
                let key = key.unwrap_or(number);
                let reference = if it.reference == u32::MAX { number } else { it.reference };
                Asked::Deposit(Deposit { number, key, reference, ..it })
            }
            Self::Repeat(..) if past.is_empty() => Asked::Deposit(deposit(number, 1, yuan(200))),
            Self::Repeat(index, twist, latest) => {
                let first = if latest { past.len().saturating_sub(6) } else { 0 };
                twist.apply(index.get(&past[first..]).clone(), number, step)
            }
            Self::End(nth, paid, key) => {
                let key = key.unwrap_or(number);
                Asked::Ending(Ending { key, paid, ..Ending::of(number, NOTHING + nth) })
            }
            Self::PayOut(payout, key) => {
                Asked::Payout(Payout { number, key: key.unwrap_or(number), ..payout })
            }
            Self::Step(index, to, key, other) => match recent_payout(past, index) {
                Some(payout) => {
                    let step = PayoutStep::of(number, payout, to);
                    let merchant = if other { 3 - step.merchant.min(2) } else { step.merchant };
                    Asked::PayoutStep(PayoutStep { key: key.unwrap_or(number), merchant, ..step })
                }
                None => Asked::Payout(Payout { number, key: number, ..payout(number, None) }),
            },
            Self::Decide(index, ..) | Self::GiveBack(index, ..) | Self::Undo(index, ..) => {
                match recent(past, index) {
                    Some(sale) => self.about(number, sale),
                    None => Asked::Deposit(deposit(number, 1, yuan(200))),
                }
            }
        }
    }

    /// What is asked about a sale.
    fn about(self, number: u32, sale: &Sale) -> Asked {
        match self {
            Self::Decide(_, choice, key, other) => {
                let device = if other { 3 - sale.device.min(2) } else { sale.device };
                let by = match choice {
                    Choice::Confirm => By::Confirm(device),
                    Choice::Refuse => By::Refuse(device),
                    Choice::Cancel => By::Cancel(sale.api_key),
                    Choice::Capture(part) => By::Capture(sale.api_key, part.of(sale)),
                    Choice::Time => By::Time,
                    Choice::TimeOfTest => By::TimeOfTest,
                };
                let decision = Decision::of(number, sale, by);
                let payer = if other && number.is_multiple_of(2) { 2 } else { decision.payer };
                Asked::Decision(Decision { key: key.unwrap_or(number), payer, ..decision })
            }
            Self::GiveBack(_, part, key, other) => {
                let back = GiveBack::of(number, sale, part.of(sale));
                let merchant = if other { 3 - back.merchant.min(2) } else { back.merchant };
                Asked::GiveBack(GiveBack { key: key.unwrap_or(number), merchant, ..back })
            }
            Self::Undo(_, other, key, looked) => {
                let undo = Undo::of(number, sale);
                let reference = other.unwrap_or(undo.reference);
                let holder = undo.holder.filter(|_| looked);
                Asked::Undo(Undo { key: key.unwrap_or(number), reference, holder, ..undo })
            }
            _ => unreachable!("it is about no sale"),
        }
    }
}

impl Twist {
    fn apply(self, asked: Asked, number: u32, step: i64) -> Asked {
        match (asked, self) {
            (asked, Self::Rerun) => asked,
            (Asked::Decision(it), Self::OtherKey) => {
                Asked::Decision(Decision { number, key: number, ..it })
            }
            (Asked::Decision(it), _) => Asked::Decision(Decision { number, ..it }),
            (Asked::GiveBack(it), twist) => Asked::GiveBack(match twist {
                Self::OtherKey | Self::OtherKeyAndCode => GiveBack { number, key: number, ..it },
                Self::OtherAmount => GiveBack { number, amount: None, ..it },
                _ => GiveBack { number, ..it },
            }),
            (Asked::Undo(it), Self::Resend) => Asked::Undo(Undo { number, ..it }),
            (Asked::Undo(it), _) => Asked::Undo(Undo { number, key: number, ..it }),
            (Asked::Ending(it), Self::OtherKey | Self::OtherKeyAndCode) => {
                Asked::Ending(Ending { number, key: number, ..it })
            }
            (Asked::Ending(it), _) => Asked::Ending(Ending { number, ..it }),
            (Asked::Payout(it), twist) => Asked::Payout(match twist {
                Self::OtherKey | Self::OtherKeyAndCode => Payout { number, key: number, ..it },
                Self::OtherAmount => Payout { number, amount: Some(yuan(77)), ..it },
                _ => Payout { number, ..it },
            }),
            (Asked::PayoutStep(it), Self::OtherKey | Self::OtherKeyAndCode) => {
                Asked::PayoutStep(PayoutStep { number, key: number, ..it })
            }
            (Asked::PayoutStep(it), _) => Asked::PayoutStep(PayoutStep { number, ..it }),
            (Asked::Sale(sale), twist) => Asked::Sale(twist.resell(Sale { number, ..sale }, step)),
            (Asked::Deposit(it), twist) => {
                let it = Deposit { number, ..it };
                Asked::Deposit(match twist {
                    Self::Rerun | Self::Resend => it,
                    Self::OtherKey | Self::OtherCode | Self::OtherSale => {
                        Deposit { key: number, ..it }
                    }
                    Self::OtherAmount => Deposit { amount: yuan(77), ..it },
                    Self::OtherKeyAndCode => Deposit { key: number, amount: yuan(78), ..it },
                })
            }
        }
    }

    fn resell(self, sale: Sale, step: i64) -> Sale {
        let (key, seq) = (sale.number, u8::try_from(sale.number % 256).unwrap());
        match self {
            Self::Rerun | Self::Resend => sale,
            Self::OtherKey => Sale { key, ..sale },
            Self::OtherAmount => Sale { amount: yuan(77), ..sale },
            Self::OtherCode => Sale { step, seq, ..sale },
            Self::OtherKeyAndCode => Sale { key, step, seq, ..sale },
            Self::OtherSale => Sale { key, reference: sale.number, ..sale },
        }
    }
}
