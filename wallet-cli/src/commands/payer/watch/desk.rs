//! What waits for the payer, in the order in which it came, and what the payer types. Pure: no
//! clock, no terminal, no network.

use std::collections::{BTreeSet, VecDeque};

use wallet_core::Timestamp;
use zeroize::Zeroizing;

use crate::client::models::{Confirmation, DecidedPayment};
use crate::failure::Failure;
use crate::secrets::{DIGITS, Pin};

use super::super::confirmations::Decision;

/// A key that means something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Press {
    Digit(char),
    Erase,
    Enter,
    Refuse,
    Leave,
}

/// What a key leads to.
pub(super) enum Act {
    /// The payer is done watching.
    Leave,
    /// The payer decided on the payment in front.
    Send(Box<Confirmation>, Decision),
}

/// The payer's desk. The payment in front is the one that is asked about; the others wait behind
/// it whatever happens to that one.
#[derive(Default)]
pub(super) struct Desk {
    waiting: VecDeque<Confirmation>,
    /// Decided or too late, but perhaps still in a list that is on its way.
    done: BTreeSet<String>,
    typed: Zeroizing<String>,
    /// Whether the decision on the payment in front is on its way.
    sending: bool,
}

impl Desk {
    /// Takes over all that wait now, and returns what to say about it.
    pub(super) fn update(&mut self, now: Vec<Confirmation>) -> Vec<String> {
        let is_there = |id: &String| now.iter().any(|one| one.payment == *id);
        self.done.retain(is_there);
        let mut said = Vec::new();
        // The decision that is on its way says itself what became of its payment.
        let keep = |index: usize, one: &Confirmation| {
            (index == 0 && self.sending) || is_there(&one.payment)
        };
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .enumerate()
            .partition(|(index, one)| keep(*index, one));
        if gone.iter().any(|(index, _)| *index == 0) {
            self.typed.clear();
        }
        said.extend(gone.iter().map(|(_, one)| format!("✗ no longer waits: {one}")));
        self.waiting = kept.into_iter().map(|(_, one)| one).collect();
        for one in now {
            let known = self.waiting.iter().any(|waiting| waiting.payment == one.payment);
            if known || self.done.contains(&one.payment) {
                continue;
            }
            if one.this_device {
                said.push(format!("? {one}"));
                self.waiting.push_back(one);
            } else {
                said.push(format!("· waits for another of your devices: {one}"));
                self.done.insert(one.payment);
            }
        }
        said
    }

    /// Removes what is too late, and returns what to say about it.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<String> {
        let mut said = Vec::new();
        for _ in 0..self.waiting.len() {
            let late = |one: &Confirmation| one.expires_at().is_ok_and(|until| until <= now);
            let Some(index) = self.waiting.iter().position(late) else { break };
            if index == 0 && self.sending {
                break;
            }
            if index == 0 {
                self.typed.clear();
            }
            if let Some(one) = self.waiting.remove(index) {
                said.push(format!("✗ too late: {one}"));
                self.done.insert(one.payment);
            }
        }
        said
    }

    /// Takes a key.
    pub(super) fn press(&mut self, press: Press) -> Option<Act> {
        if press == Press::Leave {
            return Some(Act::Leave);
        }
        let front = self.waiting.front().filter(|_| !self.sending)?;
        let decision = match press {
            Press::Digit(digit) if self.typed.len() < DIGITS => {
                self.typed.push(digit);
                return None;
            }
            Press::Erase => {
                self.typed.pop();
                return None;
            }
            Press::Enter => Decision::Confirm(Pin::parse(&self.typed).ok()?),
            // Among digits it is rather a slip.
            Press::Refuse if self.typed.is_empty() => Decision::Refuse,
            Press::Digit(_) | Press::Refuse | Press::Leave => return None,
        };
        let front = Box::new(front.clone());
        self.typed.clear();
        self.sending = true;
        Some(Act::Send(front, decision))
    }

    /// Learns what became of a decision, and returns what to say about it.
    pub(super) fn decided(
        &mut self,
        payment: &str,
        outcome: &Result<DecidedPayment, Failure>,
    ) -> String {
        self.sending = false;
        match outcome {
            Ok(decided) => {
                self.finish(payment);
                let mark = if decided.state == "succeeded" { '✓' } else { '✗' };
                format!("{mark} {decided}")
            }
            Err(failure) => {
                if is_over(failure.code()) {
                    self.finish(payment);
                }
                format!("✗ {} [{}]", failure.sentence(), failure.code())
            }
        }
    }

    fn finish(&mut self, payment: &str) {
        self.waiting.retain(|one| one.payment != payment);
        self.done.insert(payment.to_owned());
    }

    /// The line at the bottom.
    pub(super) fn prompt(&self, now: Timestamp) -> String {
        let Some(front) = self.waiting.front() else {
            return "nothing waits for you; q: leave".to_owned();
        };
        if self.sending {
            return format!("{front}: one moment …");
        }
        let left = front.expires_at().map_or(0, |until| {
            until.unix_millis().saturating_sub(now.unix_millis()).max(0).saturating_add(999) / 1000
        });
        let behind = match self.waiting.len() - 1 {
            0 => String::new(),
            count => format!(", {count} more"),
        };
        // What is typed stands first, so that a narrow window cuts off something else.
        let dots = "•".repeat(self.typed.len());
        format!("PIN [{dots:·<DIGITS$}] or r to refuse, {left} s{behind}: {front}")
    }
}

/// Whether the payment waits no longer, whatever is tried.
fn is_over(code: &str) -> bool {
    matches!(code, "not_found" | "confirmation_expired" | "payment_closed" | "other_device")
}

#[cfg(test)]
#[path = "desk_tests.rs"]
mod tests;
